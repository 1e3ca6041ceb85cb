"""The catalogue as it is now: read from its topic, from the start, and followed.

Everybody reads all of it, each for himself. What the scheme did not sign, or what is older than
what is known, changes nothing: a makelaar puts it among the dead letters, everybody logs it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from pydantic import ValidationError

from pipeline.beside import beside
from pipeline.errors import RETRIABLE, ServerUnreachable
from pipeline.kafka import started
from schemas import jose
from schemas.catalogue import Catalogue, CatalogueEntry, Growing, OlderVersion
from schemas.codec import Record, Untrusted
from schemas.directory import PublicJwk
from schemas.topics import CATALOGUE, MAX_MESSAGE_BYTES

log = structlog.get_logger()

Refused = tuple[Record, str]
"""A record that cannot be taken over, and why."""
Bury = Callable[[Sequence[Refused]], Awaitable[None]]
"""What is done with records that cannot be taken over."""
TYP = "nl.herken.catalogue-entry.v1+jwt"
READ_SECONDS = 60.0
_AGAIN_SECONDS = 1.0


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
    """Raises Untrusted: the scheme signs other things too."""
    if header.typ != TYP:
        raise Untrusted("typ_refused")


def require_key(record: Record, entry: CatalogueEntry) -> None:
    """Raises Untrusted: under another's key, compaction would take his entry away."""
    if record.key != entry.dienstverlener.encode():
        raise Untrusted("key_refused")


class Follower:
    """Keeps a catalogue up to date. `catalogue` is what is known now; `refused` counts what was
    read and not taken over."""

    def __init__(self, scheme: PublicJwk, bury: Bury | None = None) -> None:
        self.catalogue, self.refused = Catalogue(), 0
        self._scheme, self.bury = scheme, bury
        self._reading: asyncio.Task[None] | None = None
        self._grown = asyncio.Condition()

    @classmethod
    @asynccontextmanager
    async def following(
        cls, kafka: str, scheme: PublicJwk, bury: Bury | None = None
    ) -> AsyncIterator[Follower]:
        """A new one, that reads for as long as the block runs; as `reading`."""
        follower = cls(scheme, bury)
        async with follower.reading(kafka):
            yield follower

    @asynccontextmanager
    async def reading(self, kafka: str) -> AsyncIterator[None]:
        """Read the whole, and follow it for as long as the block runs.

        Raises ServerUnreachable; WrongUse where the topic is not there.
        """
        consumer = _consumer(kafka)
        async with started(kafka, consumer):
            await self._read_to_end(kafka, consumer)
            async with beside(self._follow(consumer)) as self._reading:
                yield

    def is_live(self) -> bool:
        """Whether it still follows."""
        return self._reading is None or not self._reading.done()

    async def reached(self, version: int) -> None:
        """Return when at least this version was read."""
        async with self._grown:
            await self._grown.wait_for(lambda: self.catalogue.version >= version)

    async def _read_to_end(self, kafka: str, consumer: AIOKafkaConsumer) -> None:
        partition = TopicPartition(CATALOGUE, 0)
        end = (await consumer.end_offsets([partition]))[partition]
        try:
            async with asyncio.timeout(READ_SECONDS):
                while await consumer.position(partition) < end:
                    await self._take(await consumer.getmany(timeout_ms=200))
        except TimeoutError:
            raise ServerUnreachable(
                f"Kafka at {kafka} did not deliver the catalogue in {READ_SECONDS:.0f} s"
            ) from None

    async def _follow(self, consumer: AIOKafkaConsumer) -> None:
        while True:
            try:
                await self._take(await consumer.getmany(timeout_ms=1000))
            except (*RETRIABLE, ServerUnreachable) as error:
                log.warning("catalogue_not_read", error=type(error).__name__)
                await asyncio.sleep(_AGAIN_SECONDS)

    async def _take(self, batches: dict[TopicPartition, list[ConsumerRecord]]) -> None:
        await self.take([_record(raw) for batch in batches.values() for raw in batch])

    async def take(self, records: Sequence[Record]) -> None:
        """Take over what the scheme signed and is newer than what is known; all of it at once."""
        growing, refused = Growing(self.catalogue), list[Refused]()
        for record in records:
            try:
                growing.take(read_entry(record, self._scheme))
            except OlderVersion:
                refused.append((record, "older_version"))
            except Untrusted as untrusted:
                refused.append((record, untrusted.reason))
        if len(refused) < len(records):
            await self._become(growing.catalogue())
        if refused:
            await self._refuse(refused)

    async def _become(self, catalogue: Catalogue) -> None:
        async with self._grown:
            self.catalogue = catalogue
            self._grown.notify_all()

    async def _refuse(self, refused: Sequence[Refused]) -> None:
        self.refused += len(refused)
        for reason, count in Counter(reason for _, reason in refused).items():
            first = next(record.position for record, why in refused if why == reason)
            log.warning("catalogue_refused", reason=reason, records=count, first=first)
        if self.bury is not None:
            await self.bury(refused)


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
