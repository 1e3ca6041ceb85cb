"""Fills the databases and Kafka of a founded network: users, schemas, tables, means, mandates,
topics."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

import brokers
import providers
import registry
from pipeline import database
from pipeline.keys import seal
from pipeline.settings import database_user, role_dsn
from providers import means as means_table
from providers.credentials.code import SharedSecret
from providers.credentials.password import hash_password
from registry import mandates as mandates_table
from sandbox import scenario as s
from sandbox.founding import Founded, Held
from sandbox.scenario import Scenario
from schemas import jose
from schemas.directory import Participant, PublicJwk
from schemas.values import Role

FIVE_YEARS = timedelta(days=5 * 365)
MIGRATIONS = {
    Role.MAKELAAR: (Path(brokers.__file__).parent / "migrations",),
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
            for mandate in _mandates(participant, scenario, founded, now):
                await mandates_table.add(connection, mandate)
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


def _mandates(
    registry_: Participant, scenario: Scenario, founded: Founded, now: datetime
) -> Iterable[mandates_table.Mandate]:
    """A mandate is registered where each of the person's means says that his mandates are."""
    for number, mandate in enumerate(scenario.mandates):
        person = scenario.person(mandate.person)
        for means in person.means:
            if means.registry == registry_.name:
                yield _one_mandate(number, mandate, means, scenario, founded, now)


def _one_mandate(
    number: int,
    mandate: s.Mandate,
    means: s.Means,
    scenario: Scenario,
    founded: Founded,
    now: datetime,
) -> mandates_table.Mandate:
    person, organisation = (
        scenario.person(mandate.person),
        scenario.organisation(mandate.organisation),
    )
    provider = scenario.provider(means.provider)
    valid_from = mandate.valid_from or now - timedelta(minutes=1)
    return mandates_table.Mandate(
        id=s.derived("mandate", str(number), means.provider),
        provider=s.entity_id(provider),
        subject=s.subject(person, provider.name),
        person=s.derived("person", person.name),
        kvk=organisation.kvk,
        organisation=organisation.display_name,
        service=s.service_uuid(*scenario.service(mandate.service)),
        level=mandate.level,
        valid_from=valid_from,
        valid_until=mandate.valid_until or valid_from + FIVE_YEARS,
        vestiging=mandate.vestiging,
    )
