"""The network of the race: one registry under test, and everybody else by his keys only."""

from __future__ import annotations

import asyncio
import os
import random
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from pipeline import database
from pipeline.catalogue_updates import publish
from pipeline.keys import Keys, utc_now
from pipeline.settings import database_user, role_dsn
from registry import tables
from registry.kept import KEPT, Assignment, Holder, Kept, Link, Mandate, Person
from sandbox import ports, seeding, topology
from sandbox import scenario as s
from sandbox.catalogue import entries
from sandbox.founding import Folders, Founded, found
from sandbox.guardian import guarded
from sandbox.network import Network, RoleProcess
from sandbox.registrations import kept
from sandbox.scenario import Scenario
from sandbox.servers import Servers
from schemas.commands import Scope, ScopeKind
from schemas.directory import Participant
from schemas.sealed import Identifier
from schemas.values import EntityType, Level

MAKELAAR, PROVIDER, REGISTRY, OTHER = "zeearm", "boei", "dam", "keten"
PORTAL, DIENSTVERLENER, SERVICE = "dam-portaal", "havendienst", "ligplaats"
ORGANISATIONS: Final = 10
BETWEEN, ABROAD_KVK = "tussen", "90000499"
"""The organisation whose employees act in chains, and the one that links let act for others."""
UNGUARDED: Final = "tests.faults.withdrawal_race.unguarded"
_DAY = timedelta(days=1)


class Kind(StrEnum):
    """What is withdrawn: a mandate, all of a person, the far half of a chain, or the near one."""

    MANDATE = "mandate"
    PERSON = "person"
    LINK = "link"
    ASSIGNMENT = "assignment"


SHARES: Final = {Kind.MANDATE: 12, Kind.PERSON: 2, Kind.LINK: 3, Kind.ASSIGNMENT: 3}


@dataclass(frozen=True)
class Case:
    """One thing to withdraw: what it is, whose, and who asks by it."""

    kind: Kind
    thing: Mandate | Link | Assignment
    organisation: str
    person: Person | None

    @property
    def kept(self) -> tuple[Kept, ...]:
        return (self.thing,) if self.person is None else (self.person, self.thing)


@dataclass(frozen=True)
class Ground:
    """A running network, with what can be withdrawn in the order in which it will be."""

    network: Network
    cases: Sequence[Case]
    managers: dict[str, Mandate]

    @property
    def founded(self) -> Founded:
        return self.network.founded

    def keys(self, name: str) -> Keys:
        return Keys(self.founded.secrets[name], lambda: self.founded.directory)

    def named(self, name: str) -> Participant:
        found = self.founded.directory.named(name)
        if found is None:
            raise LookupError(name)
        return found

    @property
    def service_id(self) -> str:
        return s.service_id(*self.network.scenario.service(SERVICE))


def scenario() -> Scenario:
    """One of everybody, and organisations with a manager each."""
    names = [*(f"werf-{number}" for number in range(ORGANISATIONS)), BETWEEN]
    return Scenario.model_validate(
        {
            "herken": 1,
            "makelaars": [_party(MAKELAAR, 1)],
            "providers": [{**_party(PROVIDER, 2), "credential": "key", "highest_level": Level.EH4}],
            "registries": [
                {**_party(REGISTRY, 3), "chains": True, "portal": PORTAL},
                {**_party(OTHER, 4), "chains": True},
            ],
            "dienstverleners": [
                _party(PORTAL, 5),
                {**_party(DIENSTVERLENER, 6), "services": [_service()]},
            ],
            "organisations": [_organisation(name, number) for number, name in enumerate(names)],
            "people": [_manager(name) for name in names],
            "mandates": [_management(name) for name in names],
        }
    )


def _party(name: str, number: int) -> dict[str, Any]:
    return {"name": name, "display_name": name.title(), "oin": f"00000099{number:09}000"}


def _service() -> dict[str, Any]:
    fields = {"name": SERVICE, "display_name": "Ligplaats aanvragen", "index": 1}
    return {**fields, "makelaar": MAKELAAR, "level": Level.EH3}


def _organisation(name: str, number: int) -> dict[str, Any]:
    return {
        "name": name,
        "display_name": name.title(),
        "kvk": f"{90000400 + number}",
        "registry": REGISTRY,
    }


def _manager(organisation: str) -> dict[str, Any]:
    means = {"provider": PROVIDER, "registry": REGISTRY, "level": Level.EH4}
    return {"name": f"beheer-{organisation}", "organisation": organisation, "means": [means]}


def _management(organisation: str) -> dict[str, Any]:
    who = {"person": f"beheer-{organisation}", "organisation": organisation}
    return {**who, "name": f"beheert-{organisation}", "manager": True, "level": Level.EH3}


# --- what can be withdrawn


def cases(of: Scenario, count: int, seed: int, now: datetime) -> list[Case]:
    """So many things to withdraw, of all kinds, in an order of the seed's."""
    order = random.Random(seed)
    kinds = order.choices(list(SHARES), list(SHARES.values()), k=count)
    return [_case(of, kind, number, now) for number, kind in enumerate(kinds)]


def _case(of: Scenario, kind: Kind, number: int, now: datetime) -> Case:
    organisation = BETWEEN if kind is Kind.ASSIGNMENT else f"werf-{number % ORGANISATIONS}"
    person = None if kind is Kind.LINK else _person(of, organisation, number)
    return Case(kind, _thing(of, kind, number, organisation, now), organisation, person)


def _person(of: Scenario, organisation: str, number: int) -> Person:
    provider = s.entity_id(of.provider(PROVIDER))
    return Person(
        id=s.derived("race-person", str(number)),
        name=f"Persoon {number}",
        organisation=s.organisation_id(organisation),
        holders=(Holder(provider=provider, subject=subject(number)),),
    )


def subject(number: int) -> UUID:
    return s.derived("race-subject", str(number))


def _thing(
    of: Scenario, kind: Kind, number: int, organisation: str, now: datetime
) -> Mandate | Link | Assignment:
    service = of.service_uuid(SERVICE)
    terms: dict[str, Any] = {
        "id": s.derived("race", str(number)),
        "organisation": s.organisation_id(organisation),
        "level": Level.EH3,
        "valid_from": now - _DAY,
        "valid_until": now + 365 * _DAY,
        "registered_at": now - _DAY,
    }
    person = s.derived("race-person", str(number))
    if kind is Kind.LINK:
        accepted = {"services": (service,), "accepted_at": now - _DAY}
        return Link(**terms, **accepted, intermediary=ABROAD_KVK)
    if kind is Kind.ASSIGNMENT:
        return Assignment(
            **terms,
            person=person,
            principal=Identifier(type=EntityType.KVKNR, value="90000498"),
            principal_name="Een ander",
            services=(service,),
            registry=s.entity_id(of.registry(OTHER)),
            link=s.derived("race-link", str(number)),
        )
    scope = Scope(kind=ScopeKind.SERVICES, services=(service,))
    return Mandate(**terms, person=person, scope=scope)


# --- setting up


@asynccontextmanager
async def ground(
    servers: Servers, folder: Path, count: int, seed: int, *, workers: int, guarded_: bool
) -> AsyncIterator[Ground]:
    """Found the network, register what can be withdrawn, start the registry's workers."""
    of, folders, now = scenario(), Folders(folder / "network", folder / "secrets"), utc_now()
    founded = found(of, folders, now)
    await topology.create(servers.kafka, topology.plan(founded.directory))
    await seeding.set_up(founded, servers.postgres)
    await publish(servers.kafka, entries(of, now), folders.scheme())
    await seeding.fill(of, founded, servers.postgres, now, seeding.to_nobody)
    network = Network(of, folders, folder / "logs", servers, 300, founded)
    things = cases(of, count, seed, now)
    await _put(network, things)
    try:
        started = [_worker(network, number, guarded_=guarded_) for number in range(workers)]
        await asyncio.gather(*(network.ready(each) for each in started))
        yield Ground(network, things, _managers(of, now))
    finally:
        await asyncio.gather(*(network.stop(each) for each in network.roles))


def _managers(of: Scenario, now: datetime) -> dict[str, Mandate]:
    """The mandate by which each organisation's manager commands."""
    mandates = [each for each in kept(of, REGISTRY, now) if isinstance(each, Mandate)]
    by_organisation = {each.organisation: each for each in mandates}
    return {each.name: by_organisation[s.organisation_id(each.name)] for each in of.organisations}


def dsn(network: Network) -> str:
    """The registry's own tables, with its own user."""
    password = network.founded.secrets[REGISTRY].database_password
    return role_dsn(network.servers.postgres, database_user(REGISTRY), password)


async def _put(network: Network, things: Sequence[Case]) -> None:
    every = [thing for case in things for thing in case.kept]
    every.sort(key=lambda thing: KEPT.index(type(thing)))
    async with (
        await database.pool(dsn(network), size=1) as pool,
        pool.acquire() as connection,
        connection.transaction(),
    ):
        for thing in every:
            await tables.put(connection, thing)


def _worker(network: Network, number: int, *, guarded_: bool) -> RoleProcess:
    """One more process of the registry; an unguarded one through the module that breaks it."""
    participant = network.founded.directory.named(REGISTRY)
    if participant is None:
        raise LookupError(REGISTRY)
    (port,) = ports.free(1)
    own = {"HERKEN_HEALTH_PORT": str(port), "HERKEN_LOG_LEVEL": "WARNING"}
    command = ["herken", "run", "registry"] if guarded_ else [UNGUARDED]
    argv = [sys.executable, "-m", *command, REGISTRY]
    environment = {**os.environ, **network.environment, **own}
    log_file = network.logs / f"{REGISTRY}-{number}.log"
    process = guarded(argv, env=environment, log_file=log_file)
    role = RoleProcess((participant,), process, port)
    network.roles.append(role)
    return role
