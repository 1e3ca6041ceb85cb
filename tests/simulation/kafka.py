"""Kafka in memory: topics with partitions, and groups that share them.

A partition keeps its order. A group has a committed offset for each; who gets a partition begins
there. A commit by somebody who has lost his partitions meanwhile is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from zlib import crc32

from schemas.codec import Record
from schemas.records import Queued

PARTITIONS = 2


def partition_of(key: bytes) -> int:
    return crc32(key) % PARTITIONS


class Topics:
    """All records, by topic and partition. `groups` read some of the topics. Each record has the
    time at which it came, by the true clock."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self.logs: dict[str, list[list[Record]]] = {}
        self.groups: dict[str, Group] = {}
        self.lagging: dict[str, Group] = {}

    def append(self, record: Record) -> Record:
        """The record as it stands now."""
        log = self.logs.setdefault(record.topic, [[] for _ in range(PARTITIONS)])
        number = partition_of(record.key)
        queued = Queued(self._now().timestamp())
        placed = replace(record, position=f"{number}:{len(log[number])}", queued=queued)
        log[number].append(placed)
        group = self.groups.get(record.topic)
        if group is not None:
            self.lagging[record.topic] = group
        return placed

    def read_by(self, group: Group) -> None:
        self.logs.setdefault(group.topic, [[] for _ in range(PARTITIONS)])
        self.groups[group.topic] = group

    def of(self, topic: str) -> list[Record]:
        return [record for log in self.logs.get(topic, ()) for record in log]


@dataclass(frozen=True)
class Batch:
    """Records that a member polled, and under which generation of its group."""

    group: Group
    records: Sequence[Record]
    generation: int
    ends: dict[int, int]


@dataclass(eq=False)
class Group:
    """The consumers of one topic. A member is a process."""

    topic: str
    topics: Topics
    stage: Any
    generation: int = 0
    owners: list[Any] = field(default_factory=list)
    busy: set[Any] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.committed = [0] * PARTITIONS
        self.position = [0] * PARTITIONS
        self.topics.read_by(self)

    @property
    def logs(self) -> list[list[Record]]:
        return self.topics.logs[self.topic]

    def share(self, members: Sequence[Any], shift: int = 0) -> None:
        """Rebalance: partitions change hands, and begin where was committed."""
        self.generation += 1
        count = len(members)
        self.owners = [members[(n + shift) % count] if count else None for n in range(PARTITIONS)]
        self.position = list(self.committed)
        self._look()

    def forget(self) -> None:
        """Kafka lost the group's offsets."""
        self.committed = [0] * PARTITIONS
        self.position = [0] * PARTITIONS
        self.generation += 1
        self._look()

    def _look(self) -> None:
        if any(len(log) > at for log, at in zip(self.logs, self.position, strict=True)):
            self.topics.lagging[self.topic] = self

    def reader(self) -> Any:
        """A member that has something to read and is not at work; None: nobody."""
        lag = False
        for log, at, owner in zip(self.logs, self.position, self.owners, strict=True):
            if len(log) > at:
                lag = True
                if owner is not None and owner.is_up and owner not in self.busy:
                    return owner
        if not lag:
            self.topics.lagging.pop(self.topic, None)
        return None

    def poll(self, member: Any, most: int) -> Batch:
        """The next records of a member's partitions."""
        records: list[Record] = []
        ends: dict[int, int] = {}
        for number, owner in enumerate(self.owners):
            found = self.logs[number][self.position[number] :][: most - len(records)]
            if owner is member and found:
                self.position[number] = ends[number] = self.position[number] + len(found)
                records += _with_what_is_left(found, len(self.logs[number]) - ends[number])
        self.busy.add(member)
        return Batch(self, records, self.generation, ends)

    def commit(self, batch: Batch) -> bool:
        """Whether it was still the member's to commit."""
        if batch.generation != self.generation:
            return False
        for number, end in batch.ends.items():
            self.committed[number] = end
        return True


def _with_what_is_left(records: Sequence[Record], after: int) -> list[Record]:
    """Records that were read together, each with how many came after it."""
    found = []
    for number, record in enumerate(records):
        if record.queued is None:
            raise LookupError(record.position)
        queued = record.queued._replace(left=after + len(records) - 1 - number)
        found.append(replace(record, queued=queued))
    return found
