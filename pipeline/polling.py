"""How a stage waits for records, and how it notices that none will ever come."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aiokafka.errors import KafkaError

IDLE_WAIT_MS = 1000
POLL_FAILURES = 3
"""So many polls in a row may fail; FastStream waits 5 s after each. aiokafka tries again by itself
what can be, so that a poll that fails is rare, and one that fails again is a dead consumer."""


class Poll:
    """A consumer's `getmany` that waits longer, and ends the service where the consumer is dead.

    FastStream would ask a dead one again for ever, and the process would look alive meanwhile.
    """

    def __init__(self, consumer: Any, stop: Callable[[Exception], None]) -> None:
        self._consumer, self._getmany, self._stop = consumer, consumer.getmany, stop
        self._failures = 0

    async def __call__(self, *, timeout_ms: int, max_records: int) -> Any:
        wait_ms = max(timeout_ms, IDLE_WAIT_MS)
        try:
            self._require_fetching()
            records = await self._getmany(timeout_ms=wait_ms, max_records=max_records)
        except KafkaError as error:
            self._failures += 1
            if self._failures >= POLL_FAILURES:
                self._stop(error)
            raise
        self._failures = 0
        return records

    def _require_fetching(self) -> None:
        """aiokafka itself never looks at the task that fetches: without it, no record comes."""
        fetching = self._consumer._fetcher.error_future
        if fetching.done() and not fetching.cancelled() and fetching.exception():
            raise fetching.exception()
