"""Which logins of a scenario can be repeated at will, and what each must come to.

What uses something up, or depends on what went before it, is left out, and it is said why.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from loadtest.mix import LoginKind
from sandbox import scenario as s
from sandbox.founding import Wallet
from sandbox.person import Behaviour
from sandbox.scenario import Act, Credential, Does, Expected, Login, Scenario
from sandbox.scenario_steps import SESSION_ACTS
from schemas.refusals import RefusalCode

TIMEOUT_SECONDS: Final = 3
"""CHOICE: how long the network waits for those who never answer."""
_BY_CHOICE: Final = (
    RefusalCode.CANCELLED_BY_USER,
    RefusalCode.CANCELLED_BY_DIENSTVERLENER,
    RefusalCode.DEADLINE_PASSED,
)


@dataclass(frozen=True)
class Entry:
    """One login to repeat, by any of these people.

    dienstverlener  its name; `service` its ServiceID, `asks_for` and `declared` are EntityIDs
    expect          what it must come to, without what only one single login can be compared with
    cancels         the dienstverlener thinks better of it, once the user was asked something
    """

    login: Login
    dienstverlener: str
    service: str
    asks_for: str | None
    declared: tuple[str, ...]
    people: tuple[str, ...]
    expect: Expected
    cancels: bool = False


@dataclass(frozen=True)
class Pool:
    """What there is of each kind; and of the logins that are left out (by name), why."""

    entries: Mapping[LoginKind, Sequence[Entry]]
    left_out: Mapping[str, str]

    @property
    def kinds(self) -> set[LoginKind]:
        return set(self.entries)

    @property
    def people(self) -> list[str]:
        """Everybody who logs in, each once."""
        each = [n for entries in self.entries.values() for e in entries for n in e.people]
        return list(dict.fromkeys(each))


def pool(scenario: Scenario, people: Mapping[str, tuple[str, ...]] | None = None) -> Pool:
    """people: of somebody in the scenario, everybody who is like him; None: there is only he."""
    found: dict[LoginKind, list[Entry]] = {}
    left_out: dict[str, str] = {}
    for login, why in _looked_at(scenario):
        kind = kind_of(login)
        if why is None and kind is not None:
            found.setdefault(kind, []).append(_entry(login, scenario, people or {}))
        elif kind is not None:
            left_out[login.name] = str(why)
    for kind, derived in _derived(found.get(LoginKind.DIRECT, ())).items():
        found[kind] = derived
    return Pool(found, left_out)


def kind_of(login: Login) -> LoginKind | None:
    """None: it ends by what the user does or leaves undone. Such logins are derived from direct
    ones, which can be counted on."""
    expect = login.expect
    if expect.assertion is not None:
        return LoginKind.CHAIN if login.through or expect.through else LoginKind.DIRECT
    return None if expect.refusal in _BY_CHOICE else LoginKind.REFUSED


def _entry(login: Login, scenario: Scenario, people: Mapping[str, tuple[str, ...]]) -> Entry:
    dienstverlener, service = scenario.service(login.service)
    asks_for = s.entity_id(scenario.provider(login.asks_for)) if login.asks_for else None
    alone = {"reason": None, "same_pseudonym_as": None, "other_pseudonym_than": None}
    return Entry(
        login=login,
        dienstverlener=dienstverlener.name,
        service=s.service_id(dienstverlener, service),
        asks_for=asks_for,
        declared=tuple(s.entity_id(scenario.provider(name)) for name in login.declared),
        people=people.get(login.person, (login.person,)),
        expect=login.expect.model_copy(update=alone),
    )


def _derived(direct: Sequence[Entry]) -> dict[LoginKind, list[Entry]]:
    """Of logins that come to an assertion, some that do not."""
    if not direct:
        return {}
    nothing, by_user = {"does": Does.NOTHING}, {"does": Does.CANCEL}
    late = {**nothing, "answer_within_seconds": TIMEOUT_SECONDS}
    cancelled = [
        each
        for entry in direct
        for each in (
            _but(entry, RefusalCode.CANCELLED_BY_USER, by_user),
            _but(entry, RefusalCode.CANCELLED_BY_DIENSTVERLENER, nothing, cancels=True),
        )
    ]
    unanswered = [_but(entry, RefusalCode.DEADLINE_PASSED, late) for entry in direct]
    return {LoginKind.CANCEL: cancelled, LoginKind.TIMEOUT: unanswered}


def _but(
    entry: Entry, code: RefusalCode, login: Mapping[str, Any], *, cancels: bool = False
) -> Entry:
    changed = entry.login.model_copy(update=login)
    return replace(entry, login=changed, expect=Expected(refusal=code), cancels=cancels)


# --- what is left out


def _looked_at(scenario: Scenario) -> Iterator[tuple[Login, str | None]]:
    """Every login, and why it cannot be repeated at will; None: it can."""
    changed, remember = False, set[str]()
    for step in scenario.steps:
        if isinstance(step, Act):
            changed = changed or step.act not in SESSION_ACTS
            continue
        yield step, _why_not(step, scenario, changed=changed, remember=remember)
        if step.remembers:
            remember.add(step.person)


def _why_not(login: Login, scenario: Scenario, *, changed: bool, remember: set[str]) -> str | None:
    reasons = {
        "it comes after an act, which is not played": changed,
        "a service cannot be withdrawn for each login": login.withdrawn_meanwhile,
        "it depends on a session": login.uses_session,
        "it depends on what a browser remembers": login.remembers or login.browser is not None,
        "it may depend on what was remembered before it": login.person in remember,
        "wrong passwords lock a means": login.does is Does.WRONG_PASSWORD,
        "it uses up a one-time code": _by_code(login, scenario),
    }
    return next((reason for reason, holds in reasons.items() if holds), None)


def _by_code(login: Login, scenario: Scenario) -> bool:
    """Whether the user comes to be asked for a one-time code."""
    name = provider_of(login, scenario)
    return name is not None and scenario.provider(name).credential is Credential.PASSWORD_AND_CODE


def provider_of(login: Login, scenario: Scenario) -> str | None:
    """Whose means the user logs in with: of those that fit and that he has, the one that is named,
    or the first in the order that he is shown them in. None: he has none."""
    service = scenario.service(login.service)[1]
    level = max(login.level or service.level, service.level)
    needed = {a.name for a in service.attributes if a.required and a.name.is_personal}
    held = {means.provider for means in scenario.person(login.person).means}
    fitting = [
        p.name
        for p in sorted(scenario.providers, key=lambda p: p.display_name.casefold())
        if p.highest_level >= level and needed <= set(p.attributes)
    ]
    named = {login.asks_for, login.provider} - {None}
    declared = [name for name in fitting if name in login.declared]
    offered = declared if len(declared) == 1 else fitting
    return next((n for n in offered if n in held and named <= {n}), None)


def behaviour(entry: Entry, scenario: Scenario, wallet: Wallet) -> Behaviour:
    """How somebody with this wallet answers in this login."""
    login = entry.login
    organisation = scenario.organisation(login.for_) if login.for_ else None
    through = scenario.organisation(login.through) if login.through else None
    unnumbered = organisation if organisation and not organisation.kvk else None
    return Behaviour(
        wallet=wallet,
        does=login.does,
        provider=login.provider,
        kvk=organisation.kvk if organisation else None,
        organisation=unnumbered.display_name if unnumbered else None,
        through=through.display_name if through else None,
        shares=login.shares,
    )
