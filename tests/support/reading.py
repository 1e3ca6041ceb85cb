"""Reads topics from their beginning to where they end now."""

from __future__ import annotations

from collections.abc import AsyncIterator

from aiokafka import AIOKafkaConsumer, ConsumerRecord

from schemas.codec import Record


async def everything(kafka: str, *topics: str) -> list[Record]:
    """Every record of these topics; the order is that of each partition."""
    return [_record(raw) async for raw in _read(kafka, topics)]


async def _read(kafka: str, topics: tuple[str, ...]) -> AsyncIterator[ConsumerRecord]:
    consumer = AIOKafkaConsumer(
        *topics,
        bootstrap_servers=kafka,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        isolation_level="read_committed",
    )
    async with consumer:
        ends = await consumer.end_offsets(list(consumer.assignment()))
        while any([await consumer.position(each) < end for each, end in ends.items()]):
            for batch in (await consumer.getmany(timeout_ms=200)).values():
                for raw in batch:
                    yield raw


def _record(raw: ConsumerRecord) -> Record:
    headers = tuple((name, value or b"") for name, value in raw.headers)
    return Record(raw.topic, raw.key or b"", raw.value or b"", headers)
