"""A makelaar on real Kafka and Postgres who has more to do than he can: what waited too long is
refused, and the rest served."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from brokers.role import makelaar
from pipeline.keys import utc_now
from pipeline.runner import Runner
from pipeline.service import Service
from pipeline.settings import Settings
from pipeline.store import Store
from sandbox import topology
from sandbox.servers import Servers
from schemas import codec
from schemas.codec import CLOCK_SKEW_SECONDS
from schemas.messages import Outcome, Refused
from schemas.topics import AUTHN_REQUESTS, MEANS_PROMPTS, OUTCOMES
from tests.unit.builders import authn_request, databases, signed, world

BUSY_AFTER = 2.0
PROMPT, ANSWER = MEANS_PROMPTS.of("duin"), OUTCOMES.of("haven")
PATIENCE_SECONDS = 60


@dataclass
class Duin:
    """A makelaar whose clocks are set by the test. `behind`: how far his monotonic one has gone on,
    while Kafka's stood still, more or less; `late`: by how many seconds the other one is ahead."""

    kafka: str
    pool: asyncpg.Pool
    producer: AIOKafkaProducer
    consumer: AIOKafkaConsumer
    behind: float = 0.0
    late: float = 0.0

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        keys, nowhere = world().keys("duin"), Path("nowhere")
        settings = Settings(kafka=self.kafka, network=nowhere, secrets=nowhere)
        role = makelaar(keys, settings.deadline_seconds)
        monotonic = lambda: self.behind  # noqa: E731
        runner = Runner(role, keys, Store(self.pool), self._clock, BUSY_AFTER, monotonic)
        service = Service("duin", role, runner, settings)
        run = asyncio.create_task(service.run())
        try:
            yield
        finally:
            service.stop()
            await run

    def _clock(self) -> datetime:
        return utc_now() + timedelta(seconds=self.late)

    async def ask(self, within: int | None = None) -> None:
        """Publish a request, to be answered within so many seconds."""
        message = authn_request(request_id=uuid4(), answer_within_seconds=within)
        record = signed(AUTHN_REQUESTS, "duin", message, "haven", now=utc_now(), jti=uuid4())
        headers = list(record.headers)
        await self.producer.send_and_wait(record.topic, record.value, record.key, headers=headers)

    async def says(self, messages: int = 1) -> Counter[str]:
        """What comes of so many requests: prompts, and refusals by their codes."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            found = [await self.consumer.getone() for _ in range(messages)]
        return Counter("prompt" if raw.topic == PROMPT else code(raw.value or b"") for raw in found)


def code(value: bytes) -> str:
    result = codec.unverified(value.decode(), Outcome).result
    assert isinstance(result, Refused)
    assert (result.retry_after_seconds is not None) == (result.code == "busy")
    return str(result.code)


@pytest.fixture
async def duin(herken_servers: Servers) -> AsyncIterator[Duin]:
    """With one partition a topic, so that all is read in the order in which it came."""
    kafka = herken_servers.kafka
    plans = [
        replace(each, partitions=1)
        for each in topology.plan(world().directory)
        if each.name.removesuffix(".dlq").endswith(".duin") or each.name == ANSWER
    ]
    await topology.create(kafka, plans)
    producer = AIOKafkaProducer(bootstrap_servers=kafka)
    consumer = AIOKafkaConsumer(PROMPT, ANSWER, bootstrap_servers=kafka)
    async with databases(herken_servers.postgres, "duin") as pools, producer, consumer:
        yield Duin(kafka, pools["duin"], producer, consumer)


async def test_of_what_lay_there_before_a_role_starts_only_what_is_given_up_is_refused(
    duin: Duin,
) -> None:
    for within in (5, None, 5, None, None):
        await duin.ask(within)
    duin.late = 5 + CLOCK_SKEW_SECONDS + 1
    async with duin.running():
        assert await duin.says(5) == {"busy": 2, "prompt": 3}


async def test_what_waits_too_long_is_refused_while_the_role_does_not_catch_up(duin: Duin) -> None:
    async with duin.running():
        await duin.ask()
        assert await duin.says() == {"prompt": 1}
        duin.behind = BUSY_AFTER + 1
        await duin.ask()
        assert await duin.says() == {"prompt": 1}
        duin.behind += BUSY_AFTER
        for _ in range(3):
            await duin.ask()
        assert await duin.says(3) == {"busy": 3}
    async with duin.running():  # a new process has refused nothing yet
        await duin.ask()
        assert await duin.says() == {"prompt": 1}
