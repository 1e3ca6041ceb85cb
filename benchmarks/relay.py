"""The limit: a login's messages and its cryptography through the same Kafka, and nothing else.

As many topics and partitions as a login meets in herken, a process a role, aiokafka with batches
and gathered futures. No rules, no database, no offsets committed; without cryptography, too.

    python -m benchmarks.relay ROLE KAFKA KEYS    one role (started by the benchmark)
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil
import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from benchmarks import arrivals, work
from benchmarks.children import child, observed, until_stdin_ends
from benchmarks.figures import PLAIN, RELAY
from benchmarks.lane import CLIENT, Groups
from benchmarks.work import Handler
from pipeline.beside import beside
from pipeline.kafka import started
from schemas import jose

PARTITIONS = 4
_MESSAGES = len(work.LENGTHS)
_SETTLE_SECONDS = 3
"""New topics have no leader for a moment."""
_HEADERS = [(f"ce_header{number}", bytes(work.HEADER_BYTES // 7 - 10)) for number in range(7)]


def topic(signed: bool, number: int) -> str:
    """Of the messages with this number, 1 to 8."""
    return f"relay-{'signed' if signed else 'plain'}-{number}"


class Relay:
    """The client's side: the dienstverlener and the user. Use `opened`."""

    def __init__(
        self,
        producer: AIOKafkaProducer,
        crypto: work.Jose | None,
        others: Groups,
    ) -> None:
        self.name = RELAY if crypto else PLAIN
        self._producer, self._crypto, self._others = producer, crypto, others
        self._waiting: dict[bytes, asyncio.Future[None]] = {}

    async def drive(self, instants: Sequence[float]) -> list[float]:
        return await arrivals.drive(self._login, instants)

    def processes(self) -> Groups:
        return {CLIENT: [psutil.Process(os.getpid())], **self._others}

    async def _login(self) -> None:
        key = str(uuid4()).encode()
        answered = asyncio.get_running_loop().create_future()
        self._waiting[key] = answered
        request = work.Dienstverlener(self._crypto).requested() if self._crypto else _plain(1)
        await _send(self._producer, topic(self._crypto is not None, 1), request, key)
        await answered

    async def read(self, consumer: AIOKafkaConsumer) -> None:
        """Verify the outcomes. Where one does not hold, its login fails."""
        while True:
            for record in await _records(consumer):
                try:
                    if self._crypto:
                        work.Dienstverlener(self._crypto).answered(record.value.decode())
                    self._waiting.pop(record.key).set_result(None)
                except jose.JoseFault as fault:
                    self._waiting.pop(record.key).set_exception(fault)


@asynccontextmanager
async def opened(
    kafka: str, servers: Groups, folder: Path, *, signed: bool
) -> AsyncIterator[Relay]:
    """The relay with its workers, ready. `servers`: the processes that it shares with others."""
    keys = {party: jose.new_key() for party in work.PARTIES}
    keys_file = folder / f"relay-{'signed' if signed else 'plain'}.json"
    content = {name: jose.private_jwk(key) for name, key in keys.items()} if signed else {}
    keys_file.write_text(json.dumps(content))
    await create([topic(signed, number) for number in range(1, _MESSAGES + 1)], kafka)
    async with AsyncExitStack() as stack:
        workers = [
            await stack.enter_async_context(
                child("benchmarks.relay", role, kafka, str(keys_file), log=folder / "relay.log")
            )
            for role in work.WORKERS
        ]
        crypto = work.Jose(keys) if signed else None
        producer = _producer(kafka)
        relay = Relay(producer, crypto, {"workers": observed(workers), **servers})
        outcomes = AIOKafkaConsumer(topic(signed, _MESSAGES), bootstrap_servers=kafka)
        users = AIOKafkaConsumer(topic(signed, 3), bootstrap_servers=kafka)
        await stack.enter_async_context(started(kafka, producer, outcomes, users))
        await stack.enter_async_context(beside(relay.read(outcomes)))
        user = handlers(work.USER, crypto)
        await stack.enter_async_context(beside(serve(users, producer, user, signed=signed)))
        yield relay


def handlers(role: str, crypto: work.Jose | None) -> Mapping[int, Handler]:
    """A role's, by the number of the message that each reads."""
    if crypto is not None:
        return work.roles(crypto)[role]
    read = work.roles(work.Jose({}))[role]
    return {number: work.unsigned(work.LENGTHS[number]) for number in read}


def _plain(number: int) -> str:
    return work.unsigned(work.LENGTHS[number - 1])(b"", "")


# --- on Kafka


async def serve(
    consumer: AIOKafkaConsumer,
    producer: AIOKafkaProducer,
    stages: Mapping[int, Handler],
    *,
    signed: bool,
) -> None:
    """Read the messages of some stages, and make the next ones, for ever."""
    numbers = {topic(signed, number): number for number in stages}
    while True:
        futures = []
        for record in await _records(consumer):
            number = numbers[record.topic]
            made = stages[number](record.key, record.value.decode())
            futures.append(await _send(producer, topic(signed, number + 1), made, record.key))
        await asyncio.gather(*futures)


async def _records(consumer: AIOKafkaConsumer) -> list[ConsumerRecord]:
    batches = await consumer.getmany(timeout_ms=1000)
    return [record for batch in batches.values() for record in batch]


async def _send(producer: AIOKafkaProducer, to: str, message: str, key: bytes) -> Awaitable[Any]:
    """Hand it over; what is returned tells that Kafka has it."""
    sending: Awaitable[Any] = await producer.send(to, message.encode(), key, headers=_HEADERS)
    return sending


def _producer(kafka: str) -> AIOKafkaProducer:
    return AIOKafkaProducer(
        bootstrap_servers=kafka, acks="all", enable_idempotence=True, max_batch_size=262_144
    )


async def create(topics: Sequence[str], kafka: str) -> None:
    """New topics, ready to be used."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.create_topics([NewTopic(each, PARTITIONS, 1) for each in topics])
    await admin.close()
    await asyncio.sleep(_SETTLE_SECONDS)


# --- a worker


async def _work(role: str, kafka: str, keys: Path) -> None:
    held = {name: jose.private_key(jwk) for name, jwk in json.loads(keys.read_text()).items()}
    signed = bool(held)
    stages = handlers(role, work.Jose(held) if signed else None)
    producer = _producer(kafka)
    consumer = AIOKafkaConsumer(
        *(topic(signed, number) for number in stages), bootstrap_servers=kafka
    )
    serving = beside(serve(consumer, producer, stages, signed=signed))
    async with started(kafka, producer, consumer), serving:
        await until_stdin_ends()


if __name__ == "__main__":
    uvloop.run(_work(sys.argv[1], sys.argv[2], Path(sys.argv[3])))
