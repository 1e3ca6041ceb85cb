"""The provider's rules. No I/O: what is known and the time are arguments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hmac import compare_digest

from providers.authentication import Authentication, Awaited
from providers.judging import Rule
from providers.means import Means
from providers.sessions import Session
from schemas.catalogue import Catalogue, RequestedAttribute
from schemas.dialogue import Answer, ConsentChoice, CredentialKind
from schemas.directory import Directory, Participant
from schemas.messages import AuthenticationRequest
from schemas.refusals import RefusalCode
from schemas.values import Level, Role, Value


@dataclass(frozen=True)
class Provider:
    """What a provider knows: itself, directory and catalogue as they are now, its own choices, and
    how it seals something for another participant."""

    me: Participant
    directory: Directory
    catalogue: Catalogue
    first_challenge: CredentialKind
    attempts: int
    seal: Callable[[Value, Participant], str]

    def sealed_for(self, entity_id: str, content: Value) -> str:
        """Seal for a participant. Raises LookupError: he is not in the directory."""
        recipient = self.directory.participant(entity_id)
        if recipient is None:
            raise LookupError(entity_id)
        return self.seal(content, recipient)


# --- whether an authentication can start


@dataclass(frozen=True)
class Start:
    """A makelaar's request, when it came."""

    request: AuthenticationRequest
    provider: Provider
    now: datetime


def _takes_part(provider: Provider, entity_id: str, role: Role) -> bool:
    named = provider.directory.participant(entity_id)
    return named is not None and named.role is role


def is_connected(request: AuthenticationRequest, makelaar: Participant, provider: Provider) -> bool:
    """Whether a makelaar may ask: a service is connected to one, and nobody else can take its
    logins away by asking first. A service that is not in the catalogue is for the rules to refuse.

    Source: [AS] service catalogue: makelaar.
    """
    service = provider.catalogue.service(request.service)
    return service is None or service.makelaar == makelaar.entity_id


def _is_his_service(case: Start) -> bool:
    service = case.provider.catalogue.service(case.request.service)
    return service is not None and service.dienstverlener == case.request.dienstverlener


def _highest(case: Start) -> str:
    return f"{case.request.level} asked of {case.provider.me.highest_level or 'no level'}"


START: Sequence[Rule[Start]] = (
    Rule(
        "deadline_passed",
        lambda case: case.now < case.request.deadline,
        lambda case: f"{(case.request.deadline - case.now).total_seconds():.0f} s left",
        "a request that comes before its deadline",
        "CHOICE: nothing starts that cannot be answered in time",
        RefusalCode.DEADLINE_PASSED,
    ),
    Rule(
        "dienstverlener_unknown",
        lambda case: _takes_part(case.provider, case.request.dienstverlener, Role.DIENSTVERLENER),
        lambda case: f"directory {case.provider.directory.version}",
        "a dienstverlener in the directory: ask the makelaar",
        "[AS] participants know each other from the directory",
        RefusalCode.PARTICIPANT_FAULT,
    ),
    Rule(
        "service_withdrawn",
        lambda case: case.provider.catalogue.service(case.request.service) is not None,
        lambda case: f"catalogue {case.provider.catalogue.version}",
        "a service in the catalogue: ask the dienstverlener",
        "[AS] service catalogue",
        RefusalCode.SERVICE_WITHDRAWN,
    ),
    Rule(
        "service_of_another",
        _is_his_service,
        lambda case: f"catalogue {case.provider.catalogue.version}",
        "a service of the dienstverlener that is named: ask the makelaar",
        "[AS] service catalogue",
        RefusalCode.PARTICIPANT_FAULT,
    ),
    Rule(
        "level_not_supported",
        lambda case: case.provider.me.reaches(case.request.level),
        _highest,
        "a provider whose means reach the level: choose another",
        "[AS] flow step 3: only means that can reach the level",
        RefusalCode.LEVEL_NOT_SUPPORTED,
    ),
)


# --- whether a credential holds, and its means does


@dataclass(frozen=True)
class Case:
    """An answer that is looked at: whose means it is of, whether the credential held, by which
    session, and the level that is reached so."""

    row: Authentication
    provider: Provider
    now: datetime
    means: Means | None = None
    holds: bool = False
    session: Session | None = None
    level: Level | None = None


USABLE: Sequence[Rule[Case]] = (
    Rule(
        "means_unknown",
        lambda case: case.means is not None,
        lambda case: "a means of this provider" if case.means else "no means of this provider",
        "a means that this provider issued, and that was not withdrawn",
        "CHOICE: outwardly the same as a wrong credential",
    ),
    Rule(
        "means_locked",
        lambda case: case.means is not None and not case.means.is_locked,
        lambda case: f"{case.means.failures if case.means else 0} failures in a row",
        "a means that is not locked: have it unlocked",
        "NIST SP 800-63B-4, 3.2.2",
    ),
)


def credential(kind: CredentialKind) -> Sequence[Rule[Case]]:
    """Whether a credential of this kind holds."""
    holds: Rule[Case] = Rule(
        f"{kind.value}_wrong",
        lambda case: case.holds,
        lambda case: f"attempt {case.row.attempts + 1} of {case.provider.attempts}",
        f"the right {kind.value}",
        "[AS] flow step 5",
    )
    return (*USABLE, holds)


CODE_USED: Rule[Case] = Rule(
    "code_used",
    lambda case: False,
    lambda case: f"attempt {case.row.attempts + 1} of {case.provider.attempts}, with a used code",
    "a code that was not used before: the next one",
    "RFC 6238, 5.2: a code is accepted once",
)
"""Judged where a code's claim was lost: then it never holds."""


def _works_here(case: Case) -> bool:
    return case.means is not None and case.means.only_for in (None, case.row.dienstverlener)


FOR_THIS_SERVICE: Rule[Case] = Rule(
    "means_for_another_service",
    _works_here,
    lambda case: "for one only" if case.means and case.means.only_for else "for everybody",
    "a means that works for this dienstverlener",
    "[AS] a separate EH3 means works for the Belastingdienst only",
)


def _has_registry(case: Case) -> bool:
    return case.means is not None and _takes_part(case.provider, case.means.registry, Role.REGISTRY)


MEANS: Sequence[Rule[Case]] = (
    Rule(
        "dienstverlener_unknown",
        lambda case: _takes_part(case.provider, case.row.dienstverlener, Role.DIENSTVERLENER),
        lambda case: f"directory {case.provider.directory.version}",
        "a dienstverlener in the directory: ask the makelaar",
        "[AS] participants know each other from the directory",
        RefusalCode.PARTICIPANT_FAULT,
    ),
    Rule(
        "service_withdrawn",
        lambda case: case.provider.catalogue.service(case.row.service) is not None,
        lambda case: f"catalogue {case.provider.catalogue.version}",
        "a service in the catalogue: ask the dienstverlener",
        "[AS] service catalogue",
        RefusalCode.SERVICE_WITHDRAWN,
    ),
    Rule(
        "registry_unknown",
        _has_registry,
        lambda case: f"directory {case.provider.directory.version}",
        "a registry of the directory: move the person's mandates",
        "[AS] flow step 6: the declaration names the registry",
        RefusalCode.PARTICIPANT_FAULT,
    ),
    Rule(
        "means_level_too_low",
        lambda case: case.level is not None and case.level >= case.row.level,
        lambda case: f"{case.level}, where {case.row.level} is asked",
        "a means of the level that is asked, or higher",
        "[AS] levels are minimums: higher is accepted",
    ),
    FOR_THIS_SERVICE,
)


# --- whether an answer is awaited


def is_awaited(
    row: Authentication | None, answer: Answer | ConsentChoice, kind: Awaited
) -> str | None:
    """Why an answer is not awaited (a dead letter's reason), or None where it is."""
    if row is None:
        return "login_unknown"
    if row.awaits is None:
        return "login_finished"
    if row.awaits != kind or not compare_digest(answer.nonce, row.nonce or ""):
        return "nonce_refused"
    return None


def is_late(row: Authentication, now: datetime) -> bool:
    """Whether the answer's time has passed while it waited."""
    return now >= row.deadline


def may_try_again(attempts: int, provider: Provider) -> bool:
    """Whether one more wrong answer leaves an attempt. CHOICE: three in a login."""
    return attempts + 1 < provider.attempts


def requested(row: Authentication, provider: Provider) -> tuple[RequestedAttribute, ...]:
    """What the service wants to know of the person. Source: [AS] attributes of the person come
    from the provider, those of the organisation from the registry."""
    service = provider.catalogue.service(row.service)
    asked = service.attributes if service else ()
    return tuple(each for each in asked if each.name.is_personal)
