"""Which means a makelaar remembers, on real Postgres."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from brokers.remembered import Remember, of_browsers
from pipeline.store import Store
from sandbox.servers import Servers
from tests.unit.builders import AAK, BOTTER, HAVEN, LOODS, NONCE, NOW, OTHER_NONCE, databases

HERE, ELSEWHERE, OF_LOODS = (HAVEN, NONCE), (HAVEN, OTHER_NONCE), (LOODS, NONCE)
SECOND = timedelta(seconds=1)


@pytest.fixture
async def connection(herken_servers: Servers) -> AsyncIterator[Any]:
    async with (
        databases(herken_servers.postgres, "duin") as pools,
        Store(pools["duin"]).connection() as found,
    ):
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
