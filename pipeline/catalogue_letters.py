"""What stands on the catalogue's topic and cannot be taken over, among the dead letters: once.

Everybody reads the topic, from the start, at every start. So one makelaar of the directory does it
for all, and his database remembers what he did, whichever of his processes did it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from aiokafka import AIOKafkaProducer

from pipeline.catalogue import Refused
from pipeline.dead_letters import bury
from pipeline.kafka import started
from pipeline.keys import Keys, utc_now
from pipeline.stage import Connection
from pipeline.store import Store
from schemas.codec import Record, message_id
from schemas.jose import digest
from schemas.topics import DLQ_MAX_BYTES
from schemas.values import Role


class CatalogueLetters:
    """The dead letters that a makelaar writes of the catalogue."""

    def __init__(self, kafka: str, keys: Keys, store: Store) -> None:
        self._kafka, self._keys, self._store = kafka, keys, store

    async def bury(self, refused: Sequence[Refused]) -> None:
        """Write the dead letters of these records, if it is on us and they are not written yet.

        Published before it is remembered: a crash between the two writes them twice. CHOICE: the
        first makelaar of the directory, in the order that users see, writes them.
        """
        if self._keys.directory.in_role(Role.MAKELAAR)[0] != self._keys.me:
            return
        async with self._store.connection() as connection, connection.transaction():
            fresh = [each for each in refused if await _claim(connection, each[0])]
            now = utc_now()
            await _publish(self._kafka, [bury(record, reason, now) for record, reason in fresh])


async def _claim(connection: Connection, record: Record) -> bool:
    """Whether nobody did before; whoever does at the same time waits for us to commit. It stands
    for ever: the record may stay on the topic as long."""
    claim = f"{record.topic}:{record.position}:{digest(record.value)}"
    return bool(
        await connection.fetchval(
            "INSERT INTO claims (claim, input_id, claimed_at) VALUES ($1, $2, 'infinity')"
            " ON CONFLICT DO NOTHING RETURNING true",
            claim,
            message_id("catalogue", claim),
        )
    )


async def _publish(kafka: str, letters: Sequence[Record]) -> None:
    if not letters:
        return
    producer = AIOKafkaProducer(
        bootstrap_servers=kafka, enable_idempotence=True, max_request_size=DLQ_MAX_BYTES
    )
    async with started(kafka, producer):
        futures = [
            await producer.send(r.topic, r.value, r.key, headers=list(r.headers)) for r in letters
        ]
        await asyncio.gather(*futures)
