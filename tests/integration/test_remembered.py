"""Which means a makelaar remembers, on real Postgres."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from brokers.remembered import Remember, of_browsers
from brokers.role import makelaar
from pipeline.runner import Runner
from pipeline.store import Store
from sandbox.servers import Servers
from schemas import codec
from schemas.dialogue import MeansChoice, MeansPrompt
from schemas.message import Message
from schemas.topics import AUTHN_REQUESTS, MEANS_CHOICES, Topic
from tests.unit.builders import (
    AAK,
    BOTTER,
    HAVEN,
    LOODS,
    NONCE,
    NOW,
    OTHER_NONCE,
    authn_request,
    databases,
    signed,
    unsigned,
    world,
)

HERE, ELSEWHERE, OF_LOODS = (HAVEN, NONCE), (HAVEN, OTHER_NONCE), (LOODS, NONCE)
SECOND = timedelta(seconds=1)


@pytest.fixture
async def store(herken_servers: Servers) -> AsyncIterator[Store]:
    async with databases(herken_servers.postgres, "duin") as pools:
        yield Store(pools["duin"])


@pytest.fixture
async def connection(store: Store) -> AsyncIterator[Any]:
    async with store.connection() as found:
        yield found


async def test_choice_is_remembered_for_its_browser_and_dienstverlener_only(
    connection: Any,
) -> None:
    await Remember(HERE, AAK, NOW)(connection)
    assert await of_browsers(connection, [HERE, ELSEWHERE, OF_LOODS, HERE]) == {HERE: AAK}
    assert await of_browsers(connection, []) == {}


async def test_later_choice_replaces_an_earlier_one_and_not_the_other_way_round(
    connection: Any,
) -> None:
    await Remember(HERE, AAK, NOW)(connection)
    await Remember(OF_LOODS, AAK, NOW)(connection)
    await Remember(HERE, BOTTER, NOW + SECOND)(connection)
    await Remember(HERE, AAK, NOW)(connection)
    assert await of_browsers(connection, [HERE, OF_LOODS]) == {HERE: BOTTER, OF_LOODS: AAK}


class Makelaar:
    """The makelaar's real stages, one message at a time."""

    def __init__(self, store: Store) -> None:
        keys = world().keys("duin")
        self._role = makelaar(keys, 300)
        self._runner = Runner(self._role, keys, store, lambda: NOW)

    async def request(self, browser: str) -> tuple[str, MeansPrompt | None]:
        """Which topic a new request leads to, and the prompt where that is a prompt."""
        message = authn_request(request_id=uuid4(), browser=browser)
        record = signed(AUTHN_REQUESTS, "duin", message, "haven", jti=uuid4())
        (sent,) = await self._process(AUTHN_REQUESTS, record)
        is_prompt = sent.topic.startswith("means-prompts")
        found = codec.unverified(sent.value.decode(), MeansPrompt) if is_prompt else None
        return sent.topic, found

    async def choose(self, prompt: MeansPrompt, provider: str) -> str:
        chosen: Message = MeansChoice(
            request_id=prompt.request_id, nonce=prompt.nonce, provider=provider, remember=True
        )
        (sent,) = await self._process(MEANS_CHOICES, unsigned(MEANS_CHOICES, "duin", chosen))
        return sent.topic

    async def _process(self, topic: Topic, record: codec.Record) -> list[codec.Record]:
        (stage,) = [each for each in self._role.stages if each.topic is topic]
        return await self._runner.process(stage, [record])


async def test_user_is_not_asked_again_in_the_browser_where_he_chose(store: Store) -> None:
    duin = Makelaar(store)
    topic, prompt = await duin.request(NONCE)
    assert (topic, prompt is None) == ("means-prompts.duin", False)
    assert prompt is not None
    assert await duin.choose(prompt, BOTTER) == "authentication-requests.botter"
    assert await duin.request(NONCE) == ("authentication-requests.botter", None)
    assert (await duin.request(OTHER_NONCE))[0] == "means-prompts.duin"
