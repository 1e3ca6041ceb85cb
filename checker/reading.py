"""Kafka: what is on the topics of a network, from start to end, and what was committed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from checker.checks import Raw
from checker.topics import CATALOGUE, DLQ, KINDS, group_of, split

_PATIENCE_SECONDS = 30.0
_AT_ONCE, _GROUPS_AT_ONCE = 4_000, 20
_FETCH_BYTES = 4 * 1_048_576


class Unreachable(Exception):
    """Kafka does not answer; the text says what to look at."""


class NothingThere(Exception):
    """There is nothing to judge; the text says what to look at."""


@dataclass(frozen=True)
class Extent:
    """What is on Kafka at one moment: by topic and partition, the first offset that is there, and
    the one after the last; what readers committed, read before these; topics of nobody known."""

    committed: Mapping[tuple[str, int], int]
    begins: Mapping[tuple[str, int], int]
    ends: Mapping[tuple[str, int], int]
    strange: tuple[str, ...] = ()

    @property
    def topics(self) -> frozenset[str]:
        return frozenset(topic for topic, _ in self.ends)


class Kafka:
    """A network's Kafka, read without a group: nothing of it changes."""

    def __init__(self, servers: str) -> None:
        self._servers = servers
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=servers,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            max_partition_fetch_bytes=_FETCH_BYTES,
        )

    @classmethod
    @asynccontextmanager
    async def at(cls, servers: str) -> AsyncIterator[Kafka]:
        """Raises Unreachable, for the whole block."""
        kafka = cls(servers)
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await kafka._consumer.start()
            yield kafka
        except (KafkaError, OSError) as error:
            raise unreachable(servers, error) from None
        finally:
            await kafka._consumer.stop()

    async def extent(self, names: Iterable[str]) -> Extent:
        """The extent of the topics of these participants, by their short names.

        What is committed is read first: what it says was done before, is on the topics then.
        Raises NothingThere.
        """
        owners = frozenset(names)
        async with self._administration() as admin:
            described = await admin.describe_topics()
            there = {each["topic"]: len(each["partitions"]) for each in described}
            ours = sorted(topic for topic in there if _is_ours(topic, owners))
            committed = await _committed(admin, ours)
        if not ours:
            raise NothingThere(
                "none of this network's topics is on this Kafka: is it the right one?"
            )
        partitions = [TopicPartition(topic, n) for topic in ours for n in range(there[topic])]
        ends = await self._consumer.end_offsets(partitions)
        begins = await self._consumer.beginning_offsets(partitions)
        strange = tuple(sorted(t for t in there if t not in ours and not t.startswith("__")))
        return Extent(committed, _plain(begins), _plain(ends), strange)

    @asynccontextmanager
    async def _administration(self) -> AsyncIterator[AIOKafkaAdminClient]:
        admin = AIOKafkaAdminClient(bootstrap_servers=self._servers, request_timeout_ms=10_000)
        await admin.start()
        try:
            yield admin
        finally:
            await admin.close()

    async def records(
        self, extent: Extent, topics: Iterable[str]
    ) -> AsyncIterator[list[ConsumerRecord]]:
        """What is on these topics within an extent, in portions. Raises Unreachable where nothing
        comes any more."""
        wanted, moved = set(topics), time.monotonic()
        left = {at for at in extent.ends if at[0] in wanted and extent.ends[at] > extent.begins[at]}
        self._place(extent, left)
        while left:
            found = await self._consumer.getmany(timeout_ms=1_000, max_records=_AT_ONCE)
            yield [
                record
                for at, batch in found.items()
                for record in batch
                if record.offset < extent.ends[tuple(at)]
            ]
            done = {at for at in left if await self._is_at(TopicPartition(*at), extent.ends[at])}
            moved = time.monotonic() if found or done else moved
            if time.monotonic() - moved > _PATIENCE_SECONDS:
                raise TimeoutError
            left -= done
            self._consumer.pause(*(TopicPartition(*at) for at in done))

    def _place(self, extent: Extent, wanted: Iterable[tuple[str, int]]) -> None:
        """Go to where these partitions begin."""
        partitions = [TopicPartition(*at) for at in wanted]
        if partitions:
            self._consumer.assign(partitions)
        for partition in partitions:
            self._consumer.seek(partition, extent.begins[tuple(partition)])

    async def _is_at(self, partition: TopicPartition, end: int) -> bool:
        return bool(await self._consumer.position(partition) >= end)


async def _committed(
    admin: AIOKafkaAdminClient, topics: Sequence[str]
) -> dict[tuple[str, int], int]:
    """What the readers of these topics committed."""
    read = [
        each for each in map(split, topics) if each and each[0] in KINDS and KINDS[each[0]].read
    ]
    found: dict[tuple[str, int], int] = {}
    for start in range(0, len(read), _GROUPS_AT_ONCE):
        groups = [group_of(*each) for each in read[start : start + _GROUPS_AT_ONCE]]
        for offsets in await asyncio.gather(*map(admin.list_consumer_group_offsets, groups)):
            found |= {(at.topic, at.partition): each.offset for at, each in offsets.items()}
    return found


def _plain(offsets: Mapping[TopicPartition, int]) -> dict[tuple[str, int], int]:
    return {(at.topic, at.partition): offset for at, offset in offsets.items()}


def _is_ours(topic: str, owners: frozenset[str]) -> bool:
    found = split(topic)
    if found is None:
        return topic == CATALOGUE
    kind, owner = found
    whose = owner.partition(".")[2] if kind == DLQ else owner
    return whose in owners or owner == CATALOGUE


def raw_of(record: ConsumerRecord) -> Raw:
    """A record of a topic of the network's."""
    kind, owner = split(record.topic) or ("", "")
    headers = {name: value or b"" for name, value in record.headers}
    return Raw(
        *(kind, owner, record.partition, record.offset, record.timestamp),
        record.key or b"",
        record.value or b"",
        headers,
    )


def unreachable(servers: str, error: BaseException) -> Unreachable:
    return Unreachable(
        f"Kafka at {servers} does not answer ({type(error).__name__}): is it running, and is "
        "HERKEN_KAFKA right?"
    )
