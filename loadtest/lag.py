"""How many records each consumer group has still to read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from math import ceil
from typing import Final

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from pipeline.kafka import unreachable
from sandbox.network import COMMANDS
from schemas.directory import Directory
from schemas.topics import TOPICS

ASKED_A_SECOND: Final = 30
"""CHOICE: of more groups than this, each is asked about every second, third ... second only."""
_PATIENCE_SECONDS: Final = 5.0
Ends = Callable[[], Mapping[TopicPartition, int]]
Offsets = Mapping[TopicPartition, int]


def groups(directory: Directory) -> dict[str, str]:
    """The consumer group of every stage that is a process's, and the topic that it reads."""
    return {
        f"{one.name}.{topic.name}": topic.of(one.name)
        for one in directory.participants
        for topic in TOPICS
        if topic.reader == one.role and one.role in COMMANDS
    }


def behind(topic: str, ends: Offsets, committed: Offsets) -> int:
    """How many records of a topic are before its end and not committed."""
    mine = [partition for partition in ends if partition.topic == topic]
    return sum(max(0, ends[p] - committed.get(p, ends[p])) for p in mine)


class Lags:
    """Asks Kafka about the groups, a part of them at a time where there are many."""

    def __init__(
        self, kafka: AIOKafkaAdminClient, servers: str, ends: Ends, groups: Mapping[str, str]
    ) -> None:
        self._kafka, self._servers, self._ends, self._groups = kafka, servers, ends, groups
        self._first_ends: dict[TopicPartition, int] = {}
        self._coordinators: dict[str, int] = {}
        self._turns = max(1, ceil(len(groups) / ASKED_A_SECOND))
        self._turn = 0
        self._known = dict.fromkeys(groups, 0)

    @classmethod
    @asynccontextmanager
    async def open(cls, servers: str, ends: Ends, directory: Directory) -> AsyncIterator[Lags]:
        """Raises ServerUnreachable."""
        kafka = AIOKafkaAdminClient(bootstrap_servers=servers, request_timeout_ms=10_000)
        try:
            await kafka.start()
        except (KafkaError, OSError) as error:
            await kafka.close()
            raise unreachable(servers, error) from None
        try:
            yield cls(kafka, servers, ends, groups(directory))
        finally:
            await kafka.close()

    async def look(self) -> dict[str, int]:
        """The lag of each group, as far as it was asked for. Raises ServerUnreachable."""
        names = list(self._groups)[self._turn % self._turns :: self._turns]
        self._turn += 1
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await asyncio.gather(*(self._ask(name) for name in names))
        except (KafkaError, OSError) as error:
            self._coordinators.clear()
            raise unreachable(self._servers, error) from None
        return dict(self._known)

    async def _ask(self, group: str) -> None:
        """Where the group has committed nothing, only what came since the start is behind."""
        if group not in self._coordinators:
            self._coordinators[group] = await self._kafka.find_coordinator(group)
        coordinator = self._coordinators[group]
        found = await self._kafka.list_consumer_group_offsets(group, coordinator)
        ends = self._ends()
        self._first_ends = {**ends, **self._first_ends}
        committed = {p: at.offset for p, at in found.items() if at.offset >= 0}
        self._known[group] = behind(self._groups[group], ends, {**self._first_ends, **committed})
