"""Kafka's brokers and Postgres are killed, paused, cut off and overfilled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Final

from sandbox import postgres_faults
from sandbox.cluster import Cluster
from sandbox.postgres import Postgres
from tests.faults import ground
from tests.faults.fault import Arena, Fault
from tests.faults.verdicts import LATE_BY_SECONDS, Allowed

BROKERS: Final = 3
DATABASE_USERS: Final = (
    ground.MAKELAAR,
    ground.KEYS,
    ground.PASSWORDS,
    ground.REGISTRY,
    ground.OTHER,
)
PAUSE_SECONDS: Final = 20.0
AWAY_SECONDS: Final = 10.0
_BETWEEN_SECONDS = 3.0
_HURT_SECONDS = 5.0
_HELD_SECONDS = 8.0
"""Longer than a library would wait before it commits by itself (5 s)."""


# --- Kafka


async def _killed(cluster: Cluster, victim: int) -> None:
    await cluster.kill(victim)
    await asyncio.sleep(_BETWEEN_SECONDS)
    await cluster.start(victim)
    await cluster.in_sync()
    await asyncio.sleep(_BETWEEN_SECONDS)


async def each_broker(arena: Arena) -> int:
    """Each broker in turn: SIGKILL, and back."""
    cluster = arena.servers.cluster
    for victim in cluster.nodes:
        await _killed(cluster, victim)
    return len(cluster.nodes)


async def controller(arena: Arena) -> int:
    """The active controller: SIGKILL, and back."""
    cluster = arena.servers.cluster
    await _killed(cluster, await cluster.controller())
    return 1


async def all_brokers(arena: Arena) -> int:
    """All three at once: SIGKILL, and back."""
    cluster = arena.servers.cluster
    await cluster.kill_all()
    await asyncio.sleep(_BETWEEN_SECONDS)
    await cluster.start_all()
    await cluster.in_sync()
    return 1


async def broker_hangs(arena: Arena) -> int:
    """The broker that leads most: paused for 20 s, with its connections open."""
    cluster = arena.servers.cluster
    victim = await cluster.busiest()
    cluster.pause(victim)
    await asyncio.sleep(PAUSE_SECONDS)
    cluster.resume(victim)
    await cluster.in_sync()
    return 1


async def disk_full(arena: Arena) -> int:
    """One broker's disk is full: it gives up, and comes back with room."""
    cluster = arena.servers.cluster
    victim = await cluster.busiest()
    cluster.disk_full(victim)
    await cluster.has_ended(victim)
    await asyncio.sleep(_BETWEEN_SECONDS)
    await cluster.start(victim)
    await cluster.in_sync()
    return 1


# --- Postgres


async def restarted(arena: Arena) -> int:
    """An immediate shutdown, as in a crash, and up again at once; twice."""
    for _ in range(2):
        await arena.servers.database.away(0)
        await asyncio.sleep(_BETWEEN_SECONDS)
    return 2


async def away(arena: Arena) -> int:
    """Gone for 10 s."""
    await arena.servers.database.away(AWAY_SECONDS)
    return 1


async def away_and_killed(arena: Arena) -> int:
    """Gone for 10 s; and every worker is killed while it waits, with messages in its hands."""
    workers = [each for role in arena.crew.roles for each in arena.crew.of(role)]
    away = asyncio.create_task(arena.servers.database.away(AWAY_SECONDS))
    await asyncio.sleep(_HELD_SECONDS)
    await asyncio.gather(*(arena.crew.leave(each) for each in workers))
    await away
    await arena.crew.start(*workers)
    await asyncio.sleep(_BETWEEN_SECONDS)
    return len(workers)


async def cut_off(arena: Arena) -> int:
    """Every connection ends in the middle of what it does, again and again."""
    times = 10
    for _ in range(times):
        await postgres_faults.drop_connections(arena.servers.database)
        await asyncio.sleep(1)
    return times


Hurt = Callable[[Postgres, str], AbstractAsyncContextManager[object]]


def _hurting(hurt: Hurt) -> Callable[[Arena], Awaitable[int]]:
    """Every role's database user at the same time."""

    async def act(arena: Arena) -> int:
        async with _all_hurt(arena.servers.database, hurt):
            await asyncio.sleep(_HURT_SECONDS)
        await asyncio.sleep(_BETWEEN_SECONDS)
        return len(DATABASE_USERS)

    return act


@asynccontextmanager
async def _all_hurt(database: Postgres, hurt: Hurt) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        for user in DATABASE_USERS:
            await stack.enter_async_context(hurt(database, user))
        yield


def _set(name: str, value: str) -> Hurt:
    return lambda database, user: postgres_faults.setting(database, user, name, value)


async def deadlocks(arena: Arena) -> int:
    """Another session locks rows in the wrong order."""
    times, lost = 3, 0
    for _ in range(times):
        for user in DATABASE_USERS:
            lost += await postgres_faults.deadlock(arena.servers.database, user)
    arena.measured["deadlocks that the other session lost"] = lost
    return times * len(DATABASE_USERS)


def _allowed(outage_seconds: float) -> Allowed:
    """While a server is away, who passes his deadline is not told. An outage is shorter than a
    login may take, so that nobody else passes it."""
    return Allowed(late_by=LATE_BY_SECONDS + outage_seconds)


def _on_three(
    name: str, act: Callable[[Arena], Awaitable[int]], seconds: float, outage_seconds: float
) -> Fault:
    return Fault(name, act, seconds, _allowed(outage_seconds), brokers=BROKERS)


FAULTS = (
    _on_three("each broker killed", each_broker, 60, 20),
    _on_three("the controller killed", controller, 25, 20),
    _on_three("all brokers killed", all_brokers, 30, 30),
    _on_three("a broker hangs for 20 s", broker_hangs, 45, 30),
    _on_three("a broker's disk is full", disk_full, 35, 20),
    _on_three("Postgres crashes", restarted, 20, 15),
    _on_three("Postgres away for 10 s", away, 25, 20),
    _on_three("workers killed while Postgres is away", away_and_killed, 35, 30),
    _on_three("Postgres connections cut", cut_off, 25, 10),
    _on_three("statement_timeout of 1 ms", _hurting(_set("statement_timeout", "1ms")), 20, 15),
    _on_three(
        "serializable transactions",
        _hurting(_set("default_transaction_isolation", "serializable")),
        20,
        10,
    ),
    _on_three(
        "a read-only database", _hurting(_set("default_transaction_read_only", "on")), 20, 15
    ),
    _on_three("rows locked by another", _hurting(postgres_faults.rows_locked), 20, 15),
    _on_three("deadlocks", deadlocks, 40, 15),
    _on_three(
        "no connections left",
        _hurting(lambda db, user: postgres_faults.connection_limit(db, user, 1)),
        20,
        15,
    ),
)
