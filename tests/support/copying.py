"""Copies all topics of a network to another Kafka, with something changed on the way.

Partitions, order, times, keys and headers stay; so do the offsets that readers committed, counted
anew where something was left out or added. What is checked there is what a network would have left
behind that had done it so."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from pipeline.kafka import started
from sandbox import topology
from schemas.directory import Directory
from schemas.records import Headers
from schemas.topics import TOPICS

Offsets = dict[tuple[str, int], int]


@dataclass(frozen=True)
class Copy:
    """A record, and where it was: one that is added has the offset of the one before it."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes
    value: bytes
    headers: Headers

    def but(self, value: str) -> Copy:
        """The same with other bytes."""
        return replace(self, value=value.encode())


Change = Callable[[list[Copy]], Iterable[Copy]]


async def copied(source: str, target: str, directory: Directory, change: Change) -> None:
    """Copy what is on `source` to `target`, which has no topics yet."""
    plans = topology.plan(directory)
    records = await everything(source, [plan.name for plan in plans])
    committed = await committed_on(source, directory)
    await topology.create(target, plans)
    written = list(change(records))
    await _write(target, written)
    await _commit(target, {at: _counted(at, to, written) for at, to in committed.items()})


async def everything(kafka: str, topics: Sequence[str]) -> list[Copy]:
    """Every record of these topics, in the order of each partition."""
    consumer = AIOKafkaConsumer(
        *topics, bootstrap_servers=kafka, auto_offset_reset="earliest", enable_auto_commit=False
    )
    found: list[Copy] = []
    async with started(kafka, consumer):
        ends = await consumer.end_offsets(list(consumer.assignment()))
        while any([await consumer.position(each) < end for each, end in ends.items()]):
            for batch in (await consumer.getmany(timeout_ms=200)).values():
                found += [
                    Copy(
                        *(raw.topic, raw.partition, raw.offset, raw.timestamp),
                        raw.key or b"",
                        raw.value or b"",
                        tuple((name, value or b"") for name, value in raw.headers),
                    )
                    for raw in batch
                ]
    return found


async def committed_on(kafka: str, directory: Directory) -> Offsets:
    """What the roles committed, by topic and partition."""
    admin, found = AIOKafkaAdminClient(bootstrap_servers=kafka), Offsets()
    await admin.start()
    try:
        for topic in TOPICS:
            for owner in directory.in_role(topic.owner):
                group = f"{owner.name}.{topic.name}"
                offsets = await admin.list_consumer_group_offsets(group)
                found |= {tuple(at): each.offset for at, each in offsets.items()}
    finally:
        await admin.close()
    return found


def _counted(at: tuple[str, int], offset: int, written: Sequence[Copy]) -> int:
    """How many of a partition's records are before a committed offset now."""
    return sum((each.topic, each.partition) == at and each.offset < offset for each in written)


async def _write(kafka: str, records: Sequence[Copy]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=kafka, acks="all", enable_idempotence=True)
    async with started(kafka, producer):
        futures = [
            await producer.send(
                each.topic,
                each.value,
                each.key,
                partition=each.partition,
                timestamp_ms=each.timestamp,
                headers=list(each.headers),
            )
            for each in records
        ]
        await asyncio.gather(*futures)


async def _commit(kafka: str, offsets: Offsets) -> None:
    """Commit as the roles' groups did: `<participant>.<kind of topic>`."""
    groups: dict[str, dict[TopicPartition, int]] = {}
    for (topic, partition), offset in offsets.items():
        kind, _, owner = topic.partition(".")
        groups.setdefault(f"{owner}.{kind}", {})[TopicPartition(topic, partition)] = offset
    for group, places in groups.items():
        consumer = AIOKafkaConsumer(
            bootstrap_servers=kafka, group_id=group, enable_auto_commit=False
        )
        async with started(kafka, consumer):
            consumer.assign(list(places))
            await consumer.commit(places)
