"""The table's untrusted rows on real topics: a good login to make them from, and where they end."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, suppress

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord

from pipeline import dead_letters
from pipeline.dead_letters import DeadLetterRecord
from pipeline.kafka import started
from pipeline.keys import utc_now
from sandbox.network import Network
from schemas.codec import Record
from schemas.topics import DLQ_MAX_BYTES, DLQ_SUFFIX, TOPICS
from tests.integration.bad_input.rows import Row
from tests.support.forge import Login, Place, World

DEAD_WITHIN_SECONDS = 20.0
_ROOM = 2 * DLQ_MAX_BYTES
_KEY_BYTES = 36


def world(network: Network, prefix: str = "") -> World:
    """Everybody of a running network."""
    founded = network.founded
    return World(network.directory, founded.secrets, founded.wallets, utc_now, prefix)


async def captured(network: Network, dienstverlener: str, request_id: str) -> Login:
    """All messages of a login that has ended."""
    topics = [topic.of(p.name) for topic in TOPICS for p in network.directory.in_role(topic.owner)]
    async with _from_the_beginning(network.servers.kafka, topics) as consumer:
        ends = await consumer.end_offsets(list(consumer.assignment()))
        found: list[ConsumerRecord] = []
        while any([await consumer.position(p) < end for p, end in ends.items()]):
            batches = await consumer.getmany(timeout_ms=200)
            found += [raw for batch in batches.values() for raw in batch]
    found.sort(key=lambda raw: raw.timestamp)
    return Login(dienstverlener, [_record(r) for r in found if r.key == request_id.encode()])


def forged(row: Row, everybody: World, login: Login) -> Record:
    """A row's bad message, made from the messages of a login."""
    return row.forge(Place(everybody, login.record(row.at), login, login))


async def publish(producer: AIOKafkaProducer, record: Record) -> None:
    """Put a record on its topic, as it is."""
    headers = list(record.headers)
    await producer.send_and_wait(record.topic, record.value, record.key, headers=headers)


async def buried(kafka: str, sent: Sequence[Record]) -> list[DeadLetterRecord]:
    """The dead letters beside the topics of what was sent: as soon as there is one for each of
    it, by key, or after a while: what lacks then, the tests say."""
    found: list[DeadLetterRecord] = []
    awaited = Counter(record.key[:_KEY_BYTES] for record in sent)
    topics = sorted({record.topic + DLQ_SUFFIX for record in sent})
    with suppress(TimeoutError):
        async with asyncio.timeout(DEAD_WITHIN_SECONDS), _from_the_beginning(kafka, topics) as dlq:
            while awaited - Counter(dead.record.key[:_KEY_BYTES] for dead in found):
                for batch in (await dlq.getmany(timeout_ms=200)).values():
                    found += [dead_letters.exhume(_record(raw)) for raw in batch]
    return found


@asynccontextmanager
async def _from_the_beginning(kafka: str, topics: Iterable[str]) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(
        *topics,
        bootstrap_servers=kafka,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        fetch_max_bytes=_ROOM,
        max_partition_fetch_bytes=_ROOM,
    )
    async with started(kafka, consumer):
        yield consumer


def _record(raw: ConsumerRecord) -> Record:
    return Record(raw.topic, raw.key or b"", raw.value or b"", tuple(raw.headers))
