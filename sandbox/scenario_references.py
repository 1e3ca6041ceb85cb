"""Names in a scenario that refer to something listed elsewhere in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sandbox.scenario_facts import SECTIONS, Facts, Place, Problem, did_you_mean, shown, text

_PLURALS = {"registry": "registries", "person": "people"}
_NAME_SHOWN = 40


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
    for reference in (each for each in REFERENCES if facts.is_readable(each.kind)):
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
    meant = f" (the name of: {other})" if other else did_you_mean(name, there)
    end = "" if meant.endswith("?") else "."
    names = f"{plural.capitalize()} are: {shown(there)}"
    return f"there is no {kind} {_quoted(name)}{meant}{end} {names}"


def _quoted(name: str) -> str:
    return f"'{name}'" if len(name) <= _NAME_SHOWN else f"'{name[:_NAME_SHOWN]}...'"
