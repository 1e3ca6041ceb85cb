"""How an outcome is verified, without having to trust the makelaar.

The makelaar signs the outcome; that it answers our request shows by our own signed request
inside; that somebody was authenticated, the provider signed; for whom he may act, the registry
signed, and in a chain a second registry, which the first one named. All must be about the same
request, service and dienstverlener, bound to each other, and reach the level.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

from pydantic import ValidationError

from dienstverlener.outcome import Assertion, LegalSubject, Person, Refusal, own_refusal
from pipeline.keys import Keys, Unreadable
from schemas import codec, sealed
from schemas.codec import CLOCK_SKEW_SECONDS, Claims, Faulty, Received, Record, Untrusted
from schemas.directory import Participant
from schemas.jose import signature_of
from schemas.message import Message
from schemas.messages import (
    Asserted,
    Authenticated,
    AuthenticationResult,
    AuthnRequest,
    Confirmation,
    Confirmed,
    MandateDecision,
    Outcome,
    Permit,
    Refused,
)
from schemas.refusals import RefusalCode
from schemas.sealed import PairwiseSubject, PersonAttributes
from schemas.topics import OUTCOMES
from schemas.values import Role

M = TypeVar("M", bound=Message)


@dataclass(frozen=True)
class Evidence:
    """The verified declarations of one assertion, with who made them. `decision` is the permit's
    whole message; a chain has a confirmation, by `confirmer`."""

    request: AuthnRequest
    authenticated: Authenticated
    provider: Participant
    permit: Permit
    registry: Participant
    decision: str
    confirmed: Confirmed | None = None
    confirmer: Participant | None = None


def verify(record: Record, keys: Keys, now: datetime) -> Assertion | Refusal:
    """The outcome in a record. Where our makelaar did answer, but what he asserts does not hold,
    that is a refusal too. Raises Untrusted: it is no answer of our makelaar to our request."""
    found = codec.decode(record, OUTCOMES, keys.me, keys.directory, now)
    if isinstance(found, Faulty):
        raise Untrusted(found.code)
    return _verified(found, keys, now)


def verify_kept(text: str, keys: Keys) -> Assertion | Refusal:
    """An outcome that was kept and is handed on, judged at the time when the makelaar signed it.
    How long afterwards it is good for, the reader decides (`authenticated_at`). Raises Untrusted.
    """
    at = codec.unverified_time(text)
    role = Role.MAKELAAR
    found = codec.verify_evidence(text, Outcome, role, keys.me, keys.directory, at)
    return _verified(found, keys, at)


def _verified(found: Received[Outcome], keys: Keys, now: datetime) -> Assertion | Refusal:
    claims = _our_request(found, keys)
    outcome = found.message
    if isinstance(outcome.result, Refused):
        return _refusal(outcome, outcome.result)
    try:
        assertion = _assertion(outcome, outcome.result, claims, keys, now)
        return replace(assertion, outcome=found.text)
    except (Untrusted, Unreadable) as fault:
        return own_refusal(outcome.request_id, _code(fault))


def _our_request(found: Received[Outcome], keys: Keys) -> Claims:
    """The request that is answered: ours, and addressed to whoever answers."""
    if found.sender is None:
        raise Untrusted("sender_missing")
    claims = codec.verify_own(
        found.message.request, AuthnRequest, keys.me, found.sender, keys.directory
    )
    if claims.data.get("request_id") != str(found.message.request_id):
        raise Untrusted("answers_another_request")
    return claims


def _refusal(outcome: Outcome, told: Refused) -> Refusal:
    return Refusal(
        outcome.request_id,
        told.code,
        told.top_level,
        told.second_level,
        told.nl,
        told.en,
        told.fits,
    )


def _code(fault: Untrusted | Unreadable) -> RefusalCode:
    late = isinstance(fault, Untrusted) and fault.reason == "expired"
    return RefusalCode.ASSERTION_EXPIRED if late else RefusalCode.PARTICIPANT_FAULT


def _assertion(
    outcome: Outcome, asserted: Asserted, claims: Claims, keys: Keys, now: datetime
) -> Assertion:
    require_in_time(asserted, now)
    evidence = _evidence(outcome, asserted, claims, keys, now)
    require_about(evidence, keys.me)
    require_bound(evidence, asserted)
    require_confirmed(evidence)
    require_level(evidence, asserted, keys)
    return _opened(outcome.request_id, asserted, evidence, keys)


def _opened(request_id: UUID, asserted: Asserted, evidence: Evidence, keys: Keys) -> Assertion:
    """The assertion with what is sealed for us. Raises Unreadable."""
    permit, confirmed = evidence.permit, evidence.confirmed
    acting = keys.open(permit.acting, PairwiseSubject)
    legal = keys.open((confirmed.legal if confirmed else permit.legal) or "", sealed.LegalSubject)
    person = evidence.authenticated.attributes
    return Assertion(
        request_id=request_id,
        service=asserted.service,
        level=asserted.level,
        legal_subject=_legal_subject(legal),
        acting_subject=acting.pseudonym,
        intermediary=acting.intermediary,
        person=_person(keys.open(person, PersonAttributes)) if person else Person(),
        services=confirmed.services if confirmed else permit.services,
        catalogue_version=permit.catalogue_version,
        registry=evidence.registry.entity_id,
        authenticated_at=evidence.authenticated.authenticated_at,
        decided_at=permit.decided_at,
    )


def _legal_subject(legal: sealed.LegalSubject) -> LegalSubject:
    numbers = {each.type: each.value for each in legal.identifiers}
    return LegalSubject(numbers, legal.vestiging, legal.company_name, legal.kvk_number)


def _person(shared: PersonAttributes) -> Person:
    return Person(shared.first_name, shared.family_name, shared.date_of_birth)


def _evidence(
    outcome: Outcome, asserted: Asserted, claims: Claims, keys: Keys, now: datetime
) -> Evidence:
    def declared(text: str, message: type[M], role: Role) -> tuple[M, Participant]:
        found = codec.verify_evidence(text, message, role, keys.me, keys.directory, now)
        if found.message.request_id != outcome.request_id:
            raise Untrusted("evidence_of_another_login")
        if found.sender is None:
            raise Untrusted("sender_missing")
        return found.message, found.sender

    answer, provider = declared(asserted.declaration, AuthenticationResult, Role.PROVIDER)
    decision, registry = declared(asserted.decision, MandateDecision, Role.REGISTRY)
    if not isinstance(answer.result, Authenticated) or not isinstance(decision.result, Permit):
        raise Untrusted("evidence_missing")
    evidence = Evidence(
        _request(claims), answer.result, provider, decision.result, registry, asserted.decision
    )
    if asserted.confirmation is None:
        return evidence
    confirmation, confirmer = declared(asserted.confirmation, Confirmation, Role.REGISTRY)
    if not isinstance(confirmation.result, Confirmed):
        raise Untrusted("evidence_missing")
    return replace(evidence, confirmed=confirmation.result, confirmer=confirmer)


def _request(claims: Claims) -> AuthnRequest:
    try:
        return AuthnRequest.model_validate(claims.data)
    except ValidationError:
        raise Untrusted("request_malformed") from None


# --- the checks, each by itself; all raise Untrusted


def require_in_time(asserted: Asserted, now: datetime) -> None:
    if now - timedelta(seconds=CLOCK_SKEW_SECONDS) >= asserted.not_on_or_after:
        raise Untrusted("expired")


def require_about(evidence: Evidence, me: Participant) -> None:
    """All declarations are about this request, of this dienstverlener, for this service."""
    digest = codec.request_digest(me.entity_id, evidence.request)
    confirmed = (evidence.confirmed,) if evidence.confirmed else ()
    for declared in (evidence.authenticated, evidence.permit, *confirmed):
        about = (declared.request_digest, declared.dienstverlener, declared.service)
        if about != (digest, me.entity_id, evidence.request.service):
            raise Untrusted("evidence_of_another_login")


def require_bound(evidence: Evidence, asserted: Asserted) -> None:
    """The permit is bound to the declaration, by the registry that the provider named, and the
    provider is the one asked for, where one was."""
    if evidence.permit.declaration_signature != signature_of(asserted.declaration):
        raise Untrusted("evidence_not_bound")
    if evidence.authenticated.registry != evidence.registry.entity_id:
        raise Untrusted("registry_refused")
    if evidence.request.provider not in (None, evidence.provider.entity_id):
        raise Untrusted("provider_refused")


def require_confirmed(evidence: Evidence) -> None:
    """What the registry's permit still needed was confirmed by whom it named, for no more than it
    permits. Source: [AS] ketenmachtiging: every link is verified in its own register."""
    obligation, confirmed = evidence.permit.obligation, evidence.confirmed
    if obligation is None and confirmed is None:
        return
    if obligation is None or confirmed is None or evidence.confirmer is None:
        raise Untrusted("obligation_not_met")
    if evidence.confirmer.entity_id != obligation.registry:
        raise Untrusted("registry_refused")
    if confirmed.decision_signature != signature_of(evidence.decision):
        raise Untrusted("evidence_not_bound")
    if not set(confirmed.services) <= set(evidence.permit.services):
        raise Untrusted("evidence_not_bound")


def require_level(evidence: Evidence, asserted: Asserted, keys: Keys) -> None:
    """The level asserted is what the registries used, no higher than the provider reached, no lower
    than we and the service ask."""
    service = keys.catalogue.service(evidence.request.service)
    if service is None or service.service_id != asserted.service:
        raise Untrusted("service_refused")
    required = max(evidence.request.level or service.level, service.level)
    reached = min(evidence.authenticated.level, evidence.permit.level)
    if evidence.confirmed is not None:
        reached = min(reached, evidence.confirmed.level)
    if not evidence.provider.may_declare(evidence.authenticated.level):
        raise Untrusted("level_refused")
    if not required <= asserted.level <= reached:
        raise Untrusted("level_refused")
