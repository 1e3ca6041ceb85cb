"""The catalogue: every version of every service that its topic still has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import zip_longest
from typing import Any

from checker.facts import Offered


def offered(entries: Iterable[Mapping[str, Any]]) -> dict[str, list[Offered]]:
    """By ServiceID. Entries that are not newer than the one before change nothing."""
    by_dienstverlener: dict[str, list[Mapping[str, Any]]] = {}
    for entry in entries:
        known = by_dienstverlener.setdefault(entry["dienstverlener"], [])
        if not known or entry["version"] > known[-1]["version"]:
            known.append(entry)
    found: dict[str, list[Offered]] = {}
    for known in by_dienstverlener.values():
        ends = [each["version"] for each in known[1:]]
        for entry, until in zip_longest(known, ends):
            for each in _services(entry, until):
                found.setdefault(each.service, []).append(each)
    return found


def _services(entry: Mapping[str, Any], until: int | None) -> Iterable[Offered]:
    definitions = {each["service_uuid"]: each for each in entry["definitions"]}
    for instance in entry["instances"]:
        definition = definitions.get(instance["service_uuid"])
        if definition is not None:
            yield Offered(
                service=instance["service_id"],
                dienstverlener=entry["dienstverlener"],
                makelaar=instance["makelaar"],
                level=definition["level"],
                stands_for=tuple(definition["portal_for"]) or (instance["service_uuid"],),
                version=entry["version"],
                until=until,
            )
