"""The plain data of a scenario file, as the rules look at it: things by kind and by name.

What is not of the form that a scenario has is passed over here; that is said elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from functools import cached_property
from typing import Any

from sandbox.scenario import Scenario
from sandbox.scenario_terms import moment
from schemas.values import Level

Place = tuple[str | int, ...]
"""Where something stands: ("mandates", 2, "service")."""
Item = Mapping[str, Any]

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
FIELDS = {field.alias or name for name, field in Scenario.model_fields.items()}
"""The sections of a file, by the names that people write."""
PARTIES = ("makelaar", "provider", "registry", "dienstverlener")
_NAMES_COMPARED = 200
_NAMES_SHOWN = 12


@dataclass(frozen=True)
class Problem:
    """Something that does not hold, and what would. `first`: where the same was said before."""

    place: Place
    message: str
    first: Place | None = None


@dataclass(frozen=True)
class Facts:
    """A scenario file's data, and the time now."""

    tree: Item
    now: datetime

    def items(self, *sections: str) -> list[tuple[Place, Item]]:
        """Every item of a list, or of the lists inside each item of a list."""
        holders: list[tuple[Place, Item]] = [((), self.tree)]
        for section in sections:
            holders = [found for place, item in holders for found in listed(place, item, section)]
        return holders

    def kind(self, kind: str) -> list[tuple[Place, Item]]:
        return self.items(*SECTIONS[kind])

    @cached_property
    def named(self) -> Mapping[str, Mapping[str, Item]]:
        """The things of each kind by name; of two with one name, the first."""
        return {kind: _by_name(self.kind(kind)) for kind in SECTIONS}

    def is_readable(self, kind: str) -> bool:
        """Whether the lists of a kind can be read, or may be left out and are not misspelt."""
        section, *inner = SECTIONS[kind]
        if section in self.tree:
            holders = [item for _, item in self.items(section)] if inner else []
            lists = [self.tree[section], *(each.get(i, []) for each in holders for i in inner)]
            return all(isinstance(each, list) for each in lists)
        may_lack = not Scenario.model_fields[section].is_required()
        return may_lack and set(self.tree) <= FIELDS

    def referred(self, item: Item, kind: str) -> Item | None:
        """What an item's field, called after its kind, refers to."""
        return self.named[kind].get(text(item, kind) or "")


def listed(place: Place, item: Item, section: str) -> Iterator[tuple[Place, Item]]:
    """The items of a list inside an item."""
    found = item.get(section)
    for number, each in enumerate(found if isinstance(found, list) else ()):
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


def texts(items: Iterable[tuple[Place, Item]], field: str) -> Iterator[tuple[Place, str]]:
    """The text of one field of each item that has it, and where it stands."""
    for place, item in items:
        if (value := text(item, field)) is not None:
            yield (*place, field), value


def registered(facts: Facts) -> Iterator[tuple[Place, Item]]:
    """What has a name to refer to: at the place of that name."""
    for section in ("mandates", "links", "assignments"):
        yield from (((*at, "name"), item) for at, item in facts.items(section) if "name" in item)
    yield from (((*at, "as"), item) for at, item in facts.items("logins") if "as" in item)


def level(item: Item, field: str) -> Level | None:
    try:
        return Level.parse(text(item, field) or "")
    except ValueError:
        return None


def time(item: Item, field: str, now: datetime) -> datetime | None:
    """In UTC."""
    try:
        return moment(text(item, field) or "", now)
    except (ValueError, OverflowError):
        return None


def nearest(word: str, words: Sequence[str]) -> str | None:
    """The word that was probably meant."""
    by_letters = {each.lower(): each for each in words[:_NAMES_COMPARED]}
    near = get_close_matches(word.lower(), list(by_letters), n=1)
    return by_letters[near[0]] if near else None


def did_you_mean(word: str, words: Sequence[str]) -> str:
    """`; did you mean 'x'?` where a word is near, else nothing."""
    near = nearest(word, words)
    return f"; did you mean '{near}'?" if near else ""


def shown(names: Sequence[str]) -> str:
    """The first of the names, and how many more there are."""
    more = len(names) - _NAMES_SHOWN
    few = ", ".join(names[:_NAMES_SHOWN])
    return f"{few}, and {more} more" if more > 0 else few
