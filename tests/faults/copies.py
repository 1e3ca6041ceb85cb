"""What a network of Kafka clients can do to messages: each of them once more, rubbish between them,
and topics that are read anew from their beginning."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from secrets import token_bytes
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from pipeline.beside import beside
from pipeline.kafka import started
from schemas.directory import Directory
from schemas.topics import DLQ_SUFFIX, TOPICS, Topic

REFUSED_SECONDS = 30.0


def every_topic(directory: Directory) -> list[tuple[Topic, str]]:
    """Each topic of each participant, with its kind."""
    return [
        (topic, topic.of(owner.name))
        for topic in TOPICS
        for owner in directory.in_role(topic.owner)
    ]


@dataclass
class Echo:
    """Publishes every record of these topics once more, as it was; its own are not echoed."""

    kafka: str
    topics: Sequence[str]
    count: int = 0
    _seen: set[bytes] = field(default_factory=set)

    @asynccontextmanager
    async def going_on(self) -> AsyncIterator[Echo]:
        consumer = AIOKafkaConsumer(*self.topics, bootstrap_servers=self.kafka)
        producer = AIOKafkaProducer(bootstrap_servers=self.kafka, acks="all")
        echoing = beside(self._echo(consumer, producer))
        async with started(self.kafka, producer, consumer), echoing:
            yield self

    async def _echo(self, consumer: AIOKafkaConsumer, producer: AIOKafkaProducer) -> None:
        while True:
            for batch in (await consumer.getmany(timeout_ms=500)).values():
                for raw in batch:
                    digest = sha256(raw.topic.encode() + raw.value).digest()
                    if digest not in self._seen:
                        self._seen.add(digest)
                        self.count += 1
                        await producer.send(
                            raw.topic, raw.value, raw.key, headers=list(raw.headers)
                        )


def rubbish() -> list[bytes]:
    """What no stage can read."""
    return [b"", b"rubbish", token_bytes(64), b"{}", b"ey.ey.ey", b'{"request_id": 7}']


async def poison(kafka: str, topics: Iterable[str]) -> int:
    """Publish rubbish on each of these topics; how much on each."""
    wrong = rubbish()
    producer = AIOKafkaProducer(bootstrap_servers=kafka, acks="all")
    async with started(kafka, producer):
        for topic in topics:
            for value in wrong:
                await producer.send_and_wait(topic, value, str(uuid4()).encode())
    return len(wrong)


async def ends(kafka: str, topics: Iterable[str]) -> dict[str, int]:
    """How many records were ever published on each topic."""
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka)
    async with started(kafka, consumer):
        found = {}
        for topic in topics:
            numbers = await _partitions(consumer, topic)
            offsets = await consumer.end_offsets([TopicPartition(topic, n) for n in numbers])
            found[topic] = sum(offsets.values())
        return found


@asynccontextmanager
async def coming(kafka: str, topic: str) -> AsyncIterator[set[str]]:
    """The keys of the records that come onto a topic while the block runs."""
    consumer, keys = AIOKafkaConsumer(topic, bootstrap_servers=kafka), set[str]()
    async with started(kafka, consumer), beside(_collect(consumer, keys)):
        yield keys


async def _collect(consumer: AIOKafkaConsumer, keys: set[str]) -> None:
    async for raw in consumer:
        keys.add((raw.key or b"").decode(errors="replace"))


async def _partitions(consumer: AIOKafkaConsumer, topic: str) -> set[int]:
    """Those of a topic that nobody subscribed to."""
    await consumer._client.force_metadata_update()
    await consumer._client._wait_on_metadata(topic)
    return set(consumer._client.cluster.partitions_for_topic(topic) or ())


async def buried(
    kafka: str, topics: Sequence[str], before: dict[str, int], count: int
) -> list[str]:
    """Wait until so many dead letters came on the dead-letter topic of each; those that lack them
    after a while."""
    letters = {topic: topic + DLQ_SUFFIX for topic in topics}
    lacking = list(topics)
    with suppress(TimeoutError):
        async with asyncio.timeout(REFUSED_SECONDS):
            while lacking:
                now = await ends(kafka, letters.values())
                lacking = [t for t in topics if now[letters[t]] - before[letters[t]] < count]
                await asyncio.sleep(0.5)
    return lacking


async def from_the_beginning(kafka: str, group: str, topic: str) -> None:
    """Set a group's offsets back to the oldest record. Its members have to be gone; waits until
    Kafka has noticed."""
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka, group_id=group, enable_auto_commit=False)
    await consumer.start()
    try:
        partitions = [TopicPartition(topic, n) for n in await _partitions(consumer, topic)]
        consumer.assign(partitions)
        offsets = await consumer.beginning_offsets(partitions)
        while not await _committed(consumer, offsets):
            await asyncio.sleep(0.5)
    finally:
        await consumer.stop()


async def _committed(consumer: AIOKafkaConsumer, offsets: dict[TopicPartition, int]) -> bool:
    try:
        await consumer.commit(offsets)
    except KafkaError:
        return False
    return True
