"""Asks Kafka what is there, and reads what is on its topics now."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import TypeVar

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from pipeline.errors import WrongUse
from pipeline.kafka import started, unreachable

_PATIENCE_SECONDS = 20.0
_DELIVERY_MS = 10_000

T = TypeVar("T")
Span = tuple[int, int, int]
"""A partition, and the first and the last offset in it."""


@asynccontextmanager
async def administration(servers: str) -> AsyncIterator[AIOKafkaAdminClient]:
    """Kafka, to be asked about itself. Raises ServerUnreachable, for the whole block."""
    kafka = AIOKafkaAdminClient(bootstrap_servers=servers, request_timeout_ms=10_000)
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await kafka.start()
            yield kafka
    except (KafkaError, OSError) as error:
        raise unreachable(servers, error) from None
    finally:
        await kafka.close()


async def read(
    servers: str,
    names: Iterable[str],
    keep: Callable[[ConsumerRecord], T | None],
    span: Span | None = None,
) -> list[T]:
    """What `keep` makes of each record that is on these topics now, in order of each partition.

    Raises ServerUnreachable; WrongUse where a topic is not there.
    """
    names = list(names)
    await _require(servers, names)
    consumer = AIOKafkaConsumer(
        *names, bootstrap_servers=servers, enable_auto_commit=False, auto_offset_reset="earliest"
    )
    async with started(servers, consumer):
        try:
            return await _read(consumer, keep, span)
        except (KafkaError, OSError) as error:
            raise unreachable(servers, error) from None


async def _require(servers: str, names: Iterable[str]) -> None:
    """A consumer would wait 40 s for a topic that is not there. Raises WrongUse."""
    async with administration(servers) as kafka:
        missing = set(names) - set(await kafka.list_topics())
    if missing:
        raise WrongUse(f"{min(missing)} is not there: run `herken setup topics` first")


async def _read(
    consumer: AIOKafkaConsumer, keep: Callable[[ConsumerRecord], T | None], span: Span | None
) -> list[T]:
    kept: list[T] = []
    ends = await _ends(consumer, span)
    while left := [p for p in ends if await consumer.position(p) < ends[p]]:
        batches = await consumer.getmany(*left, timeout_ms=_DELIVERY_MS)
        if not batches:
            raise TimeoutError
        for partition, batch in batches.items():
            found = [keep(raw) for raw in batch if raw.offset < ends[partition]]
            kept += [one for one in found if one is not None]
    return kept


async def _ends(consumer: AIOKafkaConsumer, span: Span | None) -> dict[TopicPartition, int]:
    """Where to stop reading; the consumer is put where to begin."""
    ends: dict[TopicPartition, int] = await consumer.end_offsets(consumer.assignment())
    if span is None:
        return ends
    number, first, last = span
    for partition in [p for p in ends if p.partition == number]:
        consumer.seek(partition, max(first, await consumer.position(partition)))
    return {p: min(end, last + 1) for p, end in ends.items() if p.partition == number}
