"""What registries published from their beginning on makes their tables again, row by row.

`scenarios/polder.yaml` has every kind of administrative act: they are played on a real network,
with the logins through chains, which are charged.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg
import pytest

from pipeline import database
from pipeline.keys import Keys
from pipeline.settings import database_user, role_dsn
from registry.rebuilding import Rebuilt, rebuild
from sandbox.network import Network, network
from sandbox.play import Acted, Player
from sandbox.play import Played as PlayedLogin
from sandbox.scenario import Act, Login, Scenario
from sandbox.scenario_file import load
from sandbox.scenario_steps import CATALOGUE_ACTS, SESSION_ACTS
from sandbox.seeding import MIGRATIONS
from schemas import codec
from schemas.administration import ChargeKind, EventKind, MandateEvent
from schemas.codec import Record
from schemas.topics import CHARGES, MANDATE_EVENTS
from schemas.values import Role
from tests.support.reading import everything

SCENARIO = Path("scenarios/polder.yaml")
REGISTRIES = ("wierde", "stelp", "hoeve")
TABLES = ("organisations", "people", "holders", "mandates", "links", "assignments", "awaiting")
TOLD = ("events", "charges")
NOTHING_KEPT = {EventKind.SHOWN, EventKind.REFUSED}
RENEWAL = [
    Act.model_validate({"name": "a mandate", "by": "xandra", "what": "short", **more})
    for more in (
        {"act": "register", "person": "zita", "service": "vergunning", "level": "EH3"}
        | {"valid_until": "+30d", "as": "short", "what": None},
        {"act": "change", "valid_until": "+90d"},
    )
]
"""The one kind of charge that the scenario does not have."""
Rows = dict[str, list[str]]


@dataclass(frozen=True)
class Played:
    """A network on which everything was administered."""

    network: Network
    steps: Sequence[Acted | PlayedLogin]

    def dsn(self, registry: str, admin: str | None = None) -> str:
        password = self.network.founded.secrets[registry].database_password
        return role_dsn(admin or self.network.servers.postgres, database_user(registry), password)

    def keys(self, registry: str) -> Keys:
        founded = self.network.founded
        return Keys(founded.secrets[registry], lambda: founded.directory)

    async def published(self, registry: str) -> list[Record]:
        """Everything of a registry's that its tables can be made from."""
        topics = MANDATE_EVENTS.of(registry), CHARGES.of(registry)
        return await everything(self.network.servers.kafka, *topics)


def steps(scenario: Scenario) -> list[Act | Login]:
    """The acts at registries, and the logins through chains (those that rest on no other login)."""
    elsewhere = (*CATALOGUE_ACTS, *SESSION_ACTS)
    found = [
        step
        for step in scenario.steps
        if (isinstance(step, Act) and step.act not in elsewhere)
        or (isinstance(step, Login) and step.expect.through and not step.expect.same_pseudonym_as)
    ]
    return [*found, *RENEWAL]


@pytest.fixture(scope="module")
async def played(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Played]:
    scenario, done = load(SCENARIO), []
    folder = tmp_path_factory.mktemp("rebuild")
    async with network(scenario, folder, progress=lambda _: None) as running:
        async with Player.ready(scenario, running.settings, running.folders) as player:
            for step in steps(scenario):
                doing = player.act(step) if isinstance(step, Act) else player.play(step)
                done.append(await doing)
        yield Played(running, done)


@asynccontextmanager
async def rebuilt(
    played: Played, registry: str, records: Sequence[Record]
) -> AsyncIterator[tuple[Rows, Rebuilt]]:
    """The rows of empty tables in another database, made from these records."""
    admin_dsn = played.network.servers.postgres
    admin, name = await database.connect(admin_dsn), f"rebuilt_{uuid4().hex}"
    try:
        await admin.execute(f"CREATE DATABASE {name}")
        dsn = urlunsplit(urlsplit(admin_dsn)._replace(path=f"/{name}"))
        password = played.network.founded.secrets[registry].database_password
        await database.set_up(dsn, registry, password, MIGRATIONS[Role.REGISTRY])
        connection = await database.connect(played.dsn(registry, dsn))
        try:
            made = await rebuild(connection, played.keys(registry), records)
            yield await rows(connection), made
        finally:
            await connection.close()
    finally:
        await admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        await admin.close()


async def rows(connection: asyncpg.Connection) -> Rows:
    """All rows of all tables, as text, in order."""
    found: Rows = {}
    for table in (*TABLES, *TOLD):
        query = f"SELECT each::text AS row FROM {table} AS each ORDER BY 1"
        found[table] = [row["row"] for row in await connection.fetch(query)]
    return found


async def tables_of(played: Played, registry: str) -> Rows:
    connection = await database.connect(played.dsn(registry))
    try:
        return await rows(connection)
    finally:
        await connection.close()


def kinds(records: Sequence[Record]) -> set[EventKind]:
    """The kinds of event among these that keep something."""
    events = [each for each in records if each.topic.startswith(MANDATE_EVENTS.name)]
    return {codec.unverified(each.value.decode(), MandateEvent).kind for each in events} - (
        NOTHING_KEPT
    )


@pytest.mark.timeout(400)
async def test_acts_and_chains_went_as_expected_and_are_of_every_kind(played: Played) -> None:
    assert [each for each in played.steps if not each.as_expected] == []
    assert sum(isinstance(each, PlayedLogin) for each in played.steps) >= 6
    published = [each for name in REGISTRIES for each in await played.published(name)]
    assert kinds(published) == set(EventKind) - NOTHING_KEPT


@pytest.mark.parametrize("registry", REGISTRIES)
async def test_tables_made_again_from_what_was_published_equal_the_registrys(
    played: Played, registry: str
) -> None:
    before = await tables_of(played, registry)
    async with rebuilt(played, registry, await played.published(registry)) as (after, made):
        for table, expected in before.items():
            assert after[table] == expected, table
    assert made.objects == sum(len(before[each]) for each in TABLES if each != "holders")
    assert (made.events, made.charges) == tuple(len(before[each]) for each in TOLD)
    assert made.objects > 10


async def test_every_kind_of_charge_is_made_again(played: Played) -> None:
    charged = [row for each in REGISTRIES for row in (await tables_of(played, each))["charges"]]
    assert {row.split(",")[1] for row in charged} == {str(kind) for kind in ChargeKind}


async def test_tables_differ_when_one_event_is_left_out(played: Played) -> None:
    """The comparison itself can fail."""
    published = await played.published("wierde")
    withdrawn = [
        each
        for each in published
        if each.topic == MANDATE_EVENTS.of("wierde")
        and codec.unverified(each.value.decode(), MandateEvent).kind is EventKind.MANDATE_WITHDRAWN
    ]
    less = [each for each in published if each is not withdrawn[0]]
    before = await tables_of(played, "wierde")
    async with rebuilt(played, "wierde", less) as (after, _):
        different = {table for table in before if before[table] != after[table]}
    assert different == {"mandates", "events"}
