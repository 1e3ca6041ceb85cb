"""What a registry keeps, on real Postgres: read for a batch, and locked for a decision."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from pipeline.fold import Fold
from pipeline.ledger import Conflict, Writes
from pipeline.runner import Runner
from pipeline.stage import Batch, Facts, Key, RoleStages
from pipeline.store import PostgresSession, Store
from registry import candidates, tables
from registry.candidates import Holding
from registry.cases import Candidate
from registry.kept import KEPT, Holder, Kept, Mandate
from registry.role import registry as whole_role
from sandbox.servers import Servers
from schemas import codec
from schemas.codec import Record
from schemas.commands import Scope, ScopeKind
from schemas.jose import signature_of
from schemas.messages import Confirmation, Confirmed, Deny, MandateDecision, Obligation, Permit
from schemas.refusals import RefusalCode
from schemas.topics import (
    AUTHENTICATION_RESULTS,
    CONFIRMATION_QUERIES,
    MANDATE_DECISIONS,
    MANDATE_QUERIES,
)
from tests.unit.builders import (
    AAK,
    BOTTER,
    DUIN,
    HAVEN,
    KADE,
    KANTOOR,
    KVK,
    MOLEN,
    NOW,
    PERSON,
    SUBJECT,
    acting_subject,
    assignment,
    authenticated,
    authentication_result,
    claim,
    confirmation_query,
    databases,
    kantoor,
    link,
    mandate,
    mandate_decision,
    mandate_query,
    organisation,
    permit,
    person,
    sealed_for,
    signed,
    world,
)

DAY = timedelta(days=1)
COLLEAGUE = person(
    id=UUID(int=71), holders=(Holder(provider=AAK, subject=UUID(int=72)),), organisation=KANTOOR
)
OUTSIDER = person(
    id=UUID(int=73), holders=(Holder(provider=AAK, subject=UUID(int=74)),), organisation=MOLEN
)
PERSON_ = person(
    organisation=KANTOOR,
    holders=(Holder(provider=AAK, subject=SUBJECT), Holder(provider=BOTTER, subject=UUID(int=75))),
)


@pytest.fixture(scope="module")
async def pool(herken_servers: Servers) -> AsyncIterator[asyncpg.Pool]:
    async with databases(herken_servers.postgres, "kade") as found:
        yield found["kade"]


@pytest.fixture
async def connection(pool: asyncpg.Pool) -> AsyncIterator[Any]:
    async with Store(pool).connection() as found:
        tables_ = ", ".join(model.TABLE for model in KEPT)
        await found.execute(f"TRUNCATE {tables_}, holders, charges, logins, inputs CASCADE")
        for thing in (organisation(), kantoor(), PERSON_, COLLEAGUE, OUTSIDER):
            await tables.put(found, thing)
        yield found


# --- kept


@pytest.mark.parametrize(
    "thing",
    [
        organisation(
            rsin="123456782", vestigingen=("900001010001", "900001010002"), id=uuid4(), kvk=None
        ),
        mandate(),
        mandate(scope=Scope(kind=ScopeKind.EVERYTHING), document="brief 12", withdrawn_at=NOW),
        mandate(scope=Scope(kind=ScopeKind.DIENSTVERLENER, dienstverlener=HAVEN)),
        link(vestiging="900001010001"),
        assignment(),
        assignment(registry=None, link=None),
        PERSON_,
    ],
)
async def test_thing_comes_back_as_it_was(connection: Any, thing: Kept) -> None:
    await tables.put(connection, thing)
    found = await tables.get(connection, type(thing), [thing.id, uuid4()])
    assert found == {thing.id: thing}
    assert type(thing).model_validate(found[thing.id].model_dump()) == thing


async def test_revision_is_written_when_it_is_the_next(connection: Any) -> None:
    await tables.put(connection, mandate())
    withdrawn = mandate(revision=2, withdrawn_at=NOW)
    await tables.put(connection, withdrawn)
    await tables.put(connection, withdrawn)
    for revision in (1, 4):
        with pytest.raises(tables.Outdated):
            await tables.put(connection, mandate(revision=revision))
    assert await tables.get(connection, Mandate, [mandate().id]) == {mandate().id: withdrawn}


@pytest.mark.parametrize(
    "change",
    [
        {"vestiging": "1"},
        {"valid_until": NOW - DAY},
        {"valid_from": NOW, "valid_until": NOW + timedelta(days=6 * 365)},
    ],
)
async def test_mandate_is_refused_when_the_scheme_knows_no_such_mandate(
    connection: Any, change: dict[str, Any]
) -> None:
    wrong = Mandate.model_construct(**{**dict(mandate()), **change})
    with pytest.raises(asyncpg.CheckViolationError):
        await tables.put(connection, wrong)


# --- candidates


async def held(connection: Any, *subjects: tuple[str, UUID]) -> list[Holding]:
    found = await candidates.of_holders(connection, [*subjects, *subjects])
    return [found[subject] for subject in subjects]


async def test_person_has_the_same_at_whatever_provider(connection: Any) -> None:
    await tables.put(connection, mandate())
    await tables.put(connection, assignment())
    await tables.put(connection, mandate(id=uuid4(), person=OUTSIDER.id))
    one, other = await held(connection, (AAK, SUBJECT), (BOTTER, UUID(int=75)))
    assert one == other
    assert one.candidates == (
        Candidate(mandate(), organisation(), PERSON_),
        Candidate(assignment(), kantoor(), PERSON_),
    )


async def test_mandates_of_one_pair_are_not_those_of_another(connection: Any) -> None:
    """Holders are pairs: neither half alone, nor halves of two of them, will do."""
    await tables.put(connection, mandate())
    found = await held(connection, (BOTTER, SUBJECT), (AAK, UUID(int=75)), (AAK, uuid4()))
    assert found == [Holding(), Holding(), Holding()]


async def test_it_is_known_whether_his_organisation_acts_for_others(connection: Any) -> None:
    await tables.put(connection, assignment())
    assigned, colleague, outsider = await held(
        connection, (AAK, SUBJECT), (AAK, UUID(int=72)), (AAK, UUID(int=74))
    )
    assert assigned.acts_for_others
    assert colleague == Holding(known=True, acts_for_others=True)
    assert outsider == Holding(known=True, acts_for_others=False)
    await tables.put(connection, assignment(revision=2, withdrawn_at=NOW))
    (colleague,) = await held(connection, (AAK, UUID(int=72)))
    assert colleague == Holding(known=True, acts_for_others=False)


async def test_candidates_are_read_by_their_ids(connection: Any) -> None:
    for thing in (mandate(), assignment(), link()):
        await tables.put(connection, thing)
    found = await candidates.by_id(connection, [mandate().id, assignment().id, link().id, uuid4()])
    assert found == {
        mandate().id: Candidate(mandate(), organisation(), PERSON_),
        assignment().id: Candidate(assignment(), kantoor(), PERSON_),
    }
    assert await candidates.by_id(connection, []) == {}


async def test_links_are_read_with_whose_they_are(connection: Any) -> None:
    await tables.put(connection, link())
    found = await candidates.links(connection, [link().id, uuid4()])
    assert found == {link().id: Candidate(link(), organisation())}


# --- the lock

RESTING = tables.resting_on(mandate(), organisation(), PERSON_)


async def _rests(connection: Any, relied_on: dict[Key, int]) -> bool:
    """Whether something may be written that rests on this; it is locked until the transaction
    ends."""
    session, writes = PostgresSession(connection), Writes(relied_on=relied_on)
    try:
        await session.write(writes, kept=tables.IN_ORDER)
    except Conflict:
        return False
    return True


@pytest.mark.parametrize(
    ("relied_on", "hold"),
    [
        (RESTING, True),
        ({**RESTING, ("mandates", mandate().id): 2}, False),
        ({**RESTING, ("people", PERSON): 2}, False),
        ({**RESTING, ("links", uuid4()): 1}, False),
        ({("links", mandate().id): 1}, False),
    ],
)
async def test_what_is_relied_on_holds_when_all_of_it_is_as_it_was_read(
    connection: Any, relied_on: dict[Key, int], hold: bool
) -> None:
    await tables.put(connection, mandate())
    async with connection.transaction():
        assert await _rests(connection, relied_on) is hold


async def test_withdrawal_waits_for_a_decision_that_was_first(
    connection: Any, pool: asyncpg.Pool
) -> None:
    await tables.put(connection, mandate())
    async with Store(pool).connection() as other:
        async with connection.transaction():
            assert await _rests(connection, RESTING)
            withdrawal = asyncio.create_task(
                tables.put(other, mandate(revision=2, withdrawn_at=NOW))
            )
            await asyncio.sleep(0.2)
            assert not withdrawal.done()
        await withdrawal
    assert not await _rests(connection, RESTING)


async def test_decision_waits_for_a_withdrawal_that_was_first(
    connection: Any, pool: asyncpg.Pool
) -> None:
    await tables.put(connection, mandate())
    async with Store(pool).connection() as other:
        async with other.transaction():
            await tables.put(other, mandate(revision=2, withdrawn_at=NOW))
            holding = asyncio.create_task(_rests(connection, RESTING))
            await asyncio.sleep(0.2)
            assert not holding.done()
        assert await holding is False


# --- decisions against withdrawals

Withdraw = Callable[[], Awaitable[None]]


def declaration() -> str:
    result = authentication_result(authenticated(acting_subject=acting_subject()))
    record = signed(AUTHENTICATION_RESULTS, "duin", result, "aak", audience=(DUIN, HAVEN, KADE))
    return record.value.decode()


def mandate_query_record() -> Record:
    return signed(MANDATE_QUERIES, "kade", mandate_query(declaration=declaration()), "duin")


def confirmation_query_record() -> Record:
    obliged = Obligation(registry=KADE, claim=sealed_for("kade", claim()))
    message = mandate_decision(permit(legal=None, obligation=obliged))
    text = signed(MANDATE_DECISIONS, "duin", message, "pier", audience=(DUIN, HAVEN, KADE))
    asked = confirmation_query(decision=text.value.decode())
    return signed(CONFIRMATION_QUERIES, "kade", asked, "duin")


def withdrawing_once(facts: Facts, withdraw: Withdraw) -> Facts:
    """The same facts; after the first reading, somebody withdraws what was read."""
    done: list[bool] = []

    async def load(batch: Batch[Any]) -> Any:
        found = await facts(batch)
        if not done:
            done.append(True)
            await withdraw()
        return found

    return load


def interrupted(role: RoleStages[Any], withdraw: Withdraw) -> RoleStages[Any]:
    stages = [
        replace(stage, facts=withdrawing_once(stage.facts, withdraw))
        for stage in role.stages
        if stage.facts is not None
    ]
    return replace(role, stages=stages)


async def process(pool: asyncpg.Pool, role: RoleStages[Any], record: Record) -> Any:
    """What the registry answers."""
    (stage,) = (s for s in role.stages if s.topic.of("kade") == record.topic)
    runner = Runner(role, world().keys("kade"), Store(pool), lambda: NOW)
    out, *_ = await runner.process(stage, [record])  # a charge may be behind it
    message = MandateDecision if out.topic == MANDATE_DECISIONS.of("duin") else Confirmation
    return codec.unverified(out.value.decode(), message).result


WITHDRAWN: list[tuple[Callable[[], Record], tuple[Kept, ...], Kept]] = [
    (mandate_query_record, (mandate(),), mandate(revision=2, withdrawn_at=NOW)),
    (mandate_query_record, (assignment(),), assignment(revision=2, withdrawn_at=NOW)),
    (confirmation_query_record, (link(),), link(revision=2, withdrawn_at=NOW)),
]


@pytest.mark.parametrize(("asked", "kept", "withdrawn"), WITHDRAWN)
async def test_nothing_is_granted_when_it_is_withdrawn_between_reading_and_writing(
    connection: Any,
    pool: asyncpg.Pool,
    asked: Callable[[], Record],
    kept: tuple[Kept, ...],
    withdrawn: Kept,
) -> None:
    for thing in kept:
        await tables.put(connection, thing)

    async def withdraw() -> None:
        async with Store(pool).connection() as other:
            await tables.put(other, withdrawn)

    role = interrupted(whole_role(world().keys("kade")), withdraw)
    assert await process(pool, role, asked()) == Deny(code=RefusalCode.NO_MANDATE)
    assert await pool.fetchval("SELECT count(*) FROM charges") == 0


@pytest.mark.parametrize(("asked", "kept", "withdrawn"), WITHDRAWN)
async def test_it_is_granted_all_the_same_when_nothing_orders_the_two(
    connection: Any,
    pool: asyncpg.Pool,
    asked: Callable[[], Record],
    kept: tuple[Kept, ...],
    withdrawn: Kept,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The guarantee is the lock's, and nothing else's: without it the same race is lost."""
    for thing in kept:
        await tables.put(connection, thing)

    async def withdraw() -> None:
        async with Store(pool).connection() as other:
            await tables.put(other, withdrawn)

    monkeypatch.setattr(Fold, "_rely_on", lambda *_: None)
    role = whole_role(world().keys("kade"))
    result = await process(pool, interrupted(role, withdraw), asked())
    assert isinstance(result, Permit | Confirmed)


async def test_confirmed_login_is_charged_once_when_it_is_delivered_twice(
    connection: Any, pool: asyncpg.Pool
) -> None:
    await tables.put(connection, link())
    role, asked = whole_role(world().keys("kade")), confirmation_query_record()
    one, other = await process(pool, role, asked), await process(pool, role, asked)
    assert isinstance(one, Confirmed)
    assert one == other
    charged = await pool.fetch("SELECT kind, organisation, month FROM charges")
    assert [tuple(row) for row in charged] == [("chain-login", KVK, "2026-03")]


async def test_one_registry_decides_both_halves_of_a_chain(
    connection: Any, pool: asyncpg.Pool
) -> None:
    for thing in (assignment(registry=KADE), link()):
        await tables.put(connection, thing)
    role = whole_role(world().keys("kade"))
    runner = Runner(role, world().keys("kade"), Store(pool), lambda: NOW)
    stages = {stage.topic: stage for stage in role.stages}
    (decided,) = await runner.process(stages[MANDATE_QUERIES], [mandate_query_record()])
    asked = confirmation_query(decision=decided.value.decode())
    record = signed(CONFIRMATION_QUERIES, "kade", asked, "duin")
    result = await process(pool, role, record)
    assert isinstance(result, Confirmed)
    assert result.decision_signature == signature_of(decided.value.decode())
    row = await pool.fetchval("SELECT body FROM logins")
    assert KVK not in row


# --- speed: which index serves which query


@pytest.mark.parametrize(
    ("query", "types", "indexes"),
    [
        (
            candidates.MANDATES_OF,
            "text[], uuid[]",
            {"holders_pkey", "people_pkey", "mandates_person", "assignments_in_force"},
        ),
        (
            candidates.ASSIGNMENTS_OF,
            "text[], uuid[]",
            {"holders_pkey", "people_pkey", "assignments_person", "organisations_pkey"},
        ),
        (candidates.LINKS, "uuid[]", {"links_pkey", "organisations_pkey"}),
    ],
)
async def test_candidates_are_found_by_index(
    connection: Any, query: str, types: str, indexes: set[str]
) -> None:
    """Where the planner has no tables so small that it reads them as a whole."""
    async with connection.transaction():
        await connection.execute("SET LOCAL enable_seqscan = off")
        await connection.execute(f"PREPARE found ({types}) AS {query}")
        nothing = ", ".join(["'{}'"] * len(types.split()))
        plan = await connection.fetch(f"EXPLAIN EXECUTE found ({nothing})")
        await connection.execute("DEALLOCATE found")
    text = "\n".join(row[0] for row in plan)
    assert {name for name in indexes if name in text} == indexes
    assert "Seq Scan" not in text


async def test_plans_are_made_once(connection: Any) -> None:
    assert await connection.fetchval("SHOW plan_cache_mode") == "force_generic_plan"
