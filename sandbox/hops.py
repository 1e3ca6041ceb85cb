"""Watches every topic of a network, and tells a login as its hops: where, whose, when."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

from aiokafka import AIOKafkaConsumer, ConsumerRecord

from pipeline.beside import beside
from pipeline.kafka import started
from sandbox.topology import plan
from schemas.directory import Directory
from schemas.topics import DLQ_SUFFIX, PROMPTS


@dataclass(frozen=True)
class Hop:
    """One message of a login: its topic, who wrote it, and when, in milliseconds since the
    login's first message."""

    topic: str
    participant: str
    at_ms: float


class Watcher:
    """Remembers when each login's messages came by."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._seen: dict[bytes, list[ConsumerRecord]] = defaultdict(list)

    @classmethod
    @asynccontextmanager
    async def watching(cls, kafka: str, directory: Directory) -> AsyncIterator[Watcher]:
        """Watch from now on."""
        topics = [p.name for p in plan(directory) if not p.name.endswith(DLQ_SUFFIX)]
        consumer = AIOKafkaConsumer(*topics, bootstrap_servers=kafka)
        watcher = cls(directory)
        async with started(kafka, consumer), beside(watcher._read(consumer)):
            yield watcher

    async def _read(self, consumer: AIOKafkaConsumer) -> None:
        while True:
            for batch in (await consumer.getmany(timeout_ms=1000)).values():
                for raw in batch:
                    self._seen[raw.key].append(raw)

    async def hops(self, request_id: UUID, last_topic: str) -> list[Hop]:
        """The hops of a login that ended on this topic, in order."""
        key = str(request_id).encode()
        async with asyncio.timeout(10):
            while not any(raw.topic == last_topic for raw in self._seen[key]):
                await asyncio.sleep(0.01)
        records = sorted(self._seen[key], key=lambda raw: raw.timestamp)
        return [self._hop(raw, records[0].timestamp) for raw in records]

    async def prompted(self, request_id: UUID) -> None:
        """Return when a login's first prompt has come. Raises TimeoutError."""
        key, kinds = str(request_id).encode(), {topic.name for topic in PROMPTS}
        async with asyncio.timeout(10):
            while not any(raw.topic.split(".")[0] in kinds for raw in self._seen[key]):
                await asyncio.sleep(0.01)

    def _hop(self, raw: ConsumerRecord, began_ms: int) -> Hop:
        source = dict(raw.headers).get("ce_source", b"").decode()
        writer = self._directory.participant(source)
        return Hop(raw.topic, writer.name if writer else "user", raw.timestamp - began_ms)
