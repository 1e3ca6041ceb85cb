"""Networks of any size, and logins at them: by people in turn, at dienstverleners in turn.

    many_dienstverleners  a network each: so many in the directory and in the catalogue
    many_mandates         one network with a registry each: so many mandates in it

Who logs in is as many people at as many dienstverleners, whatever the size: what differs is all
that is there beside them.
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import psutil

from benchmarks import arrivals, registry_data
from benchmarks.lane import CLIENT, Groups
from benchmarks.logins import DEADLINE_SECONDS, LoginRefused
from benchmarks.reporting import progress
from dienstverlener import Assertion, Dienstverlener
from pipeline.catalogue_updates import publish
from pipeline.keys import utc_now
from pipeline.settings import database_user
from sandbox import founding, generated
from sandbox import scenario as s
from sandbox.browser import Browser
from sandbox.network import Network, laid_out, start_roles
from sandbox.person import Behaviour
from sandbox.scenario import Scenario
from sandbox.servers import running
from schemas import jose
from schemas.catalogue import CatalogueEntry
from schemas.directory import Directory, DirectoryKey, KeyUse, Participant, PublicJwk

PEOPLE, AT_MOST = 50, 10
"""Who log in at a registry; and at how many dienstverleners, where there are as many."""
_MAKELAAR, _PROVIDER, _LEVEL = "poort", "slot", "EH3"
_SERVICES_EACH = 2.5
"""CHOICE: of a dienstverlener, on average; as in a generated catalogue."""


@dataclass(frozen=True)
class Visits:
    """Logins with a signing key. `turns` says who comes, and for which service."""

    name: str
    running: Network
    browser: Browser
    clients: Mapping[str, Dienstverlener]
    turns: Iterator[tuple[str, str]] = field(repr=False)

    async def drive(self, instants: Sequence[float]) -> list[float]:
        return await arrivals.drive(self._login, instants)

    def processes(self) -> Groups:
        return {
            CLIENT: [psutil.Process(os.getpid())],
            "roles": [psutil.Process(role.process.pid) for role in self.running.roles],
            **servers_of(self.running),
        }

    async def _login(self) -> None:
        """Raises LoginRefused, NoOutcome."""
        person, service = next(self.turns)
        request_id = uuid4()
        self.browser.acting(request_id, Behaviour(self.browser.wallets.of(person)))
        service_id = s.service_id(*self.running.scenario.service(service))
        client = self.clients[service]
        outcome = await client.authenticate(service_id, request_id=request_id)
        if not isinstance(outcome, Assertion):
            raise LoginRefused(outcome.code)


def servers_of(running_network: Network) -> dict[str, list[psutil.Process]]:
    """Kafka and Postgres of one network, of several that run here."""
    folder = str(running_network.servers.folder)
    children = psutil.Process(os.getpid()).children(recursive=True)
    java, postmasters = (
        [each for each in children if each.name() == name and folder in " ".join(each.cmdline())]
        for name in ("java", "postgres")
    )
    sessions = [child for each in postmasters for child in each.children()]
    return {"Kafka": java, "Postgres": [*postmasters, *sessions]}


# --- many dienstverleners


async def many_dienstverleners(count: int, folder: Path, stack: AsyncExitStack) -> Visits:
    """A network with so many of them, and its logins. Raises ServerFailed, RoleFailed."""
    plan = scenario([_REGISTRY], min(count, AT_MOST))
    made = await founded(plan, folder, stack)
    if count > len(plan.dienstverleners):
        await _add_others(made, count - len(plan.dienstverleners))
    return await _opened(f"{count:,} dienstverleners", made, stack, _REGISTRY)


_REGISTRY = "grens"


async def _add_others(made: Network, count: int) -> None:
    """Into the directory, each with his keys, and into the catalogue. They have no topics: nobody
    logs in there."""
    now, scheme, folders = utc_now(), made.folders.scheme(), made.folders
    others = _entries(made, count, now)
    directory = made.directory.model_copy(
        update={
            "version": made.directory.version + 1,
            "participants": (*made.directory.participants, *_taking_part(others, now)),
        }
    )
    founding.publish(Directory.model_validate(directory.model_dump()), scheme, folders)
    await publish(made.servers.kafka, others, scheme)


def _entries(made: Network, count: int, now: datetime) -> list[CatalogueEntry]:
    """With the versions after those of the scenario's own."""
    makelaar = s.entity_id(made.scenario.makelaars[0])
    size = generated.Size(int(count * _SERVICES_EACH), count, makelaars=(makelaar,))
    before = len(made.scenario.dienstverleners)
    return [
        entry.model_copy(update={"version": entry.version + before})
        for entry in generated.entries(size, now)
    ]


def _taking_part(entries: Sequence[CatalogueEntry], now: datetime) -> Iterator[Participant]:
    for entry in generated.directory(entries, now).participants:
        if entry.role.name == "DIENSTVERLENER":
            yield entry.model_copy(update={"keys": tuple(_key(use, now) for use in _USES)})


_USES = (KeyUse.SIGNING, KeyUse.ENCRYPTION)


def _key(use: KeyUse, now: datetime) -> DirectoryKey:
    key = jose.new_key()
    return DirectoryKey(
        kid=key.kid,
        use=use,
        jwk=PublicJwk.model_validate(jose.public_jwk(key)),
        not_before=now,
        not_after=now + founding.KEY_VALIDITY,
    )


# --- many mandates


async def many_mandates(counts: Sequence[int], folder: Path, stack: AsyncExitStack) -> list[Visits]:
    """One network, a registry for each size, and the logins at each. Raises ServerFailed,
    RoleFailed."""
    registries = {f"register-{number}": count for number, count in enumerate(counts, start=1)}
    made = await founded(scenario(list(registries), 1), folder, stack)
    for name, count in registries.items():
        await _fill(made, name, count)
    return [
        await _opened(f"{count:,} mandates", made, stack, name)
        for name, count in registries.items()
    ]


async def _fill(made: Network, registry: str, mandates: int) -> None:
    """Beside those of the scenario's people. A fifth as many chains, as elsewhere."""
    began = time.perf_counter()
    admin = await asyncpg.connect(made.servers.postgres)
    try:
        await admin.execute(f'SET search_path = "{database_user(registry)}"')
        await registry_data.fill(admin, registry_data.Size(mandates, max(1, mandates // 5)))
    finally:
        await admin.close()
    progress(f"{mandates:,} mandates loaded in {time.perf_counter() - began:.0f} s")


# --- a network


async def founded(plan: Scenario, folder: Path, stack: AsyncExitStack) -> Network:
    """With everything but its roles."""
    servers = await stack.enter_async_context(running(folder, progress=progress, environ={}))
    return await laid_out(servers, plan, folder, progress, DEADLINE_SECONDS)


async def _opened(name: str, made: Network, stack: AsyncExitStack, registry: str) -> Visits:
    """At work, with its browser and clients; who has a mandate at this registry logs in."""
    if not made.roles:
        stack.push_async_callback(stop_all, made)
        await start_roles(made, progress)
    opening = Browser.open(made.servers.kafka, made.folders)
    browser = await stack.enter_async_context(opening)
    clients = {}
    for owner in made.scenario.dienstverleners:
        connecting = Dienstverlener.connect(owner.name, made.settings)
        clients[owner.services[0].name] = await stack.enter_async_context(connecting)
    turns = zip(itertools.cycle(_people_of(registry)), itertools.cycle(clients), strict=False)
    return Visits(name, made, browser, clients, turns)


async def stop_all(made: Network) -> None:
    for role in made.roles:
        await made.stop(role)


def _people_of(registry: str) -> list[str]:
    return [f"{registry}-{number}" for number in range(PEOPLE)]


# --- its scenario


def scenario(registries: Sequence[str], dienstverleners: int) -> Scenario:
    """People with a mandate for every service, at each of these registries."""
    services = [f"dienst-{number}" for number in range(dienstverleners)]
    people = [(person, registry) for registry in registries for person in _people_of(registry)]
    party = _numbered()
    return Scenario.model_validate(
        {
            "herken": 1,
            "makelaars": [party(_MAKELAAR)],
            "providers": [{**party(_PROVIDER), "credential": "key", "highest_level": "EH4"}],
            "registries": [party(name) for name in registries],
            "dienstverleners": [
                {**party(f"dv-{service}"), "services": [_service(service)]} for service in services
            ],
            "organisations": [_organisation(n, name) for n, name in enumerate(registries)],
            "people": [_person(person, registry) for person, registry in people],
            "mandates": [
                {"person": person, "organisation": _OF.format(registry)}
                | {"service": service, "level": _LEVEL}
                for person, registry in people
                for service in services
            ],
        }
    )


_OF = "bedrijf-{}"


def _numbered() -> Callable[[str], dict[str, Any]]:
    numbers = itertools.count(1)

    def party(name: str) -> dict[str, Any]:
        oin = f"00000099{next(numbers):09}000"
        return {"name": name, "display_name": name.title(), "oin": oin}

    return party


def _service(name: str) -> dict[str, Any]:
    fields = {"name": name, "display_name": name.title(), "index": 1}
    return {**fields, "makelaar": _MAKELAAR, "level": _LEVEL}


def _organisation(number: int, registry: str) -> dict[str, Any]:
    name = _OF.format(registry)
    kvk = f"{90_000_700 + number}"
    return {"name": name, "display_name": name.title(), "kvk": kvk, "registry": registry}


def _person(name: str, registry: str) -> dict[str, Any]:
    means = {"provider": _PROVIDER, "registry": registry, "level": _LEVEL}
    return {"name": name, "organisation": _OF.format(registry), "means": [means]}
