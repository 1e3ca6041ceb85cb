"""The deadline, a cancellation and the last result in the same millisecond, in every order and all
at once: several runners of the makelaar on real Postgres. There is one outcome, and it stays."""

from __future__ import annotations

from asyncio import gather
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import permutations
from uuid import UUID

import pytest
import pytest_asyncio

from pipeline.keys import utc_now
from pipeline.runner import Runner
from sandbox.founding import Folders, found
from sandbox.servers import Servers
from schemas.codec import Record
from schemas.messages import Cancellation
from schemas.topics import CANCELLATIONS, MANDATE_DECISIONS, OUTCOMES, Topic
from tests.faults import ground
from tests.support.kinds import Kind
from tests.support.opening import Files, opened
from tests.support.relay import Relay

DIRECT = Kind("direct", "ligplaats", "assertion EH4 for werf", acted_for="werf", person="ans")
ORDERS = tuple(permutations(("result", "cancellation", "deadline")))
MILLISECOND = timedelta(milliseconds=1)
RACES = 10


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def relay(
    herken_servers: Servers, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Relay]:
    folder, of = tmp_path_factory.mktemp("instant"), ground.scenario()
    folders = Folders(folder / "network", folder / "secrets")
    founded = found(of, folders, utc_now())
    async with opened(Files(founded, folders), of, herken_servers.postgres) as relay:
        yield relay


@dataclass(frozen=True)
class Held:
    """A login whose last result is not delivered yet, and its deadline."""

    relay: Relay
    request_id: UUID
    result: Record
    deadline: datetime

    def ends(self, at: datetime) -> dict[str, Callable[[], Awaitable[list[Record]]]]:
        """The ways in which it can end at this instant, each by a worker of its own."""
        return {
            "result": lambda: self._handled(MANDATE_DECISIONS, self.result, at),
            "cancellation": lambda: self._handled(CANCELLATIONS, self._cancellation(), at),
            "deadline": self._due,
        }

    async def _handled(self, topic: Topic, record: Record, at: datetime) -> list[Record]:
        stage = self.relay._runners[topic.of(ground.MAKELAAR)][1]
        return await _worker(self.relay, at).process(stage, [record])

    async def _due(self) -> list[Record]:
        due = await _worker(self.relay, self.deadline).due()
        return [record for records in due.values() for record in records]

    def _cancellation(self) -> Record:
        relay, named = self.relay, self.relay.world.directory.named
        makelaar, dienstverlener = named(ground.MAKELAAR), named(ground.HARBOUR)
        assert makelaar is not None
        assert dienstverlener is not None
        relay._send(
            CANCELLATIONS, makelaar, dienstverlener, Cancellation(request_id=self.request_id)
        )
        return relay._under_way.pop().record


def _worker(relay: Relay, at: datetime) -> Runner:
    known = relay._runners[MANDATE_DECISIONS.of(ground.MAKELAAR)][0]
    return Runner(known._role, known._keys, known._ledger, lambda: at)


async def held(relay: Relay) -> Held:
    """A login that waits for its last result."""
    kept: list[Record] = []

    def keep(batch: list[Record]) -> Sequence[list[Record]]:
        if not batch[0].topic.startswith(f"{MANDATE_DECISIONS.name}."):
            return [batch]
        kept.extend(batch)
        return []

    relay.clear()
    request_id = relay.begin(DIRECT)
    await relay.settle(keep)
    async with _worker(relay, utc_now())._ledger.session() as session:
        row = (await session.read([], [request_id])).rows[request_id]
    assert row.due_at is not None
    return Held(relay, request_id, kept[0], row.due_at)


def outcomes(ended: Sequence[list[Record]]) -> list[bytes]:
    records = [record for records in ended for record in records]
    return [r.value for r in records if r.topic == OUTCOMES.of(ground.HARBOUR)]


@pytest.mark.parametrize("early", [timedelta(), MILLISECOND], ids=["at it", "just before it"])
@pytest.mark.parametrize("order", ORDERS, ids=" ".join)
async def test_login_has_one_outcome_when_it_ends_three_times_in_this_order(
    relay: Relay, order: tuple[str, ...], early: timedelta
) -> None:
    login = await held(relay)
    ends = login.ends(login.deadline - early)
    ended = [await ends[each]() for each in (*order, "deadline")]
    assert len(set(outcomes(ended))) == 1


@pytest.mark.parametrize("early", [timedelta(), MILLISECOND], ids=["at it", "just before it"])
async def test_login_has_one_outcome_when_it_ends_three_times_at_once(
    relay: Relay, early: timedelta
) -> None:
    for _ in range(RACES):
        login = await held(relay)
        ends = login.ends(login.deadline - early)
        ended = await gather(*(end() for end in ends.values()))
        ended += [await ends["deadline"]()]
        assert len(set(outcomes(ended))) == 1


async def test_second_outcome_would_be_seen_when_a_login_ended_twice(relay: Relay) -> None:
    one, other = await held(relay), await held(relay)
    ended = [await each.ends(each.deadline)["deadline"]() for each in (one, other)]
    assert len(set(outcomes(ended))) == 2
