"""herken's own lanes: a whole network, its client and its users, as `herken up` runs it.

Signing keys: direct logins at EH4, 8 messages. Passwords: direct logins at EH3, by many people,
each with a password and one-time codes of his own, 10 messages and one argon2id.
"""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import psutil

from benchmarks import arrivals
from benchmarks.figures import ARGON2, BESIDE, HERKEN, PASSWORDS
from benchmarks.lane import CLIENT, Groups
from dienstverlener import Assertion, Dienstverlener
from providers.credentials import argon2id
from sandbox import scenario as s
from sandbox.browser import Browser
from sandbox.network import Network, network
from sandbox.person import Behaviour
from sandbox.scenario import Scenario
from sandbox.scenario_file import load

SCENARIO = Path("scenarios/first-login.yaml")
DEADLINE_SECONDS = 600
BUSY_AFTER_SECONDS = 60
"""Bursts are there to be worked off: nobody is refused for what the others have to do."""
BY_KEY, BY_PASSWORD = "lozingsaangifte", "omgevingsvergunning"
PASSWORD_USERS = 300
"""A code holds once, and three hold at any time: each of them can log in three times in a turn."""
CHECKS_PASSWORDS = "dijk"
"""The provider that checks them."""
KEY_HOLDER, _PASSWORD = "ans", "zeven-zeilen-op-zondag"


def scenario() -> Scenario:
    """The first login's, with many more people who have a password."""
    first = load(SCENARIO)
    people = [_person(f"gebruiker-{number}") for number in range(PASSWORD_USERS)]
    mandates = [
        s.Mandate(person=p.name, organisation="korenmolen", service=BY_PASSWORD, level="EH3")
        for p in people
    ]
    return first.model_copy(
        update={
            "people": (*first.people, *people),
            "mandates": (*first.mandates, *mandates),
        }
    )


def _person(name: str) -> s.Person:
    means = s.Means(
        provider=CHECKS_PASSWORDS,
        registry="terp",
        level="EH3",
        username=f"{name}@korenmolen.example",
        password=_PASSWORD,
    )
    return s.Person(name=name, means=(means,))


class LoginRefused(Exception):
    """A login that had to be granted was not. The text is its code."""


@dataclass(frozen=True)
class Herken:
    """A running network, its browser, and the clients of both services."""

    running: Network
    browser: Browser
    clients: dict[str, Dienstverlener]
    people: Iterator[str] = field(repr=False)

    def processes(self) -> Groups:
        return {CLIENT: [psutil.Process(os.getpid())], "roles": _roles(self.running)} | servers()

    async def by_key(self) -> None:
        """One login with a signing key. Raises LoginRefused, NoOutcome."""
        await self._login(BY_KEY, KEY_HOLDER, None)

    async def by_password(self) -> None:
        """One login of the next person. Raises LoginRefused, NoOutcome."""
        await self._login(BY_PASSWORD, next(self.people), CHECKS_PASSWORDS)

    async def _login(self, service: str, person: str, provider: str | None) -> None:
        request_id = uuid4()
        who = Behaviour(self.browser.wallets.of(person), provider=provider)
        self.browser.acting(request_id, who)
        scenario = self.running.scenario
        outcome = await self.clients[service].authenticate(
            s.service_id(*scenario.service(service)),
            request_id=request_id,
            provider=s.entity_id(scenario.provider(provider)) if provider else None,
        )
        self.browser.left(request_id)
        if not isinstance(outcome, Assertion):
            raise LoginRefused(outcome.code)


@asynccontextmanager
async def opened(folder: Path, progress: Callable[[str], None]) -> AsyncIterator[Herken]:
    """A network, ready. Raises ServerFailed, ServerUnreachable, RoleFailed."""
    os.environ["HERKEN_BUSY_AFTER_SECONDS"] = str(BUSY_AFTER_SECONDS)
    async with AsyncExitStack() as stack:
        running = await stack.enter_async_context(
            network(scenario(), folder, progress=progress, deadline_seconds=DEADLINE_SECONDS)
        )
        opening = Browser.open(running.servers.kafka, running.folders)
        browser = await stack.enter_async_context(opening)
        clients = {}
        for service in (BY_KEY, BY_PASSWORD):
            owner, _ = running.scenario.service(service)
            connecting = Dienstverlener.connect(owner.name, running.settings)
            clients[service] = await stack.enter_async_context(connecting)
        people = (f"gebruiker-{number}" for number in itertools.cycle(range(PASSWORD_USERS)))
        yield Herken(running, browser, clients, people)


def _roles(running: Network) -> list[psutil.Process]:
    """With the processes that check passwords for them."""
    roles = [psutil.Process(role.process.pid) for role in running.roles]
    return [*roles, *(child for role in roles for child in role.children())]


def servers() -> dict[str, list[psutil.Process]]:
    """Kafka's and Postgres's processes: those that this process started."""
    children = psutil.Process(os.getpid()).children(recursive=True)
    return {
        "Kafka": [each for each in children if "kafka.Kafka" in _command(each)],
        "Postgres": [each for each in children if each.name() == "postgres"],
    }


def _command(process: psutil.Process) -> list[str]:
    return process.cmdline() if process.name() == "java" else []


# --- lanes


@dataclass(frozen=True)
class Keys:
    """Logins with a signing key."""

    herken: Herken
    name: str = HERKEN

    async def drive(self, instants: Sequence[float]) -> list[float]:
        return await arrivals.drive(self.herken.by_key, instants)

    def processes(self) -> Groups:
        return self.herken.processes()


@dataclass(frozen=True)
class Passwords:
    """Logins with a password and a code."""

    herken: Herken
    name: str = PASSWORDS

    async def drive(self, instants: Sequence[float]) -> list[float]:
        return await arrivals.drive(self.herken.by_password, instants)

    def processes(self) -> Groups:
        return self.herken.processes()


@dataclass(frozen=True)
class KeysBesidePasswords:
    """Logins with a signing key, while others log in with passwords.

    passwords_a_second  as it is when a turn begins
    """

    herken: Herken
    passwords_a_second: Callable[[], float]
    name: str = BESIDE

    async def drive(self, instants: Sequence[float]) -> list[float]:
        """Of those with a key only."""
        others = arrivals.steadily(self.passwords_a_second(), max(instants))
        passwords = asyncio.create_task(arrivals.drive(self.herken.by_password, others))
        try:
            return await arrivals.drive(self.herken.by_key, instants)
        finally:
            await passwords

    def processes(self) -> Groups:
        return self.herken.processes()


class Argon2:
    """The limit of passwords: argon2id with herken's parameters on all cores, and nothing else."""

    name = ARGON2

    def __init__(self) -> None:
        self._stored = argon2id.hash_password(_PASSWORD)
        self._threads = ThreadPoolExecutor(os.cpu_count())

    async def drive(self, instants: Sequence[float]) -> list[float]:
        return await arrivals.drive(self._check, instants)

    def processes(self) -> Groups:
        return {"own": [psutil.Process(os.getpid())]}

    async def _check(self) -> None:
        loop = asyncio.get_running_loop()
        if not await loop.run_in_executor(self._threads, argon2id.is_of, self._stored, _PASSWORD):
            raise LoginRefused("the password does not hold")
