"""What must hold of organisations, mandates and chains in a scenario."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from registry.kept import OrganisationKind
from sandbox.scenario_facts import Facts, Item, Place, Problem, listed, shown, text, texts, time

MANDATE_YEARS = 5
"""Source: [AS] a mandate holds at most five years."""
SCOPES = (
    "service",
    "services",
    "dienstverlener",
    "everything",
    "manager",
    "representative",
    "operator",
)
"""The fields that say what a mandate is for."""
_NUMBERS = ("kvk", "rsin", "bsn")
_NEEDED = {
    OrganisationKind.COMPANY: ("kvk",),
    OrganisationKind.EENMANSZAAK: ("kvk",),
    OrganisationKind.CHURCH: ("kvk",),
    OrganisationKind.RSIN_ONLY: ("rsin",),
    OrganisationKind.PSEUDONYM_ONLY: (),
}
_ALLOWED = {
    OrganisationKind.COMPANY: ("kvk", "rsin"),
    OrganisationKind.EENMANSZAAK: ("kvk", "bsn"),
    OrganisationKind.CHURCH: ("kvk", "rsin"),
    OrganisationKind.RSIN_ONLY: ("rsin",),
    OrganisationKind.PSEUDONYM_ONLY: (),
}
"""Source: [AS] an eenmanszaak has no RSIN; churches fall under a KvK registration; organisations
without a KvK number exist, with an RSIN or a pseudonym."""
_ACTED_FOR = {"mandates": "organisation", "links": "organisation", "assignments": "principal"}


def organisation_kinds(facts: Facts) -> Iterator[Problem]:
    """An organisation has the numbers of its kind, and no others."""
    for place, organisation in facts.kind("organisation"):
        kind = _kind(organisation)
        for field in _NEEDED[kind] if kind else ():
            if organisation.get(field) is None:
                yield Problem((*place, field), f"is missing: a {kind} has one")
        for field in _NUMBERS:
            if kind and organisation.get(field) is not None and field not in _ALLOWED[kind]:
                yield Problem((*place, field), f"leave this out: a {kind} has none")


def _kind(organisation: Item) -> OrganisationKind | None:
    try:
        return OrganisationKind(organisation.get("kind", OrganisationKind.COMPANY))
    except ValueError:
        return None


def vestigingen_of_kvk(facts: Facts) -> Iterator[Problem]:
    """A vestigingsnummer always goes with a KvK number. Source: [AS] identifiers."""
    for place, organisation in facts.kind("organisation"):
        kind = _kind(organisation)
        if kind and "kvk" not in _ALLOWED[kind] and organisation.get("vestigingen"):
            message = f"leave this out: a {kind} has no KvK number, and so no vestigingen"
            yield Problem((*place, "vestigingen"), message)


def registries_named(facts: Facts) -> Iterator[Problem]:
    """An organisation says at which registry its mandates are, where there are several."""
    for place, organisation in facts.kind("organisation"):
        if len(facts.kind("registry")) > 1 and organisation.get("registry") is None:
            there = shown(list(facts.named["registry"]))
            message = f"is missing: say which registry has its mandates. Registries are: {there}"
            yield Problem((*place, "registry"), message)


def mandate_registries(facts: Facts) -> Iterator[Problem]:
    """Who has a mandate has a means that names the registry where it is."""
    for place, mandate in facts.items("mandates"):
        organisation = facts.referred(mandate, "organisation")
        yield from _reachable((*place, "person"), mandate, organisation, facts)
    for place, assignment in facts.items("assignments"):
        person = facts.referred(assignment, "person") or {}
        yield from _reachable(
            (*place, "person"), assignment, facts.referred(person, "organisation"), facts
        )


def _reachable(
    place: Place, item: Item, organisation: Item | None, facts: Facts
) -> Iterator[Problem]:
    person, only = facts.referred(item, "person"), list(facts.named["registry"])[:1]
    if person is None or organisation is None:
        return
    there = text(organisation, "registry") or next(iter(only), None)
    named = list(dict.fromkeys(n for _, n in texts(listed((), person, "means"), "registry")))
    if there in facts.named["registry"] and named and there not in named:
        message = f"person '{person['name']}' has no means that names registry '{there}'"
        where = f"that of organisation '{organisation['name']}'"
        yield Problem(place, f"{message}, {where}. His means name: {shown(named)}")


def validity(facts: Facts) -> Iterator[Problem]:
    """What is registered holds from before its until, at most five years. Without from: now."""
    for section in _ACTED_FOR:
        for place, mandate in facts.items(section):
            has_start = mandate.get("valid_from") is not None
            now = facts.now.astimezone(UTC)
            start = time(mandate, "valid_from", now) if has_start else now
            end = time(mandate, "valid_until", now)
            wrong = start and end and _wrong_validity(start, end)
            if wrong:
                since = "valid_from" if has_start else "now (there is no valid_from)"
                yield Problem((*place, "valid_until"), f"{wrong} {since}")


def _wrong_validity(start: datetime, end: datetime) -> str | None:
    if end <= start:
        return "must be later than"
    longest = (start.year + MANDATE_YEARS, start.timetuple()[1:6], start.microsecond)
    if (end.year, end.timetuple()[1:6], end.microsecond) > longest:
        return f"must be at most {MANDATE_YEARS} years later than"
    return None


def vestigingen(facts: Facts) -> Iterator[Problem]:
    """A mandate's vestiging is one of its organisation's."""
    for section, field in _ACTED_FOR.items():
        for place, mandate in facts.items(section):
            organisation = facts.named["organisation"].get(text(mandate, field) or "", {})
            there, number = organisation.get("vestigingen", []), text(mandate, "vestiging")
            if organisation and number and isinstance(there, list) and number not in there:
                known = shown([each for each in there if isinstance(each, str)]) or "none"
                message = f"organisation '{organisation['name']}' has no vestiging with this number"
                yield Problem((*place, "vestiging"), f"{message}. Its vestigingen are: {known}")


def scopes(facts: Facts) -> Iterator[Problem]:
    """A mandate is for one thing."""
    for place, mandate in facts.items("mandates"):
        given = scope_of(mandate)
        if not given:
            yield Problem(place, f"say what it is for, with one of: {', '.join(SCOPES)}")
        elif len(given) > 1:
            message = f"goes beside {given[0]}: a mandate is for one thing. Make it two"
            yield Problem((*place, given[1]), message)


def scope_of(item: Item) -> list[str]:
    """The fields that say what it is for."""
    return [field for field in SCOPES if item.get(field) not in (None, False, [])]


def intermediaries(facts: Facts) -> Iterator[Problem]:
    """An intermediary is known by its KvK number. Source: [AS] IntermediateEntityID:KvKnr."""
    for section in ("links", "logins"):
        for place, link in facts.items(section):
            name = text(link, "intermediary")
            organisation = facts.named["organisation"].get(name or "")
            if organisation is not None and organisation.get("kvk") is None:
                message = f"organisation '{name}' has no KvK number: an intermediary has one"
                yield Problem((*place, "intermediary"), message)


def principals(facts: Facts) -> Iterator[Problem]:
    """Who is acted for through an intermediary has a KvK number or an RSIN."""
    for section in ("assignments", "logins"):
        for place, assignment in facts.items(section):
            name = text(assignment, "principal")
            organisation = facts.named["organisation"].get(name or "")
            if organisation is not None and not {"kvk", "rsin"} & set(organisation):
                message = f"organisation '{name}' has no KvK number and no RSIN: it needs one here"
                yield Problem((*place, "principal"), message)


def assigned_where_they_work(facts: Facts) -> Iterator[Problem]:
    """An assignment is by the organisation where the person works."""
    for place, assignment in facts.items("assignments"):
        person = facts.referred(assignment, "person")
        if person is not None and person.get("organisation") is None:
            message = f"person '{person['name']}' has no organisation: say where he works"
            yield Problem((*place, "person"), message)
