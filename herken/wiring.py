"""Composition root: from a role and a name to a running service. The topology of each role is in
its own `role.py`; here it meets its keys, its database and Kafka."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from brokers.role import makelaar
from pipeline import database, health, logs
from pipeline.errors import WrongUse
from pipeline.keys import Keys, utc_now
from pipeline.runner import Runner
from pipeline.service import Service
from pipeline.settings import Settings, database_user, role_dsn
from pipeline.stage import RoleStages
from pipeline.store import Store
from providers.role import provider
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
    Role.REGISTRY: lambda keys, _: registry(keys),
}


async def run(role: str, name: str, settings: Settings) -> None:
    """Run one participant until it is told to stop. Raises WrongUse, ServerUnreachable."""
    logs.configure(settings.log_level, name)
    keys = Keys.load(settings.network, settings.secrets, name)
    if keys.me.role is not ROLES[role]:
        raise WrongUse(f"{name} is a {keys.me.role.name.lower()} in the directory, no {role}")
    stages = BUILD[keys.me.role](keys, settings)
    user = database_user(name)
    dsn = role_dsn(settings.postgres, user, keys.secrets.database_password)
    pool = await database.pool(dsn, size=len(stages.stages) + 2)
    store = Store(pool)
    service = Service(name, stages, Runner(stages, keys, store), settings)
    checking = asyncio.create_task(_health(service, store, keys, settings))
    try:
        await service.run()
    finally:
        checking.cancel()
        with suppress(asyncio.CancelledError):
            await checking
        await pool.close()


async def _health(service: Service, store: Store, keys: Keys, settings: Settings) -> None:
    async def live() -> bool:
        return service.is_live()

    async def assigned() -> bool:
        return service.is_assigned()

    async def can_sign() -> bool:
        return bool(keys.signer(utc_now()))

    ready = {"partitions": assigned, "database": store.is_reachable, "keys": can_sign}
    if settings.health_port:
        checks = {"/live": {"loop": live}, "/ready": {"loop": live, **ready}}
        await health.serve(settings.health_host, settings.health_port, checks)
