"""Load shedding: how far a stage is behind, and what it refuses early because of it. Pure.

A partition is read in its order, so what is next in it has waited longer than what was next before
by the time that passed, less the time by which Kafka's stamps went on. That sum needs no two clocks
to agree: it is of differences, of this process's own clock and of Kafka's. It starts at nothing
where a partition is new to a process: what piled up before that is no reason to refuse. Nor is what
piled up otherwise, as long as it becomes less: after a burst, say, or while a server was away.

Sources: Nichols and Jacobson, Controlling Queue Delay (CoDel), 2012: the wait is what to look at,
and only where it stays too long; Maurer, Fail at Scale, 2015: the same for requests.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

from schemas.codec import Record

INTERVAL_SECONDS: Final = 1.0
"""CHOICE: a stage refuses once it was too far behind for so long, and what waits became no less."""
FRESH: Final = 0.5
"""CHOICE: from then on this part of the bound is too long: what it takes is fresh, and clients know
soon. Until nothing has waited so long for ..."""
CALM_SECONDS: Final = 10.0
"""... so many seconds."""
_DRIFT: Final = 0.001
"""By so much two clocks may go apart: it is forgotten, lest it adds up over days."""


class Wait(NamedTuple):
    """How much longer than others a record has waited, in seconds, and whether it is refused for
    it."""

    seconds: float = 0.0
    is_refused: bool = False


UNHINDERED: Final = Wait()


class Behind(NamedTuple):
    """How far the reading of one partition is behind.

    at       when it was looked at, on this process's monotonic clock
    stamp    when Kafka took what was next then
    seconds  how much longer that has waited than what once waited least
    left     how many records came after it
    """

    at: float
    stamp: float
    seconds: float = 0.0
    left: int = 0

    def next(self, at: float, stamp: float, left: int) -> Behind:
        """How far it is when it is looked at once more."""
        passed, went_on = at - self.at, max(0.0, stamp - self.stamp)
        seconds = max(0.0, self.seconds + passed * (1 - _DRIFT) - went_on)
        return Behind(at, stamp, seconds, left)

    def waits(self, stamp: float) -> float:
        """How much longer than others another record has waited that was read with it."""
        return max(0.0, self.seconds - max(0.0, stamp - self.stamp))


@dataclass(frozen=True)
class Load:
    """Whether there is more than can be done.

    over     since when a record waited longer than the bound, and how many were left then
    refuses  when one was last refused, while what waits too long is; None: nothing is
    """

    over: tuple[float, int] | None = None
    refuses: float | None = None

    def next(self, at: float, seconds: float, left: int, bound: float) -> Load:
        """At the next batch: how long its oldest record waited, and how many are left."""
        if self.refuses is not None:
            return self._refusing(at, seconds, bound, self.refuses)
        if seconds <= bound:
            return Load()
        since, then = self.over or (at, left)
        if at - since < INTERVAL_SECONDS:
            return Load((since, then))
        return Load((at, left), at if left >= then else None)

    def _refusing(self, at: float, seconds: float, bound: float, last: float) -> Load:
        if seconds > bound * FRESH:
            return replace(self, refuses=at)
        return self if at - last < CALM_SECONDS else Load()


@dataclass
class Shedding:
    """One stage of one process. `bound`: seconds that a record may wait longer than others."""

    bound: float
    _load: Load = field(default_factory=Load)
    _partitions: dict[str, Behind] = field(default_factory=dict)

    def look(self, records: Sequence[Record], at: float) -> list[Wait]:
        """A batch as it is taken up, in its order; `at`: seconds on a monotonic clock."""
        first: dict[str, Behind] = {}
        for record in records:
            if record.queued is not None and record.partition not in first:
                first[record.partition] = self._next(record.partition, at, *record.queued)
        self._partitions |= first
        longest = max((each.seconds for each in first.values()), default=0.0)
        left = sum(each.left for each in self._partitions.values())
        self._load = self._load.next(at, longest, left, self.bound)
        return [self._wait(record, first) for record in records]

    def _next(self, partition: str, at: float, stamp: float, left: int) -> Behind:
        before = self._partitions.get(partition)
        return before.next(at, stamp, left) if before else Behind(at, stamp, 0.0, left)

    def _wait(self, record: Record, first: dict[str, Behind]) -> Wait:
        if record.queued is None:
            return UNHINDERED
        seconds = first[record.partition].waits(record.queued.stamp)
        return Wait(seconds, self._load.refuses is not None and seconds > self.bound * FRESH)
