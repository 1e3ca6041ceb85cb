"""How an outcome is verified, without having to trust the makelaar.

The makelaar signs the outcome; that it answers our request shows by our own signed request
inside; that somebody was authenticated, the provider signed; for whom he may act, the registry
signed. All three must be about the same request, service and dienstverlener, bound to each other,
and reach the level.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import ValidationError

from dienstverlener.outcome import Assertion, LegalSubject, Refusal, own_refusal
from pipeline.keys import Keys, Unreadable
from schemas import codec
from schemas.codec import CLOCK_SKEW_SECONDS, Claims, Faulty, Received, Record, Untrusted
from schemas.directory import Participant
from schemas.jose import signature_of
from schemas.messages import (
    Asserted,
    Authenticated,
    AuthenticationResult,
    AuthnRequest,
    MandateDecision,
    Outcome,
    Permit,
    Refused,
    Represented,
)
from schemas.refusals import RefusalCode
from schemas.topics import OUTCOMES
from schemas.values import Role


@dataclass(frozen=True)
class Evidence:
    """The verified declarations of one assertion, with who made them."""

    request: AuthnRequest
    authenticated: Authenticated
    provider: Participant
    permit: Permit
    registry: Participant


def verify(record: Record, keys: Keys, now: datetime) -> Assertion | Refusal:
    """The outcome in a record. Where our makelaar did answer, but what he asserts does not hold,
    that is a refusal too. Raises Untrusted: it is no answer of our makelaar to our request."""
    found = codec.decode(record, OUTCOMES, keys.me, keys.directory, now)
    if isinstance(found, Faulty):
        raise Untrusted(found.code)
    claims = _our_request(found, keys)
    outcome: Outcome = found.message
    if isinstance(outcome.result, Refused):
        return _refusal(outcome, outcome.result)
    try:
        return _assertion(outcome, outcome.result, claims, keys, now)
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
        outcome.request_id, told.code, told.top_level, told.second_level, told.nl, told.en
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
    require_level(evidence, asserted, keys)
    who = keys.open(evidence.permit.represented, Represented)
    subject = LegalSubject(who.kvk, who.vestiging)
    return Assertion(outcome.request_id, asserted.service, asserted.level, subject, who.pseudonym)


def _evidence(
    outcome: Outcome, asserted: Asserted, claims: Claims, keys: Keys, now: datetime
) -> Evidence:
    declaration = codec.verify_evidence(
        asserted.declaration, AuthenticationResult, Role.PROVIDER, keys.me, keys.directory, now
    )
    decision = codec.verify_evidence(
        asserted.decision, MandateDecision, Role.REGISTRY, keys.me, keys.directory, now
    )
    request = _request(claims)
    authenticated, permit = declaration.message.result, decision.message.result
    if not isinstance(authenticated, Authenticated) or not isinstance(permit, Permit):
        raise Untrusted("evidence_missing")
    if {declaration.message.request_id, decision.message.request_id} != {outcome.request_id}:
        raise Untrusted("evidence_of_another_login")
    if declaration.sender is None or decision.sender is None:
        raise Untrusted("sender_missing")
    return Evidence(request, authenticated, declaration.sender, permit, decision.sender)


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
    """Both declarations are about this request, of this dienstverlener, for this service."""
    digest = codec.request_digest(me.entity_id, evidence.request)
    for declared in (evidence.authenticated, evidence.permit):
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


def require_level(evidence: Evidence, asserted: Asserted, keys: Keys) -> None:
    """The level asserted is what the registry used, no higher than the provider reached, no lower
    than we and the service ask."""
    service = keys.directory.service(evidence.request.service)
    if service is None or service.service_id != asserted.service:
        raise Untrusted("service_refused")
    required = max(evidence.request.level or service.level, service.level)
    reached = min(evidence.authenticated.level, evidence.permit.level)
    if not evidence.provider.may_declare(evidence.authenticated.level):
        raise Untrusted("level_refused")
    if not required <= asserted.level <= reached:
        raise Untrusted("level_refused")
