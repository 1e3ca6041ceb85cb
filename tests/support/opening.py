"""Opens a relay: a database of its own, every role on it, and everybody's keys."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit, urlunsplit

from herken.wiring import BUILD
from pipeline import database
from pipeline.keys import Keys
from pipeline.runner import Runner
from pipeline.settings import Settings, database_user, role_dsn
from pipeline.stage import Stage
from pipeline.store import Store
from sandbox.catalogue import entries
from sandbox.founding import Folders, Founded
from sandbox.person import Answering
from sandbox.scenario import Scenario
from sandbox.seeding import seed
from schemas.catalogue import Catalogue
from schemas.jose import PrivateKey
from tests.support.forge import World
from tests.support.relay import Clock, Codes, Relay


@dataclass(frozen=True)
class Files:
    """A founded network, as `sandbox.founding` made it. `prefix` is before the short names that
    tests use; `spare` as in World."""

    founded: Founded
    folders: Folders
    prefix: str = ""
    spare: Mapping[str, PrivateKey] = field(default_factory=dict)


@asynccontextmanager
async def opened(files: Files, scenario: Scenario, postgres: str) -> AsyncIterator[Relay]:
    """A relay in a database of its own, which is dropped with its users at the end. Users are
    shared by all databases of a Postgres: give its participants names that no other has."""
    clock, users = Clock(), [database_user(party.name) for party in scenario.parties]
    async with AsyncExitStack() as stack:
        dsn = await stack.enter_async_context(_database(postgres, users))
        await seed(scenario, files.founded, dsn, clock())
        directory, folders = files.founded.directory, files.folders
        catalogue = Catalogue().with_entries(entries(scenario, clock()))
        keys = {
            p.name: Keys.load(folders.network, folders.secrets, p.name, lambda: catalogue)
            for p in directory.participants
        }
        runners: dict[str, tuple[Runner, Stage]] = {}
        for participant in [p for p in directory.participants if p.role in BUILD]:
            runners |= await _runners(keys[participant.name], files, dsn, clock, stack)
        wallets, answering = files.founded.wallets, Answering(directory, folders.secrets)
        answering.codes = Codes(clock)
        world = World(directory, files.founded.secrets, wallets, clock, files.prefix, files.spare)
        yield Relay(world, scenario, keys, runners, answering)


@asynccontextmanager
async def _database(postgres: str, users: Sequence[str]) -> AsyncIterator[str]:
    """The DSN of a new database. What it commits need not outlive a power cut."""
    name, admin = f"relay_{secrets.token_hex(4)}", await database.connect(postgres)
    try:
        await admin.execute(f"CREATE DATABASE {name}")
        await admin.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
        yield urlunsplit(urlsplit(postgres)._replace(path=f"/{name}"))
    finally:
        await admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        for user in users:
            await admin.execute(f'DROP ROLE IF EXISTS "{user}"')
        await admin.close()


async def _runners(
    keys: Keys, files: Files, dsn: str, clock: Clock, stack: AsyncExitStack
) -> dict[str, tuple[Runner, Stage]]:
    """A participant's runner, for each topic that it reads."""
    name, folders = keys.secrets.name, files.folders
    settings = Settings(kafka="", network=folders.network, secrets=folders.secrets)
    role = BUILD[keys.me.role](keys, settings)
    own = role_dsn(dsn, database_user(name), keys.secrets.database_password)
    pool = await database.pool(own, size=2)
    stack.push_async_callback(pool.close)
    runner = Runner(role, keys, Store(pool), clock)
    return {stage.topic.of(name): (runner, stage) for stage in role.stages}
