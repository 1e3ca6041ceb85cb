"""Plays a scenario's logins on a running network, and compares what came of them with what the
scenario expects."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID, uuid4

from dienstverlener import Assertion, Dienstverlener, Refusal
from pipeline.settings import Settings
from sandbox import scenario as s
from sandbox.browser import Browser
from sandbox.founding import Folders
from sandbox.hops import Hop, Watcher
from sandbox.person import Behaviour
from sandbox.scenario import Login, Scenario
from schemas.topics import OUTCOMES


@dataclass(frozen=True)
class Played:
    """One login as it went."""

    login: Login
    request_id: UUID
    outcome: Assertion | Refusal
    as_expected: bool
    duration_ms: float
    hops: list[Hop]

    def report(self) -> dict[str, Any]:
        """As one entry of `herken demo --json`."""
        outcome = self.outcome
        is_assertion = isinstance(outcome, Assertion)
        return {
            "name": self.login.name,
            "request_id": str(self.request_id),
            "outcome": "assertion" if is_assertion else "refusal",
            "code": None if isinstance(outcome, Assertion) else str(outcome.code),
            "level": str(outcome.level) if isinstance(outcome, Assertion) else None,
            "expected": expected_text(self.login),
            "as_expected": self.as_expected,
            "duration_ms": round(self.duration_ms, 1),
            "hops": [asdict(hop) for hop in self.hops],
        }


class Player:
    """Everything that is needed to play logins: a browser, a watcher, the dienstverleners."""

    def __init__(self, scenario: Scenario, browser: Browser, watcher: Watcher) -> None:
        self.scenario, self.browser, self.watcher = scenario, browser, watcher
        self.dienstverleners: dict[str, Dienstverlener] = {}

    @classmethod
    @asynccontextmanager
    async def ready(
        cls, scenario: Scenario, settings: Settings, folders: Folders
    ) -> AsyncIterator[Player]:
        """Connect everybody who takes part from outside."""
        async with AsyncExitStack() as stack:
            browser = await stack.enter_async_context(Browser.open(settings.kafka, folders))
            watching = Watcher.watching(settings.kafka, browser.directory)
            player = cls(scenario, browser, await stack.enter_async_context(watching))
            for party in scenario.dienstverleners:
                connecting = Dienstverlener.connect(party.name, settings)
                client = await stack.enter_async_context(connecting)
                player.dienstverleners[party.name] = client
            yield player

    async def play(self, login: Login, seconds: float | None = None) -> Played:
        """Play one login. Raises NoOutcome."""
        dienstverlener, service = self.scenario.service(login.service)
        request_id = uuid4()
        self.browser.acting(request_id, self._behaviour(login))
        began = time.perf_counter()
        outcome = await self.dienstverleners[dienstverlener.name].authenticate(
            s.service_id(dienstverlener, service),
            level=login.level,
            answer_within_seconds=login.answer_within_seconds,
            request_id=request_id,
            timeout=seconds,
        )
        duration_ms = (time.perf_counter() - began) * 1000
        hops = await self.watcher.hops(request_id, OUTCOMES.of(dienstverlener.name))
        matches = is_expected(login, outcome, self.scenario)
        return Played(login, request_id, outcome, matches, duration_ms, hops)

    def _behaviour(self, login: Login) -> Behaviour:
        organisation = self.scenario.organisation(login.for_) if login.for_ else None
        return Behaviour(
            wallet=self.browser.wallets.of(login.person),
            does=login.does,
            provider=login.provider,
            kvk=organisation.kvk if organisation else None,
        )


def is_expected(login: Login, outcome: Assertion | Refusal, scenario: Scenario) -> bool:
    """Whether an outcome is what the scenario expects."""
    expected = login.expect
    if isinstance(outcome, Refusal):
        return expected.refusal is outcome.code
    organisation = scenario.organisation(expected.for_) if expected.for_ else None
    right_one = organisation is None or organisation.kvk == outcome.legal_subject.kvk
    return expected.assertion is outcome.level and right_one


def expected_text(login: Login) -> str:
    """What a login is expected to come to, in a few words."""
    expected = login.expect
    if expected.refusal is not None:
        return f"refusal {expected.refusal}"
    acted_for = f" for {expected.for_}" if expected.for_ else ""
    return f"assertion {expected.assertion}{acted_for}"
