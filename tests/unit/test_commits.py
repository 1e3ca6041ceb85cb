"""Offsets are committed together, later than they are noted, and never past what was noted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from pipeline import commits as module
from pipeline.commits import BeforeRevoked, Commits, Offsets

FIRST, SECOND = TopicPartition("outcomes.haven", 0), TopicPartition("outcomes.haven", 1)


def record(partition: TopicPartition, offset: int) -> Any:
    return SimpleNamespace(topic=partition.topic, partition=partition.partition, offset=offset)


class Kafka:
    """What was committed; `error` is raised instead. `open` lets a commit end."""

    def __init__(self, error: Exception | None = None) -> None:
        self.committed: list[dict[TopicPartition, int]] = []
        self.failed: list[Exception] = []
        self.error, self.open = error, asyncio.Event()
        self.open.set()

    async def commit(self, offsets: Offsets) -> None:
        await self.open.wait()
        if self.error is not None:
            raise self.error
        self.committed.append(dict(offsets))


@pytest.fixture
def kafka(monkeypatch: pytest.MonkeyPatch) -> Kafka:
    monkeypatch.setattr(module, "COMMIT_AFTER_SECONDS", 0.0)
    return Kafka()


@pytest.fixture
async def commits(kafka: Kafka) -> AsyncIterator[Commits]:
    made = Commits(kafka.commit, kafka.failed.append)
    yield made
    assert made._later is None or made._later.done()


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_next_offset_of_each_partition_is_committed_once(
    kafka: Kafka, commits: Commits
) -> None:
    await commits.note([record(FIRST, 4), record(FIRST, 5)])
    await commits.note([record(SECOND, 0)])
    assert kafka.committed == []
    await settle()
    assert kafka.committed == [{FIRST: 6, SECOND: 1}]
    await commits.note([record(FIRST, 6)])
    await settle()
    assert kafka.committed[1:] == [{FIRST: 7}]


async def test_older_commit_is_not_overtaken(kafka: Kafka, commits: Commits) -> None:
    kafka.open.clear()
    await commits.note([record(FIRST, 1)])
    await settle()
    await commits.note([record(FIRST, 2)])
    await settle()
    assert kafka.committed == []
    kafka.open.set()
    await settle()
    assert kafka.committed == [{FIRST: 2}, {FIRST: 3}]


async def test_what_is_noted_is_committed_at_once_when_closing(
    kafka: Kafka, commits: Commits
) -> None:
    await commits.note([record(FIRST, 1)])
    await commits.close()
    assert kafka.committed == [{FIRST: 2}]
    await commits.note([record(FIRST, 2)])
    assert kafka.committed[1:] == [{FIRST: 3}]
    await settle()


async def test_what_is_noted_is_committed_before_partitions_go(
    kafka: Kafka, commits: Commits
) -> None:
    await commits.note([record(FIRST, 1)])
    await BeforeRevoked(commits).on_partitions_revoked([FIRST])
    assert kafka.committed == [{FIRST: 2}]
    await settle()
    assert len(kafka.committed) == 1


async def test_rebalance_goes_on_when_nothing_can_be_committed(
    kafka: Kafka, commits: Commits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_REVOKED_SECONDS", 0.01)
    kafka.open.clear()
    await commits.note([record(FIRST, 1)])
    await BeforeRevoked(commits).on_partitions_revoked([FIRST])
    kafka.open.set()
    kafka.error = KafkaError()
    await commits.note([record(FIRST, 2)])
    await BeforeRevoked(commits).on_partitions_revoked([FIRST])
    await settle()
    assert kafka.committed == kafka.failed == []


async def test_service_hears_when_a_commit_fails(kafka: Kafka, commits: Commits) -> None:
    kafka.error = KafkaError()
    await commits.note([record(FIRST, 1)])
    await settle()
    assert kafka.failed == [kafka.error]
    kafka.error = None
    await commits.note([record(FIRST, 2)])
    await settle()
    assert kafka.committed == [{FIRST: 3}]
