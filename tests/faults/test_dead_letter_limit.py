"""Where most of what a stage reads are dead letters, it stops rather than drain the topic."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from dienstverlener import Assertion
from sandbox.processes import ended
from sandbox.pytest_plugin import RunningNetwork
from schemas.topics import MANDATE_QUERIES

GARBAGE = 400
TOPIC = MANDATE_QUERIES.of("terp")


async def _publish_garbage(kafka: str) -> None:
    async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
        sent = [
            await producer.send(TOPIC, b"garbage", str(uuid4()).encode()) for _ in range(GARBAGE)
        ]
        await asyncio.gather(*sent)


async def _dead_letters(kafka: str) -> int:
    async with AIOKafkaConsumer(bootstrap_servers=kafka) as consumer:
        partition = TopicPartition(TOPIC + ".dlq", 0)
        return int((await consumer.end_offsets([partition]))[partition])


@pytest.mark.timeout(120)
async def test_stage_stops_and_loses_nothing_when_most_are_dead_letters(
    herken_network: RunningNetwork,
) -> None:
    network = herken_network.network
    kafka, terp = network.servers.kafka, network.role("terp")
    await network.stop(terp)
    before = await _dead_letters(kafka)
    await _publish_garbage(kafka)

    stopped = network.start(terp.participant)
    assert await ended(stopped.process, 30)
    assert stopped.process.returncode == 1
    assert await _dead_letters(kafka) - before < GARBAGE / 2

    goes_on = network.start(terp.participant, HERKEN_DEAD_LETTER_SHARE="1")
    await network.ready(goes_on)
    with herken_network.at_the_browser("ans"):
        client = herken_network.dienstverleners["zuiveringsschap"]
        outcome = await client.authenticate(herken_network.service("lozingsaangifte"))
    assert isinstance(outcome, Assertion)
    assert await _dead_letters(kafka) - before >= GARBAGE
