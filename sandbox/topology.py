"""Every topic that a network needs, from the one list in `schemas.topics`, and its creation."""

from __future__ import annotations

from dataclasses import dataclass

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from pipeline.kafka import unreachable
from schemas.directory import Directory
from schemas.topics import (
    CATALOGUE,
    DLQ_MAX_BYTES,
    DLQ_RETENTION_MS,
    DLQ_SUFFIX,
    FOREVER_MS,
    MAX_MESSAGE_BYTES,
    TOPICS,
)

_MOST_COPIES = 3
_SEGMENTS = 4
_COMPACTED_MS = 86_400_000


@dataclass(frozen=True)
class TopicPlan:
    """One topic of one participant, as it must exist."""

    name: str
    partitions: int
    retention_ms: int
    max_bytes: int = MAX_MESSAGE_BYTES
    compacted: bool = False

    @property
    def segment_ms(self) -> int:
        """Kafka deletes and compacts whole segments, never the one that is written to: a record may
        stay for as long as a segment is open beyond its retention."""
        return _COMPACTED_MS if self.retention_ms == FOREVER_MS else self.retention_ms // _SEGMENTS

    @property
    def kept_ms(self) -> int:
        """The longest that a record can be delivered."""
        is_for_ever = self.retention_ms == FOREVER_MS
        return FOREVER_MS if is_for_ever else self.retention_ms + self.segment_ms

    @property
    def config(self) -> dict[str, str]:
        return {
            "retention.ms": str(self.retention_ms),
            "segment.ms": str(self.segment_ms),
            "max.message.bytes": str(self.max_bytes),
            "cleanup.policy": "compact" if self.compacted else "delete",
            "message.timestamp.type": "LogAppendTime",  # nobody says himself since when he waits
        }


def plan(directory: Directory) -> list[TopicPlan]:
    """The topics of every participant in the directory, and the catalogue."""
    plans = [
        TopicPlan(CATALOGUE, 1, FOREVER_MS, compacted=True),
        TopicPlan(CATALOGUE + DLQ_SUFFIX, 1, DLQ_RETENTION_MS, DLQ_MAX_BYTES),
    ]
    for topic in TOPICS:
        for owner in directory.in_role(topic.owner):
            name = topic.of(owner.name)
            plans.append(TopicPlan(name, topic.partitions, topic.retention_ms))
            if topic.has_dlq:
                plans.append(TopicPlan(name + DLQ_SUFFIX, 1, DLQ_RETENTION_MS, DLQ_MAX_BYTES))
    return plans


async def create(servers: str, plans: list[TopicPlan], replication: int | None = None) -> list[str]:
    """Create what is not there yet; returns the names of what was.

    replication  copies of each partition; None: one on each broker, three at most
    Raises ServerUnreachable.
    """
    admin = AIOKafkaAdminClient(bootstrap_servers=servers, request_timeout_ms=60_000)
    try:
        await admin.start()
        there = set(await admin.list_topics())
        missing = [p for p in plans if p.name not in there]
        if missing:
            copies = replication or await _copies(admin)
            response = await admin.create_topics([_new(p, copies) for p in missing])
            _require_created(response.topic_errors)
        return [p.name for p in missing]
    except (KafkaError, OSError) as error:
        raise unreachable(servers, error) from None
    finally:
        await admin.close()


async def _copies(admin: AIOKafkaAdminClient) -> int:
    return min(_MOST_COPIES, len((await admin.describe_cluster())["brokers"]))


def _new(topic: TopicPlan, replication: int) -> NewTopic:
    """With three copies, two must have a message before it counts as written."""
    config = {**topic.config, "min.insync.replicas": str(max(1, replication - 1))}
    return NewTopic(topic.name, topic.partitions, replication, topic_configs=config)


def _require_created(errors: list[tuple[str, int, str | None]]) -> None:
    for _, code, _message in errors:
        error = for_code(code)
        if code and error is not TopicAlreadyExistsError:
            raise error
