"""Managers who register and withdraw all the time, so that the registries' other stages run too."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from uuid import UUID, uuid4

from aiokafka.errors import KafkaError

from dienstverlener import Assertion
from dienstverlener.client import NoOutcome
from pipeline.errors import ServerUnreachable
from sandbox import scenario as s
from sandbox.person import Behaviour
from sandbox.portal import NoAnswer, NotLoggedIn, Portal
from sandbox.scenario import Scenario
from schemas.administration import EventKind, MandateEvent
from schemas.commands import Assign, CommandContent, Register, Scope, ScopeKind, Withdraw
from schemas.sealed import Identifier
from schemas.values import EntityType, Level
from tests.faults import ground
from tests.faults.load import People

PAUSE_SECONDS = 0.4
_LOGGED_IN_SECONDS = 45.0
_ANSWERED_SECONDS = 90.0


@dataclass(frozen=True)
class Manager:
    """Who commands at which registry, and about whom."""

    registry: str
    person: str
    about: str
    principal: str


MANAGERS = (
    Manager(ground.REGISTRY, "hugo", "zus", "klant"),
    Manager(ground.OTHER, "iris", "zoe", "reder"),
)


@dataclass
class Administration:
    """Both managers. `unanswered`: commands without an answer in 90 s; `rests`: nobody commands."""

    people: People
    commands: int = 0
    rests: bool = False
    refused: list[str] = field(default_factory=list)
    unanswered: list[UUID] = field(default_factory=list)

    @asynccontextmanager
    async def going_on(self) -> AsyncIterator[None]:
        """Command for as long as the block runs."""
        tasks = [asyncio.create_task(self._manage(each)) for each in MANAGERS]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _manage(self, manager: Manager) -> None:
        """Connect, log in and command; where that fails, once more from the start."""
        while True:
            with suppress(NoOutcome, NotLoggedIn, ServerUnreachable, KafkaError, OSError):
                async with Portal.connect(manager.registry, self.people.network.settings) as portal:
                    while True:
                        await self._session(manager, portal)
            await asyncio.sleep(PAUSE_SECONDS)

    async def _session(self, manager: Manager, portal: Portal) -> None:
        while self.rests:
            await asyncio.sleep(PAUSE_SECONDS)
        login = await self._log_in(manager, portal)
        until = time.monotonic() + _LOGGED_IN_SECONDS
        while time.monotonic() < until:
            for content in _contents(manager, self.people.network.scenario):
                registered = await self._command(portal, login, content)
                await self._command(portal, login, Withdraw(what=registered))

    async def _log_in(self, manager: Manager, portal: Portal) -> Assertion:
        request_id = uuid4()
        wallet = self.people.browser.wallets.of(manager.person)
        self.people.browser.acting(request_id, Behaviour(wallet))
        return await portal.log_in("management", request_id=request_id)

    async def _command(self, portal: Portal, login: Assertion, content: CommandContent) -> UUID:
        """The ID of what it is about. Raises NoOutcome where it has no answer."""
        while self.rests:
            await asyncio.sleep(PAUSE_SECONDS)
        command = uuid4()
        self.commands += 1
        try:
            events = await portal.command(login, content, command, _ANSWERED_SECONDS)
        except NoAnswer:
            self.unanswered.append(command)
            raise NoOutcome("no answer to a command") from None
        self.refused += [str(each.reason) for each in events if each.kind is EventKind.REFUSED]
        await asyncio.sleep(PAUSE_SECONDS)
        return _about(events, command)


def _about(events: list[MandateEvent], command: UUID) -> UUID:
    return next((each.object for each in events if each.object is not None), command)


def _contents(manager: Manager, scenario: Scenario) -> list[CommandContent]:
    person, principal = s.person_id(manager.about), scenario.organisation(manager.principal)
    service = scenario.service_uuid("jaarstuk")
    return [
        Register(
            person=person,
            scope=Scope(kind=ScopeKind.SERVICES, services=(service,)),
            level=Level.EH3,
        ),
        Assign(
            principal=Identifier(type=EntityType.KVKNR, value=principal.kvk or ""),
            principal_name=principal.display_name,
            person=person,
            services=(service,),
            level=Level.EH3,
        ),
    ]
