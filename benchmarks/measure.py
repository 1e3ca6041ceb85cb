"""The measurement: all lanes on one machine, in turns.

In each turn each lane is given the same two things to do: logins all at once, and logins at a
steady rate. Turn follows turn, so that what the machine does meanwhile meets all lanes alike.
"""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import psutil

from benchmarks import arrivals, logins, naive, relay
from benchmarks.figures import Series
from benchmarks.highest import Trial, highest_rate
from benchmarks.lane import Lane, LaneFailed, cpu_seconds, driven, measured
from benchmarks.peers import keycloak, satosa
from benchmarks.peers.environments import Unavailable
from pipeline.errors import HerkenError
from sandbox import maven
from sandbox.network import Network

__all__ = ["Sizes", "cpu_seconds", "measure", "processes_of"]

P99_GOAL_MS = 250.0
_PASSWORDS = 150
"""At once."""
_PASSWORD_SHARE = 0.6
"""How busy passwords are kept beside signing keys, of the rate that they reach alone."""


@dataclass(frozen=True)
class Sizes:
    """How much is measured.

    turns    of all lanes
    logins   at once, at herken and the relay
    rate     steady, logins a second, at herken and the relay
    seconds  how long each steady rate goes on
    """

    turns: int = 3
    logins: int = 1000
    rate: float = 20.0
    seconds: float = 20.0


@dataclass(frozen=True)
class Task:
    """What one lane is given in each turn: so many at once, and a steady rate; 0: not at all.

    warm_up  so many at once before the first turn
    """

    lane: Lane
    at_once: int
    rate: float = 0.0
    warm_up: int = 50
    is_peer: bool = False


@dataclass
class Measured:
    """What came of it. `absent`: what could not be run, and why."""

    lanes: dict[str, Series] = field(default_factory=dict)
    highest: list[Trial] = field(default_factory=list)
    memory_mb: dict[str, float] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)

    def series(self, lane: Lane) -> Series:
        return self.lanes.setdefault(lane.name, Series(lane.name))


async def measure(sizes: Sizes, peers: Sequence[str], folder: Path) -> Measured:
    """Found everything, and let all lanes log in in turns. Raises ServerFailed, RoleFailed."""
    found = Measured()
    async with AsyncExitStack() as stack:
        herken = await stack.enter_async_context(logins.opened(folder / "herken", progress))
        tasks = await _own_lanes(herken, sizes, folder, found, stack)
        tasks += await _peers(herken, peers, folder, found, stack)
        for number in range(sizes.turns + 1):
            progress(f"turn {number} of {sizes.turns}" if number else "warming up")
            for task in list(tasks):
                if not await take_turn(task, sizes, found, warm_up=not number):
                    tasks.remove(task)
        progress(f"the highest rate with a p99 of at most {P99_GOAL_MS:.0f} ms")
        keys = logins.Keys(herken)
        found.highest = await highest_rate(keys, P99_GOAL_MS, sizes.seconds / 2, progress)
        found.memory_mb = memory_mb(herken.running)
        found.versions = await _versions(herken.running, set(peers) - found.absent.keys())
    return found


async def _own_lanes(
    herken: logins.Herken, sizes: Sizes, folder: Path, found: Measured, stack: AsyncExitStack
) -> list[Task]:
    kafka, shared = herken.running.servers.kafka, {"Kafka": logins.servers()["Kafka"]}
    signed, plain = [
        await stack.enter_async_context(relay.opened(kafka, shared, folder, signed=signed))
        for signed in (True, False)
    ]
    one_by_one = await stack.enter_async_context(naive.opened(kafka, shared, folder))
    passwords = logins.Passwords(herken)

    def share() -> float:
        reached = found.series(passwords).bursts
        return _PASSWORD_SHARE * reached[-1].rate if reached else 0.0

    return [  # what is compared stands together
        Task(logins.Argon2(), _PASSWORDS),
        Task(passwords, _PASSWORDS),
        Task(logins.KeysBesidePasswords(herken, share), 0, sizes.rate),
        Task(logins.Keys(herken), sizes.logins, sizes.rate),
        Task(signed, 2 * sizes.logins, sizes.rate),
        Task(plain, 2 * sizes.logins),
        Task(one_by_one, max(10, sizes.logins // 10)),
    ]


async def _peers(
    herken: logins.Herken,
    names: Sequence[str],
    folder: Path,
    found: Measured,
    stack: AsyncExitStack,
) -> list[Task]:
    """Those that can be run here; why not, for the others."""
    tasks = []
    for name in names:
        try:
            tasks.append(await stack.enter_async_context(_peer(name, herken, folder / name)))
        except (Unavailable, HerkenError) as error:
            found.absent[name] = str(error)
            progress(f"{name} is left out: {error}")
    return tasks


@asynccontextmanager
async def _peer(name: str, herken: logins.Herken, folder: Path) -> AsyncIterator[Task]:
    """At about half of the rate that each bears. Raises Unavailable, HerkenError."""
    if name == "satosa":
        async with satosa.opened(folder, progress) as proxy:
            yield Task(proxy, 40, 2.0, warm_up=10, is_peer=True)
    else:
        postgres = herken.running.servers.postgres
        async with keycloak.opened(folder, postgres, progress) as server:
            # its compiler wants to know
            yield Task(server, 100, 5.0, warm_up=600, is_peer=True)


async def take_turn(task: Task, sizes: Sizes, found: Measured, *, warm_up: bool) -> bool:
    """Whether the lane goes on: a peer that fails is left out. Raises LaneFailed."""
    progress(f"  {task.lane.name}")
    try:
        if warm_up:
            await driven(task.lane, arrivals.at_once(task.warm_up))
        else:
            await _measure(task, sizes, found)
    except LaneFailed as failed:
        if not task.is_peer:
            raise
        found.lanes.pop(task.lane.name, None)
        found.absent[task.lane.name.lower()] = str(failed)
        return False
    return True


async def _measure(task: Task, sizes: Sizes, found: Measured) -> None:
    series = found.series(task.lane)
    if task.at_once:
        series.bursts.append(await measured(task.lane, arrivals.at_once(task.at_once)))
    if task.rate:
        steadily = arrivals.steadily(task.rate, sizes.seconds)
        series.steady.append(await measured(task.lane, steadily))


async def _versions(running: Network, peers: Collection[str]) -> dict[str, str]:
    """Of the servers, and of the peers that were run."""
    connection = await asyncpg.connect(running.servers.postgres)
    try:
        postgres = await connection.fetchval("SHOW server_version")
    finally:
        await connection.close()
    kafka = next(jar.version for jar in maven.locked() if jar.artifact.startswith("kafka_"))
    known = {"satosa": satosa.versions, "keycloak": keycloak.versions}
    of_peers = {name: of for peer in peers for name, of in known[peer]().items()}
    return {"Kafka": kafka, "PostgreSQL": postgres} | of_peers


def processes_of(running: Network) -> dict[str, list[psutil.Process]]:
    """Who takes part in a network: each role, the servers, and the client with the users in this
    process."""
    named = {role.participant.name: [psutil.Process(role.process.pid)] for role in running.roles}
    servers = {name.lower(): group for name, group in logins.servers().items()}
    return {**named, "client and users": [psutil.Process(os.getpid())], **servers}


def memory_mb(running: Network) -> dict[str, float]:
    """Resident, of the largest of each."""
    return {
        name: max(process.memory_info().rss for process in group) / 1_048_576
        for name, group in processes_of(running).items()
    }


def progress(text: str) -> None:
    print(f"benchmark: {text}", file=sys.stderr, flush=True)
