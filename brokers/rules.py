"""The makelaar's rules. No I/O: what is known and the time are arguments."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from brokers.login import Login, Phase
from schemas.catalogue import Catalogue, Service
from schemas.directory import Directory, Participant
from schemas.messages import (
    Authenticated,
    AuthenticationResult,
    AuthnRequest,
    Deny,
    MandateDecision,
    NotAuthenticated,
    Permit,
)
from schemas.refusals import RefusalCode
from schemas.values import Level, Role


@dataclass(frozen=True)
class Network:
    """What the makelaar knows: himself, directory and catalogue as they are now, his deadline."""

    me: Participant
    directory: Directory
    catalogue: Catalogue
    deadline_seconds: int


@dataclass(frozen=True)
class Admitted:
    """A request that can go on: at this level, with one of these providers, until then."""

    service: Service
    level: Level
    providers: tuple[Participant, ...]


PROVIDER_REFUSALS = frozenset(
    {
        RefusalCode.CANCELLED_BY_USER,
        RefusalCode.AUTHENTICATION_FAILED,
        RefusalCode.DEADLINE_PASSED,
        RefusalCode.LEVEL_NOT_SUPPORTED,
        RefusalCode.PARTICIPANT_FAULT,
    }
)
REGISTRY_REFUSALS = frozenset(
    {
        RefusalCode.CANCELLED_BY_USER,
        RefusalCode.NO_MANDATE,
        RefusalCode.DEADLINE_PASSED,
        RefusalCode.PARTICIPANT_FAULT,
    }
)


def admit(
    request: AuthnRequest, dienstverlener: Participant, network: Network
) -> Admitted | RefusalCode:
    """Whether a login can start. Source: [AS] flow steps 2 and 3."""
    service = network.catalogue.service(request.service)
    if service is None or not _is_connected(service, dienstverlener, network.me):
        return RefusalCode.SERVICE_UNKNOWN
    if request.level is Level.LOA1:
        return RefusalCode.LEVEL_ENDED
    level = required_level(request, service)
    providers = fitting_providers(network.directory, level)
    if not providers:
        return RefusalCode.LEVEL_NOT_SUPPORTED
    if request.provider is not None:
        providers = tuple(p for p in providers if p.entity_id == request.provider)
    return Admitted(service, level, providers) if providers else RefusalCode.PROVIDER_DOES_NOT_FIT


def _is_connected(service: Service, dienstverlener: Participant, makelaar: Participant) -> bool:
    return (
        service.dienstverlener == dienstverlener.entity_id
        and service.makelaar == makelaar.entity_id
    )


def required_level(request: AuthnRequest, service: Service) -> Level:
    """The level asked for, never below the service's own. Source: [AS] no requested level: the
    catalogue's applies; relying parties often do not check, so the makelaar must."""
    return max(request.level or service.level, service.level)


def fitting_providers(directory: Directory, level: Level) -> tuple[Participant, ...]:
    """Providers with a means that reaches the level, alphabetical. Source: [AS] flow step 3."""
    providers = directory.in_role(Role.PROVIDER)
    return tuple(provider for provider in providers if provider.reaches(level))


def deadline(request: AuthnRequest, network: Network, now: datetime) -> datetime:
    """When the login ends by itself. CHOICE: the makelaar's setting, or less where asked for."""
    asked = request.answer_within_seconds or network.deadline_seconds
    return now + timedelta(seconds=min(asked, network.deadline_seconds))


def start_claim(dienstverlener: str, request_id: UUID) -> str:
    """What a request and a cancellation that overtakes it both claim."""
    return f"start:{dienstverlener}:{request_id}"


def is_awaited(login: Login | None, phase: Phase) -> str | None:
    """Why an answer is not awaited (a dead letter's reason), or None where it is."""
    if login is None:
        return "login_unknown"
    if login.phase is Phase.DONE:
        return "login_finished"
    return None if login.phase is phase else "not_asked"


def judge_authentication(
    login: Login, answer: AuthenticationResult, directory: Directory
) -> RefusalCode | None:
    """Why a provider's answer ends the login, or None where the login goes on.

    Source: [AS] provider's level >= requested; declarations are bound to their request.
    """
    result = answer.result
    if isinstance(result, NotAuthenticated):
        return _theirs(result.code, PROVIDER_REFUSALS)
    registry = directory.participant(result.registry)
    provider = directory.participant(login.provider or "")
    holds = (
        is_about(login, result)
        and result.level >= login.level
        and provider is not None
        and provider.may_declare(result.level)
        and registry is not None
        and registry.role is Role.REGISTRY
    )
    return None if holds else RefusalCode.PARTICIPANT_FAULT


def judge_decision(login: Login, answer: MandateDecision, signature: str) -> RefusalCode | None:
    """Why a registry's answer ends the login without an assertion, or None where it permits.

    Source: [AS] a permit is bound to the declaration by its signature value, level >= requested.
    """
    result = answer.result
    if isinstance(result, Deny):
        return _theirs(result.code, REGISTRY_REFUSALS)
    holds = (
        is_about(login, result)
        and result.level_requested is login.level
        and result.level >= login.level
        and result.declaration_signature == signature
    )
    return None if holds else RefusalCode.PARTICIPANT_FAULT


def is_about(login: Login, declared: Authenticated | Permit) -> bool:
    """Whether a declaration is about this very request, and no other."""
    return (
        declared.request_digest == login.digest
        and declared.dienstverlener == login.dienstverlener
        and declared.service == login.service
    )


def _theirs(code: RefusalCode, allowed: frozenset[RefusalCode]) -> RefusalCode:
    """A participant's refusal, as far as it is his to give."""
    return code if code in allowed else RefusalCode.PARTICIPANT_FAULT
