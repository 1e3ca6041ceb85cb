"""Load: people who log in all the time, at a steady rate, whatever happens to the network.

What a request must come to is known when it is published. The answers of people are published once;
where Kafka is away, whoever publishes tries again.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from itertools import count
from secrets import token_urlsafe
from typing import Any
from uuid import UUID, uuid4

from aiokafka.errors import KafkaError

from dienstverlener import Dienstverlener
from dienstverlener.client import _producer
from pipeline.beside import beside
from pipeline.catalogue import Follower
from pipeline.errors import ServerUnreachable
from pipeline.kafka import keep_trying, started
from pipeline.keys import Keys, scheme_key
from sandbox import scenario as s
from sandbox.browser import Browser
from sandbox.network import Network
from sandbox.person import STEP_SECONDS, Behaviour
from sandbox.scenario import Login
from schemas.dialogue import SessionCommandKind
from tests.faults import ground
from tests.faults.kinds import SECOND_VISIT, Kind, Pick
from tests.faults.verdicts import Outcomes, Sent

CANCELLED_AFTER_SECONDS = 0.6
_VISIT_SECONDS = 20.0
_KEEPS_UP_SECONDS = 6.0
_FALLEN_BEHIND = 40


@dataclass
class People:
    """Everybody who takes part from outside, and what they did."""

    network: Network
    browser: Browser
    clients: Mapping[str, Dienstverlener]
    outcomes: Outcomes
    sent: list[Sent] = field(default_factory=list)
    stayed_away: int = 0
    _codes: deque[tuple[str, float]] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self._codes.extend((f"kees-{number}", 0.0) for number in range(ground.CODES))

    # --- one login

    async def log_in(self, kind: Kind, request_id: UUID | None = None) -> Sent:
        """Publish a request of this kind, and sit at the browser."""
        kind = self._with_person(kind)
        request_id = request_id or uuid4()
        self.browser.acting(request_id, self._behaviour(kind.login))
        sent = await self._ask(kind, request_id)
        self.sent.append(sent)
        if kind.cancels:
            await asyncio.sleep(CANCELLED_AFTER_SECONDS)
            client, service = self._client(kind.login)
            await patiently(lambda: client.cancel(request_id, service))
        return sent

    async def visit(self, kind: Kind) -> None:
        """A session: it begins, is used, and is ended."""
        login = kind.login.model_copy(update={"browser": f"b-{token_urlsafe(6)}".lower()})
        first = await self.log_in(replace(kind, login=login))
        with suppress(TimeoutError):
            await self.outcomes.first(first.request_id, _VISIT_SECONDS)
            again = SECOND_VISIT.login.model_copy(update={"browser": login.browser})
            second = await self.log_in(replace(SECOND_VISIT, login=again))
            await self.outcomes.first(second.request_id, _VISIT_SECONDS)
            who = self._behaviour(again)
            await self.browser.command(SessionCommandKind.LOGOUT, ground.KEYS, who)

    async def _ask(self, kind: Kind, request_id: UUID) -> Sent:
        login = kind.login
        client, service = self._client(login)
        provider = login.asks_for and s.entity_id(self.network.scenario.provider(login.asks_for))
        began = time.time()
        await patiently(
            lambda: client.publish(
                service,
                provider=provider,
                answer_within_seconds=login.answer_within_seconds,
                request_id=request_id,
            )
        )
        seconds = login.answer_within_seconds or ground.DEADLINE_SECONDS
        return Sent(request_id, kind.name, login.expect, began, time.time() + seconds)

    def _client(self, login: Login) -> tuple[Dienstverlener, str]:
        dienstverlener, service = self.network.scenario.service(login.service)
        return self.clients[dienstverlener.name], s.service_id(dienstverlener, service)

    def _with_person(self, kind: Kind) -> Kind:
        """Who has not used a code for a while, where the kind uses one up."""
        if not kind.codes:
            return kind
        name, _ = self._codes.popleft()
        self._codes.append((name, time.monotonic()))
        return replace(kind, login=kind.login.model_copy(update={"person": name}))

    def overdue(self) -> int:
        """How many of the last logins have waited for their outcome for longer than they would on
        a network that keeps up."""
        late, found = time.time() - _KEEPS_UP_SECONDS, self.outcomes.found
        return sum(each.at < late and not found.get(each.request_id) for each in self.sent[-500:])

    def has_code(self) -> bool:
        """Whether somebody's code is fresh: whoever used his waits for the next one."""
        return time.monotonic() - self._codes[0][1] > 2 * STEP_SECONDS

    def _behaviour(self, login: Login) -> Behaviour:
        organisation = self.network.scenario.organisation(login.for_) if login.for_ else None
        return Behaviour(
            wallet=self.browser.wallets.of(login.person),
            does=login.does,
            provider=login.provider,
            kvk=organisation.kvk if organisation else None,
            uses_session=login.uses_session,
            browser=login.browser,
        )

    # --- all the time

    @asynccontextmanager
    async def loading(self, pick: Pick, per_second: float) -> AsyncIterator[None]:
        """Logins at this rate for as long as the block runs; none begins after it."""
        async with beside(self._load(pick, per_second)):
            yield

    async def _load(self, pick: Pick, per_second: float) -> None:
        """An open loop: who comes does not wait for who came before. Only where the whole machine
        does not keep up, three of four stay away."""
        under_way: set[asyncio.Task[Any]] = set()
        next_at = time.monotonic()
        try:
            for number in count():
                kind = pick()
                stays_away = number % 4 and self.overdue() > _FALLEN_BEHIND
                self.stayed_away += bool(stays_away)
                if not stays_away and (not kind.codes or self.has_code()):
                    task = asyncio.create_task(self._one(kind))
                    under_way.add(task)
                    task.add_done_callback(under_way.discard)
                next_at += 1 / per_second
                await asyncio.sleep(max(0.0, next_at - time.monotonic()))
        finally:
            await asyncio.gather(*under_way)

    async def _one(self, kind: Kind) -> None:
        await (self.visit(kind) if kind.visits else self.log_in(kind))


async def patiently(act: Callable[[], Awaitable[Any]]) -> Any:
    """Try until Kafka takes it."""
    while True:
        try:
            return await act()
        except (KafkaError, OSError, ServerUnreachable):
            await asyncio.sleep(0.2)


@asynccontextmanager
async def people(network: Network) -> AsyncIterator[People]:
    """Everybody, connected."""
    settings, folders = network.settings, network.folders
    names = [each.name for each in network.scenario.dienstverleners]
    async with AsyncExitStack() as stack:
        following = Follower.following(settings.kafka, scheme_key(settings.network))
        follower = await stack.enter_async_context(following)
        keys = {
            name: Keys.load(settings.network, settings.secrets, name, lambda: follower.catalogue)
            for name in names
        }
        browser = await stack.enter_async_context(Browser.open(settings.kafka, folders))
        outcomes = Outcomes(network.scenario, keys)
        await stack.enter_async_context(outcomes.reading(settings.kafka))
        producers = {name: _producer(settings) for name in names}
        await stack.enter_async_context(started(settings.kafka, *producers.values()))
        for producer in producers.values():
            keep_trying(producer)
        clients = {name: Dienstverlener(keys[name], settings, producers[name]) for name in names}
        yield People(network, browser, clients, outcomes)
