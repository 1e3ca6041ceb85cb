"""What must hold between the parts of a scenario. No I/O: the file's data and the time are
arguments.

The rules read the plain data of the file, not a `Scenario`: so they can be told together with
what is wrong in its form. A rule says nothing about what it cannot read; its form is said to be
wrong elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from functools import cached_property
from typing import Any

from pydantic import AwareDatetime, TypeAdapter, ValidationError

from pipeline.settings import database_user
from sandbox.scenario import Credential, Does, Party
from schemas.values import Level

Place = tuple[str | int, ...]
"""Where something stands: ("mandates", 2, "service")."""
Item = Mapping[str, Any]

PASSWORD_CHARACTERS = 8
"""Source: NIST SP 800-63B-4, 3.1.1.2: 15, or 8 where a second factor is used, as here."""
MANDATE_YEARS = 5
"""Source: [AS] a mandate holds at most five years."""

SECTIONS = {
    "makelaar": ("makelaars",),
    "provider": ("providers",),
    "registry": ("registries",),
    "dienstverlener": ("dienstverleners",),
    "service": ("dienstverleners", "services"),
    "organisation": ("organisations",),
    "person": ("people",),
}
"""Where the things of each kind are listed."""
PARTIES = ("makelaar", "provider", "registry", "dienstverlener")
_PLURALS = {"registry": "registries", "person": "people"}
_KEPT_BY_POSTGRES = ("postgres", "public", "none", "information_schema")
_NAMES_SHOWN = 12
_NAMES_COMPARED = 500


@dataclass(frozen=True)
class Problem:
    """Something that does not hold, and what would. `first`: where the same was said before."""

    place: Place
    message: str
    first: Place | None = None


@dataclass(frozen=True)
class Facts:
    """A scenario file's data as the rules look at it, and the time now."""

    tree: Item
    now: datetime

    def items(self, *sections: str) -> list[tuple[Place, Item]]:
        """Every item of a list, or of the lists inside each item of a list."""
        holders: list[tuple[Place, Item]] = [((), self.tree)]
        for section in sections:
            holders = [found for place, item in holders for found in _listed(place, item, section)]
        return holders

    def kind(self, kind: str) -> list[tuple[Place, Item]]:
        return self.items(*SECTIONS[kind])

    @cached_property
    def named(self) -> Mapping[str, Mapping[str, Item]]:
        """The things of each kind by name; of two with one name, the first."""
        return {kind: _by_name(self.kind(kind)) for kind in SECTIONS}


def _listed(place: Place, item: Item, section: str) -> Iterator[tuple[Place, Item]]:
    listed = item.get(section)
    for number, each in enumerate(listed if isinstance(listed, list) else ()):
        if isinstance(each, Mapping):
            yield (*place, section, number), each


def _by_name(items: Iterable[tuple[Place, Item]]) -> Mapping[str, Item]:
    named: dict[str, Item] = {}
    for _, item in items:
        if name := text(item, "name"):
            named.setdefault(name, item)
    return named


def text(item: Item, *fields: str) -> str | None:
    """The text of a field, or of a field in a field; None where it holds none."""
    value: Any = item
    for field in fields:
        value = value.get(field) if isinstance(value, Mapping) else None
    return value if isinstance(value, str) else None


def _level(item: Item, field: str) -> Level | None:
    try:
        return Level.parse(text(item, field) or "")
    except ValueError:
        return None


def _time(item: Item, field: str) -> datetime | None:
    try:
        return TypeAdapter(AwareDatetime).validate_strings(text(item, field) or "").astimezone(UTC)
    except (ValidationError, OverflowError):
        return None


# --- names that refer to something


@dataclass(frozen=True)
class Reference:
    """A field that holds the name of something listed elsewhere."""

    where: tuple[str, ...]
    field: tuple[str, ...]
    kind: str


REFERENCES = (
    Reference(("dienstverleners", "services"), ("makelaar",), "makelaar"),
    Reference(("people", "means"), ("provider",), "provider"),
    Reference(("people", "means"), ("registry",), "registry"),
    Reference(("mandates",), ("person",), "person"),
    Reference(("mandates",), ("organisation",), "organisation"),
    Reference(("mandates",), ("service",), "service"),
    Reference(("logins",), ("service",), "service"),
    Reference(("logins",), ("person",), "person"),
    Reference(("logins",), ("provider",), "provider"),
    Reference(("logins",), ("for",), "organisation"),
    Reference(("logins",), ("expect", "for"), "organisation"),
)


def is_reference(place: Place) -> bool:
    fields = tuple(part for part in place if isinstance(part, str))
    return any(fields == (*each.where, *each.field) for each in REFERENCES)


def references(facts: Facts) -> Iterator[Problem]:
    """What a name refers to is there."""
    for reference in REFERENCES:
        for place, item in facts.items(*reference.where):
            name = text(item, *reference.field)
            if name is not None and name not in facts.named[reference.kind]:
                message = _unknown(name, reference.kind, facts)
                yield Problem((*place, *reference.field), message)


def _unknown(name: str, kind: str, facts: Facts) -> str:
    there, plural = list(facts.named[kind]), _PLURALS.get(kind, f"{kind}s")
    if not there:
        return f"there is no {kind} {_quoted(name)}: no {plural} are listed in this file"
    other = next((k for k in SECTIONS if name in facts.named[k]), None)
    is_other = f"; {_quoted(name)} is a {other}" if other else ""
    meant = is_other or did_you_mean(name, there)
    return f"there is no {kind} {_quoted(name)}{meant}. {plural.capitalize()} are: {_list(there)}"


def did_you_mean(word: str, words: Sequence[str]) -> str:
    """`; did you mean 'x'?` where a word is near, else nothing."""
    near = nearest(word, words)
    return f"; did you mean '{near}'?" if near else ""


def nearest(word: str, words: Sequence[str]) -> str | None:
    near = get_close_matches(word.lower(), words[:_NAMES_COMPARED], n=1)
    return near[0] if near else None


def _quoted(name: str) -> str:
    return f"'{name}'" if len(name) <= 40 else f"'{name[:40]}...'"


def _list(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_NAMES_SHOWN])
    more = len(names) - _NAMES_SHOWN
    return f"{shown}, and {more} more" if more > 0 else shown


# --- what must differ


def _twice(marks: Iterable[tuple[Place, Hashable]], message: str) -> Iterator[Problem]:
    """The second and later places of the same mark."""
    first: dict[Hashable, Place] = {}
    for place, mark in marks:
        if first.setdefault(mark, place) is not place:
            yield Problem(place, message, first[mark])


def _texts(items: Iterable[tuple[Place, Item]], field: str) -> Iterator[tuple[Place, str]]:
    for place, item in items:
        if (value := text(item, field)) is not None:
            yield (*place, field), value


def _party_names(facts: Facts) -> Iterator[tuple[Place, str]]:
    for kind in PARTIES:
        yield from _texts(facts.kind(kind), "name")


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
        marks = _texts(facts.kind(kind), "name")
        yield from _twice(marks, f"another {kind} has this name: give one of them another")


def kvk_numbers(facts: Facts) -> Iterator[Problem]:
    """A KvK number is of one organisation."""
    marks = _texts(facts.kind("organisation"), "kvk")
    yield from _twice(marks, "another organisation has this KvK number: give one of them another")


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
        for place, service in _listed(at, dienstverlener, "services")
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
        marks = _texts(_listed(at, person, "means"), "provider")
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


Rule = Callable[[Facts], Iterator[Problem]]
