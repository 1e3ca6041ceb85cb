"""What a role keeps: what is written is written whole, and by one writer only.

The contract of the ledger holds for Postgres, and for the one in memory that histories are
simulated on: what these tests say of the one, they say of the other.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from pipeline import store as store_module
from pipeline.keys import utc_now
from pipeline.ledger import Conflict, Handled, Row, Writes, WrongGuess
from pipeline.store import Store
from providers import means as means_table
from registry import tables as registry_tables
from sandbox.servers import Servers
from schemas import jose
from schemas.codec import Record
from schemas.directory import PublicJwk
from schemas.values import Level
from tests.simulation import tables as memory_tables
from tests.simulation.memory import MemoryLedger
from tests.unit.builders import (
    NOW,
    databases,
    mandate,
    means,
    organisation,
    person,
    sealed_for,
    service,
)

SECOND = timedelta(seconds=1)
RECORDS = [
    Record("outcomes.haven", b"key", b"aa.bb.cc", (("ce_id", b"1"), ("ce_type", "é".encode()))),
    Record("challenges.aak", b"", b"", ()),
]
AT, NOTHING = Handled(RECORDS, "3:14"), Handled([], "0:0")
Pools = dict[str, asyncpg.Pool]
KEPT_IN = ("postgres", "memory")


@pytest.fixture(scope="module")
async def pools(herken_servers: Servers) -> AsyncIterator[Pools]:
    async with databases(herken_servers.postgres, "duin", "aak", "kade") as found:
        yield found


async def _at_once(_: object) -> None:
    """In memory, every statement lets others go first, as a database does."""
    await asyncio.sleep(0)


@pytest.fixture(params=KEPT_IN)
def ledger(request: pytest.FixtureRequest, pools: Pools) -> Any:
    """The ledger of one role."""
    kept = Store(pools["duin"])
    return kept if request.param == "postgres" else MemoryLedger(reach=_at_once)


@pytest.fixture
async def session(ledger: Any) -> AsyncIterator[Any]:
    async with ledger.session() as found:
        yield found


@pytest.fixture
async def other(ledger: Any) -> AsyncIterator[Any]:
    """A second worker."""
    async with ledger.session() as found:
        yield found


def row(version: int = 1, request_id: UUID | None = None, due_at: datetime | None = None) -> Row:
    return Row(request_id or uuid4(), version, '{"a": 1}', due_at)


def writes(*rows: Row, **changes: Any) -> Writes:
    """What one input leads to."""
    fields = {"rows": {r.request_id: r for r in rows}, "handled": {uuid4(): NOTHING}}
    return Writes(**{**fields, **changes})


async def write(session: Any, found: Writes, **how: Any) -> bool:
    """Whether it was written, as a batch is or as a sweep is; a conflict leaves nothing."""
    try:
        if how.pop("unconfirmed", False):
            async with session.transaction():
                await session.write(found, unconfirmed=True)
        else:
            await session.store(found, how.get("kept", ()), how.get("guessed", False))
    except Conflict:
        return False
    return True


async def version_of(session: Any, request_id: UUID) -> int | None:
    found = (await session.read([], [request_id])).rows
    return found[request_id].version if found else None


# --- what is written comes back


async def test_what_an_input_led_to_comes_back_byte_for_byte(session: Any) -> None:
    one, other = uuid4(), uuid4()
    assert await write(session, writes(handled={one: AT, other: NOTHING}))
    found = await session.handled([one, other, uuid4()])
    assert found == {one: AT, other: NOTHING}


async def test_row_comes_back_as_it_was(session: Any) -> None:
    due, never = row(due_at=NOW), row()
    assert await write(session, writes(due, never))
    found = (await session.read([], [due.request_id, due.request_id, uuid4()])).rows
    assert found == {due.request_id: due}
    assert (await session.read([], [never.request_id])).rows == {never.request_id: never}


async def test_postgres_does_not_try_to_compress_what_an_input_led_to(pools: Pools) -> None:
    id_, record = uuid4(), Record("outcomes.haven", b"key", b"a" * 9000, ())
    async with Store(pools["duin"]).session() as session:
        assert await write(session, writes(handled={id_: Handled([record])}))
    query = "SELECT pg_column_compression(outputs) FROM inputs WHERE id = $1"
    assert await pools["duin"].fetchval(query, id_) is None


async def test_store_says_whether_its_database_answers(pools: Pools) -> None:
    assert await Store(pools["duin"]).is_reachable()


# --- one writer


@pytest.mark.parametrize(("version", "written"), [(1, False), (2, True), (3, False)])
async def test_row_is_written_when_its_version_is_the_next(
    session: Any, version: int, written: bool
) -> None:
    first = row()
    assert await write(session, writes(first))
    again = replace(first, version=version, body='{"a": 2}')
    assert await write(session, writes(again)) is written
    found = (await session.read([], [first.request_id])).rows
    assert found == {first.request_id: again if written else first}


async def test_input_is_written_once(session: Any) -> None:
    id_, first, second = uuid4(), row(), row()
    assert await write(session, writes(first, handled={id_: AT}))
    assert not await write(session, writes(second, handled={id_: NOTHING, uuid4(): NOTHING}))
    assert await session.handled([id_]) == {id_: AT}
    assert await version_of(session, second.request_id) is None


@pytest.mark.parametrize("changed", [False, True])
@pytest.mark.parametrize("taken", ["row", "input", "claim"])
async def test_conflict_is_a_wrong_guess_where_the_rows_were_guessed(
    session: Any, taken: str, changed: bool
) -> None:
    first, id_, name = row(), uuid4(), str(uuid4())
    assert await write(session, writes(first, handled={id_: AT}, claims={name: id_}))
    changes = [lambda connection: asyncio.sleep(0)] if changed else []
    again = {
        "row": writes(first, changes=changes),
        "input": writes(row(), handled={id_: AT}, changes=changes),
        "claim": writes(row(), claims={name: uuid4()}, changes=changes),
    }[taken]
    with pytest.raises(WrongGuess):
        await session.store(again, None, True)
    with pytest.raises(Conflict) as raised:
        await session.store(again, None)
    assert not isinstance(raised.value, WrongGuess)


async def test_claim_is_written_once_and_the_loser_told_which(session: Any) -> None:
    mine, yours, free = (f"{name}:{uuid4()}" for name in ("mine", "yours", "free"))
    assert await write(session, writes(claims={mine: uuid4(), yours: uuid4()}))
    lost, id_ = row(), uuid4()
    claims = {free: id_, yours: id_, mine: id_}
    with pytest.raises(Conflict) as raised:
        async with session.transaction():
            await session.write(writes(lost, claims=claims, handled={id_: NOTHING}))
    assert raised.value.taken == {mine, yours}
    assert await session.handled([id_]) == {}
    assert await version_of(session, lost.request_id) is None
    assert await write(session, writes(claims={free: id_}))


async def test_one_of_two_workers_writes_when_both_do_at_once(ledger: Any) -> None:
    for kind in (
        {"handled": {uuid4(): NOTHING}},
        {"claims": {str(uuid4()): uuid4()}},
        {"rows": {(same := row()).request_id: same}},
    ):

        async def work(change: dict[str, Any] = kind) -> bool:
            async with ledger.session() as session:
                return await write(session, writes(**change))

        assert sorted(await asyncio.gather(*(work() for _ in range(4)))) == [False] * 3 + [True]


async def test_who_comes_second_waits_when_the_first_has_not_ended(
    session: Any, other: Any
) -> None:
    first = row()
    assert await write(session, writes(first))
    for change in (
        {"claims": {str(uuid4()): uuid4()}},
        {"handled": {uuid4(): NOTHING}},
        {"rows": {first.request_id: replace(first, version=2)}},
    ):
        async with session.transaction():
            await session.write(writes(**change))
            waiting = asyncio.create_task(write(other, writes(**change)))
            await asyncio.sleep(0.05)
            assert not waiting.done()
        assert not await waiting


async def test_claim_is_free_again_when_its_writer_gave_up(session: Any, other: Any) -> None:
    claims = {str(uuid4()): uuid4()}
    waiting: list[asyncio.Task[bool]] = []
    with suppress(LookupError):
        async with session.transaction():
            await session.write(writes(claims=claims))
            waiting.append(asyncio.create_task(write(other, writes(claims=claims))))
            await asyncio.sleep(0.05)
            raise LookupError
    assert await waiting[0]


async def test_everything_is_undone_when_a_change_fails(session: Any) -> None:
    async def fails(_: Any) -> None:
        raise LookupError

    mine, id_, claim = row(), uuid4(), str(uuid4())
    failing = writes(mine, handled={id_: AT}, claims={claim: id_}, changes=[fails])
    with pytest.raises(LookupError):
        await write(session, failing)
    assert await session.handled([id_]) == {}
    assert await version_of(session, mine.request_id) is None
    assert await write(session, writes(claims={claim: id_}, changes=[]))


async def test_change_is_undone_when_a_later_one_fails(pools: Pools) -> None:
    async def fails(_: Any) -> None:
        raise LookupError

    async def marks(changed: Any) -> None:
        await changed.execute("INSERT INTO claims VALUES ($1, $2)", claim, uuid4())

    claim = str(uuid4())
    async with Store(pools["duin"]).session() as session:
        with pytest.raises(LookupError):
            await write(session, writes(changes=[marks, fails]))
        assert await write(session, writes(claims={claim: uuid4()}))


async def test_uncommitted_is_seen_by_nobody_else(session: Any, other: Any) -> None:
    mine = row(due_at=NOW)
    written = writes(mine)
    async with session.transaction():
        await session.write(written)
        assert await other.handled(list(written.handled)) == {}
        assert await version_of(other, mine.request_id) is None
    assert await version_of(other, mine.request_id) == 1


# --- what is due


@pytest.fixture
async def empty(session: Any, ledger: Any) -> Any:
    """Nothing in the tables that others left."""
    if isinstance(ledger, Store):
        await session.connection.execute("TRUNCATE logins, inputs, claims")
    return session


async def test_row_is_due_from_its_time_on_and_earliest_first(empty: Any) -> None:
    times = [NOW, NOW - SECOND, NOW + timedelta(microseconds=1), None]
    rows = [row(due_at=time) for time in times]
    assert await write(empty, writes(*rows))
    async with empty.transaction():
        assert await empty.due_rows(NOW, limit=9) == [rows[1], rows[0]]
        assert await empty.due_rows(NOW, limit=1) == [rows[1]]


@pytest.mark.parametrize("due_at", [NOW, NOW + timedelta(microseconds=1), None])
async def test_it_is_known_whether_a_row_is_due(empty: Any, due_at: datetime | None) -> None:
    assert not await empty.is_anything_due(NOW, NOW)
    assert await write(empty, writes(row(due_at=due_at)))
    assert await empty.is_anything_due(NOW, NOW) is (due_at == NOW)


async def test_due_rows_of_one_worker_are_left_to_it_by_another(empty: Any, other: Any) -> None:
    one, two = row(due_at=NOW - SECOND), row(due_at=NOW)
    assert await write(empty, writes(one, two))
    async with empty.transaction(), other.transaction():
        assert await empty.due_rows(NOW, limit=1) == [one]
        assert await other.due_rows(NOW, limit=9) == [two]


async def test_what_a_sweep_decided_is_unconfirmed_until_it_is_confirmed(empty: Any) -> None:
    swept, handled = uuid4(), uuid4()
    assert await write(empty, writes(handled={swept: Handled(RECORDS)}), unconfirmed=True)
    assert await write(empty, writes(handled={handled: AT}))
    before, after = utc_now() - 60 * SECOND, utc_now() + 60 * SECOND
    assert await empty.unconfirmed(before, limit=9) == {}
    assert not await empty.is_anything_due(NOW, before)
    assert await empty.unconfirmed(after, limit=9) == {swept: RECORDS}
    assert await empty.is_anything_due(NOW, after)
    assert await empty.unconfirmed(after, limit=0) == {}
    await empty.confirm([swept])
    assert await empty.unconfirmed(after, limit=9) == {}
    assert not await empty.is_anything_due(NOW, after)
    assert await empty.handled([swept]) == {swept: Handled(RECORDS)}


# --- what is old

OLD = 3600 * SECOND


async def test_what_is_gone_is_cleaned_up_before_a_fifth_of_a_table_is(pools: Pools) -> None:
    """Its part out of line too, where the bytes are."""
    found = await pools["duin"].fetch(
        "SELECT kept.relname, kept.reloptions, apart.reloptions AS apart FROM pg_class AS kept"
        " LEFT JOIN pg_class AS apart ON apart.oid = kept.reltoastrelid"
        " WHERE kept.relnamespace = 'duin'::regnamespace"
        " AND kept.relname = ANY('{logins,inputs,claims}')"
    )
    told = {"autovacuum_vacuum_scale_factor=0.05", "autovacuum_vacuum_cost_limit=2000"}
    assert {row["relname"] for row in found} == {"logins", "inputs", "claims"}
    for row in found:
        assert told <= set(row["reloptions"])
        assert row["relname"] == "claims" or told <= set(row["apart"])


async def old(ledger: Any, *names: str) -> None:
    """Let an hour and a second pass over these tables."""
    age = OLD + SECOND
    if isinstance(ledger, Store):
        async with ledger.connection() as connection:
            for name in names:
                table, column = name.split(".")
                earlier = f"UPDATE {table} SET {column} = {column} - $1::interval"
                await connection.execute(earlier, age)
        return
    for name in names:
        if name == "inputs.handled_at":
            for stored in ledger.inputs.values():
                stored.handled_at -= age
        else:
            ages = getattr(ledger, name.split(".")[1])
            ages.update({key: at - age for key, at in ages.items()})


async def prune(session: Any, limit: int = 99) -> bool:
    """What is older than an hour."""
    before = utc_now() - OLD
    found: bool = await session.prune(before, before, limit)
    return found


async def kept(session: Any, written: Writes) -> tuple[bool, bool, bool]:
    """Whether the claims, the inputs and the rows of these are still there, all of them."""
    inputs = await session.handled(list(written.handled))
    rows = (await session.read([], list(written.rows))).rows
    again = writes(handled={}, claims=dict(written.claims))
    claimed = not await write(session, again)
    return claimed, inputs.keys() == written.handled.keys(), rows.keys() == written.rows.keys()


AGES = ("claims.claimed_at", "inputs.handled_at", "logins.settled_at")


@pytest.mark.parametrize("young", [None, *AGES])
async def test_what_is_old_is_forgotten_and_what_is_not_stays(
    empty: Any, ledger: Any, young: str | None
) -> None:
    written = writes(row(), claims={"a": uuid4()})
    assert await write(empty, written)
    await old(ledger, *(name for name in AGES if name != young))
    assert not await prune(empty)
    assert await kept(empty, written) == tuple(name == young for name in AGES)


async def test_row_in_which_something_is_due_is_not_forgotten(empty: Any, ledger: Any) -> None:
    settled, due = row(), row(due_at=NOW)
    assert await write(empty, writes(settled, due))
    await old(ledger, *AGES)
    assert not await prune(empty)
    assert await version_of(empty, settled.request_id) is None
    assert await version_of(empty, due.request_id) == 1


async def test_row_is_as_old_as_what_was_last_settled_in_it(empty: Any, ledger: Any) -> None:
    first = row()
    assert await write(empty, writes(first))
    await old(ledger, *AGES)
    assert await write(empty, writes(replace(first, version=2)))
    assert not await prune(empty)
    assert await version_of(empty, first.request_id) == 2
    assert await write(empty, writes(replace(first, version=3, due_at=NOW)))
    await old(ledger, *AGES)
    assert not await prune(empty)
    assert await version_of(empty, first.request_id) == 3


async def test_what_is_not_published_yet_is_not_forgotten(empty: Any, ledger: Any) -> None:
    id_ = uuid4()
    assert await write(empty, writes(handled={id_: Handled(RECORDS)}), unconfirmed=True)
    await old(ledger, *AGES)
    assert not await prune(empty)
    assert await empty.handled([id_])
    await empty.confirm([id_])
    assert not await prune(empty)
    assert not await empty.handled([id_])


async def test_claims_have_an_age_of_their_own(empty: Any, ledger: Any) -> None:
    written = writes(row(), claims={"a": uuid4()})
    assert await write(empty, written)
    await old(ledger, *AGES)
    assert not await empty.prune(utc_now() - OLD, utc_now() - 2 * OLD, 99)
    assert await kept(empty, written) == (True, False, False)


async def test_so_many_are_forgotten_at_once_and_the_oldest_first(empty: Any, ledger: Any) -> None:
    written = [writes(row(), claims={name: uuid4()}) for name in "abc"]
    for one in written:
        assert await write(empty, one)
        await old(ledger, *AGES)
    assert await prune(empty, limit=2)
    assert await counts(ledger) == (1, 1, 1)
    assert await kept(empty, written[2]) == (True, True, True)
    assert not await prune(empty, limit=2)
    assert await counts(ledger) == (0, 0, 0)


async def counts(ledger: Any) -> tuple[int, ...]:
    """Claims, inputs, rows."""
    if not isinstance(ledger, Store):
        return len(ledger.claims), len(ledger.inputs), len(ledger.rows)
    query = ", ".join(f"(SELECT count(*) FROM {name})" for name in ("claims", "inputs", "logins"))
    async with ledger.connection() as connection:
        return tuple(await connection.fetchrow(f"SELECT {query}"))


async def test_what_another_worker_holds_is_left_to_it(empty: Any, other: Any, ledger: Any) -> None:
    one, two = row(due_at=None), row(due_at=None)
    assert await write(empty, writes(one, two))
    await old(ledger, *AGES)
    async with other.transaction():
        await other.write(writes(replace(one, version=2), handled={}))
        async with asyncio.timeout(5):
            assert not await prune(empty)
    assert await version_of(empty, one.request_id) == 2
    assert await version_of(empty, two.request_id) is None


async def test_two_workers_forget_at_once_and_neither_waits_or_fails(
    empty: Any, other: Any, ledger: Any
) -> None:
    rows = [row() for _ in range(60)]
    assert await write(empty, writes(*rows, claims={str(n): uuid4() for n in range(60)}))
    await old(ledger, *AGES)

    async def work(session: Any) -> None:
        while await prune(session, limit=7):
            pass

    await asyncio.gather(work(empty), work(other))
    assert await counts(ledger) == (0, 0, 0)


MANY = {
    "claims": "INSERT INTO claims SELECT n, gen_random_uuid() FROM generate_series(1, 20000) n",
    "inputs": "INSERT INTO inputs SELECT gen_random_uuid(), '' FROM generate_series(1, 20000)",
    "logins": "INSERT INTO logins SELECT gen_random_uuid(), 1, '{}', NULL, now()"
    " FROM generate_series(1, 20000)",
}


async def test_what_is_old_is_found_by_its_index_however_much_there_is(pools: Pools) -> None:
    """By the plan that is made once, for any time."""
    async with pools["duin"].acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        for (table, fill), statement in zip(MANY.items(), store_module._PRUNE, strict=True):
            await connection.execute(fill)
            await connection.execute(f"ANALYZE {table}")
            await connection.execute(f"PREPARE {table} AS {statement.format(limit=1000)}")
            lines = await connection.fetch(f"EXPLAIN EXECUTE {table} (now())")
            plan = "\n".join(line[0] for line in lines)
            assert f"Index Scan using {table}_" in plan, plan
            assert "Sort" not in plan
        await transaction.rollback()


# --- what a decision relies on

MANDATE_KEY = ("mandates", mandate().id)
WITHDRAWN = mandate(revision=2, withdrawn_at=NOW)


@pytest.fixture(params=KEPT_IN)
async def registry(request: pytest.FixtureRequest, pools: Pools) -> Any:
    """A registry's ledger, and its tables: real ones, or those that histories have."""
    if request.param == "postgres":
        await pools["kade"].execute("TRUNCATE organisations CASCADE")
        found = Store(pools["kade"]), registry_tables
    else:
        found = MemoryLedger(reach=_at_once), memory_tables
    async with found[0].session() as session, session.transaction():
        for thing in (organisation(), person(), mandate()):
            await found[1].put(session.connection, thing)
    return found


def resting(*rows: Row, revision: int = 1, **changes: Any) -> Writes:
    """What rests on the mandate as it was read."""
    return writes(*rows, relied_on={MANDATE_KEY: revision}, **changes)


async def decides(session: Any, found: Writes) -> bool:
    """Write it in the transaction that goes on."""
    try:
        await session.write(found, kept=registry_tables.IN_ORDER)
    except Conflict:
        return False
    return True


async def _withdraw(kept: Any, tables: Any) -> None:
    async with kept.session() as session, session.transaction():
        await tables.put(session.connection, WITHDRAWN)


async def _changes_nothing(_: Any) -> None:
    return None


@pytest.mark.parametrize("changes", [[], [_changes_nothing]])
@pytest.mark.parametrize("guessed", [False, True])
async def test_what_rests_on_a_mandate_is_written_until_it_is_withdrawn(
    registry: Any, changes: list[Any], guessed: bool
) -> None:
    """In one statement or in several, and whatever was guessed."""
    kept, tables = registry
    how = {"kept": registry_tables.IN_ORDER, "guessed": guessed}
    mine, late, again = (resting(row(), changes=changes, revision=n) for n in (1, 1, 2))
    async with kept.session() as session:
        assert await write(session, mine, **how)
        await _withdraw(kept, tables)
        assert not await write(session, late, **how)
        assert await write(session, again, **how)
        for each, is_there in ((mine, True), (late, False), (again, True)):
            assert bool(await session.handled(list(each.handled))) is is_there
            assert (await version_of(session, *each.rows) is not None) is is_there


async def test_nothing_rests_on_what_is_not_there(registry: Any) -> None:
    kept, _ = registry
    mine = writes(row(), relied_on={MANDATE_KEY: 1, ("mandates", uuid4()): 1})
    async with kept.session() as session:
        assert not await write(session, mine, kept=registry_tables.IN_ORDER)
        assert await session.handled(list(mine.handled)) == {}


async def test_nothing_rests_on_what_would_not_be_locked(registry: Any) -> None:
    kept, _ = registry
    async with kept.session() as session:
        with pytest.raises(ValueError, match="not in"):
            await session.store(resting(row()), ("people", "links"))


async def test_decisions_do_not_wait_for_each_other(registry: Any) -> None:
    kept, _ = registry
    async with kept.session() as one, kept.session() as two, one.transaction(), two.transaction():
        assert await decides(one, resting())
        assert await decides(two, resting())


async def test_withdrawal_waits_when_a_decision_has_not_ended(registry: Any) -> None:
    kept, tables = registry
    async with kept.session() as session:
        async with session.transaction():
            assert await decides(session, resting())
            waiting = asyncio.create_task(_withdraw(kept, tables))
            await asyncio.sleep(0.05)
            assert not waiting.done()
        await waiting


async def test_decision_waits_and_does_not_hold_when_a_withdrawal_was_first(registry: Any) -> None:
    kept, tables = registry
    mine = resting(row())

    async def decide() -> bool:
        async with kept.session() as session:
            return await write(session, mine, kept=registry_tables.IN_ORDER)

    async with kept.session() as session:
        async with session.transaction():
            await tables.put(session.connection, WITHDRAWN)
            waiting = asyncio.create_task(decide())
            await asyncio.sleep(0.05)
            assert not waiting.done()
        assert not await waiting
        assert await session.handled(list(mine.handled)) == {}


# --- a provider's means


@pytest.fixture
async def issued(pools: Pools) -> AsyncIterator[Any]:
    async with Store(pools["aak"]).connection() as found:
        await found.execute("TRUNCATE means")
        yield found


KEY = jose.new_key()
MEANS = means(
    password_hash="hash",
    totp_secret=sealed_for("aak", service()),
    key_id=KEY.kid,
    public_key=PublicJwk.model_validate(jose.public_jwk(KEY)),
)


async def test_means_is_found_by_each_of_its_names(issued: Any) -> None:
    await means_table.add(issued, MEANS)
    await means_table.add(issued, replace(MEANS, level=Level.EH4))
    assert await means_table.by_username(issued, ["bas", MEANS.username]) == {MEANS.username: MEANS}
    assert await means_table.by_key_id(issued, ["k", KEY.kid]) == {KEY.kid: MEANS}
    assert await means_table.by_id(issued, {MEANS.id, uuid4()}) == {MEANS.id: MEANS}
    assert await means_table.by_username(issued, []) == {}


async def test_means_is_not_found_when_it_was_withdrawn(issued: Any) -> None:
    await means_table.add(issued, MEANS)
    await issued.execute("UPDATE means SET withdrawn_at = now()")
    assert await means_table.by_username(issued, [MEANS.username]) == {}
    assert await means_table.by_key_id(issued, [KEY.kid]) == {}
    assert await means_table.by_id(issued, [MEANS.id]) == {}


async def test_failures_are_counted_and_forgotten_for_one_means(issued: Any) -> None:
    bas = means(id=uuid4(), username="bas", failures=5)
    for one in (MEANS, bas):
        await means_table.add(issued, one)
    for _ in range(2):
        await means_table.count_failure(MEANS.id)(issued)
    assert (await means_table.by_id(issued, [MEANS.id]))[MEANS.id].failures == 2
    await means_table.forget_failures(MEANS.id)(issued)
    found = await means_table.by_id(issued, [MEANS.id, bas.id])
    assert (found[MEANS.id].failures, found[bas.id].failures) == (0, 5)


# --- apart


async def test_no_role_reads_anothers_tables(pools: Pools) -> None:
    for table in ("aak.means", "kade.mandates", "aak.logins"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await pools["duin"].fetch(f"SELECT * FROM {table}")
