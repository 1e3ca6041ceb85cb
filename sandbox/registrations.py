"""What a registry keeps from the start, of a scenario: its organisations, the people who act for
them, and their mandates, links and assignments."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from registry.kept import Assignment, Holder, Kept, Link, Mandate, Organisation, Person
from sandbox import scenario as s
from sandbox.scenario import Scenario
from sandbox.scenario_mandates import Period, Scoped
from sandbox.scenario_terms import moment
from schemas.administration import MANAGEMENT, REPRESENTATION, operation_of
from schemas.commands import Scope, ScopeKind
from schemas.sealed import Identifier
from schemas.values import EntityType, Level

FIVE_YEARS = timedelta(days=5 * 365)
_EARLIER = timedelta(minutes=1)


def kept(scenario: Scenario, registry: str, now: datetime) -> list[Kept]:
    """Everything that one registry keeps, in the order in which things refer to each other. The
    same scenario gives the same IDs."""
    return [
        *(_organisation(o) for o in scenario.organisations if _is_at(scenario, o.name, registry)),
        *_people(scenario, registry),
        *_mandates(scenario, registry, now),
        *_links(scenario, registry, now),
        *_assignments(scenario, registry, now),
    ]


def _is_at(scenario: Scenario, organisation: str, registry: str) -> bool:
    return scenario.registry_of(organisation) == registry


def _organisation(organisation: s.Organisation) -> Organisation:
    return Organisation(
        id=s.organisation_id(organisation.name),
        kind=organisation.kind,
        name=organisation.display_name,
        kvk=organisation.kvk,
        rsin=organisation.rsin,
        bsn=organisation.bsn,
        vestigingen=organisation.vestigingen,
        joint=organisation.joint,
    )


# --- people


def _people(scenario: Scenario, registry: str) -> Iterator[Person]:
    for person in scenario.people:
        organisation = _place_of(person, scenario, registry)
        holders = tuple(
            Holder(
                provider=s.entity_id(scenario.provider(means.provider)),
                subject=s.subject(person, means.provider),
            )
            for means in person.means
            if means.registry == registry
        )
        if organisation is not None and holders:
            yield Person(
                id=s.person_id(person.name),
                name=person.shown_name,
                organisation=s.organisation_id(organisation),
                holders=holders,
            )


def _place_of(person: s.Person, scenario: Scenario, registry: str) -> str | None:
    """Where the registry has a person: where he works, or else the first that he may act for. Who
    has nothing there is not known there."""
    acted_for = [m.organisation for m in scenario.mandates if m.person == person.name]
    represented = [o.name for o in scenario.organisations if person.name in o.representatives]
    places = [person.organisation, *acted_for, *represented]
    return next((p for p in places if p is not None and _is_at(scenario, p, registry)), None)


# --- mandates


def _mandates(scenario: Scenario, registry: str, now: datetime) -> Iterator[Mandate]:
    for mandate in scenario.mandates:
        if _is_at(scenario, mandate.organisation, registry):
            yield _mandate(mandate, scenario, now)
    for organisation in scenario.organisations:
        if _is_at(scenario, organisation.name, registry):
            for name in organisation.representatives:
                yield _mandate(_representation(organisation, name), scenario, now)


def _mandate(mandate: s.Mandate, scenario: Scenario, now: datetime) -> Mandate:
    return Mandate(
        id=s.registered_id(mandate),
        person=s.person_id(mandate.person),
        organisation=s.organisation_id(mandate.organisation),
        scope=scope(mandate, scenario),
        document=mandate.document,
        **_terms(mandate, now),
    )


def _representation(organisation: s.Organisation, person: str) -> s.Mandate:
    """What a representative has: CHOICE: at EH4, so that his means says how far it goes."""
    return s.Mandate(
        person=person, organisation=organisation.name, representative=True, level=Level.EH4
    )


def scope(item: Scoped, scenario: Scenario) -> Scope:
    """What a mandate is for, as the registry has it."""
    if item.everything:
        return Scope(kind=ScopeKind.EVERYTHING)
    if item.dienstverlener is not None:
        dienstverlener = scenario.dienstverlener(item.dienstverlener)
        return Scope(kind=ScopeKind.DIENSTVERLENER, dienstverlener=s.entity_id(dienstverlener))
    return Scope(kind=ScopeKind.SERVICES, services=tuple(_services(item, scenario)))


def _services(item: Scoped, scenario: Scenario) -> Iterator[UUID]:
    if item.manager:
        yield MANAGEMENT
    if item.representative:
        yield REPRESENTATION
    if item.operator is not None:
        portal = scenario.dienstverlener(scenario.registry(item.operator).portal or "")
        yield operation_of(s.entity_id(portal))
    for name in (*((item.service,) if item.service else ()), *item.services):
        yield scenario.service_uuid(name)


def _terms(item: s.Registered, now: datetime) -> dict[str, Any]:
    """Level, vestiging and times, which all three have."""
    valid_from, valid_until = period(item, now)
    return {
        "level": item.level,
        "vestiging": item.vestiging,
        "valid_from": valid_from or now - _EARLIER,
        "valid_until": valid_until or (valid_from or now - _EARLIER) + FIVE_YEARS,
        "registered_at": min(valid_from or now, now - _EARLIER),
        "withdrawn_at": moment(item.withdrawn, now) if item.withdrawn else None,
    }


def period(item: Period, now: datetime) -> tuple[datetime | None, datetime | None]:
    """From when until when, as far as it is said."""
    valid_from = moment(item.valid_from, now) if item.valid_from else None
    return valid_from, moment(item.valid_until, now) if item.valid_until else None


# --- chains


def _links(scenario: Scenario, registry: str, now: datetime) -> Iterator[Link]:
    for link in scenario.links:
        if _is_at(scenario, link.organisation, registry):
            terms = _terms(link, now)
            yield Link(
                id=s.registered_id(link),
                organisation=s.organisation_id(link.organisation),
                intermediary=scenario.organisation(link.intermediary).kvk or "",
                services=tuple(scenario.service_uuid(name) for name in link.services),
                document=link.document,
                accepted_at=terms["registered_at"] if link.accepted else None,
                **terms,
            )


def _assignments(scenario: Scenario, registry: str, now: datetime) -> Iterator[Assignment]:
    for assignment in scenario.assignments:
        person = scenario.person(assignment.person)
        works_at = person.organisation or ""
        if _is_at(scenario, works_at, registry):
            link = _link_of(assignment, works_at, scenario) if assignment.located else None
            there = scenario.registry(scenario.registry_of(assignment.principal))
            yield Assignment(
                id=s.registered_id(assignment),
                person=s.person_id(person.name),
                organisation=s.organisation_id(works_at),
                principal=identifier(scenario.organisation(assignment.principal)),
                principal_name=scenario.organisation(assignment.principal).display_name,
                services=tuple(scenario.service_uuid(name) for name in assignment.services),
                registry=s.entity_id(there) if link else None,
                link=s.registered_id(link) if link else None,
                **_terms(assignment, now),
            )


def identifier(organisation: s.Organisation) -> Identifier:
    """The number by which an organisation is told apart: its KvK number, or else its RSIN. Raises
    ValueError where it has neither."""
    if organisation.kvk is not None:
        return Identifier(type=EntityType.KVKNR, value=organisation.kvk)
    return Identifier(type=EntityType.RSIN, value=organisation.rsin or "")


def _link_of(assignment: s.Assignment, intermediary: str, scenario: Scenario) -> s.Link | None:
    """The link that an assignment goes with: of those between the two, the one with most of its
    services."""
    between = [
        link
        for link in scenario.links
        if (link.organisation, link.intermediary) == (assignment.principal, intermediary)
    ]
    shared = lambda link: len(set(link.services) & set(assignment.services))  # noqa: E731
    return max(between, key=shared, default=None)
