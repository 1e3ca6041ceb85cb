"""Plays a scenario's logins and acts on a running network, and compares what came of them with
what the scenario expects."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, field
from secrets import token_urlsafe
from typing import Any
from uuid import UUID, uuid4

from dienstverlener import Assertion, Dienstverlener, Refusal
from pipeline.settings import Settings
from sandbox import scenario as s
from sandbox.acting import Acted, Actors
from sandbox.browser import Browser
from sandbox.expecting import Known, differs, expected_text
from sandbox.founding import Folders
from sandbox.hops import Hop, Watcher
from sandbox.person import Behaviour
from sandbox.reasons import findings, reasons
from sandbox.scenario import Act, ActKind, Login, Scenario
from schemas.topics import OUTCOMES

__all__ = ["Acted", "Played", "Player", "expected_text"]


@dataclass(frozen=True)
class Played:
    """One login as it went. `differs` is what was not as expected."""

    login: Login
    request_id: UUID
    outcome: Assertion | Refusal
    differs: list[str]
    duration_ms: float
    hops: list[Hop]

    @property
    def as_expected(self) -> bool:
        return not self.differs

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


@dataclass
class Player:
    """Everything that is needed to play: a browser, a watcher, the dienstverleners, and who acts
    between logins."""

    scenario: Scenario
    settings: Settings
    browser: Browser
    watcher: Watcher
    actors: Actors
    dienstverleners: dict[str, Dienstverlener] = field(default_factory=dict)
    _pseudonyms: dict[str, str] = field(default_factory=dict)
    _browsers: dict[tuple[str, str], str] = field(default_factory=dict)

    @classmethod
    @asynccontextmanager
    async def ready(
        cls, scenario: Scenario, settings: Settings, folders: Folders
    ) -> AsyncIterator[Player]:
        """Connect everybody who takes part from outside."""
        async with AsyncExitStack() as stack:
            browser = await stack.enter_async_context(Browser.open(settings.kafka, folders))
            watching = Watcher.watching(settings.kafka, browser.directory)
            watcher = await stack.enter_async_context(watching)
            actors = Actors(scenario, settings, folders, browser, stack)
            player = cls(scenario, settings, browser, watcher, actors)
            for party in scenario.dienstverleners:
                connecting = Dienstverlener.connect(party.name, settings)
                client = await stack.enter_async_context(connecting)
                player.dienstverleners[party.name] = client
            yield player

    async def act(self, act: Act) -> Acted:
        """Do one act. Raises NoOutcome, NoAnswer."""
        owner = self.scenario.service(act.service)[0].name if act.service else None
        return await self.actors.do(act, self.dienstverleners.get(owner or ""))

    async def play(self, login: Login, seconds: float | None = None) -> Played:
        """Play one login. Raises NoOutcome."""
        dienstverlener, _ = self.scenario.service(login.service)
        request_id = uuid4()
        asking = asyncio.create_task(self._ask(login, request_id, seconds))
        if login.withdrawn_meanwhile:
            await self._withdraw_meanwhile(login, request_id)
        self.browser.acting(request_id, self._behaviour(login))
        outcome, duration_ms = await asking
        hops = await self.watcher.hops(request_id, OUTCOMES.of(dienstverlener.name))
        found = await self._compared(login, request_id, outcome)
        return Played(login, request_id, outcome, found, duration_ms, hops)

    async def _ask(
        self, login: Login, request_id: UUID, seconds: float | None
    ) -> tuple[Assertion | Refusal, float]:
        """Publish the request; the outcome, and after how many milliseconds."""
        dienstverlener, service = self.scenario.service(login.service)
        began = time.perf_counter()
        outcome = await self.dienstverleners[dienstverlener.name].authenticate(
            s.service_id(dienstverlener, service),
            level=login.level,
            force_authn=login.force_authn,
            provider=self._entity_id(login.asks_for) if login.asks_for else None,
            declared=tuple(self._entity_id(name) for name in login.declared),
            browser=self._browser_of(login.browser, dienstverlener.name),
            answer_within_seconds=login.answer_within_seconds,
            request_id=request_id,
            timeout=seconds,
        )
        return outcome, (time.perf_counter() - began) * 1000

    def _entity_id(self, provider: str) -> str:
        return s.entity_id(self.scenario.provider(provider))

    def _browser_of(self, name: str | None, dienstverlener: str) -> str | None:
        """What a dienstverlener calls a browser: at random, and nobody else's name for it."""
        if name is None:
            return None
        return self._browsers.setdefault((name, dienstverlener), token_urlsafe(24))

    async def _withdraw_meanwhile(self, login: Login, request_id: UUID) -> None:
        await self.watcher.prompted(request_id)
        name = "meanwhile"
        await self.act(Act(name=name, act=ActKind.WITHDRAW_SERVICE, service=login.service))

    def _behaviour(self, login: Login) -> Behaviour:
        organisation = self.scenario.organisation(login.for_) if login.for_ else None
        through = self.scenario.organisation(login.through) if login.through else None
        return Behaviour(
            wallet=self.browser.wallets.of(login.person),
            does=login.does,
            provider=login.provider,
            kvk=organisation.kvk if organisation else None,
            organisation=organisation.display_name
            if organisation and not organisation.kvk
            else None,
            through=through.display_name if through else None,
            shares=login.shares,
            remembers=login.remembers,
            uses_session=login.uses_session,
            browser=login.browser,
        )

    async def _compared(
        self, login: Login, request_id: UUID, outcome: Assertion | Refusal
    ) -> list[str]:
        """What is not as expected. The rules that failed are looked up only where they are."""
        failed: list[str] = []
        if login.expect.reason is not None:
            failed = reasons(await findings(self.settings, request_id))
        known = Known(self.scenario, self._pseudonyms, failed)
        found = differs(login.expect, outcome, known)
        if isinstance(outcome, Assertion):
            self._pseudonyms[login.name] = outcome.acting_subject
        return found
