"""Fills the databases and Kafka of a founded network: users, schemas, tables, means, mandates,
topics."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

import providers
import registry
from pipeline import database
from pipeline.keys import seal
from pipeline.settings import database_user, role_dsn
from providers import means as means_table
from providers.credentials.code import SharedSecret
from providers.credentials.password import hash_password
from registry import tables
from registry.kept import Holder, Kept, Mandate, Organisation, OrganisationKind, Person
from sandbox import scenario as s
from sandbox.founding import Founded, Held
from sandbox.scenario import Scenario
from schemas import jose
from schemas.administration import Scope, ScopeKind
from schemas.directory import Participant, PublicJwk
from schemas.values import Role

FIVE_YEARS = timedelta(days=5 * 365)
MIGRATIONS = {
    Role.MAKELAAR: (),
    Role.PROVIDER: (Path(providers.__file__).parent / "migrations",),
    Role.REGISTRY: (Path(registry.__file__).parent / "migrations",),
}


async def seed(scenario: Scenario, founded: Founded, admin_dsn: str, now: datetime) -> None:
    """Set up every role's database, and register what the scenario says."""
    roles = [p for p in founded.directory.participants if p.role in MIGRATIONS]
    for participant in roles:  # one after the other: they create users in one catalogue
        await _set_up(participant, founded, admin_dsn)
    await asyncio.gather(*(_fill(p, scenario, founded, admin_dsn, now) for p in roles))


async def _set_up(participant: Participant, founded: Founded, admin_dsn: str) -> None:
    password = founded.secrets[participant.name].database_password
    await database.set_up(admin_dsn, participant.name, password, MIGRATIONS[participant.role])


async def _fill(
    participant: Participant, scenario: Scenario, founded: Founded, admin_dsn: str, now: datetime
) -> None:
    password = founded.secrets[participant.name].database_password
    dsn = role_dsn(admin_dsn, database_user(participant.name), password)
    connection = await database.connect(dsn)
    try:
        if participant.role is Role.PROVIDER:
            for means in _means(participant, scenario, founded, now):
                await means_table.add(connection, means)
        if participant.role is Role.REGISTRY:
            for thing in _kept(participant, scenario, now):
                await tables.put(connection, thing)
    finally:
        await connection.close()


def _means(
    provider: Participant, scenario: Scenario, founded: Founded, now: datetime
) -> Iterable[means_table.Means]:
    for person in scenario.people:
        for held in founded.wallets.of(person.name).means:
            if held.provider == provider.name:
                yield _one_means(provider, person, held, founded, now)


def _one_means(
    provider: Participant, person: s.Person, held: Held, founded: Founded, now: datetime
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
    )


def _kept(registry_: Participant, scenario: Scenario, now: datetime) -> Iterable[Kept]:
    """A person is registered where any of his means says that his mandates are."""
    here = [p for p in scenario.people if any(m.registry == registry_.name for m in p.means)]
    yield from (_organisation(each) for each in scenario.organisations)
    yield from (_person(each, registry_, scenario) for each in here)
    for number, mandate in enumerate(scenario.mandates):
        if scenario.person(mandate.person) in here:
            yield _mandate(number, mandate, scenario, now)


def _organisation(organisation: s.Organisation) -> Organisation:
    return Organisation(
        id=s.derived("organisation", organisation.name),
        kind=OrganisationKind.COMPANY,
        name=organisation.display_name,
        kvk=organisation.kvk,
        vestigingen=organisation.vestigingen,
    )


def _person(person: s.Person, registry_: Participant, scenario: Scenario) -> Person:
    """He works for the first organisation that he may act for, or for just any."""
    mine = [each.organisation for each in scenario.mandates if each.person == person.name]
    works_at = (mine or [each.name for each in scenario.organisations])[0]
    return Person(
        id=s.derived("person", person.name),
        name=person.name,
        organisation=s.derived("organisation", works_at),
        holders=tuple(
            Holder(
                provider=s.entity_id(scenario.provider(means.provider)),
                subject=s.subject(person, means.provider),
            )
            for means in person.means
            if means.registry == registry_.name
        ),
    )


def _mandate(number: int, mandate: s.Mandate, scenario: Scenario, now: datetime) -> Mandate:
    valid_from = mandate.valid_from or now - timedelta(minutes=1)
    service = s.service_uuid(*scenario.service(mandate.service))
    return Mandate(
        id=s.derived("mandate", str(number)),
        person=s.derived("person", mandate.person),
        organisation=s.derived("organisation", mandate.organisation),
        scope=Scope(kind=ScopeKind.SERVICES, services=(service,)),
        level=mandate.level,
        vestiging=mandate.vestiging,
        valid_from=valid_from,
        valid_until=mandate.valid_until or valid_from + FIVE_YEARS,
        registered_at=now,
    )
