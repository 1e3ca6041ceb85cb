"""A registry's administration on real Postgres: commands as their portal signs them, one after the
other, and what is in the tables afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from pipeline import runner as runner_module
from pipeline.dead_letters import exhume
from pipeline.keys import Unreadable, seal
from pipeline.runner import Runner
from pipeline.store import Store
from registry import billing, events, tables
from registry.administration.actors import As
from registry.administration.awaiting import Awaiting
from registry.administration.choices import Choices
from registry.billing import Total
from registry.kept import KEPT, Assignment, Kept, Link, Mandate
from registry.rebuilding import rebuild
from registry.role import registry as registry_role
from sandbox.servers import Servers
from schemas import codec, topics
from schemas.administration import (
    MANAGEMENT,
    Accept,
    Approve,
    Change,
    ChargeKind,
    Command,
    CommandContent,
    CommandRefusal,
    EventKind,
    History,
    List,
    MandateCommand,
    MandateEvent,
    Shown,
    Withdraw,
    WithdrawPerson,
)
from schemas.codec import Record, Untrusted
from schemas.sealed import Identifier
from schemas.topics import (
    CHAIN_INFORMATION,
    CHAIN_INFORMATION_QUERIES,
    CHARGES,
    MANDATE_COMMANDS,
    MANDATE_EVENTS,
)
from schemas.values import EntityType, Level
from tests.unit.administering import (
    ACCOUNTANT,
    BOOKKEEPER,
    COMPANY,
    DAY,
    EMPLOYEE,
    GENERAL,
    KANTOOR,
    KANTOOR_KVK,
    KANTOOR_MANAGES,
    MANAGER,
    MANAGES,
    MATE,
    MATE_REPRESENTS,
    MOLEN,
    MOLEN_KVK,
    OPERATES,
    OPERATES_TOO,
    OPERATOR,
    REPRESENTS,
    SECOND_OPERATOR,
    SKIPPER,
    SKIPPER_REPRESENTS,
    WERF,
    YEAR,
    appoint,
    assign,
    in_writing,
    kvk,
    named,
    outcome,
    register,
    register_link,
    registry,
    services_scope,
    world,
)
from tests.unit.builders import FROM, KADE, NOW, PIER, databases, signed

R = CommandRefusal
Pools = dict[str, asyncpg.Pool]
ALL_OF_IT = ("organisations", "people", "holders", "mandates", "links", "assignments")
TABLES = (*ALL_OF_IT, "awaiting", "events", "charges")
MONTH = "2026-03"
SEEDED: tuple[Kept, ...] = (
    *(MOLEN, KANTOOR, WERF, COMPANY),
    *(MANAGER, EMPLOYEE, BOOKKEEPER, SKIPPER, MATE, OPERATOR, SECOND_OPERATOR, ACCOUNTANT),
    *(MANAGES, REPRESENTS, SKIPPER_REPRESENTS, MATE_REPRESENTS),
    *(OPERATES, OPERATES_TOO, KANTOOR_MANAGES),
)
AT_PIER: tuple[Kept, ...] = (MOLEN, MANAGER)
"""What the other registry has: nothing but the principal, until a link is put there."""


@pytest.fixture(scope="module")
async def pools(herken_servers: Servers) -> AsyncIterator[Pools]:
    async with databases(herken_servers.postgres, "kade", "pier") as found:
        yield found


class Network:
    """Both registries, and everything that they sent; `now` is the clock of everybody."""

    def __init__(self, pools: Pools) -> None:
        self.pools, self.now = pools, NOW
        self.sent: list[Record] = []
        portals = {"kade": Choices(world().keys("loods")), "pier": Choices()}
        self.roles = {
            name: registry_role(world().keys(name), choices) for name, choices in portals.items()
        }

    def worker(self, name: str = "kade") -> Runner:
        """A process of one's own."""
        clock = lambda: self.now  # noqa: E731
        return Runner(self.roles[name], world().keys(name), Store(self.pools[name]), clock)

    async def process(self, *records: Record, by: Runner | None = None) -> list[Record]:
        """What records of one topic lead to."""
        kind, owner = topics.find(records[0].topic)
        (stage,) = [each for each in self.roles[owner].stages if each.topic is kind]
        outputs = await (by or self.worker(owner)).process(stage, records)
        self.sent += outputs
        return outputs

    async def command(
        self, content: CommandContent, held: Mandate = MANAGES, as_: As = As.MANAGER, **how: Any
    ) -> list[MandateEvent]:
        """What a command of who has this mandate leads to."""
        return read(await self.process(self.signed(content, held, as_, **how)))

    def signed(
        self, content: CommandContent, held: Mandate = MANAGES, as_: As = As.MANAGER, **how: Any
    ) -> Record:
        """The record of a command. `id`: its own; `login`: changes of its login."""
        id_, jti = how.get("id") or uuid4(), how.get("jti") or uuid4()
        login = {"now": self.now, **how.get("login", {})}
        number = Identifier(type=EntityType.KVKNR, value=how.get("for_") or _kvk_of(held))
        message = MandateCommand(
            request_id=id_,
            outcome=outcome(as_, held, number, **login),
            command=seal(Command(command_id=id_, content=content), named("kade"), self.now),
        )
        sender = how.get("sender", "loods")
        return signed(MANDATE_COMMANDS, "kade", message, sender, self.now, jti=jti)

    async def rows(self, table: str, name: str = "kade") -> list[asyncpg.Record]:
        return await rows(self.pools[name], table)


async def rows(pool: asyncpg.Pool, table: str) -> list[asyncpg.Record]:
    """All rows of a table, as text, in order."""
    query = f"SELECT each::text AS row FROM {table} AS each ORDER BY 1"
    return [row["row"] for row in await pool.fetch(query)]


def _kvk_of(held: Mandate) -> str:
    known = {each.id: each.kvk for each in (MOLEN, KANTOOR, WERF, COMPANY)}
    return known[held.organisation] or ""


def read(records: Iterable[Record]) -> list[MandateEvent]:
    """The events among these, as the portal reads them."""
    found = [record for record in records if record.topic == MANDATE_EVENTS.of("kade")]
    me, directory = named("loods"), world().directory
    read = [codec.decode(record, MANDATE_EVENTS, me, directory, NOW + YEAR) for record in found]
    return [each.message for each in read]  # type: ignore[union-attr]


def shown(events_: Sequence[MandateEvent]) -> list[Any]:
    """The lines that these show."""
    pages = [world().keys("loods").open(each.shown or "", Shown) for each in events_]
    return [line for page in pages for line in page.lines]


def kinds(events_: Sequence[MandateEvent]) -> list[EventKind]:
    return [each.kind for each in events_]


def refusal(events_: Sequence[MandateEvent]) -> CommandRefusal | None:
    (event,) = events_
    return event.reason


def object_of(events_: Sequence[MandateEvent]) -> UUID:
    found = events_[0].object
    assert found is not None
    return found


@pytest.fixture
async def network(pools: Pools, monkeypatch: pytest.MonkeyPatch) -> Network:
    """Both registries, with what is there from the start."""
    monkeypatch.setattr(runner_module, "_FIRST_WAIT_SECONDS", 0.0)
    for pool in pools.values():
        await pool.execute(f"TRUNCATE logins, inputs, claims, {', '.join(TABLES)}")
    found = Network(pools)
    for name, things in {"kade": SEEDED, "pier": AT_PIER}.items():
        found.sent += await seed(pools[name], name, things)
    return found


async def seed(pool: asyncpg.Pool, name: str, things: Iterable[Kept]) -> list[Record]:
    keys, known = world().keys(name), registry(name)
    seeded = events.of_seed(things, keys, known, FROM)
    async with pool.acquire() as connection:
        for thing in sorted(things, key=lambda each: KEPT.index(type(each))):
            await tables.put(connection, thing)
        for each in seeded:
            await each.change(connection)
    return [each.record for each in seeded]


async def kept(network: Network, model: type[Any], id_: UUID, name: str = "kade") -> Any:
    async with network.pools[name].acquire() as connection:
        return (await tables.get(connection, model, [id_])).get(id_)


# --- one command


async def test_mandate_is_registered_changed_and_withdrawn_by_its_manager(
    network: Network,
) -> None:
    made = object_of(await network.command(register()))
    assert (await kept(network, Mandate, made)).level is Level.EH3
    changed = await network.command(Change(mandate=made, level=Level.EH2PLUS))
    assert [(each.kind, each.revision) for each in changed] == [(EventKind.MANDATE_CHANGED, 2)]
    withdrawn = await network.command(Withdraw(what=made))
    assert kinds(withdrawn) == [EventKind.MANDATE_WITHDRAWN]
    assert (await kept(network, Mandate, made)).withdrawn_at == NOW
    assert refusal(await network.command(Withdraw(what=made))) is R.ALREADY_WITHDRAWN
    told = shown(await network.command(History(what=made)))
    states = [(line.revision, line.state, line.who) for line in told]
    assert states == [
        (1, "registered", EMPLOYEE.name),
        (2, "changed", EMPLOYEE.name),
        (3, "withdrawn", EMPLOYEE.name),
    ]


async def test_list_shows_what_the_organisation_has_a_page_at_a_time(network: Network) -> None:
    for _ in range(25):
        network.now += timedelta(seconds=1)
        await network.command(register())
    await network.command(register_link())
    first = await network.command(List())
    assert len(shown(first)) == 20
    rest = shown(await network.command(List(offset=20)))
    assert len(rest) == 25 + 1 + 2 - 20  # with the link, and the two mandates that were there
    ids = {line.id for line in [*shown(first), *rest]}
    assert len(ids) == 28
    at_the_other_side = shown(await network.command(List(), KANTOOR_MANAGES))
    assert {str(line.thing) for line in at_the_other_side} == {"mandate", "link"}


@pytest.mark.parametrize(
    ("content", "held", "as_", "how", "reason"),
    [
        (register(level=Level.EH4), MANAGES, As.MANAGER, {}, R.LEVEL_ABOVE_OWN),
        (
            register(organisation=kvk(KANTOOR_KVK)),
            MANAGES,
            As.MANAGER,
            {},
            R.NOT_AUTHORISED,
        ),
        (register(), KANTOOR_MANAGES, As.MANAGER, {"for_": MOLEN_KVK}, R.NOT_AUTHORISED),
        (register(), MANAGES, As.MANAGER, {"login": {"decider": "pier"}}, R.NOT_AUTHORISED),
        (register(), MANAGES, As.MANAGER, {"login": {"level": Level.EH4}}, R.ASSERTION_REFUSED),
        (register(), MANAGES, As.OPERATOR, {}, R.NOT_AUTHORISED),
        (
            register(),
            MANAGES,
            As.MANAGER,
            {"login": {"now": NOW - timedelta(minutes=16)}},
            R.ASSERTION_REFUSED,
        ),
        (
            register(),
            MANAGES,
            As.MANAGER,
            {"login": {"portal": "haven"}},
            R.ASSERTION_REFUSED,
        ),
        (
            register(),
            MANAGES,
            As.MANAGER,
            {"login": {"permitted": {"dienstverlener": PIER.replace("MR", "DV")}}},
            R.ASSERTION_REFUSED,
        ),
        (
            register(scope=services_scope(MANAGEMENT)),
            MANAGES,
            As.MANAGER,
            {},
            R.NOT_AUTHORISED,
        ),
        (register(person=UUID(int=1)), MANAGES, As.MANAGER, {}, R.PERSON_UNKNOWN),
        (Withdraw(what=OPERATES.id), MANAGES, As.MANAGER, {}, R.NOT_FOUND),
        (History(what=KANTOOR_MANAGES.id), MANAGES, As.MANAGER, {}, R.NOT_FOUND),
    ],
)
async def test_command_changes_nothing_when_it_is_refused(
    network: Network,
    content: CommandContent,
    held: Mandate,
    as_: As,
    how: dict[str, Any],
    reason: CommandRefusal,
) -> None:
    before = {table: await network.rows(table) for table in TABLES}
    assert refusal(await network.command(content, held, as_, **how)) is reason
    assert {table: await network.rows(table) for table in TABLES} == before


async def test_command_is_dead_lettered_when_another_dienstverlener_signs_it(
    network: Network,
) -> None:
    (letter,) = await network.process(network.signed(register(), sender="haven"))
    assert exhume(letter).reason == "not_the_own_portal"


async def test_command_is_refused_when_its_content_is_not_for_it(network: Network) -> None:
    one, other = network.signed(register()), network.signed(register())
    mixed = MandateCommand(
        request_id=uuid4(),
        outcome=codec.unverified(one.value.decode(), MandateCommand).outcome,
        command=codec.unverified(other.value.decode(), MandateCommand).command,
    )
    record = signed(MANDATE_COMMANDS, "kade", mixed, "loods", jti=uuid4())
    assert refusal(read(await network.process(record))) is R.COMMAND_MALFORMED


async def test_command_is_refused_when_the_registry_has_no_portals_keys(network: Network) -> None:
    network.roles["kade"] = registry_role(world().keys("kade"), Choices())
    assert refusal(await network.command(register())) is R.ASSERTION_REFUSED


# --- once


async def test_same_bytes_lead_to_the_same_bytes_and_nothing_else(network: Network) -> None:
    record = network.signed(register())
    first = await network.process(record)
    again = await network.process(record, record)
    assert again[: len(first)] == first
    assert len(await network.rows("mandates")) == len(_seeded(Mandate)) + 1
    assert len(await network.rows("charges")) == 1


async def test_same_command_signed_anew_says_the_same_events_and_does_nothing(
    network: Network,
) -> None:
    id_ = uuid4()
    first = await network.process(network.signed(register(), id=id_))
    network.now += timedelta(seconds=1)
    again = await network.process(network.signed(register(), id=id_))
    assert again == first
    assert len(await network.rows("mandates")) == len(_seeded(Mandate)) + 1
    assert len(await network.rows("charges")) == 1


async def test_other_command_is_refused_when_it_has_the_same_id(network: Network) -> None:
    id_ = uuid4()
    await network.command(register(), id=id_)
    other = await network.command(register(level=Level.EH2PLUS), id=id_)
    assert refusal(other) is R.COMMAND_ID_REUSED
    assert len(await network.rows("mandates")) == len(_seeded(Mandate)) + 1


async def test_command_is_done_once_when_two_workers_get_it_at_once(network: Network) -> None:
    id_ = uuid4()
    records = [network.signed(register(), id=id_) for _ in range(6)]
    workers = [network.worker() for _ in records]
    outputs = await asyncio.gather(
        *(network.process(each, by=by) for each, by in zip(records, workers, strict=True))
    )
    assert len({tuple(each) for each in outputs}) == 1
    assert len(await network.rows("mandates")) == len(_seeded(Mandate)) + 1
    assert len(await network.rows("charges")) == 1


async def test_one_of_two_changes_is_not_lost_when_they_are_made_at_once(
    network: Network,
) -> None:
    made = object_of(await network.command(register()))
    contents: list[CommandContent] = [
        Change(mandate=made, level=Level.EH2PLUS),
        Change(mandate=made, valid_until=NOW + DAY),
        Withdraw(what=made),
    ]
    done = await asyncio.gather(
        *(network.process(network.signed(each), by=network.worker()) for each in contents)
    )
    after = await kept(network, Mandate, made)
    accepted = [each for each in map(read, done) if each[0].kind is not EventKind.REFUSED]
    assert after.withdrawn_at == NOW
    assert after.revision == 1 + len(accepted)


async def test_withdrawn_manager_commands_nothing_any_more(network: Network) -> None:
    login_before = network.signed(register())
    ended = await network.command(Withdraw(what=MANAGES.id), REPRESENTS, As.REPRESENTATIVE)
    assert kinds(ended) == [EventKind.MANDATE_WITHDRAWN]
    assert refusal(read(await network.process(login_before))) is R.NOT_AUTHORISED


async def test_all_of_a_person_ends_in_one_command(network: Network) -> None:
    made = [object_of(await network.command(register())) for _ in range(3)]
    ended = await network.command(WithdrawPerson(person=EMPLOYEE.id))
    assert sorted(each.object for each in ended if each.object) == sorted(made)
    assert {each.total for each in ended} == {3}
    again = await network.command(WithdrawPerson(person=EMPLOYEE.id))
    assert refusal(again) is R.NOT_FOUND


# --- together


async def test_manager_is_appointed_when_all_representatives_agree(network: Network) -> None:
    skipper = {"held": SKIPPER_REPRESENTS, "as_": As.REPRESENTATIVE}
    mate = {**skipper, "held": MATE_REPRESENTS}
    id_ = uuid4()
    first = await network.command(appoint(person=MATE.id), **skipper, id=id_)
    assert kinds(first) == [EventKind.APPROVAL_AWAITED]
    assert object_of(first) == id_
    same = await network.command(Approve(command=id_), **skipper)
    assert refusal(same) is R.SECOND_OPERATOR_NEEDED
    stranger = await network.command(Approve(command=id_), REPRESENTS, As.REPRESENTATIVE)
    assert refusal(stranger) is R.NOT_FOUND
    last = await network.command(Approve(command=id_), **mate)
    assert kinds(last) == [EventKind.MANDATE_REGISTERED, EventKind.APPROVED]
    manages = await kept(network, Mandate, object_of(last))
    assert (manages.person, manages.scope) == (MATE.id, services_scope(MANAGEMENT))
    assert (await kept(network, Awaiting, id_)).done_at == NOW
    assert refusal(await network.command(Approve(command=id_), **mate)) is R.NOT_FOUND
    by_the_new_one = await network.command(register(person=SKIPPER.id), held=manages)
    assert kinds(by_the_new_one) == [EventKind.MANDATE_REGISTERED]


async def test_writing_is_registered_by_two_operators(network: Network) -> None:
    id_ = uuid4()
    first = await network.command(in_writing(), OPERATES, As.OPERATOR, id=id_)
    assert kinds(first) == [EventKind.APPROVAL_AWAITED]
    alone = await network.command(Approve(command=id_), OPERATES, As.OPERATOR)
    assert refusal(alone) is R.SECOND_OPERATOR_NEEDED
    last = await network.command(Approve(command=id_), OPERATES_TOO, As.OPERATOR)
    made = await kept(network, Mandate, object_of(last))
    assert (made.organisation, made.document) == (MOLEN.id, "BRIEF-1")
    assert shown(last[:1])[0].organisation == MOLEN.name


# --- chains


async def test_link_here_is_accepted_and_found_for_an_assignment(network: Network) -> None:
    id_ = object_of(await network.command(register_link()))
    accepted = await network.command(Accept(link=id_), KANTOOR_MANAGES)
    assert kinds(accepted) == [EventKind.LINK_ACCEPTED]
    assigned = await network.command(assign(), KANTOOR_MANAGES)
    assert kinds(assigned) == [EventKind.ASSIGNMENT_REGISTERED, EventKind.ASSIGNMENT_LOCATED]
    found = await kept(network, Assignment, object_of(assigned))
    assert (found.registry, found.link, found.revision) == (KADE, id_, 2)
    assert not [each for each in network.sent if each.topic.startswith("chain-information")]


async def test_link_is_accepted_by_a_manager_of_another_registrys(network: Network) -> None:
    id_ = object_of(await network.command(register_link()))
    abroad = {"held": KANTOOR_MANAGES, "login": {"decider": "pier"}}
    assert kinds(await network.command(Accept(link=id_), **abroad)) == [EventKind.LINK_ACCEPTED]
    assert kinds(await network.command(Withdraw(what=id_), **abroad)) == [EventKind.LINK_WITHDRAWN]


async def test_link_elsewhere_is_found_by_asking(network: Network) -> None:
    accepted = Link(
        id=uuid4(),
        organisation=MOLEN.id,
        intermediary=KANTOOR_KVK,
        services=(GENERAL,),
        level=Level.EH3,
        valid_from=NOW - DAY,
        valid_until=NOW + YEAR,
        registered_at=NOW - DAY,
        accepted_at=NOW - DAY,
    )
    await seed(network.pools["pier"], "pier", [accepted])
    outputs = await network.process(network.signed(assign(), KANTOOR_MANAGES))
    (assigned,) = read(outputs)
    (question,) = [r for r in outputs if r.topic == CHAIN_INFORMATION_QUERIES.of("pier")]
    assert question.key.decode() == str(assigned.object)
    (answer,) = await network.process(question)
    assert answer.topic == CHAIN_INFORMATION.of("kade")
    (located,) = read(await network.process(answer))
    assert (located.kind, located.object) == (EventKind.ASSIGNMENT_LOCATED, assigned.object)
    found = await kept(network, Assignment, object_of([assigned]))
    assert (found.registry, found.link, found.revision) == (PIER, accepted.id, 2)
    later = codec.unverified(answer.value.decode(), CHAIN_INFORMATION.message)
    again = signed(CHAIN_INFORMATION, "kade", later, "pier", jti=uuid4())
    assert await network.process(again) == []


# --- rebuilding


async def everything(network: Network) -> None:
    """A series of commands of every kind."""
    made = object_of(await network.command(register()))
    network.now += timedelta(minutes=1)
    await network.command(Change(mandate=made, valid_until=NOW + 2 * YEAR))
    other = object_of(await network.command(register(level=Level.EH2PLUS)))
    await network.command(Withdraw(what=other))
    await network.command(register(level=Level.EH4))
    network.now += timedelta(minutes=1)
    link = object_of(await network.command(register_link()))
    await network.command(Accept(link=link), KANTOOR_MANAGES)
    await network.command(assign(), KANTOOR_MANAGES)
    joint, written, waits = uuid4(), uuid4(), uuid4()
    skipper, mate = (
        {"held": held, "as_": As.REPRESENTATIVE} for held in (SKIPPER_REPRESENTS, MATE_REPRESENTS)
    )
    await network.command(appoint(person=SKIPPER.id), **skipper, id=joint)
    await network.command(Approve(command=joint), **mate)
    await network.command(in_writing(), OPERATES, As.OPERATOR, id=written)
    await network.command(Approve(command=written), OPERATES_TOO, As.OPERATOR)
    await network.command(appoint(person=MATE.id), **skipper, id=waits)
    await network.command(WithdrawPerson(person=ACCOUNTANT.id), KANTOOR_MANAGES)
    await network.command(List())


@pytest.mark.parametrize("order", [1, -1], ids=["as sent", "backwards"])
async def test_tables_are_made_again_from_the_events_exactly(
    network: Network, herken_servers: Servers, order: int
) -> None:
    await everything(network)
    own = [each for each in network.sent if each.topic.endswith(".kade")][::order]
    async with databases(herken_servers.postgres, "kade") as empty:
        async with empty["kade"].acquire() as connection:
            made = await rebuild(connection, world().keys("kade"), [*own, *own[:5]])
        for table in TABLES:
            before, after = await network.rows(table), await rows(empty["kade"], table)
            assert before == after, table
            assert before, table
    assert made.objects == sum([len(await network.rows(t)) for t in TABLES if t not in _DERIVED])


_DERIVED = ("holders", "events", "charges")


async def test_tables_are_not_made_from_what_another_signed(
    network: Network, herken_servers: Servers
) -> None:
    await network.command(register())
    event = network.sent[-1]
    (told,) = [e for e in network.sent[-2:] if e.topic == MANDATE_EVENTS.of("kade")]
    message = codec.unverified(told.value.decode(), MandateEvent)
    forged = signed(MANDATE_EVENTS, "kade", message, "pier", jti=uuid4())
    with pytest.raises(Untrusted, match="issuer_refused"):
        async with network.pools["kade"].acquire() as connection:
            await rebuild(connection, world().keys("kade"), [forged])
    assert event.topic == CHARGES.of("kade")
    with pytest.raises((Untrusted, Unreadable)):
        async with network.pools["pier"].acquire() as connection:
            await rebuild(connection, world().keys("pier"), [replace(told, topic=_PIERS)])


_PIERS = MANDATE_EVENTS.of("pier")


# --- billing


async def test_month_is_charged_exactly_once_under_redelivery(network: Network) -> None:
    records = [network.signed(register()) for _ in range(3)]
    for record in (*records, *records, *records[::-1]):
        await network.process(record)
    made = object_of(read(await network.process(records[0])))
    await network.command(Change(mandate=made, level=Level.EH2PLUS))
    network.now += timedelta(days=40)
    await network.command(register())
    link = await network.command(register_link())
    async with network.pools["kade"].acquire() as connection:
        assert await billing.totals(connection, MONTH) == [
            Total(MOLEN_KVK, ChargeKind.REGISTRATION, 3, 1500)
        ]
        assert await billing.totals(connection, "2026-04") == [
            Total(MOLEN_KVK, ChargeKind.CHAIN_REGISTRATION, 1, 1500),
            Total(MOLEN_KVK, ChargeKind.REGISTRATION, 1, 500),
        ]
    assert kinds(link) == [EventKind.LINK_REGISTERED]


async def test_chain_login_is_charged_once_whoever_tells_it_again(network: Network) -> None:
    request = uuid4()
    charged = [billing.chain_login(registry(), KANTOOR, request, at) for at in (NOW, NOW + DAY)]
    async with network.pools["kade"].acquire() as connection:
        for each in charged:
            await each.change(connection)
        assert await billing.totals(connection, MONTH) == [
            Total(KANTOOR_KVK, ChargeKind.CHAIN_LOGIN, 1, 25)
        ]


def _seeded(model: type[Kept]) -> list[Kept]:
    return [each for each in SEEDED if isinstance(each, model)]
