"""Rules: whether what providers and registries declare holds. Nobody is trusted for more than the
directory admits him for, nor for another login than the one that he was asked about.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Generic, TypeVar

from brokers import judging
from brokers.judging import Judged, Rule, Seen
from brokers.login import Login
from brokers.rules import Network, offered
from schemas.catalogue import Service
from schemas.codec import CLOCK_SKEW_SECONDS
from schemas.jose import signature_of
from schemas.messages import (
    Authenticated,
    AuthenticationResult,
    Confirmation,
    Confirmed,
    Deny,
    MandateDecision,
    NotAuthenticated,
    Permit,
)
from schemas.refusals import RefusalCode
from schemas.values import Level, Role

SESSION_LASTS = timedelta(hours=2)
"""Source: [AS] SSO at most 2 hours, never at EH4."""
_SKEW = timedelta(seconds=CLOCK_SKEW_SECONDS)

REGISTRY_REFUSALS = frozenset(
    {
        RefusalCode.BUSY,
        RefusalCode.CANCELLED_BY_USER,
        RefusalCode.NO_MANDATE,
        RefusalCode.DEADLINE_PASSED,
        RefusalCode.PARTICIPANT_FAULT,
        RefusalCode.SERVICE_WITHDRAWN,
    }
)
PROVIDER_REFUSALS = frozenset(
    {
        RefusalCode.BUSY,
        RefusalCode.CANCELLED_BY_USER,
        RefusalCode.AUTHENTICATION_FAILED,
        RefusalCode.ATTRIBUTES_NOT_SHARED,
        RefusalCode.DEADLINE_PASSED,
        RefusalCode.LEVEL_NOT_SUPPORTED,
        RefusalCode.PARTICIPANT_FAULT,
        RefusalCode.SERVICE_WITHDRAWN,
    }
)


D_co = TypeVar("D_co", bound=Authenticated | Permit | Confirmed, covariant=True)


@dataclass(frozen=True)
class Case(Generic[D_co]):
    """A login, what the makelaar knows, what somebody declares about it, and when that came."""

    login: Login
    network: Network
    declared: D_co
    now: datetime

    @cached_property
    def service(self) -> Service | None:
        return offered(self.login, self.network)


ByProvider = Case[Authenticated]
ByRegistry = Case[Permit]
BySecond = Case[Confirmed]
Declared = Case[Authenticated | Permit | Confirmed]


def judge_authentication(
    login: Login, answer: AuthenticationResult, network: Network, now: datetime
) -> Judged:
    """What ends the login at the provider's answer, or nothing where it goes on."""
    result = answer.result
    if isinstance(result, NotAuthenticated):
        return _theirs("provider", result.code, PROVIDER_REFUSALS)
    return judging.judge(AUTHENTICATION, Case(login, network, result, now))


def judge_decision(
    login: Login, answer: MandateDecision, network: Network, now: datetime
) -> Judged:
    """What ends the login without an assertion at the registry's answer."""
    result = answer.result
    if isinstance(result, Deny):
        return _theirs("registry", result.code, REGISTRY_REFUSALS)
    return judging.judge(DECISION, Case(login, network, result, now))


def judge_confirmation(
    login: Login, answer: Confirmation, network: Network, now: datetime
) -> Judged:
    """What ends the login without an assertion at the second registry's answer."""
    result = answer.result
    if isinstance(result, Deny):
        return _theirs("second registry", result.code, REGISTRY_REFUSALS)
    return judging.judge(CONFIRMATION, Case(login, network, result, now))


def _theirs(who: str, code: RefusalCode, allowed: frozenset[RefusalCode]) -> Judged:
    """A participant's refusal, as far as it is his to give."""
    if code in allowed:
        return Judged((judging.ended(str(code), f"refused by the {who}"),), code)
    finding = judging.ended("refusal_not_theirs", f"{code} by the {who}", "a refusal of its own")
    return Judged((finding,), RefusalCode.PARTICIPANT_FAULT)


# --- rules about whatever is declared


def _is_in_time(case: Declared) -> Seen:
    """CHOICE: a login goes on before its deadline only, also where the sweep has not come yet."""
    left = (case.login.deadline - case.now).total_seconds()
    saw = "before the deadline" if left > 0 else "at the deadline or after it"
    return Seen(left > 0, saw, "an answer before the deadline")


def _is_offered(case: Declared) -> Seen:
    """CHOICE: a service that is withdrawn ends the logins to it that are under way, with a refusal
    that says so; a participant's own refusal stands."""
    where = "no longer in" if case.service is None else "in"
    saw = f"{where} the catalogue, version {case.network.catalogue.version}"
    return Seen(case.service is not None, saw, "a service that is still offered")


def _still_suffices(case: Declared) -> Seen:
    """CHOICE: where a service's level is raised during a login, that login has to reach it too."""
    asks = case.service.level if case.service else case.login.level
    level = case.declared.level
    return Seen(level >= asks, f"{level}; the service asks {asks} now", f"{asks} or higher")


def _is_about(case: Declared) -> Seen:
    login, declared = case.login, case.declared
    parts = {
        "request": declared.request_digest == login.digest,
        "dienstverlener": declared.dienstverlener == login.dienstverlener,
        "service": declared.service == login.service,
    }
    other = [part for part, same in parts.items() if not same]
    saw = f"another {' and '.join(other)}" if other else "this login"
    return Seen(not other, saw, "a declaration about this login")


def _suffices(case: Declared) -> Seen:
    asked, level = case.login.level, case.declared.level
    return Seen(level >= asked, f"{level}; {asked} is asked", f"{asked} or higher")


def _is_for_level(case: ByRegistry | BySecond) -> Seen:
    asked, judged = case.login.level, case.declared.level_requested
    return Seen(judged is asked, f"judged for {judged}; {asked} is asked", f"judged for {asked}")


# --- about a provider's declaration


def _is_admitted(case: ByProvider) -> Seen:
    provider = case.network.directory.participant(case.login.provider or "")
    level = case.declared.level
    highest = provider.highest_level if provider else None
    saw = f"{level} by a provider admitted for {highest or 'no level'}"
    holds = provider is not None and provider.may_declare(level)
    return Seen(holds, saw, f"a provider that the scheme admitted for {level}")


def _names_registry(case: ByProvider) -> Seen:
    registry = case.network.directory.participant(case.declared.registry)
    holds = registry is not None and registry.role is Role.REGISTRY
    saw = "a registry of the directory" if holds else "no registry of the directory"
    return Seen(holds, saw, "a registry of the directory")


def _is_fresh(case: ByProvider) -> Seen:
    """A session at the provider is enough where nobody forbids it, and not for long."""
    login = case.login
    anew = login.force_authn or login.level is Level.EH4
    allowed = timedelta() if anew else SESSION_LASTS
    holds = case.declared.authenticated_at >= login.requested_at - allowed - _SKEW
    kind = "after the request" if anew else "at most 2 hours before the request"
    return Seen(holds, f"{'' if holds else 'not '}authenticated {kind}", f"authenticated {kind}")


# --- about a registry's permit


def _is_bound(case: ByRegistry) -> Seen:
    holds = case.declared.declaration_signature == signature_of(case.login.declaration or "..")
    return _bound(holds, "the provider's declaration")


def _is_of_service(case: ByRegistry) -> Seen:
    """Under another version of the catalogue, a portal may have stood for other services."""
    allowed = set(case.service.stands_for) if case.service else set()
    same = case.declared.catalogue_version == case.network.catalogue.version
    holds = not same or set(case.declared.services) <= allowed
    saw = f"{len(case.declared.services)} services, {'' if holds else 'not '}of those asked for"
    return Seen(holds, saw, "services that the one asked for stands for")


def _is_whole(case: ByRegistry) -> Seen:
    """For whom is acted, this registry says, or another one has to: never both, never neither."""
    legal, obligation = case.declared.legal is not None, case.declared.obligation is not None
    saw = f"{'a' if legal else 'no'} legal subject, {'an' if obligation else 'no'} obligation"
    return Seen(
        legal is not obligation, saw, "a legal subject, or an obligation to have it confirmed"
    )


def _obliges_registry(case: ByRegistry) -> Seen:
    """Source: [AS] only some registries offer ketenmachtigingen."""
    if case.declared.obligation is None:
        return Seen(True, "no obligation")
    second = case.network.directory.participant(case.declared.obligation.registry)
    registry = second is not None and second.role is Role.REGISTRY
    chains = second is not None and second.chains
    saw = f"{'a' if registry else 'no'} registry, {'with' if chains else 'without'} chains"
    return Seen(registry and chains, saw, "a registry of the directory that offers chains")


# --- about a second registry's confirmation


def _is_bound_to_permit(case: BySecond) -> Seen:
    holds = case.declared.decision_signature == signature_of(case.login.decision or "..")
    return _bound(holds, "the registry's decision")


def _is_of_permit(case: BySecond) -> Seen:
    holds = set(case.declared.services) <= set(case.login.permitted)
    saw = f"{len(case.declared.services)} services, {'' if holds else 'not '}of those permitted"
    return Seen(holds, saw, "services that the first registry permits")


def _bound(holds: bool, to: str) -> Seen:
    return Seen(holds, f"bound to {to if holds else 'something else'}", f"bound to {to}")


# --- the tables

_LATE: Rule[Declared] = Rule(
    "answer_too_late",
    "CHOICE: request expiry is not published",
    _is_in_time,
    RefusalCode.DEADLINE_PASSED,
)
_WITHDRAWN: Rule[Declared] = Rule(
    "service_withdrawn",
    "[AS] service catalogue",
    _is_offered,
    RefusalCode.SERVICE_WITHDRAWN,
)
_RAISED: Rule[Declared] = Rule(
    "level_raised",
    "[AS] never below the catalogue's level",
    _still_suffices,
    RefusalCode.LEVEL_NOT_SUPPORTED,
)
_ABOUT = "[AS] declarations are bound to their request"
_LEVEL = "[AS] flow step 8: level requested and level used"

AUTHENTICATION: tuple[Rule[ByProvider], ...] = (
    _LATE,
    _WITHDRAWN,
    Rule("declaration_of_another_login", _ABOUT, _is_about),
    Rule("declared_level_too_low", "[AS] levels are minimums", _suffices),
    Rule("provider_not_admitted", "[AS] flow step 5: a means of a known level", _is_admitted),
    Rule(
        "registry_unknown", "[AS] flow step 6: which registry holds the mandates", _names_registry
    ),
    Rule("session_too_old", "[AS] SSO at most 2 hours, never at EH4", _is_fresh),
    _RAISED,
)
DECISION: tuple[Rule[ByRegistry], ...] = (
    _LATE,
    _WITHDRAWN,
    Rule("decision_of_another_login", _ABOUT, _is_about),
    Rule("decision_not_bound", "[AS] flow step 8: signature of the declaration", _is_bound),
    Rule("decision_for_another_level", _LEVEL, _is_for_level),
    Rule("decided_level_too_low", "[AS] mandate level >= requested", _suffices),
    Rule("decision_for_other_services", "[AS] what a portal service stands for", _is_of_service),
    Rule("permit_not_whole", "[AS] ketenmachtiging: an obligation", _is_whole),
    Rule("obligation_refused", "[AS] only some registries offer chains", _obliges_registry),
    _RAISED,
)
CONFIRMATION: tuple[Rule[BySecond], ...] = (
    _LATE,
    _WITHDRAWN,
    Rule("confirmation_of_another_login", _ABOUT, _is_about),
    Rule("confirmation_not_bound", "[AS] ketenmachtiging: of this permit", _is_bound_to_permit),
    Rule("confirmation_for_another_level", _LEVEL, _is_for_level),
    Rule("confirmed_level_too_low", "[AS] ketenmachtiging: the same level", _suffices),
    Rule(
        "confirmation_for_other_services", "[AS] ketenmachtiging: the same services", _is_of_permit
    ),
    _RAISED,
)
