"""Load shedding: how far a process is behind, and what it refuses early because of it. Pure.

A partition is read in its order, so what is next in it has waited longer than what was next before
by the time that passed, less the time by which Kafka's stamps went on. That sum needs no two clocks
to agree: it is of differences, of this process's own clock and of Kafka's. It starts at nothing
where a partition is new to a process: what piled up before that is no reason to refuse. Nor is what
piled up otherwise, as long as it becomes less: after a burst, say, or while a server was away.

Sources: Nichols and Jacobson, Controlling Queue Delay (CoDel), 2012: the wait is what to look at,
and only where it stays too long; Maurer, Fail at Scale, 2015: the same for requests.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

from pipeline.rate import Rate
from schemas.codec import Record
from schemas.records import Queued

Partition = tuple[str, str]
"""A topic, and the number of one of its partitions."""
INTERVAL_SECONDS: Final = 1.0
"""CHOICE: it refuses once it was too far behind for so long, and what waits became no less."""
FRESH: Final = 0.2
"""CHOICE: from then on this part of the bound is too long: what it takes is fresh, and clients know
soon. Until nothing has waited so long for ..."""
CALM_SECONDS: Final = 10.0
"""... so many seconds."""
PACE_SECONDS: Final = 2.0
"""CHOICE: over how long it is counted how many are taken up."""
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

    def says_something(self, at: float) -> bool:
        """Whether a wait that was seen then says something of now: for about as long as it was."""
        return at - self.at <= max(self.seconds, INTERVAL_SECONDS)

    def waits(self, stamp: float) -> float:
        """How much longer than others another record has waited that was read with it."""
        return max(0.0, self.seconds - max(0.0, stamp - self.stamp))


class Standing(NamedTuple):
    """How a process stands.

    waited  seconds that what is taken up now has waited longer than others
    ahead   seconds that what comes now will wait, at the pace of the last ones
    left    how many records are still to be read
    """

    waited: float
    ahead: float
    left: int

    def is_behind(self, bound: float) -> bool:
        """Whether logins wait too long, or will: where something waits already."""
        return self.waited > bound or (self.waited > bound * FRESH and self.ahead > bound)


@dataclass(frozen=True)
class Load:
    """Whether there is more than can be done.

    over     since when it was behind, and how many were left then
    refuses  when one was last refused, while what waits too long is; None: nothing is
    """

    over: tuple[float, int] | None = None
    refuses: float | None = None

    def next(self, at: float, standing: Standing, bound: float) -> Load:
        """At the next batch."""
        if self.refuses is not None:
            return self._refusing(at, standing.waited, bound, self.refuses)
        if not standing.is_behind(bound):
            return Load()
        since, then = self.over or (at, standing.left)
        if at - since < INTERVAL_SECONDS:
            return Load((since, then))
        return Load((at, standing.left), at if standing.left >= then else None)

    def _refusing(self, at: float, seconds: float, bound: float, last: float) -> Load:
        if seconds > bound * FRESH:
            return replace(self, refuses=at)
        return self if at - last < CALM_SECONDS else Load()


@dataclass
class Shedding:
    """All that one process reads for a participant. `bound`: seconds that a login may wait longer
    than others, in all of its topics together."""

    bound: float
    _load: Load = field(default_factory=Load)
    _partitions: dict[Partition, Behind] = field(default_factory=dict)
    _paces: dict[str, Rate] = field(default_factory=dict)

    def look(self, records: Sequence[Record], at: float) -> list[Wait]:
        """A batch of one topic as it is taken up, in its order; `at`: seconds on a monotonic clock.
        What waits elsewhere counts for each of its records: whoever is let in waits there next."""
        first: dict[Partition, Behind] = {}
        for record in records:
            if record.queued is not None and _partition(record) not in first:
                first[_partition(record)] = self._next(_partition(record), at, record.queued)
        self._partitions |= first
        elsewhere = self._elsewhere({topic for topic, _ in first}, at)
        longest = elsewhere + max((each.seconds for each in first.values()), default=0.0)
        self._count(records, at)
        left = sum(each.left for each in self._partitions.values())
        standing = Standing(longest, self._ahead(at), left)
        self._load = self._load.next(at, standing, self.bound)
        return [self._wait(record, first, elsewhere) for record in records]

    def _next(self, partition: Partition, at: float, queued: Queued) -> Behind:
        before = self._partitions.get(partition)
        return before.next(at, *queued) if before else Behind(at, queued.stamp, 0.0, queued.left)

    def _elsewhere(self, here: set[str], at: float) -> float:
        """How long a login waits in the other topics, each after the other."""
        longest: dict[str, float] = {}
        for (topic, _), behind in self._partitions.items():
            if topic not in here and behind.says_something(at):
                longest[topic] = max(longest.get(topic, 0.0), behind.seconds)
        return sum(longest.values())

    def _count(self, records: Sequence[Record], at: float) -> None:
        for topic, count in Counter(record.topic for record in records).items():
            self._paces.setdefault(topic, Rate(PACE_SECONDS, at)).add(at, count)

    def _ahead(self, at: float) -> float:
        """How long a login will wait in all topics, each after the other."""
        left = Counter[str]()
        for (topic, _), behind in self._partitions.items():
            left[topic] += behind.left if behind.says_something(at) else 0
        left = +left
        return sum(count / self._paces[topic].a_second(at) for topic, count in left.items())

    def _wait(self, record: Record, first: Mapping[Partition, Behind], elsewhere: float) -> Wait:
        if record.queued is None:
            return UNHINDERED
        seconds = elsewhere + first[_partition(record)].waits(record.queued.stamp)
        return Wait(seconds, self._load.refuses is not None and seconds > self.bound * FRESH)


def _partition(record: Record) -> Partition:
    return record.topic, record.position.partition(":")[0]
