"""Names in a scenario that refer to something listed elsewhere in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sandbox.scenario_facts import (
    SECTIONS,
    Facts,
    Item,
    Place,
    Problem,
    did_you_mean,
    shown,
)

_PLURALS = {"registry": "registries", "person": "people"}
_NAME_SHOWN = 40


@dataclass(frozen=True)
class Reference:
    """A field that holds the name, or a list of names, of something listed elsewhere."""

    where: tuple[str, ...]
    field: tuple[str, ...]
    kind: str


def _in(section: str, **fields: str) -> tuple[Reference, ...]:
    return tuple(Reference((section,), (name,), kind) for name, kind in fields.items())


_SERVICES = ("dienstverleners", "services")
_MEANS = ("people", "means")
REFERENCES = (
    Reference(("registries",), ("portal",), "dienstverlener"),
    Reference(_SERVICES, ("makelaar",), "makelaar"),
    Reference(_SERVICES, ("portal_for",), "service"),
    Reference(_SERVICES, ("uuid_of",), "service"),
    Reference(_SERVICES, ("approved_intermediaries",), "organisation"),
    *_in("organisations", registry="registry", representatives="person"),
    *_in("people", organisation="organisation"),
    Reference(_MEANS, ("provider",), "provider"),
    Reference(_MEANS, ("registry",), "registry"),
    Reference(_MEANS, ("only_for",), "dienstverlener"),
    *_in("mandates", person="person", organisation="organisation", service="service"),
    *_in("mandates", services="service", dienstverlener="dienstverlener", operator="registry"),
    *_in("links", organisation="organisation", intermediary="organisation", services="service"),
    *_in("assignments", person="person", principal="organisation", services="service"),
    *_in("logins", service="service", person="person", provider="provider"),
    *_in("logins", asks_for="provider", declared="provider"),
    Reference(("logins",), ("for",), "organisation"),
    *_in("logins", through="organisation"),
    Reference(("logins",), ("expect", "for"), "organisation"),
    Reference(("logins",), ("expect", "through"), "organisation"),
    Reference(("logins",), ("expect", "services"), "service"),
    Reference(("logins",), ("expect", "fits"), "provider"),
    *_in("logins", by="person", registry="registry", organisation="organisation"),
    *_in("logins", intermediary="organisation", principal="organisation", services="service"),
    *_in("logins", dienstverlener="dienstverlener"),
)


def is_reference(place: Place) -> bool:
    fields = tuple(part for part in place if isinstance(part, str))
    return any(fields == (*each.where, *each.field) for each in REFERENCES)


def references(facts: Facts) -> Iterator[Problem]:
    """What a name refers to is there."""
    for reference in (each for each in REFERENCES if facts.is_readable(each.kind)):
        for at, item in facts.items(*reference.where):
            for place, name in _names(at, item, reference.field):
                if name not in facts.named[reference.kind]:
                    yield Problem(place, _unknown(name, reference.kind, facts))


def _names(at: Place, item: Item, fields: tuple[str, ...]) -> Iterator[tuple[Place, str]]:
    """The names that a field, or a field in a field, holds."""
    value: object = item
    for field in fields:
        value = value.get(field) if isinstance(value, dict) else None
    place = (*at, *fields)
    if isinstance(value, str):
        yield place, value
    for number, each in enumerate(value if isinstance(value, list) else ()):
        if isinstance(each, str):
            yield (*place, number), each


def _unknown(name: str, kind: str, facts: Facts) -> str:
    there, plural = list(facts.named[kind]), _PLURALS.get(kind, f"{kind}s")
    if not there:
        return f"there is no {kind} {_quoted(name)}: no {plural} are listed in this file"
    other = next((k for k in SECTIONS if name in facts.named[k]), None)
    meant = f" (the name of: {other})" if other else did_you_mean(name, there)
    end = "" if meant.endswith("?") else "."
    names = f"{plural.capitalize()} are: {shown(there)}"
    return f"there is no {kind} {_quoted(name)}{meant}{end} {names}"


def _quoted(name: str) -> str:
    return f"'{name}'" if len(name) <= _NAME_SHOWN else f"'{name[:_NAME_SHOWN]}...'"
