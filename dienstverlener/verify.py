"""How an outcome is verified, without having to trust the makelaar.

The makelaar signs the outcome; that it answers our request shows by our own signed request
inside; that somebody was authenticated, the provider signed; for whom he may act, the registry
signed, and in a chain a second registry, which the first one named. All must be about the same
request, service and dienstverlener, bound to each other, reach the level, and say what the service
asks to know: as our own part of the catalogue had it when the registry decided (`offers`).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

from dienstverlener.evidence import (
    Evidence,
    require_about,
    require_bound,
    require_confirmed,
    require_in_time,
    require_level,
    require_subject,
)
from dienstverlener.offered import Offers, require_as_offered
from dienstverlener.outcome import Assertion, LegalSubject, Person, Refusal, own_refusal
from pipeline.keys import Keys, Unreadable
from schemas import codec, sealed
from schemas.codec import Faulty, Received, Record, Signed, Untrusted
from schemas.directory import Participant
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

_CODES = {
    "expired": RefusalCode.ASSERTION_EXPIRED,
    "catalogue_changed": RefusalCode.ASSERTION_EXPIRED,
    "service_withdrawn": RefusalCode.SERVICE_WITHDRAWN,
}
"""What is nobody's fault. Everything else is."""


def verify(
    record: Record, keys: Keys, now: datetime, offers: Offers | None = None
) -> Assertion | Refusal:
    """The outcome in a record. Where our makelaar did answer, but what he asserts does not hold,
    that is a refusal too, with the name of the check as its `reason`.

    offers  what we offer and offered; None: what the catalogue says now is all that is known
    Raises Untrusted: it is no answer of our makelaar to our request.
    """
    found = codec.decode(record, OUTCOMES, keys.me, keys.directory, now)
    if isinstance(found, Faulty):
        raise Untrusted(found.code)
    return _verified(found, keys, now, offers or Offers(keys))


def verify_kept(text: str, keys: Keys) -> Assertion | Refusal:
    """An outcome that was kept and is handed on, judged at the time when the makelaar signed it.
    How long afterwards it is good for, the reader decides (`authenticated_at`). Raises Untrusted.
    """
    at = codec.unverified_time(text)
    role = Role.MAKELAAR
    found = codec.verify_evidence(text, Outcome, role, keys.me, keys.directory, at)
    return _verified(found, keys, at, Offers(keys))


def _verified(
    found: Received[Outcome], keys: Keys, now: datetime, offers: Offers
) -> Assertion | Refusal:
    claims = _our_request(found, keys)
    outcome = found.message
    if isinstance(outcome.result, Refused):
        return _refusal(outcome, outcome.result)
    try:
        evidence = _evidence(outcome, outcome.result, claims, keys, now)
        assertion = _assertion(outcome, outcome.result, evidence, keys, offers)
        return replace(assertion, outcome=found.text)
    except Untrusted as fault:
        return own_refusal(outcome.request_id, _code(fault.reason), fault.reason)
    except Unreadable as fault:
        return own_refusal(outcome.request_id, RefusalCode.PARTICIPANT_FAULT, fault.code)


def _our_request(found: Received[Outcome], keys: Keys) -> Signed[Any]:
    """The request that is answered: ours, and addressed to whoever answers."""
    if found.sender is None:
        raise Untrusted("sender_missing")
    claims = codec.verify_own(
        found.message.request, AuthnRequest, keys.me, found.sender, keys.directory
    )
    if _asked(claims.data) != str(found.message.request_id):
        raise Untrusted("answers_another_request")
    return claims


def _asked(request: AuthnRequest | dict[str, Any]) -> object:
    """The ID of a request, which was refused perhaps because it is none."""
    if isinstance(request, AuthnRequest):
        return str(request.request_id)
    return request.get("request_id")


def _refusal(outcome: Outcome, told: Refused) -> Refusal:
    return Refusal(
        outcome.request_id,
        told.code,
        told.top_level,
        told.second_level,
        told.nl,
        told.en,
        told.fits,
        retry_after_seconds=told.retry_after_seconds,
    )


def _code(reason: str) -> RefusalCode:
    return _CODES.get(reason, RefusalCode.PARTICIPANT_FAULT)


def _assertion(
    outcome: Outcome, asserted: Asserted, evidence: Evidence, keys: Keys, offers: Offers
) -> Assertion:
    """The assertion, checked in all its parts. Raises Untrusted, Unreadable."""
    require_about(evidence, keys.me)
    require_bound(evidence, asserted)
    require_confirmed(evidence)
    require_level(evidence, asserted)
    assertion = _opened(outcome.request_id, asserted, evidence, keys)
    require_subject(assertion, evidence)
    require_as_offered(assertion, evidence, offers)
    return assertion


def _opened(request_id: UUID, asserted: Asserted, evidence: Evidence, keys: Keys) -> Assertion:
    """The assertion with what is sealed for us. Raises Unreadable, Untrusted."""
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
    """Raises Untrusted: two numbers of one kind say nobody."""
    numbers = {each.type: each.value for each in legal.identifiers}
    if len(numbers) < len(legal.identifiers):
        raise Untrusted("identifiers_refused")
    return LegalSubject(numbers, legal.vestiging, legal.company_name, legal.kvk_number)


def _person(shared: PersonAttributes) -> Person:
    return Person(shared.first_name, shared.family_name, shared.date_of_birth)


def _evidence(
    outcome: Outcome, asserted: Asserted, claims: Signed[Any], keys: Keys, now: datetime
) -> Evidence:
    """Everything that was declared, in time and by whom it should be. Raises Untrusted."""
    require_in_time(asserted, now)

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
        *_request(claims), answer.result, provider, decision.result, registry, asserted.decision
    )
    if asserted.confirmation is None:
        return evidence
    confirmation, confirmer = declared(asserted.confirmation, Confirmation, Role.REGISTRY)
    if not isinstance(confirmation.result, Confirmed):
        raise Untrusted("evidence_missing")
    return replace(evidence, confirmed=confirmation.result, confirmer=confirmer)


def _request(claims: Signed[Any]) -> tuple[AuthnRequest, datetime]:
    """What we asked, and when."""
    if not isinstance(claims.data, AuthnRequest):
        raise Untrusted("request_malformed")
    return claims.data, datetime.fromtimestamp(claims.iat, UTC)
