"""Kafka as the load has it: one producer and one consumer, for everybody who takes part from
outside; and one that follows what the roles say to each other. Consumers have no group, so that
nothing of a run is left behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition

from pipeline.kafka import PATIENCE, keep_trying, started
from sandbox.topology import plan
from schemas.codec import Record
from schemas.directory import Directory
from schemas.topics import CATALOGUE, DLQ_SUFFIX, OUTCOMES, PROMPTS

_OURS = {topic.name for topic in (*PROMPTS, OUTCOMES)}
_BATCH_BYTES = 262_144
_POLL_MS = 500
_AT_MOST = 500
_FOLLOWED_BYTES, _FOLLOWED_MS = 1_048_576, 500
"""What is only followed has Kafka's own time, and may be read later: half a second, or so many
bytes. To read each message as it comes cost as much as a third of a login does that is alone."""


class Wire:
    """Sends records, reads all topics of the network from now on, and knows where they end."""

    def __init__(
        self, producer: AIOKafkaProducer, consumer: AIOKafkaConsumer, following: AIOKafkaConsumer
    ) -> None:
        self._producer, self._consumer, self._following = producer, consumer, following

    @classmethod
    @asynccontextmanager
    async def open(cls, kafka: str, directory: Directory) -> AsyncIterator[Wire]:
        """Raises ServerUnreachable; WrongUse where a topic is not there."""
        producer = AIOKafkaProducer(
            bootstrap_servers=kafka,
            acks="all",
            enable_idempotence=True,
            max_batch_size=_BATCH_BYTES,
            **PATIENCE,
        )
        topics = _topics(directory)
        ours = [topic for topic in topics if topic.partition(".")[0] in _OURS]
        consumer = _consumer(kafka, ours)
        following = _consumer(
            kafka,
            [topic for topic in topics if topic not in ours],
            fetch_min_bytes=_FOLLOWED_BYTES,
            fetch_max_wait_ms=_FOLLOWED_MS,
        )
        async with started(kafka, producer, consumer, following):
            keep_trying(producer)
            yield cls(producer, consumer, following)

    async def send(self, record: Record) -> asyncio.Future[Any]:
        """Hand a record over; the future is done once Kafka has it."""
        future: asyncio.Future[Any] = await self._producer.send(
            record.topic, record.value, record.key, headers=list(record.headers)
        )
        return future

    async def read(self) -> Sequence[ConsumerRecord]:
        """What has come since the last time, once there is something for somebody, or after half a
        second; of very much, some."""
        batches = [
            await self._consumer.getmany(timeout_ms=_POLL_MS, max_records=_AT_MOST),
            await self._following.getmany(max_records=_AT_MOST),
        ]
        return [raw for found in batches for batch in found.values() for raw in batch]

    def ends(self) -> Mapping[TopicPartition, int]:
        """Where each partition ends, as far as its last answer says: no question is asked."""
        ends = {
            partition: consumer.highwater(partition)
            for consumer in (self._consumer, self._following)
            for partition in consumer.assignment()
        }
        return {partition: end for partition, end in ends.items() if end is not None}

    def brokers(self) -> set[str]:
        """Who was in the cluster when it was last looked at, every few seconds."""
        return {str(each.nodeId) for each in self._consumer._client.cluster.brokers()}


def _consumer(kafka: str, topics: Sequence[str], **fetch: int) -> AIOKafkaConsumer:
    return AIOKafkaConsumer(
        *topics,
        bootstrap_servers=kafka,
        enable_auto_commit=False,
        isolation_level="read_committed",
        **fetch,
        **PATIENCE,
    )


def _topics(directory: Directory) -> list[str]:
    """Every topic that a login passes by."""
    names = [planned.name for planned in plan(directory)]
    return [name for name in names if name != CATALOGUE and not name.endswith(DLQ_SUFFIX)]
