"""A stage's offsets: noted when what they led to is published, committed together a little later.

Each commit is a request of its own, and a write in Kafka: a third of what a message costs when
messages come one by one. Whoever is killed meanwhile is delivered again what it had not committed
yet, and sends the same bytes again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Final

from aiokafka import ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

Offsets = Mapping[TopicPartition, int]
"""The next to read of each partition."""

COMMIT_AFTER_SECONDS: Final = 1.0
_REVOKED_SECONDS: Final = 1.0
"""Who waits in a rebalance makes all others wait."""


class Commits:
    """What is noted and not yet committed. `commit` writes it; `failed` hears why it could not."""

    def __init__(
        self,
        commit: Callable[[Offsets], Awaitable[None]],
        failed: Callable[[Exception], None],
    ) -> None:
        self._commit, self._failed = commit, failed
        self._noted: dict[TopicPartition, int] = {}
        self._later: asyncio.Task[None] | None = None
        self._is_closing = False

    async def note(self, records: Iterable[ConsumerRecord[bytes, bytes]]) -> None:
        """These are handled, and all that they led to is in Kafka."""
        for record in records:
            self._noted[TopicPartition(record.topic, record.partition)] = record.offset + 1
        if self._is_closing:
            await self.flush()
        elif self._later is None:
            self._later = asyncio.create_task(self._commit_later())

    async def close(self) -> None:
        """Commit at once, now and from now on."""
        self._is_closing = True
        await self.flush()

    async def flush(self) -> None:
        """Commit at once what is noted."""
        noted, self._noted = self._noted, {}
        if noted:
            await self._commit(noted)

    async def _commit_later(self) -> None:
        """One commit after the other: an older one must not overtake a newer."""
        try:
            while self._noted:
                await asyncio.sleep(COMMIT_AFTER_SECONDS)
                await self.flush()
        except Exception as error:
            self._failed(error)
        finally:
            self._later = None


class BeforeRevoked(ConsumerRebalanceListener):  # type: ignore[misc]
    """Commits while the partitions are still this process's, so that their next reader need not
    begin with what is done."""

    def __init__(self, commits: Commits) -> None:
        self._commits = commits

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        try:
            async with asyncio.timeout(_REVOKED_SECONDS):
                await self._commits.flush()
        except (KafkaError, TimeoutError):
            return

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Nothing to do."""
