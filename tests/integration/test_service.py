"""A service whose Kafka is away, or does not take what it publishes, ends in time and says why."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID, uuid4

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, NotLeaderForPartitionError
from pydantic import BaseModel

from pipeline import service as services
from pipeline.errors import StageStopped
from pipeline.kafka import keep_trying
from pipeline.kafka import started as clients_started
from pipeline.polling import POLL_FAILURES, Poll
from pipeline.runner import Runner
from pipeline.service import Service
from pipeline.settings import Settings
from pipeline.stage import RoleStages
from sandbox import cluster, topology
from sandbox.cluster import Cluster
from sandbox.kafka import JARS
from sandbox.topology import TopicPlan
from schemas.codec import Record
from schemas.topics import DLQ_MAX_BYTES

TOPIC = "told"
CLOSE_SECONDS = 1.0


class Nothing(BaseModel):
    """The row of a role that has no logins."""


class Sweeper:
    """In a runner's place: what a sweep finds due."""

    def __init__(self, *due: Record) -> None:
        self._due = due

    async def is_anything_due(self) -> bool:
        return bool(self._due)

    async def due(self) -> dict[UUID, list[Record]]:
        return {uuid4(): [record] for record in self._due}

    async def unconfirmed(self) -> dict[UUID, list[Record]]:
        return {}

    async def confirm(self, ids: list[UUID]) -> None:
        pass

    async def prune(self, *keep: timedelta) -> bool:
        return False


@pytest.fixture
async def kafka(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cluster]:
    """A Kafka of our own, to be hurt."""
    async with AsyncExitStack() as stack:
        folder = tmp_path_factory.mktemp("kafka")
        made = await cluster.started(folder, jars=JARS, progress=lambda _: None, stack=stack)
        await topology.create(made.address, [TopicPlan(TOPIC, 1, 600_000)])
        yield made


def service(kafka: str, *due: Record) -> Service:
    """One without stages."""
    role: RoleStages[Any] = RoleStages(Nothing, lambda: None, ())
    nowhere = Path("nowhere")
    settings = Settings(kafka=kafka, network=nowhere, secrets=nowhere, sweep_seconds=0.05)
    return Service("somebody", role, cast(Runner, Sweeper(*due)), settings)


def told(size: int) -> Record:
    return Record(TOPIC, str(uuid4()).encode(), b"x" * size, ())


@asynccontextmanager
async def running(service: Service) -> AsyncIterator[asyncio.Task[None]]:
    """Its run, once it can publish."""
    run = asyncio.create_task(service.run())
    while not service.kafka.running:
        await asyncio.sleep(0.02)
    await service.publish([told(10)])
    yield run


async def test_service_stops_in_time_when_kafka_is_away(
    kafka: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "CLOSE_SECONDS", CLOSE_SECONDS)
    made = service(kafka.address)
    async with running(made) as run:
        await kafka.kill_all()
        unsent = asyncio.create_task(made.publish([told(10)]))
        await asyncio.sleep(0.2)
        began = time.monotonic()
        made.stop()
        async with asyncio.timeout(30):
            await run
        waited = time.monotonic() - began
    assert not unsent.done()
    assert waited >= CLOSE_SECONDS  # it was given time
    unsent.cancel()
    await asyncio.gather(unsent, return_exceptions=True)


async def test_service_stops_by_itself_when_kafka_does_not_take_what_is_due(
    kafka: Cluster,
) -> None:
    too_large = told(DLQ_MAX_BYTES + 1)
    made = service(kafka.address, too_large)
    async with asyncio.timeout(30):
        with pytest.raises(StageStopped, match="somebody stopped by itself") as stopped:
            await made.run()
    assert isinstance(stopped.value.__cause__, MessageSizeTooLargeError)
    assert not made.is_live()


class EndsCancelled:
    """A client that ends as aiokafka's consumer may, while its server is away."""

    async def start(self) -> None:
        pass

    async def stop(self) -> None:
        raise asyncio.CancelledError


async def test_block_goes_on_when_a_client_ends_with_a_cancellation_of_its_own() -> None:
    async with clients_started("127.0.0.1:9092", EndsCancelled()):
        pass
    assert asyncio.current_task().cancelling() == 0  # type: ignore[union-attr]


@pytest.mark.parametrize("kept_trying", [True, False])
async def test_batch_without_a_leader_is_given_up_unless_it_is_kept_trying(
    kept_trying: bool,
) -> None:
    """The second case is the library's own way: without it, there is nothing to mend."""
    producer = AIOKafkaProducer(
        bootstrap_servers="127.0.0.1:9092", enable_idempotence=True, request_timeout_ms=10
    )
    if kept_trying:
        keep_trying(producer)
    batches, led_by_nobody = producer._message_accumulator, TopicPartition(TOPIC, 0)
    sent = await batches.add_message(led_by_nobody, b"key", b"value", timeout=1)
    producer._txn_manager.set_pid_and_epoch(1, 0)
    await asyncio.sleep(0.05)
    batches.drain_by_nodes(ignore_nodes=[])
    await producer.stop()
    assert sent.done() is not kept_trying
    assert kept_trying or isinstance(sent.exception(), NotLeaderForPartitionError)


class Consumer:
    """In a consumer's place: polls fail where they are told to; `fetcher` is its task."""

    def __init__(self, *fails: bool, fetcher: asyncio.Future[None] | None = None) -> None:
        self._fails = list(fails)
        self._fetcher = SimpleNamespace(error_future=fetcher or asyncio.Future())

    async def getmany(self, *, timeout_ms: int, max_records: int) -> dict[str, list[str]]:
        if self._fails.pop(0):
            raise KafkaError("unexpected error during coordination")
        return {}


async def polled(poll: Poll, times: int) -> None:
    for _ in range(times):
        with suppress(KafkaError):
            await poll(timeout_ms=1, max_records=1)


async def test_service_ends_when_poll_after_poll_fails() -> None:
    stopped: list[Exception] = []
    poll = Poll(Consumer(*[True] * POLL_FAILURES), stopped.append)
    await polled(poll, POLL_FAILURES - 1)
    assert stopped == []
    await polled(poll, 1)
    assert [type(error) for error in stopped] == [KafkaError]


async def test_service_goes_on_when_polls_succeed_in_between() -> None:
    stopped: list[Exception] = []
    fails = [*[True] * (POLL_FAILURES - 1), False] * 2
    await polled(Poll(Consumer(*fails), stopped.append), len(fails))
    assert stopped == []


async def test_service_ends_when_the_task_that_fetches_has_died() -> None:
    stopped: list[Exception] = []
    died: asyncio.Future[None] = asyncio.Future()
    died.set_exception(KafkaError("unexpected error during data retrieval"))
    await polled(Poll(Consumer(*[False] * 9, fetcher=died), stopped.append), POLL_FAILURES)
    assert [type(error) for error in stopped] == [KafkaError]
