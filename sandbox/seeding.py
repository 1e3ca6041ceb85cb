"""Fills the databases of a founded network: users, schemas, tables; providers' means; what
registries keep, with the events that tell of it. What is there already is left as it is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from pathlib import Path
from uuid import UUID

import brokers
import providers
import registry
from pipeline import database
from pipeline.keys import Keys, seal
from pipeline.settings import database_user, role_dsn
from pipeline.stage import Connection
from providers import attributes as attributes_table
from providers import means as means_table
from providers.credentials.argon2id import hash_password
from providers.credentials.code import SharedSecret
from registry import events, tables
from registry.kept import KEPT, Kept
from registry.role import registry as role_of
from sandbox import scenario as s
from sandbox.founding import Founded, Held
from sandbox.registrations import kept
from sandbox.scenario import Scenario
from schemas import jose
from schemas.codec import Record
from schemas.directory import Participant, PublicJwk
from schemas.sealed import PersonAttributes
from schemas.values import Role

Tell = Callable[[Sequence[Record]], Awaitable[None]]
"""Publishes events."""
MIGRATIONS = {
    Role.MAKELAAR: (Path(brokers.__file__).parent / "migrations",),
    Role.PROVIDER: (Path(providers.__file__).parent / "migrations",),
    Role.REGISTRY: (Path(registry.__file__).parent / "migrations",),
}


async def to_nobody(_: Sequence[Record]) -> None:
    """For who needs no events."""


async def seed(
    scenario: Scenario,
    founded: Founded,
    admin_dsn: str,
    now: datetime,
    tell: Tell = to_nobody,
) -> None:
    """Set up every role's database, and register what the scenario says. The events of what is new
    are told before it is kept for good: told twice is the same as once, and not told is not kept.
    """
    await set_up(founded, admin_dsn)
    await fill(scenario, founded, admin_dsn, now, tell)


async def set_up(founded: Founded, admin_dsn: str) -> None:
    """Users, schemas and tables."""
    for participant in _roles(founded):  # one after the other: they create users in one catalogue
        await _set_up(participant, founded, admin_dsn)


async def fill(
    scenario: Scenario, founded: Founded, admin_dsn: str, now: datetime, tell: Tell
) -> None:
    """Means, and what registries keep."""
    roles = _roles(founded)
    await asyncio.gather(*(_fill(p, scenario, founded, admin_dsn, now, tell) for p in roles))


def _roles(founded: Founded) -> list[Participant]:
    return [p for p in founded.directory.participants if p.role in MIGRATIONS]


async def _set_up(participant: Participant, founded: Founded, admin_dsn: str) -> None:
    password = founded.secrets[participant.name].database_password
    await database.set_up(admin_dsn, participant.name, password, MIGRATIONS[participant.role])


async def _fill(
    participant: Participant,
    scenario: Scenario,
    founded: Founded,
    admin_dsn: str,
    now: datetime,
    tell: Tell,
) -> None:
    password = founded.secrets[participant.name].database_password
    dsn = role_dsn(admin_dsn, database_user(participant.name), password)
    async with (
        await database.pool(dsn, size=1) as pool,
        pool.acquire() as connection,
        connection.transaction(),
    ):
        if participant.role is Role.PROVIDER:
            await _issue(connection, participant, scenario, founded, now)
        if participant.role is Role.REGISTRY:
            things = kept(scenario, participant.name, now)
            await tell(await register(connection, things, participant, founded, now))


# --- a registry


async def register(
    connection: Connection,
    things: Sequence[Kept],
    registry: Participant,
    founded: Founded,
    now: datetime,
) -> list[Record]:
    """Keep what is not kept yet; returns the events that tell of it."""
    there: set[UUID] = set()
    for model in KEPT:
        ids = [thing.id for thing in things if type(thing) is model]
        there |= (await tables.get(connection, model, ids)).keys()
    new = [thing for thing in things if thing.id not in there]
    for thing in new:
        await tables.put(connection, thing)
    return await _tell(connection, new, registry, founded, now)


async def _tell(
    connection: Connection,
    new: Sequence[Kept],
    registry: Participant,
    founded: Founded,
    now: datetime,
) -> list[Record]:
    keys = Keys(founded.secrets[registry.name], lambda: founded.directory)
    seeded = events.of_seed(new, keys, role_of(keys).known(), now)
    for each in seeded:
        await each.change(connection)
    return [each.record for each in seeded]


# --- a provider


async def _issue(
    connection: Connection,
    provider: Participant,
    scenario: Scenario,
    founded: Founded,
    now: datetime,
) -> None:
    for means in _means(provider, scenario, founded, now):
        await means_table.add(connection, means)
    for person in scenario.people:
        if any(means.provider == provider.name for means in person.means):
            await _describe(connection, person, provider)


async def _describe(connection: Connection, person: s.Person, provider: Participant) -> None:
    """Keep what the provider knows of a person: what it can tell, and no more."""
    whole = PersonAttributes(
        first_name=person.first_name,
        family_name=person.family_name,
        date_of_birth=person.date_of_birth,
    )
    known = attributes_table.only(whole, provider.attributes)
    if known != PersonAttributes():
        await attributes_table.add(connection, s.subject(person, provider.name), known)


def _means(
    provider: Participant, scenario: Scenario, founded: Founded, now: datetime
) -> Iterable[means_table.Means]:
    for person in scenario.people:
        for held in founded.wallets.of(person.name).means:
            if held.provider == provider.name:
                yield _one_means(provider, person, held, scenario, founded, now)


def _one_means(
    provider: Participant,
    person: s.Person,
    held: Held,
    scenario: Scenario,
    founded: Founded,
    now: datetime,
) -> means_table.Means:
    registry_ = founded.directory.named(held.registry)
    if registry_ is None:
        raise LookupError(held.registry)
    key = jose.private_key(dict(held.private_key)) if held.private_key else None
    shared = SharedSecret(secret=held.totp_secret) if held.totp_secret else None
    return means_table.Means(
        id=s.derived("means", person.name, provider.name),
        subject=s.subject(person, provider.name),
        registry=registry_.entity_id,
        level=held.level,
        username=held.username,
        password_hash=hash_password(held.password) if held.password else None,
        totp_secret=seal(shared, provider, now) if shared else None,
        key_id=key.kid if key else None,
        public_key=PublicJwk.model_validate(jose.public_jwk(key)) if key else None,
        only_for=_only_for(person, provider, scenario),
    )


def _only_for(person: s.Person, provider: Participant, scenario: Scenario) -> str | None:
    """EntityID of the one dienstverlener that the person's means works for."""
    means = next(each for each in person.means if each.provider == provider.name)
    found = scenario.dienstverlener(means.only_for) if means.only_for else None
    return s.entity_id(found) if found else None
