"""Composition root: from a role and a name to a running service. The topology of each role is in
its own `role.py`; here it meets its keys, its database and Kafka."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from brokers.role import makelaar
from pipeline import database, health, logs
from pipeline.beside import beside
from pipeline.catalogue import Bury, Follower, Refused
from pipeline.catalogue_letters import CatalogueLetters
from pipeline.errors import WrongUse
from pipeline.keys import Keys, scheme_key, utc_now
from pipeline.runner import Runner
from pipeline.service import Service
from pipeline.settings import Settings, database_user, role_dsn
from pipeline.stage import RoleStages
from pipeline.store import Store
from providers.role import provider
from registry.administration.choices import choices
from registry.role import registry
from schemas.values import Role

ROLES: dict[str, Role] = {
    "makelaar": Role.MAKELAAR,
    "provider": Role.PROVIDER,
    "registry": Role.REGISTRY,
}

BUILD: dict[Role, Callable[[Keys, Settings], RoleStages[Any]]] = {
    Role.MAKELAAR: lambda keys, settings: makelaar(keys, settings.deadline_seconds),
    Role.PROVIDER: lambda keys, settings: provider(keys, settings.attempts),
    Role.REGISTRY: lambda keys, settings: registry(keys, choices(keys, settings)),
}


@dataclass(frozen=True)
class Parts:
    """What a process is made of, and the clock that it goes by. A fault test puts its own in."""

    store: Callable[[asyncpg.Pool], Store] = Store
    service: Callable[[str, RoleStages[Any], Runner, Settings], Service] = Service
    clock: Callable[[], datetime] = utc_now


@dataclass(frozen=True)
class Participant:
    """A participant that this process runs."""

    keys: Keys
    store: Store
    service: Service


async def run(
    role: str, names: Sequence[str], settings: Settings, parts: Parts | None = None
) -> None:
    """Run participants of one role until told to stop. Raises WrongUse, ServerUnreachable."""
    logs.configure(settings.log_level, ",".join(names))
    async with AsyncExitStack() as stack:
        follower = Follower(scheme_key(settings.network))
        member = _Member(role, settings, follower, parts or Parts())
        running = [await member.join(name, stack) for name in names]
        follower.bury = _burying(running, settings)
        await stack.enter_async_context(follower.reading(settings.kafka))
        await stack.enter_async_context(_healthy(running, follower, settings))
        _spare_what_stays()
        await _run_all([each.service for each in running])


def _spare_what_stays() -> None:
    """Let the garbage collector leave alone what a process has once it runs, and look at what came
    after that less often: a message leaves hardly any cycles. A twelfth of a role's CPU."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


@dataclass(frozen=True)
class _Member:
    """What participants that share a process have in common."""

    role: str
    settings: Settings
    follower: Follower
    parts: Parts

    async def join(self, name: str, stack: AsyncExitStack) -> Participant:
        """A participant with its keys, tables and stages. Raises WrongUse, ServerUnreachable."""
        settings, parts = self.settings, self.parts
        keys = Keys.load(settings.network, settings.secrets, name, lambda: self.follower.catalogue)
        if keys.me.role is not ROLES[self.role]:
            role = keys.me.role.name.lower()
            raise WrongUse(f"{name} is a {role} in the directory, no {self.role}")
        stages = BUILD[keys.me.role](keys, settings)
        dsn = role_dsn(settings.postgres, database_user(name), keys.secrets.database_password)
        pool = await database.pool(dsn, size=len(stages.stages) + 2)
        stack.push_async_callback(pool.close)
        store = parts.store(pool)
        runner = Runner(stages, keys, store, parts.clock, settings.busy_after_seconds)
        return Participant(keys, store, parts.service(name, stages, runner, settings))


def _burying(running: Sequence[Participant], settings: Settings) -> Bury:
    """What is done with what cannot be taken over from the catalogue's topic."""
    makelaars = [each for each in running if each.keys.me.role is Role.MAKELAAR]
    letters = [CatalogueLetters(settings.kafka, each.keys, each.store) for each in makelaars]

    async def bury(refused: Sequence[Refused]) -> None:
        for each in letters:
            await each.bury(refused)

    return bury


async def _run_all(services: Sequence[Service]) -> None:
    """Until SIGTERM or SIGINT; where one stops by itself, so do the others."""

    def stop() -> None:
        for service in services:
            service.stop()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    tasks = [asyncio.create_task(service.run()) for service in services]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    stop()
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    for error in (each for each in ended if isinstance(each, BaseException)):
        raise error


@asynccontextmanager
async def _healthy(
    running: Sequence[Participant], follower: Follower, settings: Settings
) -> AsyncIterator[None]:
    """Answer /live and /ready for as long as the block runs."""
    async with beside(_health(running, follower, settings)):
        yield


async def _health(running: Sequence[Participant], follower: Follower, settings: Settings) -> None:
    async def live() -> bool:
        return follower.is_live() and all(each.service.is_live() for each in running)

    async def assigned() -> bool:
        return all(each.service.is_assigned() for each in running)

    async def reachable() -> bool:
        return all([await each.store.is_reachable() for each in running])

    async def can_sign() -> bool:
        return all(each.keys.signer(utc_now()) for each in running)

    ready = {"partitions": assigned, "database": reachable, "keys": can_sign}
    if settings.health_port:
        checks = {"/live": {"loop": live}, "/ready": {"loop": live, **ready}}
        await health.serve(settings.health_host, settings.health_port, checks)
