"""A mandate, link or assignment as its manager is shown it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from registry.administration.situation import Names, Situation, Thing
from registry.kept import Assignment, Link, Mandate
from schemas.administration import Shown, ShownLine, ShownThing
from schemas.catalogue import Catalogue
from schemas.commands import Scope, ScopeKind

MOST_BYTES: Final = 5_000
"""Of what is shown in one event: sealed, it is a third larger."""
_MOST_LETTERS = 200


def shown(thing: Thing, situation: Situation) -> Shown:
    """What an event about one thing shows."""
    return Shown(lines=(line(thing, situation),))


def line(thing: Thing, situation: Situation, at: datetime | None = None) -> ShownLine:
    """`at`: when it became like this; None: now."""
    names, catalogue = situation.found.names, situation.registry.catalogue
    return ShownLine(
        id=thing.id,
        thing=_THINGS[type(thing)],
        revision=thing.revision,
        who=_who(thing, names),
        organisation=_organisation(thing, names),
        scope=scope_text(thing, catalogue),
        level=thing.level,
        valid_from=thing.valid_from,
        valid_until=thing.valid_until,
        state=state(thing, situation.now),
        at=at or situation.now,
    )


_THINGS: dict[type[Thing], ShownThing] = {
    Mandate: ShownThing.MANDATE,
    Link: ShownThing.LINK,
    Assignment: ShownThing.ASSIGNMENT,
}


def _who(thing: Thing, names: Names) -> str:
    return thing.intermediary if isinstance(thing, Link) else names.people.get(thing.person, "?")


def _organisation(thing: Thing, names: Names) -> str:
    if isinstance(thing, Assignment):
        return thing.principal_name
    return names.organisations.get(thing.organisation, "?")


def state(thing: Thing, now: datetime) -> str:
    """In one word."""
    if thing.withdrawn_at is not None:
        return "withdrawn"
    if now >= thing.valid_until:
        return "expired"
    if isinstance(thing, Link) and thing.accepted_at is None:
        return "registered"
    if isinstance(thing, Assignment) and thing.link is None:
        return "registered"
    return "future" if now < thing.valid_from else _HOLDS[type(thing)]


_HOLDS: dict[type[Thing], str] = {Mandate: "valid", Link: "accepted", Assignment: "located"}


def scope_text(thing: Thing, catalogue: Catalogue) -> str:
    """What it is for, by the names in the catalogue."""
    if not isinstance(thing, Mandate):
        return _services(thing.services, catalogue)
    return _scope(thing.scope, catalogue)


def _scope(scope: Scope, catalogue: Catalogue) -> str:
    if scope.kind is ScopeKind.DIENSTVERLENER:
        entry = catalogue.entries.get(scope.dienstverlener or "")
        return f"all of {entry.display_name if entry else 'a dienstverlener that is no more'}"
    return (
        "everything" if scope.kind is ScopeKind.EVERYTHING else _services(scope.services, catalogue)
    )


def _services(services: Sequence[UUID], catalogue: Catalogue) -> str:
    known = catalogue.definitions
    names = [known[each].name if each in known else "withdrawn service" for each in services]
    text = ", ".join(names)
    return text if len(text) <= _MOST_LETTERS else f"{text[: _MOST_LETTERS - 3]}..."


def pages(found: Iterable[ShownLine], *, more: bool) -> list[Shown]:
    """Lines in parts that each fit into an event; one part at least. `more`: after the last."""
    parts: list[list[ShownLine]] = [[]]
    for each in found:
        size = sum(len(one.model_dump_json().encode()) for one in (*parts[-1], each))
        if parts[-1] and size > MOST_BYTES:
            parts.append([])
        parts[-1].append(each)
    last = len(parts) - 1
    return [Shown(lines=tuple(part), more=more and n == last) for n, part in enumerate(parts)]
