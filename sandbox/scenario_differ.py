"""What must differ between the things in a scenario: names and numbers of their own."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator

from pipeline.settings import database_user
from sandbox.scenario import Party
from sandbox.scenario_facts import (
    PARTIES,
    Facts,
    Item,
    Place,
    Problem,
    listed,
    registered,
    text,
    texts,
)

_KEPT_BY_POSTGRES = ("postgres", "public", "none", "information_schema")


def _twice(marks: Iterable[tuple[Place, Hashable]], message: str) -> Iterator[Problem]:
    """The second and later places of the same mark."""
    first: dict[Hashable, Place] = {}
    for place, mark in marks:
        if first.setdefault(mark, place) is not place:
            yield Problem(place, message, first[mark])


def _party_names(facts: Facts) -> Iterator[tuple[Place, str]]:
    for kind in PARTIES:
        yield from texts(facts.kind(kind), "name")


def party_names(facts: Facts) -> Iterator[Problem]:
    """Names of parties differ, also where '-' becomes '_'."""
    marks = ((place, database_user(name)) for place, name in _party_names(facts))
    yield from _twice(
        marks,
        "another party has this name, or the same but for '-' and '_': give one of them another, "
        "because it names topics and database users",
    )


def names_kept_by_postgres(facts: Facts) -> Iterator[Problem]:
    """No party is named as what Postgres keeps for itself."""
    for place, name in _party_names(facts):
        user = database_user(name)
        if user in _KEPT_BY_POSTGRES or user.startswith("pg_"):
            yield Problem(place, "Postgres keeps this name for itself: choose another")


def names(facts: Facts) -> Iterator[Problem]:
    """Services, organisations and people each have a name of their own."""
    for kind in ("service", "organisation", "person"):
        marks = texts(facts.kind(kind), "name")
        yield from _twice(marks, f"another {kind} has this name: give one of them another")


def names_of_registered(facts: Facts) -> Iterator[Problem]:
    """Mandates, links, assignments and what acts register share one list of names."""
    marks = ((place, text(item, str(place[-1])) or "") for place, item in registered(facts))
    yield from _twice(marks, "something registered has this name already: give one of them another")


def organisation_numbers(facts: Facts) -> Iterator[Problem]:
    """A KvK number, an RSIN or a vestigingsnummer is of one organisation."""
    for field, what in (("kvk", "KvK number"), ("rsin", "RSIN")):
        marks = texts(facts.kind("organisation"), field)
        yield from _twice(marks, f"another organisation has this {what}: give one of them another")


def entity_ids(facts: Facts) -> Iterator[Problem]:
    """OIN and entity_index together differ within a role."""
    for kind in PARTIES:
        marks = (
            ((*place, "entity_index" if "entity_index" in party else "oin"), mark)
            for place, party in facts.kind(kind)
            if (mark := _entity_mark(party))
        )
        yield from _twice(
            marks,
            f"another {kind} has the same oin and entity_index, so the same EntityID: give one of "
            "them another entity_index",
        )


def _entity_mark(party: Item) -> tuple[str, int] | None:
    oin = text(party, "oin")
    index = party.get("entity_index", Party.model_fields["entity_index"].default)
    return (oin, index) if oin is not None and isinstance(index, int) else None


def service_ids(facts: Facts) -> Iterator[Problem]:
    """A service's index differs within a dienstverlener, or all that share an OIN."""
    marks = (
        ((*place, "index"), (text(dienstverlener, "oin") or at, service["index"]))
        for at, dienstverlener in facts.kind("dienstverlener")
        for place, service in listed(at, dienstverlener, "services")
        if isinstance(service.get("index"), int)
    )
    yield from _twice(
        marks,
        "another service of this dienstverlener has this index, so the same ServiceID: give one "
        "of them another",
    )


def means_differ(facts: Facts) -> Iterator[Problem]:
    """A person has one means at a provider."""
    for at, person in facts.kind("person"):
        marks = texts(listed(at, person, "means"), "provider")
        yield from _twice(
            marks, "this person has another means at this provider: leave one of them out"
        )


def usernames(facts: Facts) -> Iterator[Problem]:
    """A username is of one person at a provider."""
    marks = (
        ((*place, "username"), (means["provider"], username))
        for place, means in facts.items("people", "means")
        if (username := text(means, "username")) and text(means, "provider")
    )
    yield from _twice(
        marks, "another means at this provider has this username: give one of them another"
    )
