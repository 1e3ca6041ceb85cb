"""What must hold of services and of registries' portals in a scenario."""

from __future__ import annotations

from collections.abc import Iterator

from sandbox.scenario_facts import Facts, Item, Place, Problem, level, listed, text, texts
from schemas.values import Intermediation, Level

PORTAL_INDEXES = (1, 2, 3)
"""Of the services that are added to a registry's portal."""
_PERSONAL = ("FirstName", "FamilyName", "DateOfBirth")


def service_once(facts: Facts) -> Iterator[Problem]:
    """A service has each set number, and asks for each attribute, once."""
    for at, service in facts.kind("service"):
        for section, field in (("entity_types", "number"), ("attributes", "name")):
            seen: list[object] = []
            for place, item in listed(at, service, section):
                if field in item and item[field] in seen:
                    message = "stands twice in one service: leave one of them out"
                    yield Problem((*place, field), message)
                seen.append(item.get(field))


def bsn_levels(facts: Facts) -> Iterator[Problem]:
    """A service that knows people by their BSN is at EH3 or EH4. Source: [AS] levels."""
    for at, service in facts.kind("service"):
        lowest = level(service, "level")
        for place, types in listed(at, service, "entity_types"):
            asks = isinstance(types.get("types"), list) and "BSN" in types["types"]
            if asks and lowest and lowest < Level.EH3:
                message = f"a BSN needs EH3 or EH4, and this service is at {lowest}"
                yield Problem((*place, "types"), message)


def provider_attributes(facts: Facts) -> Iterator[Problem]:
    """A provider tells of people, and of nothing else."""
    for place, provider in facts.kind("provider"):
        given = provider.get("attributes")
        for number, name in enumerate(given if isinstance(given, list) else ()):
            if name in ("CompanyName", "KvKnr"):
                message = f"is of an organisation, and a registry's: {', '.join(_PERSONAL)}"
                yield Problem((*place, "attributes", number), message)


def same_services(facts: Facts) -> Iterator[Problem]:
    """A service is the same as one that is not itself the same as another."""
    for place, service in facts.kind("service"):
        other = facts.named["service"].get(text(service, "uuid_of") or "")
        if other is not None and other.get("uuid_of") is not None:
            message = f"service '{other['name']}' is itself the same as another: name that one"
            yield Problem((*place, "uuid_of"), message)


def approved_intermediaries(facts: Facts) -> Iterator[Problem]:
    """Intermediaries are approved, by their KvK number, where they need approval."""
    for at, service in facts.kind("service"):
        approved = service.get("approved_intermediaries")
        place: Place = (*at, "approved_intermediaries")
        needs = service.get("intermediation") == Intermediation.NEEDS_APPROVAL
        if approved and not needs:
            yield Problem(place, "goes with `intermediation: needs-approval` only")
        for number, name in enumerate(approved if isinstance(approved, list) else ()):
            organisation = facts.named["organisation"].get(str(name))
            if organisation is not None and organisation.get("kvk") is None:
                message = f"organisation '{name}' has no KvK number: an intermediary has one"
                yield Problem((*place, number), message)


def portals(facts: Facts) -> Iterator[Problem]:
    """A portal is of one registry, and its first indexes are for what is added to it."""
    of: dict[str, Place] = {}
    for place, name in texts(facts.kind("registry"), "portal"):
        if of.setdefault(name, place) is not place:
            message = "is the portal of another registry: give each its own"
            yield Problem(place, message, of[name])
    for at, dienstverlener in facts.kind("dienstverlener"):
        if text(dienstverlener, "name") in of:
            yield from _kept_indexes(at, dienstverlener)


def _kept_indexes(at: Place, dienstverlener: Item) -> Iterator[Problem]:
    for place, service in listed(at, dienstverlener, "services"):
        if service.get("index") in PORTAL_INDEXES:
            message = "is kept for what is added to a registry's portal: choose 4 or higher"
            yield Problem((*place, "index"), message)


def operated_registries(facts: Facts) -> Iterator[Problem]:
    """Who operates a registry, or acts at it, does that in its portal."""
    for section, field in (("mandates", "operator"), ("logins", "registry")):
        for place, name in texts(facts.items(section), field):
            registry = facts.named["registry"].get(name)
            if registry is not None and registry.get("portal") is None:
                message = f"registry '{name}' has no portal: give it one, with `portal: NAME`"
                yield Problem(place, message)
