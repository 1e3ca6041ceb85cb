"""Workers come, go and come back: how long until their logins have outcomes again, rebalances all
the time, and two workers that claim to be one."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from statistics import median
from typing import Final
from uuid import UUID, uuid4

from aiokafka.partitioner import murmur2

from pipeline.beside import beside
from tests.faults.crew import Crew, Worker
from tests.faults.fault import Arena, Fault
from tests.faults.kinds import DIRECT
from tests.faults.verdicts import WORKERS_DIE, Sent

PARTITIONS: Final = 4
BACK_SECONDS: Final = 2.0
"""From the restart of a worker that was killed to outcomes on all of its partitions."""
TAKEN_OVER_SECONDS: Final = 10.0
"""From the death of a worker that never comes back to the same."""
TIMES: Final = 3
_PROBE_SECONDS = 0.08
_WAIT_SECONDS = 60.0
_WRONG_USE = 2


@dataclass(frozen=True)
class Probes:
    """Direct logins, one partition after the other. A login's messages have one key, and so are on
    the partition of that number on every topic."""

    arena: Arena

    @asynccontextmanager
    async def going_on(self) -> AsyncIterator[None]:
        async with beside(self._probe()):
            yield

    async def _probe(self) -> None:
        async with asyncio.TaskGroup() as group:
            for number in count():
                request_id = on_partition(number % PARTITIONS)
                group.create_task(self.arena.people.log_in(DIRECT, request_id))
                await asyncio.sleep(_PROBE_SECONDS)

    async def recovered(self, since: float) -> float:
        """When every partition had an outcome of a login that was published after `since`."""
        async with asyncio.timeout(_WAIT_SECONDS):
            while len(firsts := self._firsts(since)) < PARTITIONS:
                await asyncio.sleep(0.05)
        return max(firsts.values())

    def _firsts(self, since: float) -> dict[int, float]:
        outcomes, firsts = self.arena.people.outcomes.found, dict[int, float]()
        for sent in _later(self.arena.people.sent, since):
            for found in list(outcomes.get(sent.request_id, {}).values())[:1]:
                number = partition_of(sent.request_id)
                firsts[number] = min(found.at, firsts.get(number, found.at))
        return firsts


def _later(sent: list[Sent], since: float) -> list[Sent]:
    return [each for each in sent[-1000:] if each.at > since]


def partition_of(request_id: UUID) -> int:
    return int((murmur2(str(request_id).encode()) & 0x7FFFFFFF) % PARTITIONS)


def on_partition(number: int) -> UUID:
    """A new request ID whose messages are on this partition."""
    return next(each for each in iter(uuid4, None) if partition_of(each) == number)


# --- recovery times


async def back_at_once(arena: Arena) -> int:
    """A worker is killed and starts again under its name."""

    async def back(probes: Probes, victim: Worker) -> float:
        killed = time.time()
        victim.send(signal.SIGKILL)
        recovered = await probes.recovered(killed)
        return recovered - max(_starts(victim, killed), default=recovered)

    return await _measured(arena, back, BACK_SECONDS)


async def taken_over(arena: Arena) -> int:
    """A worker is killed and never comes back."""

    async def gone(probes: Probes, victim: Worker) -> float:
        killed = time.time()
        await arena.crew.leave(victim)
        recovered = await probes.recovered(killed)
        await arena.crew.start(victim)
        return recovered - killed

    return await _measured(arena, gone, TAKEN_OVER_SECONDS)


def _starts(victim: Worker, since: float) -> list[float]:
    """When it was ready to consume: its connections and keys are there, and it joins its groups."""
    lines = victim.traps.journal.read_text().splitlines()
    times = [float(line.split()[0]) for line in lines if line.endswith(" starting")]
    return [each for each in times if each > since]


async def _measured(
    arena: Arena, one: Callable[[Probes, Worker], Awaitable[float]], most: float
) -> int:
    """Each role several times; the median may not be longer than what is promised."""
    probes = Probes(arena)
    async with probes.going_on():
        for role in arena.crew.roles:
            seconds = []
            for number in range(TIMES):
                victim = arena.crew.of(role)[number % len(arena.crew.of(role))]
                await _quiet(arena.crew, probes)
                seconds.append(await one(probes, victim))
            _tell(arena, role, seconds, most)
    return TIMES * len(arena.crew.roles)


async def _quiet(crew: Crew, probes: Probes) -> None:
    """Everybody is there, and has partitions."""
    await asyncio.gather(*(crew.ready(each) for each in crew.workers))
    await probes.recovered(time.time())


def _tell(arena: Arena, role: str, seconds: list[float], most: float) -> None:
    found, worst = median(seconds), max(seconds)
    busy = os.getloadavg()[0]
    text = f"median {found:.2f} s, worst {worst:.2f} s (the machine's load: {busy:.1f})"
    arena.measured[role] = text
    arena.progress(f"{role}: {text}")
    if found > most:
        arena.found.append(f"{role}: median {found:.2f} s, more than {most:.0f} s")


# --- rebalances


async def rebalances(arena: Arena, seconds: float = 60, every: float = 2) -> int:
    """A third worker of a role comes, and goes, a member that is new each time: all groups of the
    role rebalance."""
    until, times = time.monotonic() + seconds, 0
    guests = [_guest(arena.crew, role) for role in arena.crew.roles]
    while time.monotonic() < until:
        guest = guests[times % len(guests)]
        await arena.crew.start(guest)
        await asyncio.sleep(every)
        await arena.crew.leave(guest, signal.SIGTERM)
        times += 1
    return 2 * times


def _guest(crew: Crew, role: str) -> Worker:
    guest = crew.one_more(role, list(crew.of(role)[0].post.names), 3)
    environment = {**guest.post.environment, "HERKEN_INSTANCE": ""}
    crew.posted(guest, environment=environment)
    return guest


# --- two of one name


async def twins(arena: Arena) -> int:
    """A second worker is started under the name of one that runs: the first ends, and says why."""
    for role in arena.crew.roles:
        first = arena.crew.of(role)[0]
        twin = arena.crew.one_more(role, list(first.post.names), 3)
        environment = {**twin.post.environment, "HERKEN_INSTANCE": first.name}
        arena.crew.posted(twin, environment=environment)
        first.comes_back, first.meant = False, True
        await arena.crew.start(twin)
        await _fenced(arena, first)
        await arena.crew.leave(twin, signal.SIGTERM)
        await arena.crew.start(first)
    return len(arena.crew.roles)


async def _fenced(arena: Arena, first: Worker) -> None:
    try:
        async with asyncio.timeout(30):
            await first.gone.wait()
    except TimeoutError:
        arena.found.append(f"{first.name} goes on beside another one of its name")
        return
    told = first.post.log_file.read_text()
    if first.deaths[-1].code != _WRONG_USE or f"HERKEN_INSTANCE={first.name}" not in told:
        arena.found.append(f"{first.name} ended with {first.deaths[-1].code} and does not say why")


SHORT_FAULT = Fault("two workers of one name", twins, 20, WORKERS_DIE)
FAULTS = (
    Fault("recovery: killed and back", back_at_once, 60, WORKERS_DIE, rate=0),
    Fault("recovery: killed for good", taken_over, 150, WORKERS_DIE, rate=0),
    Fault("rebalances every 2 s", rebalances, 70, WORKERS_DIE),
    Fault("two workers of one name", twins, 40, WORKERS_DIE),
)
