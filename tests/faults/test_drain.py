"""A role as its operators run it is told to stop in the middle of logins, and another takes over:
every login has exactly one outcome."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

from dienstverlener import Assertion
from sandbox.pytest_plugin import RunningNetwork
from schemas.topics import OUTCOMES
from tests.support.outcomes import not_exactly_one, outcomes_by_request

LOGINS = 200
DIENSTVERLENER, SERVICE = "zuiveringsschap", "lozingsaangifte"


async def _logins(network: RunningNetwork, done: asyncio.Semaphore) -> list[str]:
    """Publish all logins at once; each finished one is counted. Returns their request IDs."""
    client, service = network.dienstverleners[DIENSTVERLENER], network.service(SERVICE)

    async def login() -> str:
        request_id = uuid4()
        outcome = await client.authenticate(service, request_id=request_id)
        assert isinstance(outcome, Assertion)
        done.release()
        return str(request_id)

    return list(await asyncio.gather(*(login() for _ in range(LOGINS))))


async def _after(done: asyncio.Semaphore, count: int) -> None:
    for _ in range(count):
        await done.acquire()


async def _violations(network: RunningNetwork, requests: list[str]) -> dict[str, int]:
    kafka, topic = network.network.servers.kafka, OUTCOMES.of(DIENSTVERLENER)
    return not_exactly_one(await outcomes_by_request(kafka, topic), requests)


@pytest.mark.timeout(180)
async def test_nothing_is_lost_when_a_role_is_told_to_stop(herken_network: RunningNetwork) -> None:
    network, done = herken_network.network, asyncio.Semaphore(0)
    old = network.role("polder")
    with herken_network.at_the_browser("ans"):
        logins = asyncio.create_task(_logins(herken_network, done))
        await _after(done, 20)
        network.start(old.participant)
        await network.stop(old)
        requests = await logins
    assert old.process.returncode == 0
    assert await _violations(herken_network, requests) == {}


def test_a_second_outcome_is_noticed_when_there_is_one() -> None:
    found = {"a": [b"x", b"x"], "b": [b"x", b"y"]}
    assert not_exactly_one(found, ["a", "b", "c"]) == {"b": 2, "c": 0}
