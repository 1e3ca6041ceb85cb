"""The catalogue as it is now: read from its topic, from the start, and followed.

Everybody reads all of it, each for himself. What the scheme did not sign, or what is older than
what is known, changes nothing: a makelaar puts it among the dead letters, everybody logs it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from pydantic import ValidationError

from pipeline.kafka import started
from schemas import jose
from schemas.catalogue import Catalogue, CatalogueEntry
from schemas.codec import Record, Untrusted
from schemas.directory import PublicJwk
from schemas.topics import CATALOGUE, MAX_MESSAGE_BYTES

log = structlog.get_logger()

Bury = Callable[[Record, str], Awaitable[None]]
"""What is done with a record that cannot be taken over, and why."""
TYP = "nl.herken.catalogue-entry.v1+jwt"
READ_SECONDS = 60.0


def sign_entry(entry: CatalogueEntry, scheme: jose.PrivateKey) -> Record:
    """The record of an entry, signed by the scheme."""
    text = jose.sign(entry.model_dump_json().encode(), TYP, scheme)
    return Record(CATALOGUE, entry.dienstverlener.encode(), text.encode())


def read_entry(record: Record, scheme: PublicJwk) -> CatalogueEntry:
    """The entry in a record that the scheme signed. Raises Untrusted."""
    try:
        text = record.value.decode()
        require_typ(jose.header_of(text))
        payload = jose.verified_payload(text, scheme.x, scheme.y)
        entry = CatalogueEntry.model_validate_json(payload)
    except UnicodeDecodeError:
        raise Untrusted("not_utf8") from None
    except jose.JoseFault as fault:
        raise Untrusted(fault.code) from None
    except ValidationError:
        raise Untrusted("entry_malformed") from None
    require_key(record, entry)
    return entry


def require_typ(header: jose.Header) -> None:
    """Raises Untrusted."""
    if header.typ != TYP:
        raise Untrusted("typ_refused")


def require_key(record: Record, entry: CatalogueEntry) -> None:
    """Raises Untrusted: under another's key, compaction would take his entry away."""
    if record.key != entry.dienstverlener.encode():
        raise Untrusted("key_refused")


class Follower:
    """Keeps a catalogue up to date. `catalogue` is what is known now."""

    def __init__(self, scheme: PublicJwk, bury: Bury | None = None) -> None:
        self.catalogue = Catalogue()
        self._scheme, self._bury = scheme, bury

    @classmethod
    @asynccontextmanager
    async def following(
        cls, kafka: str, scheme: PublicJwk, bury: Bury | None = None
    ) -> AsyncIterator[Follower]:
        """Read the whole, and follow it for as long as the block runs.

        Raises ServerUnreachable; WrongUse where the topic is not there.
        """
        follower = cls(scheme, bury)
        consumer = _consumer(kafka)
        async with started(kafka, consumer):
            await follower._read_to_end(consumer)
            reading = asyncio.create_task(follower._follow(consumer))
            try:
                yield follower
            finally:
                reading.cancel()
                with suppress(asyncio.CancelledError):
                    await reading

    async def _read_to_end(self, consumer: AIOKafkaConsumer) -> None:
        partition = TopicPartition(CATALOGUE, 0)
        end = (await consumer.end_offsets([partition]))[partition]
        async with asyncio.timeout(READ_SECONDS):
            while await consumer.position(partition) < end:
                await self._take(await consumer.getmany(timeout_ms=200))

    async def _follow(self, consumer: AIOKafkaConsumer) -> None:
        while True:
            await self._take(await consumer.getmany(timeout_ms=1000))

    async def _take(self, batches: dict[TopicPartition, list[ConsumerRecord]]) -> None:
        await self.take([_record(raw) for batch in batches.values() for raw in batch])

    async def take(self, records: Sequence[Record]) -> None:
        """Take over what the scheme signed and is newer than what is known."""
        newer: list[CatalogueEntry] = []
        for record in records:
            try:
                entry = read_entry(record, self._scheme)
                self.require_newer(entry, newer)
                newer.append(entry)
            except Untrusted as untrusted:
                await self._refuse(record, untrusted.reason)
        if newer:
            self.catalogue = self.catalogue.with_entries(newer)

    def require_newer(self, entry: CatalogueEntry, newer: Sequence[CatalogueEntry]) -> None:
        """Raises Untrusted."""
        known = newer[-1].version if newer else self.catalogue.version
        if entry.version <= known:
            raise Untrusted("older_version")

    async def _refuse(self, record: Record, reason: str) -> None:
        log.warning("catalogue_refused", position=record.position, reason=reason)
        if self._bury is not None:
            await self._bury(record, reason)


async def publish(kafka: str, entries: Iterable[CatalogueEntry], scheme: jose.PrivateKey) -> None:
    """Publish entries, in order. Raises ServerUnreachable."""
    producer = AIOKafkaProducer(
        bootstrap_servers=kafka,
        acks="all",
        enable_idempotence=True,
        max_request_size=MAX_MESSAGE_BYTES,
        compression_type="gzip",
    )
    async with started(kafka, producer):
        records = [sign_entry(entry, scheme) for entry in entries]
        futures = [await producer.send(r.topic, r.value, r.key) for r in records]
        await asyncio.gather(*futures)


def _consumer(kafka: str) -> AIOKafkaConsumer:
    return AIOKafkaConsumer(
        CATALOGUE,
        bootstrap_servers=kafka,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        max_partition_fetch_bytes=MAX_MESSAGE_BYTES,
    )


def _record(raw: ConsumerRecord) -> Record:
    headers = tuple((name, value or b"") for name, value in raw.headers)
    position = f"{raw.partition}:{raw.offset}"
    return Record(raw.topic, raw.key or b"", raw.value or b"", headers, position)
