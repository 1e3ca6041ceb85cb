"""Reads an outcomes topic from its beginning, for who counts what came of each request."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from aiokafka import AIOKafkaConsumer


async def outcomes_by_request(kafka: str, topic: str) -> dict[str, list[bytes]]:
    """All outcomes on a topic, each login's in the order in which they were published."""
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=kafka, auto_offset_reset="earliest", enable_auto_commit=False
    )
    await consumer.start()
    try:
        ends = await consumer.end_offsets(list(consumer.assignment()))
        found: dict[str, list[bytes]] = defaultdict(list)
        while any([await consumer.position(p) < end for p, end in ends.items()]):
            for batch in (await consumer.getmany(timeout_ms=200)).values():
                for record in batch:
                    found[record.key.decode()].append(record.value)
        return found
    finally:
        await consumer.stop()


def not_exactly_one(found: dict[str, list[bytes]], requests: Iterable[str]) -> dict[str, int]:
    """The requests without exactly one distinct outcome, and how many they have.

    The same bytes twice are one outcome: a crash may publish them again.
    """
    counts = {request: len(set(found.get(request, []))) for request in requests}
    return {request: count for request, count in counts.items() if count != 1}
