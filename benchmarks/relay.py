"""The baseline: as many messages of the same size through the same Kafka, and nothing else.

Eight topics in a row, one process, batches and gathered futures: what a login's eight messages
would cost if nobody signed, checked, decided or stored anything.
"""

from __future__ import annotations

import asyncio
import time

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

HOPS, PARTITIONS, BYTES = 8, 4, 1500
_SETTLE_SECONDS = 3
"""New topics have no leader for a moment."""
_TOPICS = [f"relay-{hop}" for hop in range(HOPS)]


async def relays_per_second(kafka: str, count: int) -> float:
    """How many eight-message relays a second."""
    await _create(kafka)
    producer = AIOKafkaProducer(
        bootstrap_servers=kafka, acks="all", enable_idempotence=True, max_batch_size=262_144
    )
    consumers = [AIOKafkaConsumer(t, bootstrap_servers=kafka) for t in _TOPICS]
    await asyncio.gather(producer.start(), *(consumer.start() for consumer in consumers))
    for consumer in consumers:
        await asyncio.gather(*(consumer.position(p) for p in consumer.assignment()))
    began = time.perf_counter()
    hops = [_hop(consumers[n], producer, n, count) for n in range(HOPS)]
    await asyncio.gather(_start(producer, count), *hops)
    seconds = time.perf_counter() - began
    await asyncio.gather(producer.stop(), *(consumer.stop() for consumer in consumers))
    return count / seconds


async def _create(kafka: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.create_topics([NewTopic(topic, PARTITIONS, 1) for topic in _TOPICS])
    await admin.close()
    await asyncio.sleep(_SETTLE_SECONDS)


async def _start(producer: AIOKafkaProducer, count: int) -> None:
    futures = [await producer.send(_TOPICS[0], bytes(BYTES), str(n).encode()) for n in range(count)]
    await asyncio.gather(*futures)


async def _hop(
    consumer: AIOKafkaConsumer, producer: AIOKafkaProducer, hop: int, count: int
) -> None:
    """Pass everything on to the next topic; the last one only counts."""
    seen = 0
    while seen < count:
        batches = await consumer.getmany(timeout_ms=100)
        records = [record for batch in batches.values() for record in batch]
        seen += len(records)
        if hop + 1 < HOPS:
            sent = [await producer.send(_TOPICS[hop + 1], r.value, r.key) for r in records]
            await asyncio.gather(*sent)
