"""How the scheme changes its catalogue: whole updates, one after the other.

An update is one Kafka transaction, so that it is there whole or not at all, and all updates have
one transactional ID. Who begins one ends what another had begun: of two at the same time the later
one counts, and the other is told. Without that, what a loser published and nobody took over would
stand on the topic, and compaction would take away what it stands after.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, ProducerFenced

from pipeline.catalogue import READ_SECONDS, Follower, sign_entry
from pipeline.errors import HerkenError, WrongUse
from pipeline.kafka import Client, started, unreachable
from schemas import jose
from schemas.catalogue import Catalogue, CatalogueEntry
from schemas.directory import PublicJwk
from schemas.topics import MAX_MESSAGE_BYTES

TRANSACTIONAL_ID = "herken-catalogue"


class Overtaken(HerkenError):
    """Another update began while this one was under way: nothing of this one is published."""


@dataclass(frozen=True)
class Update:
    """An update under way: `known` is what it changes."""

    known: Catalogue
    _follower: Follower
    _producer: Client
    _scheme: jose.PrivateKey
    _kafka: str

    async def publish(self, entries: Sequence[CatalogueEntry]) -> None:
        """Publish entries, all or none, and return when they can be read.

        Raises Overtaken, ServerUnreachable; WrongUse where one is too large for Kafka.
        """
        if not entries:
            return
        try:
            async with self._producer.transaction():
                await self._send(entries)
        except ProducerFenced:
            raise Overtaken(
                "another update of the catalogue began meanwhile: nothing was published. Look at "
                "the difference anew"
            ) from None
        except MessageSizeTooLargeError:
            raise WrongUse("the entry of a dienstverlener is too large for Kafka") from None
        except KafkaError as error:
            raise unreachable(self._kafka, error) from None
        await self._read_back(entries[-1].version)

    async def _send(self, entries: Iterable[CatalogueEntry]) -> None:
        records = [sign_entry(entry, self._scheme) for entry in entries]
        futures = [await self._producer.send(r.topic, r.value, r.key) for r in records]
        await asyncio.gather(*futures)

    async def _read_back(self, version: int) -> None:
        try:
            async with asyncio.timeout(READ_SECONDS):
                await self._follower.reached(version)
        except TimeoutError:
            raise HerkenError(
                f"version {version} was published, and cannot be read: look at catalogue.dlq"
            ) from None


@asynccontextmanager
async def updating(kafka: str, scheme: jose.PrivateKey) -> AsyncIterator[Update]:
    """Begin an update of the catalogue as it is now. What is not published with the block is given
    up. Raises ServerUnreachable; WrongUse where the topic is not there."""
    public = PublicJwk.model_validate(jose.public_jwk(scheme))
    producer = _producer(kafka)
    async with started(kafka, producer):
        async with producer.transaction():  # an empty one, before reading, ends everybody else's
            pass
        async with Follower.following(kafka, public) as follower:
            yield Update(follower.catalogue, follower, producer, scheme, kafka)


async def publish(kafka: str, entries: Iterable[CatalogueEntry], scheme: jose.PrivateKey) -> None:
    """Publish entries as they are, in order, all or none. Raises as `updating` and `Update`."""
    async with updating(kafka, scheme) as update:
        await update.publish(list(entries))


def numbered(entries: Iterable[CatalogueEntry], known: Catalogue) -> list[CatalogueEntry]:
    """The same entries, with the versions that come after what is known."""
    return [
        entry.model_copy(update={"version": version})
        for version, entry in enumerate(entries, start=known.version + 1)
    ]


def _producer(kafka: str) -> AIOKafkaProducer:
    return AIOKafkaProducer(
        bootstrap_servers=kafka,
        transactional_id=TRANSACTIONAL_ID,
        max_request_size=MAX_MESSAGE_BYTES,
        compression_type="gzip",
    )
