"""What must hold between the parts of a scenario. No I/O: the file's data and the time are
arguments.

The rules read the plain data of the file, not a `Scenario`: so they can be told together with
what is wrong in its form. A rule says nothing about what it cannot read.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from datetime import UTC, datetime

from pipeline.settings import database_user
from sandbox.scenario import Credential, Does, Means, Party
from sandbox.scenario_facts import (
    PARTIES,
    Facts,
    Item,
    Place,
    Problem,
    level,
    listed,
    shown,
    text,
    texts,
    time,
)
from sandbox.scenario_references import references

PASSWORD_CHARACTERS = 8
"""Source: NIST SP 800-63B-4, 3.1.1.2: 15, or 8 where a second factor is used, as here."""
MANDATE_YEARS = 5
"""Source: [AS] a mandate holds at most five years."""
_KEPT_BY_POSTGRES = ("postgres", "public", "none", "information_schema")


# --- what must differ


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


def kvk_numbers(facts: Facts) -> Iterator[Problem]:
    """A KvK number is of one organisation."""
    marks = texts(facts.kind("organisation"), "kvk")
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


# --- what must fit


def credentials(facts: Facts) -> Iterator[Problem]:
    """A means has a username and a password where its provider asks for them, and only there."""
    for place, means in facts.items("people", "means"):
        name, kind = text(means, "provider"), _credential(means, facts)
        if kind == Credential.PASSWORD_AND_CODE:
            yield from _needed(place, means, f"provider '{name}' asks for a password and a code")
        if kind == Credential.KEY:
            yield from _needless(place, means, f"provider '{name}' asks for a key")


def _credential(means: Item, facts: Facts) -> str | None:
    return text(facts.referred(means, "provider") or {}, "credential")


def _needed(place: Place, means: Item, why: str) -> Iterator[Problem]:
    for field in ("username", "password"):
        if means.get(field) is None and set(means) <= set(Means.model_fields):
            yield Problem((*place, field), f"is missing: {why}")
    if 0 < len(text(means, "password") or "") < PASSWORD_CHARACTERS:
        message = f"is too short: a password has at least {PASSWORD_CHARACTERS} characters"
        yield Problem((*place, "password"), message)


def _needless(place: Place, means: Item, why: str) -> Iterator[Problem]:
    for field in ("username", "password"):
        if means.get(field) is not None:
            yield Problem((*place, field), f"leave this out: {why}")


def means_levels(facts: Facts) -> Iterator[Problem]:
    """A means is not above its provider's highest level."""
    for place, means in facts.items("people", "means"):
        provider = facts.referred(means, "provider") or {}
        reached, highest = level(means, "level"), level(provider, "highest_level")
        if reached and highest and reached > highest:
            message = f"is above {highest}, the highest_level of provider '{means['provider']}'"
            yield Problem((*place, "level"), f"{message}: lower this, or raise that")


def mandate_validity(facts: Facts) -> Iterator[Problem]:
    """A mandate's from is before its until, by at most five years. Without from: now."""
    for place, mandate in facts.items("mandates"):
        has_start = mandate.get("valid_from") is not None
        start = time(mandate, "valid_from") if has_start else facts.now.astimezone(UTC)
        end = time(mandate, "valid_until")
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
    for place, mandate in facts.items("mandates"):
        organisation = facts.referred(mandate, "organisation") or {}
        there, number = organisation.get("vestigingen", []), text(mandate, "vestiging")
        if organisation and number and isinstance(there, list) and number not in there:
            known = shown([each for each in there if isinstance(each, str)]) or "none"
            message = f"organisation '{organisation['name']}' has no vestiging with this number"
            yield Problem((*place, "vestiging"), f"{message}. Its vestigingen are: {known}")


def login_providers(facts: Facts) -> Iterator[Problem]:
    """Who logs in has a means at the provider that he chooses."""
    for place, login in facts.items("logins"):
        person, provider = facts.referred(login, "person"), text(login, "provider")
        there = _providers(person, facts) if person else None
        if there and facts.referred(login, "provider") and provider not in there:
            message = f"person '{login['person']}' has no means at provider '{provider}'"
            yield Problem((*place, "provider"), f"{message}. He has means at: {shown(there)}")


def _providers(person: Item, facts: Facts) -> list[str] | None:
    """The providers of a person's means; None where they are not all known."""
    means = person.get("means")
    found = [name for _, name in texts(listed((), person, "means"), "provider")]
    known = [name for name in found if name in facts.named["provider"]]
    return found if isinstance(means, list) and len(known) == len(means) else None


def expectations(facts: Facts) -> Iterator[Problem]:
    """A login is expected to come to an assertion or a refusal; `for` goes with an assertion."""
    for place, login in facts.items("logins"):
        expect = login.get("expect")
        if isinstance(expect, Mapping) and set(expect) <= {"assertion", "for", "refusal"}:
            given = {field for field, value in expect.items() if value is not None}
            yield from _wrong_expectation((*place, "expect"), given)


def _wrong_expectation(place: Place, given: set[str]) -> Iterator[Problem]:
    if not given & {"assertion", "refusal"}:
        yield Problem(place, "give an assertion or a refusal. Example: expect: {assertion: EH3}")
    elif {"assertion", "refusal"} <= given:
        yield Problem(place, "has an assertion and a refusal: leave one of them out")
    elif given == {"refusal", "for"}:
        yield Problem((*place, "for"), "goes with an assertion, not with a refusal: leave it out")


def wrong_passwords(facts: Facts) -> Iterator[Problem]:
    """Who gives a wrong password has one, at the provider that he chooses if he chooses."""
    for place, login in facts.items("logins"):
        if login.get("does") == Does.WRONG_PASSWORD and _has_no_password(login, facts):
            at = f" at provider '{login['provider']}'" if text(login, "provider") else ""
            message = f"person '{login['person']}' has no password{at}: let him do something else"
            yield Problem((*place, "does"), message)


def _has_no_password(login: Item, facts: Facts) -> bool:
    """False also where that cannot be told."""
    person, chosen = facts.referred(login, "person") or {}, login.get("provider")
    means = [each for _, each in listed((), person, "means")]
    usable = [each for each in means if chosen in (None, each.get("provider"))]
    return bool(usable) and all(_credential(each, facts) == Credential.KEY for each in usable)


RULES: tuple[Callable[[Facts], Iterator[Problem]], ...] = (
    references,
    party_names,
    names_kept_by_postgres,
    names,
    kvk_numbers,
    entity_ids,
    service_ids,
    means_differ,
    usernames,
    credentials,
    means_levels,
    mandate_validity,
    vestigingen,
    login_providers,
    expectations,
    wrong_passwords,
)


def problems(tree: Item, now: datetime) -> list[Problem]:
    """Everything in a scenario file's data that does not fit together."""
    facts = Facts(tree, now)
    return [problem for rule in RULES for problem in rule(facts)]
