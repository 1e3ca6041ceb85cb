"""A participant as a consumer service, on FastStream.

Each stage has its own consumer group, so that starting a second process shares its partitions.
A batch is handled, published with all futures awaited, and only then committed. Whatever cannot
be retried ends the process: what was not committed is delivered again, to the same bytes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any

import structlog
from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.errors import (
    CommitFailedError,
    IllegalStateError,
    KafkaConnectionError,
    KafkaError,
)
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage
from faststream.kafka.message import FAKE_CONSUMER

from pipeline import membership
from pipeline.beside import beside
from pipeline.commits import BeforeRevoked, Commits, Offsets
from pipeline.dead_letters import Limit, is_misfit
from pipeline.delivery import deliver, deliver_due
from pipeline.errors import CRASH, HerkenError, StageStopped, WrongUse
from pipeline.kafka import FETCH_WAIT_MS, PATIENCE, fetch_together, keep_trying, unreachable
from pipeline.polling import Poll
from pipeline.pruning import Pruning
from pipeline.runner import Runner
from pipeline.settings import Settings
from pipeline.stage import RoleStages, Stage
from schemas.codec import Record
from schemas.records import Queued
from schemas.topics import DLQ_MAX_BYTES

log = structlog.get_logger()

Raw = Sequence[ConsumerRecord]
PUBLISH_BATCH_BYTES = 262_144
FETCH_BYTES = 1_048_576
"""Of one partition, before the next has its turn. A sixteenth where a stage refuses what waited too
long: it has to see all its partitions to know how it is doing."""
DRAIN_SECONDS = 15.0
CLOSE_SECONDS = 16.0


class Service:
    """Runs one participant's stages until it is stopped, or may not go on."""

    def __init__(
        self, name: str, role: RoleStages[Any], runner: Runner, settings: Settings
    ) -> None:
        self._name, self._role, self._runner, self._settings = name, role, runner, settings
        keep, claims = timedelta(hours=settings.ledger_hours), timedelta(days=settings.claims_days)
        self._pruning = Pruning(runner, keep, claims)
        self._fatal: Exception | None = None
        self._stopped = asyncio.Event()
        self._has_joined = False
        self.kafka = kafka_client(settings.kafka, name)
        self._commits = {stage.topic.name: self._committing(stage) for stage in role.stages}
        self._subscribers = {
            stage.topic.name: self._subscribe(stage, self._commits[stage.topic.name])
            for stage in role.stages
        }

    def stop(self) -> None:
        """Let `run` finish the batches in hand, and return."""
        self._stopped.set()

    async def run(self) -> None:
        """Consume until `stop`, then finish the batches in hand. Raises what made it stop by
        itself."""
        structlog.contextvars.bind_contextvars(participant=self._name)
        log.info("started", stages=[stage.topic.name for stage in self._role.stages])
        async with beside(self._sweep()):
            await self._consume_all()
        log.info("stopped")
        if self._fatal is not None:
            raise _told(self._name, self._fatal) from self._fatal

    async def _consume_all(self) -> None:
        try:
            await self.kafka.start()  # every stage has joined its group after that
            self._has_joined = True
            self._be_patient()
            self._watch_membership()
            await self._stopped.wait()
        except KafkaConnectionError as error:
            raise unreachable(self._settings.kafka, error) from None
        finally:
            await self._close()

    async def _close(self) -> None:
        """Finish the batches in hand. While Kafka is away, the producer would wait for it for ever:
        what was not sent is given up, and comes again where somebody goes on."""
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await asyncio.gather(*(commits.close() for commits in self._commits.values()))
                await self.kafka.stop()
        except TimeoutError:
            log.warning("not_sent", waited=CLOSE_SECONDS)

    def is_live(self) -> bool:
        return self._fatal is None

    def is_assigned(self) -> bool:
        """Whether every stage has joined its group; where there are more processes than
        partitions, some rightly have none."""
        consumers = [subscriber.consumer for subscriber in self._subscribers.values()]
        return self._has_joined and any(
            consumer is not None and consumer.assignment() for consumer in consumers
        )

    def _be_patient(self) -> None:
        """Let the producer wait for Kafka, however long it is away; and let an idle consumer wait
        for records instead of asking for them again and again.

        FastStream waits `batch_timeout_ms` in the poll and sleeps as long after an empty one. A
        long wait in the poll costs no latency, since records end it; a long sleep would.
        """
        keep_trying(self._producer)
        for subscriber in self._subscribers.values():
            fetch_together(subscriber.consumer)
            subscriber.consumer.getmany = Poll(subscriber.consumer, self._stop)

    def _watch_membership(self) -> None:
        if self._settings.instance:
            for subscriber in self._subscribers.values():
                membership.watch(subscriber.consumer, self._settings.instance, self._taken_over)

    def _taken_over(self) -> None:
        instance = self._settings.instance
        self._stop(
            WrongUse(
                f"another process of {self._name} runs with HERKEN_INSTANCE={instance} and has "
                "taken this one's place: give each process a name of its own"
            )
        )

    # --- stages

    def _committing(self, stage: Stage) -> Commits:
        return Commits(lambda offsets: self.commit(stage, offsets), self._stop)

    def _subscribe(self, stage: Stage, commits: Commits) -> Any:
        subscriber = self.kafka.subscriber(
            stage.topic.of(self._name),
            group_id=f"{self._name}.{stage.topic.name}",
            batch=True,
            max_records=stage.batch,
            batch_timeout_ms=self._settings.batch_wait_ms,
            ack_policy=AckPolicy.MANUAL,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            fetch_max_wait_ms=FETCH_WAIT_MS,
            max_partition_fetch_bytes=FETCH_BYTES if stage.busy is None else FETCH_BYTES // 16,
            partition_assignment_strategy=(RoundRobinPartitionAssignor,),
            **membership.options(self._settings.instance),
            listener=BeforeRevoked(commits),
            decoder=_undecoded,
            no_reply=True,
        )
        subscriber(self._consume(stage))
        return subscriber

    def _consume(self, stage: Stage) -> Callable[[Raw], Awaitable[None]]:
        limit = Limit(self._settings.dead_letter_share)

        async def consume(raw: Raw) -> None:
            if self._fatal is not None:  # nothing may be committed past what was not handled
                return
            try:
                await self._handle(stage, limit, raw)
            except Exception as error:
                self._stop(error)

        return consume

    async def _handle(self, stage: Stage, limit: Limit, raw: Raw) -> None:
        records = _records(raw, self._subscribers[stage.topic.name].consumer)
        await deliver(
            lambda: self.process(stage, records, limit),
            self.publish,
            lambda: self._commits[stage.topic.name].note(raw),
        )

    async def process(self, stage: Stage, records: Sequence[Record], limit: Limit) -> list[Record]:
        """Handle a batch, and return what to publish. Raises StageStopped."""
        outputs = await self._runner.process(stage, records)
        dead = sum(is_misfit(output) for output in outputs)
        limit.count(len(records) - dead, dead)
        return outputs

    async def commit(self, stage: Stage, offsets: Offsets) -> None:
        """Commit offsets; where a partition went to another process meanwhile, it is that one's to
        commit."""
        consumer = self._subscribers[stage.topic.name].consumer
        ours = offsets.keys() & (consumer.assignment() if consumer else ())
        try:
            if ours:
                await consumer.commit({partition: offsets[partition] for partition in ours})
        except (CommitFailedError, IllegalStateError) as error:
            log.warning("not_committed", topic=stage.topic.name, error=type(error).__name__)

    def _stop(self, error: Exception) -> None:
        log.critical("stopping", error=type(error).__name__)
        self._fatal = self._fatal or error
        self.stop()

    # --- publishing

    async def publish(self, records: Sequence[Record]) -> None:
        """Publish, and wait until Kafka has it all."""
        futures = [await self._send(record) for record in records]
        await asyncio.gather(*futures)

    async def _send(self, record: Record) -> asyncio.Future[Any]:
        """With the record's own headers and no others: FastStream would add two."""
        sending: asyncio.Future[Any] = await self._producer.send(
            record.topic, record.value, record.key, headers=list(record.headers)
        )
        return sending

    @property
    def _producer(self) -> Any:
        """The AIOKafkaProducer that FastStream has started."""
        producer: Any = self.kafka.config.producer
        return producer._producer.producer

    # --- what is due

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(self._settings.sweep_seconds)
            try:
                await deliver_due(self._runner, self.publish)
                await self._pruning.prune()
            except (KafkaError, *CRASH) as error:  # as in a stage: the producer may be dead
                self._stop(error)
            except Exception as error:
                log.warning("sweep_failed", error=type(error).__name__)


def kafka_client(servers: str, name: str) -> KafkaBroker:
    """FastStream's client of Kafka, as every service uses it."""
    return KafkaBroker(
        servers.split(","),
        client_id=name,
        acks="all",
        enable_idempotence=True,
        allow_auto_create_topics=False,
        **PATIENCE,
        max_batch_size=PUBLISH_BATCH_BYTES,
        max_request_size=DLQ_MAX_BYTES,
        graceful_timeout=DRAIN_SECONDS,
        parser=_as_it_came,
        apply_types=False,
        logger=None,
    )


def _told(name: str, error: Exception) -> HerkenError:
    """What ended a service, for whoever started it."""
    if isinstance(error, HerkenError):
        return error
    return StageStopped(
        f"{name} stopped by itself ({type(error).__name__}): its log says where. Start it again; "
        "what it had not committed comes again."
    )


async def _as_it_came(records: Raw) -> KafkaMessage:
    """A batch, for FastStream: its own parser would decode the headers, and lose the whole batch
    where one is not UTF-8."""
    return KafkaMessage(raw_message=records, body=b"", consumer=FAKE_CONSUMER)


async def _undecoded(message: KafkaMessage) -> Raw:
    """The batch as it came: each message is read and checked by itself. Not FastStream's message:
    it keeps what is returned, and would have a batch in memory until garbage is looked for."""
    return message.raw_message


def _records(raw: Raw, consumer: Any) -> list[Record]:
    ends = _ends(raw, consumer)
    return [_record(record, ends.get(record.partition, 0)) for record in raw]


def _ends(raw: Raw, consumer: Any) -> dict[int, int]:
    """Of each partition of a topic, what its next offset will be, as the last fetch told."""
    topic, numbers = raw[0].topic, {record.partition for record in raw}
    ours = consumer.assignment() & {TopicPartition(topic, number) for number in numbers}
    return {each.partition: consumer.highwater(each) or 0 for each in ours}


def _record(record: ConsumerRecord[bytes, bytes], end: int) -> Record:
    left = max(0, end - record.offset - 1)
    return Record(
        record.topic,
        record.key or b"",
        record.value or b"",
        tuple((name, value or b"") for name, value in record.headers),
        f"{record.partition}:{record.offset}",
        Queued(record.timestamp / 1000, left),
    )
