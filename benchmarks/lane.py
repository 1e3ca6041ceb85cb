"""A lane of the benchmark: something that logs people in, and what a turn of it came to."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import psutil

from pipeline.errors import HerkenError

Groups = Mapping[str, Sequence[psutil.Process]]
"""Who takes part, by what they are in a table."""
CLIENT = "client"
"""The group of those who log in, and of whom they log in with: no server's."""


class Lane(Protocol):
    """What is measured. Every login that `drive` counts was verified."""

    @property
    def name(self) -> str: ...

    async def drive(self, instants: Sequence[float]) -> list[float]:
        """Log in at each of these instants (s): what each took (ms). Raises where one fails."""

    def processes(self) -> Groups: ...


@dataclass(frozen=True)
class Turn:
    """What came of some arrivals.

    latencies  ms, of each
    seconds    from the first arrival to the last answer
    cpu_ms     a login, of each group of processes
    """

    latencies: Sequence[float]
    seconds: float
    cpu_ms: Mapping[str, float]

    @property
    def rate(self) -> float:
        return len(self.latencies) / self.seconds

    @property
    def cpu_ms_all(self) -> float:
        return sum(self.cpu_ms.values())

    def percentile(self, percent: int) -> float:
        return statistics.quantiles(self.latencies, n=100, method="inclusive")[percent - 1]


class LaneFailed(HerkenError):
    """A login that was measured did not come to what it must."""


async def measured(lane: Lane, instants: Sequence[float]) -> Turn:
    """One turn of a lane. Raises LaneFailed."""
    before = _cpu(lane.processes())
    latencies = await driven(lane, instants)
    after = _cpu(lane.processes())  # anew: some may have come meanwhile
    ends = [at + took / 1000 for at, took in zip(instants, latencies, strict=True)]
    spent = {name: (used - before.get(name, 0.0)) * 1000 for name, used in after.items()}
    return Turn(latencies, max(ends), {name: used / len(instants) for name, used in spent.items()})


async def driven(lane: Lane, instants: Sequence[float]) -> list[float]:
    """What each took (ms). Raises LaneFailed."""
    try:
        return await lane.drive(instants)
    except ExceptionGroup as errors:
        first = errors.exceptions[0]
        told = f"{len(errors.exceptions)} logins failed, one with {type(first).__name__}: {first}"
        raise LaneFailed(f"{lane.name}: {told}") from errors
    except (HerkenError, TimeoutError) as error:
        raise LaneFailed(f"{lane.name}: {error or 'a login did not end'}") from error


def _cpu(groups: Groups) -> dict[str, float]:
    return {name: cpu_seconds(group) for name, group in groups.items()}


def cpu_seconds(group: Sequence[psutil.Process]) -> float:
    """What they used until now, and those of their children that have ended."""
    return sum(_used(process) for process in group)


def _used(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:  # its parent has its times
        return 0.0
    own = times.user + times.system
    return own + getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0)
