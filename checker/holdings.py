"""What could be withdrawn, from what the registries' events tell, where these could be opened.

Only of whom something was withdrawn: nothing else matters to invariant 5."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from checker.facts import Fact, Withdrawable

Events = Callable[[], Iterable[Fact]]
_HELD = ("mandates", "assignments")


@dataclass
class _Known:
    """What events tell, by IDs: when something was withdrawn, and whose it is."""

    withdrawn: dict[str, Fact] = field(default_factory=dict)
    people: dict[str, frozenset[str]] = field(default_factory=dict)
    numbers: dict[str, frozenset[str]] = field(default_factory=dict)
    wanted: set[str] = field(default_factory=set)


def withdrawable(events: Events) -> dict[str, list[Withdrawable]]:
    """By holder, and of links by their ID. `events` is read twice."""
    known = _Known()
    for event in events():
        _note(known, event)
    found: dict[str, dict[str, Withdrawable]] = {}
    for event in events():
        thing = event.opened
        for key, made in _made(known, event, thing):
            found.setdefault(key, {})[made.id] = made
    return {key: list(things.values()) for key, things in found.items()}


def _note(known: _Known, event: Fact) -> None:
    thing = event.opened
    table = thing.get("table")
    if table == "people":
        known.people[thing["id"]] = frozenset(thing["holders"])
    if table == "organisations":
        known.numbers[thing["id"]] = frozenset(thing["numbers"])
    if table in (*_HELD, "links") and thing["withdrawn"]:
        first = known.withdrawn.setdefault(thing["id"], event)
        if event.timestamp < first.timestamp:
            known.withdrawn[thing["id"]] = event
        known.wanted.add(thing.get("person") or "")


def _made(
    known: _Known, event: Fact, thing: Mapping[str, Any]
) -> Iterable[tuple[str, Withdrawable]]:
    table = thing.get("table")
    if table == "links" and thing["id"] in known.withdrawn:
        yield thing["id"], _thing(known, event, frozenset())
    if table in _HELD and thing["person"] in known.wanted:
        holders = known.people.get(thing["person"], frozenset())
        for holder in holders:
            yield holder, _thing(known, event, holders)


def _thing(known: _Known, event: Fact, holders: frozenset[str]) -> Withdrawable:
    thing = event.opened
    withdrawn = known.withdrawn.get(thing["id"])
    return Withdrawable(
        id=thing["id"],
        thing=thing["table"],
        registry=event.sender,
        holders=holders,
        organisation=known.numbers.get(thing.get("organisation") or "", frozenset()),
        link=thing.get("link") or "",
        answered=withdrawn.timestamp if withdrawn else None,
        place=withdrawn.place if withdrawn else event.place,
    )
