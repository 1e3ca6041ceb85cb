"""What must hold of the logins and acts in a scenario."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sandbox.scenario import ActKind, Credential, Does
from sandbox.scenario_facts import (
    Facts,
    Item,
    Place,
    Problem,
    did_you_mean,
    listed,
    registered,
    shown,
    text,
    texts,
)
from sandbox.scenario_mandate_rules import SCOPES, scope_of
from sandbox.scenario_means_rules import credential_of
from sandbox.scenario_steps import Act, Expected

_OF_REFUSALS = {"reason", "fits"}
_EXPECTED = {field.alias or name for name, field in Expected.model_fields.items()}


def login_providers(facts: Facts) -> Iterator[Problem]:
    """Who logs in has a means at the provider that he chooses."""
    for place, login in facts.items("logins"):
        person, provider = facts.referred(login, "person"), text(login, "provider")
        if "act" in login:
            person = facts.named["person"].get(text(login, "by") or "")
        there = _providers(person, facts) if person else None
        if person and there and facts.referred(login, "provider") and provider not in there:
            message = f"person '{person['name']}' has no means at provider '{provider}'"
            yield Problem((*place, "provider"), f"{message}. He has means at: {shown(there)}")


def _providers(person: Item, facts: Facts) -> list[str] | None:
    """The providers of a person's means; None where they are not all known."""
    means = person.get("means")
    found = [name for _, name in texts(listed((), person, "means"), "provider")]
    known = [name for name in found if name in facts.named["provider"]]
    return found if isinstance(means, list) and len(known) == len(means) else None


def expectations(facts: Facts) -> Iterator[Problem]:
    """A login is expected to come to an assertion or a refusal, each with what goes with it."""
    for place, login in facts.items("logins"):
        expect = login.get("expect")
        if isinstance(expect, Mapping) and set(expect) <= _EXPECTED:
            given = [field for field, value in expect.items() if value is not None]
            yield from _wrong_expectation((*place, "expect"), given)


def _wrong_expectation(place: Place, given: list[str]) -> Iterator[Problem]:
    ends = {"assertion", "refusal"} & set(given)
    if not ends:
        yield Problem(place, "give an assertion or a refusal. Example: expect: {assertion: EH3}")
    elif len(ends) > 1:
        yield Problem(place, "has an assertion and a refusal: leave one of them out")
    else:
        is_refusal = ends == {"refusal"}
        this, other = ("a refusal", "an assertion") if is_refusal else ("an assertion", "a refusal")
        for field in given:
            if field not in ends and (field in _OF_REFUSALS) != is_refusal:
                message = f"goes with {other}, not with {this}: leave it out"
                yield Problem((*place, field), message)


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
    return bool(usable) and all(credential_of(each, facts) == Credential.KEY for each in usable)


def sessions(facts: Facts) -> Iterator[Problem]:
    """A session is of a browser."""
    for place, login in facts.items("logins"):
        if login.get("uses_session") is True and login.get("browser") is None:
            yield Problem((*place, "browser"), "is missing: a session is kept in a browser")


def earlier_logins(facts: Facts) -> Iterator[Problem]:
    """A login is compared with an earlier one."""
    before: list[str] = []
    for place, login in facts.items("logins"):
        for field in ("same_pseudonym_as", "other_pseudonym_than"):
            other = text(login, "expect", field)
            if other is not None and other not in before:
                meant = did_you_mean(other, before) or ": name one that stands above it"
                yield Problem((*place, "expect", field), f"there is no earlier login{meant}")
        if "act" not in login:
            before.append(text(login, "name") or "")


def earlier_things(facts: Facts) -> Iterator[Problem]:
    """An act is about something that is there by then."""
    there = [(at, text(item, str(at[-1])) or "") for at, item in registered(facts)]
    for place, act in facts.items("logins"):
        what = text(act, "what")
        before = [name for at, name in there if at[0] != "logins" or at[:2] < place]
        if what is not None and what not in before:
            meant = did_you_mean(what, before) or "."
            message = f"there is nothing registered by this name before{meant}"
            names = f" Names are: {shown(before)}" if before else ""
            yield Problem((*place, "what"), message + names)


# --- acts


@dataclass(frozen=True)
class Form:
    """The fields of an act: those that it needs, those that it may have; `scoped`: and one that
    says for what."""

    needs: tuple[str, ...]
    may: tuple[str, ...] = ()
    scoped: bool = False


_ALWAYS = ("name", "act", "expect")
_AT_REGISTRY = ("registry", "provider", "for")
_PERIOD = ("valid_from", "valid_until")
_IN_WRITING = ("organisation", "document")
FORMS: Mapping[ActKind, Form] = {
    ActKind.APPOINT: Form(("by", "person", "level"), (*_PERIOD, *_AT_REGISTRY, "as")),
    ActKind.REGISTER: Form(
        ("by", "person", "level"),
        (*_PERIOD, *_AT_REGISTRY, *_IN_WRITING, "vestiging", "as"),
        scoped=True,
    ),
    ActKind.CHANGE: Form(("by", "what"), ("level", "valid_until", *_AT_REGISTRY)),
    ActKind.LINK: Form(
        ("by", "intermediary", "services", "level"),
        (*_PERIOD, *_AT_REGISTRY, *_IN_WRITING, "vestiging", "as"),
    ),
    ActKind.ACCEPT: Form(("by", "what"), _AT_REGISTRY),
    ActKind.ASSIGN: Form(
        ("by", "person", "principal", "services", "level"),
        (*_PERIOD, *_AT_REGISTRY, "vestiging", "as"),
    ),
    ActKind.WITHDRAW: Form(("by", "what"), _AT_REGISTRY),
    ActKind.WITHDRAW_PERSON: Form(("by", "person"), _AT_REGISTRY),
    ActKind.APPROVE: Form(("by", "what"), _AT_REGISTRY),
    ActKind.LIST: Form(("by",), ("lines", *_AT_REGISTRY)),
    ActKind.HISTORY: Form(("by", "what"), ("lines", *_AT_REGISTRY)),
    ActKind.WITHDRAW_SERVICE: Form(("service",)),
    ActKind.RESTORE_SERVICE: Form(("service",)),
    ActKind.LOGOUT: Form(("by", "provider", "browser")),
    ActKind.REVOKE_CONSENT: Form(("by", "provider", "browser"), ("dienstverlener",)),
}


def act_fields(facts: Facts) -> Iterator[Problem]:
    """An act has the fields of its kind."""
    for place, act in facts.items("logins"):
        kind = next((each for each in ActKind if each == act.get("act")), None)
        if kind is not None and set(act) <= _FIELDS:
            yield from _wrong_fields(place, act, FORMS[kind])


_FIELDS = {field.alias or name for name, field in Act.model_fields.items()}


def _wrong_fields(place: Place, act: Item, form: Form) -> Iterator[Problem]:
    kind = act["act"]
    for field in form.needs:
        if act.get(field) is None:
            yield Problem((*place, field), f"is missing: `act: {kind}` needs it")
    scope = SCOPES if form.scoped else ()
    if form.scoped and len(scope_of(act)) != 1:
        yield Problem(place, f"say what it is for, with one of: {', '.join(SCOPES)}")
    for field in act:
        if field not in (*_ALWAYS, *form.needs, *form.may, *scope):
            yield Problem((*place, field), f"leave this out: `act: {kind}` has no such field")
