"""Kafka: it answers, it is new enough, its topics are right, the clocks agree, and every stage has
a reader that keeps up."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from aiokafka import AIOKafkaConsumer, ConsumerRecord
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError
from aiokafka.protocol import admin as protocol

from herken.checks import Finding, listed, ok, unreachable, warning, wrong
from herken.kafka import administration
from herken.topics import differences
from pipeline.errors import ServerUnreachable
from pipeline.kafka import started
from sandbox.topology import TopicPlan, plan
from schemas.asyncapi import role_name
from schemas.codec import CLOCK_SKEW_SECONDS
from schemas.directory import Directory, Participant
from schemas.topics import TOPICS
from schemas.values import Role

MUCH_LAG = 1_000
"""CHOICE: about a second of a role's work; more of it than that is a queue."""
_RUNNING = (Role.MAKELAAR, Role.PROVIDER, Role.REGISTRY)
_FETCH, _OLDEST_OF_KAFKA_4 = 1, 4
_SET_UP = "run `herken setup topics`; it creates what is not there"


async def findings(servers: str, directory: Directory | None, now: datetime) -> list[Finding]:
    """Everything about Kafka; about its topics only where there is a directory."""
    try:
        found = [version(await _api_versions(servers))]
        return found if directory is None else found + await _of_network(servers, directory, now)
    except (ServerUnreachable, KafkaError, OSError):
        advice = "start it, or correct HERKEN_KAFKA"
        return [unreachable("Kafka", f"nothing that answers is at {servers}", advice)]


async def _of_network(servers: str, directory: Directory, now: datetime) -> list[Finding]:
    plans = plan(directory)
    async with administration(servers) as kafka:
        differing = await differences(kafka, plans)
        there = [p for p in plans if differing[p.name] != ["is not there"]]
        stages = [
            await _stages(kafka, servers, one, {p.name for p in there})
            for one in directory.participants
            if one.role in _RUNNING
        ]
    future = await _from_the_future(servers, there, now)
    return [topics(differing), clocks(future), *(one for some in stages for one in some)]


# --- the server


async def _api_versions(servers: str) -> dict[int, tuple[int, int]]:
    """The oldest and the newest version of each request that Kafka takes."""
    client = AIOKafkaClient(bootstrap_servers=servers, request_timeout_ms=10_000)
    try:
        await client.bootstrap()
        answer = await client.send(client.get_random_node(), protocol.ApiVersionRequest())
    finally:
        await client.close()
    return {key: (oldest, newest) for key, oldest, newest in answer.api_versions}


def version(ranges: Mapping[int, tuple[int, int]]) -> Finding:
    """Kafka does not tell its version, but 4.0 no longer takes the oldest requests (KIP-896)."""
    oldest, _ = ranges.get(_FETCH, (0, 0))
    if oldest < _OLDEST_OF_KAFKA_4:
        return warning("Kafka", "answers, and is older than 4.0", "herken is tested on Kafka 4.3")
    return ok("Kafka", "answers; it is 4.0 or later")


def topics(differing: Mapping[str, Sequence[str]]) -> Finding:
    """Whether every topic of the directory is there, with the right partitions and settings."""
    failing = [f"{name} {'; '.join(said)}" for name, said in differing.items() if said]
    if failing:
        return wrong("topics", listed(failing), f"{_SET_UP}; `herken topics --live` shows all")
    return ok("topics", f"all {len(differing)} are there, as they must be")


def clocks(future: Sequence[str]) -> Finding:
    """`future`: topics with a message from the future. Who wrote it, Kafka, or this machine, is
    wrong."""
    if future:
        text = f"messages of the future on {listed(list(future))}"
        advice = "compare this machine's clock with Kafka's and the participants'; NTP sets them"
        return warning("clocks", text, advice)
    text = f"no message is more than {CLOCK_SKEW_SECONDS} s ahead of this machine's clock"
    return ok("clocks", text)


async def _from_the_future(servers: str, there: Sequence[TopicPlan], now: datetime) -> list[str]:
    """Topics whose newest messages are dated ahead of ours by more than is allowed."""
    if not there:
        return []
    consumer = _asking(servers, [p.name for p in there])
    async with started(servers, consumer):
        newest = await _newest(consumer)
    latest = now.timestamp() + CLOCK_SKEW_SECONDS
    return sorted({record.topic for record in newest if _dated(record) > latest})


async def _newest(consumer: AIOKafkaConsumer) -> list[ConsumerRecord]:
    """The last record of each partition that has one."""
    ends = await consumer.end_offsets(consumer.assignment())
    missing = {partition for partition, end in ends.items() if end}
    for partition in missing:
        consumer.seek(partition, ends[partition] - 1)
    found: list[ConsumerRecord] = []
    while missing and (batches := await consumer.getmany(timeout_ms=1000)):
        missing -= batches.keys()
        found += [records[-1] for records in batches.values()]
    return found


def _dated(record: ConsumerRecord) -> float:
    """When its writer says that he wrote it, or Kafka that it took it, whichever is later."""
    taken = float(record.timestamp) / 1000
    told = dict(record.headers).get("ce_time", b"")
    with suppress(ValueError):
        return max(taken, datetime.fromisoformat(told.decode()).timestamp())
    return taken


def _asking(servers: str, names: Iterable[str]) -> AIOKafkaConsumer:
    """A consumer that only asks for offsets: what it asks must not wait behind what it fetches."""
    return AIOKafkaConsumer(
        *names, bootstrap_servers=servers, isolation_level="read_committed", fetch_max_wait_ms=1
    )


# --- the readers


@dataclass(frozen=True)
class Reading:
    """How a stage's topic is read: by how many processes, and how many messages wait."""

    topic: str
    members: int
    lag: int


async def _stages(
    kafka: AIOKafkaAdminClient, servers: str, one: Participant, there: set[str]
) -> list[Finding]:
    mine = [topic for topic in TOPICS if one.role == topic.reader and topic.of(one.name) in there]
    groups = {f"{one.name}.{topic.name}": topic.of(one.name) for topic in mine}
    if not groups:
        return []
    members = await _members(kafka, list(groups))
    lags = await _lags(kafka, servers, groups)
    return [readers(one, [Reading(groups[g], members[g], lags[g]) for g in groups])]


def readers(one: Participant, stages: Sequence[Reading]) -> Finding:
    """Whether each stage of a participant has a process, and none has much before it."""
    name, role = f"stages of {one.name}", role_name(one.role)
    unread = [stage.topic for stage in stages if stage.members == 0]
    waiting = sum(stage.lag for stage in stages)
    if unread:
        text = f"nobody reads {listed(unread)}; {waiting} messages wait"
        return wrong(name, text, f"start `herken run {role} {one.name}`, or look at its log")
    slow = [f"{stage.topic} ({stage.lag})" for stage in stages if stage.lag > MUCH_LAG]
    if slow:
        advice = f"start another `herken run {role} {one.name}`: it shares the work"
        return warning(name, f"many messages wait on {listed(slow)}", advice)
    processes = min(stage.members for stage in stages)
    return ok(name, f"all {len(stages)} are read, processes: {processes}, waiting: {waiting}")


async def _members(kafka: AIOKafkaAdminClient, groups: list[str]) -> dict[str, int]:
    # aiokafka 0.14 reads the answer to version 3 as if it were version 2, and fails.
    protocol.DescribeGroupsRequest_v3.RESPONSE_TYPE = protocol.DescribeGroupsResponse_v3
    answers = await kafka.describe_consumer_groups(groups)
    described = [group for answer in answers for group in answer.groups]
    return {group[1]: len(group[5]) for group in described}


async def _lags(
    kafka: AIOKafkaAdminClient, servers: str, groups: Mapping[str, str]
) -> dict[str, int]:
    consumer = _asking(servers, groups.values())
    async with started(servers, consumer):
        return {group: await _lag(kafka, consumer, group, groups[group]) for group in groups}


async def _lag(
    kafka: AIOKafkaAdminClient, consumer: AIOKafkaConsumer, group: str, topic: str
) -> int:
    """How many messages wait; where the group has committed nothing, all that are there."""
    partitions = [p for p in consumer.assignment() if p.topic == topic]
    ends, begins, committed = await asyncio.gather(
        consumer.end_offsets(partitions),
        consumer.beginning_offsets(partitions),
        kafka.list_consumer_group_offsets(group),
    )
    at = {p: committed[p].offset if p in committed else begins[p] for p in partitions}
    return sum(ends[p] - max(at[p], begins[p]) for p in partitions)
