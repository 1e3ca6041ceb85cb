"""Does a scenario's acts on a running network: commands at a registry's portal, changes of the
catalogue, and what a user asks of his provider."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from dienstverlener import Dienstverlener
from pipeline.catalogue import Follower
from pipeline.catalogue_updates import publish
from pipeline.keys import scheme_key, utc_now
from pipeline.settings import Settings
from sandbox import scenario as s
from sandbox.browser import Browser
from sandbox.catalogue import entries, without
from sandbox.commanding import Names, content, log_in_as
from sandbox.founding import Folders
from sandbox.person import Behaviour
from sandbox.portal import NoAnswer, NotLoggedIn, Portal
from sandbox.scenario import Act, ActKind, Scenario
from sandbox.scenario_steps import (
    APPROVAL_AWAITED,
    CATALOGUE_ACTS,
    DONE,
    NO_SESSION,
    NOT_LOGGED_IN,
    SESSION_ACTS,
)
from schemas.administration import EventKind, MandateEvent
from schemas.catalogue import CatalogueEntry
from schemas.dialogue import SessionCommandKind

FOLLOWED_SECONDS = 10.0
_AFTER_SECONDS = 0.5
"""How much longer others may need to follow the catalogue."""
_LOCATED_SECONDS = 5.0


@dataclass(frozen=True)
class Acted:
    """One act as it went."""

    act: Act
    came_to: str
    lines: int | None
    duration_ms: float

    @property
    def as_expected(self) -> bool:
        right_lines = self.act.lines in (None, self.lines)
        return self.came_to == self.act.expect and right_lines

    def report(self) -> dict[str, Any]:
        """As one entry of `herken demo --json`."""
        return {
            "name": self.act.name,
            "act": str(self.act.act),
            "outcome": self.came_to,
            "expected": self.act.expect,
            "as_expected": self.as_expected,
            "duration_ms": round(self.duration_ms, 1),
        }


class Actors:
    """Everybody who does acts: each registry's portal, the scheme, and people with sessions."""

    def __init__(
        self,
        scenario: Scenario,
        settings: Settings,
        folders: Folders,
        browser: Browser,
        stack: AsyncExitStack,
    ) -> None:
        self._scenario, self._settings, self._folders = scenario, settings, folders
        self._browser, self._stack = browser, stack
        self._portals: dict[str, Portal] = {}
        self._names = Names(scenario)

    async def do(self, act: Act, client: Dienstverlener | None = None) -> Acted:
        """Do one act. `client`: of the dienstverlener whose service is withdrawn or restored.
        Raises NoOutcome, NoAnswer."""
        began = time.perf_counter()
        lines = None
        if act.act in CATALOGUE_ACTS:
            came_to = await self._change_catalogue(act, client)
        elif act.act in SESSION_ACTS:
            came_to = await self._command_provider(act)
        else:
            came_to, lines = await self._command_registry(act)
        return Acted(act, came_to, lines, (time.perf_counter() - began) * 1000)

    # --- a registry

    async def _command_registry(self, act: Act) -> tuple[str, int | None]:
        portal = await self._portal(self._names.registry(act))
        command, now = uuid4(), utc_now()
        try:
            login = await self._log_in(act, portal)
        except NotLoggedIn:
            return NOT_LOGGED_IN, None
        events = await portal.command(login, content(act, self._names, now), command)
        came_to = _came_to(events)
        if came_to in (DONE, APPROVAL_AWAITED) and act.as_ is not None:
            self._names.learn(act.as_, _registered(events, command), act)
        if came_to == DONE and act.act is ActKind.APPROVE:
            self._names.learn(act.what or "", _registered(events, command), act)
        if act.act is ActKind.ASSIGN and came_to == DONE:
            await _located(portal, events)
        return came_to, _lines(portal, events)

    async def _log_in(self, act: Act, portal: Portal) -> Any:
        request_id, acted_for = uuid4(), self._names.acts_for(act)
        self._browser.acting(
            request_id,
            Behaviour(
                wallet=self._browser.wallets.of(act.by or ""),
                provider=act.provider,
                kvk=acted_for.kvk,
            ),
        )
        return await portal.log_in(log_in_as(act, self._names), request_id=request_id)

    async def _portal(self, registry: str) -> Portal:
        if registry not in self._portals:
            connecting = Portal.connect(registry, self._settings)
            self._portals[registry] = await self._stack.enter_async_context(connecting)
        return self._portals[registry]

    # --- the catalogue

    async def _change_catalogue(self, act: Act, client: Dienstverlener | None) -> str:
        dienstverlener, service = self._scenario.service(act.service or "")
        service_id, now = s.service_id(dienstverlener, service), utc_now()
        whole = next(
            each
            for each in entries(self._scenario, now)
            if each.dienstverlener == s.entity_id(dienstverlener)
        )
        withdrawn = act.act is ActKind.WITHDRAW_SERVICE
        await self._publish(without(whole, service_id) if withdrawn else whole)
        if client is not None:
            await _followed(client, service_id, is_there=not withdrawn)
        return DONE

    async def _publish(self, entry: CatalogueEntry) -> None:
        """Publish an entry as the next version."""
        kafka, public = self._settings.kafka, scheme_key(self._folders.network)
        async with Follower.following(kafka, public) as follower:
            version = follower.catalogue.version + 1
        changes = {"version": version, "issued_at": utc_now()}
        await publish(kafka, [entry.model_copy(update=changes)], self._folders.scheme())

    # --- a provider

    async def _command_provider(self, act: Act) -> str:
        who = Behaviour(self._browser.wallets.of(act.by or ""), browser=act.browser)
        about = self._scenario.dienstverlener(act.dienstverlener) if act.dienstverlener else None
        kind = SessionCommandKind(act.act.value)
        done = await self._browser.command(
            kind, act.provider or "", who, s.entity_id(about) if about else None
        )
        return DONE if done else NO_SESSION


def _came_to(events: Sequence[MandateEvent]) -> str:
    kinds = {event.kind for event in events}
    if EventKind.REFUSED in kinds:
        return str(next(event.reason for event in events if event.reason is not None))
    return APPROVAL_AWAITED if EventKind.APPROVAL_AWAITED in kinds else DONE


def _registered(events: Sequence[MandateEvent], command: UUID) -> UUID:
    """The ID of what a command registered; while it awaits approval, that of the command."""
    kinds = (EventKind.APPROVAL_AWAITED, EventKind.APPROVED, EventKind.SHOWN)
    found = [event.object for event in events if event.kind not in kinds]
    return next((each for each in found if each is not None), command)


async def _located(portal: Portal, events: Sequence[MandateEvent]) -> None:
    """Wait until another registry said where the link is, if it does."""
    if not any(event.kind is EventKind.ASSIGNMENT_LOCATED for event in events):
        assignment = next(event.object for event in events if event.object is not None)
        with suppress(NoAnswer):
            await portal.located(assignment, _LOCATED_SECONDS)


def _lines(portal: Portal, events: Sequence[MandateEvent]) -> int | None:
    """How many lines were shown, where only something was shown."""
    if any(event.kind is not EventKind.SHOWN for event in events):
        return None
    shown = [portal.shown(event) for event in events]
    return sum(len(page.lines) for page in shown if page is not None)


async def _followed(client: Dienstverlener, service_id: str, *, is_there: bool) -> None:
    """Wait until a change of the catalogue arrived. Raises TimeoutError."""
    async with asyncio.timeout(FOLLOWED_SECONDS):
        while any(each.service_id == service_id for each in client.services) != is_there:
            await asyncio.sleep(0.05)
    await asyncio.sleep(_AFTER_SECONDS)
