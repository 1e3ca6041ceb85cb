"""What participants declared about one login of ours, and the checks that it holds together.

The checks need no catalogue: what our service asks besides is in `offered`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from dienstverlener.outcome import Assertion
from schemas import codec
from schemas.codec import CLOCK_SKEW_SECONDS, Untrusted
from schemas.directory import Participant
from schemas.jose import signature_of
from schemas.messages import Asserted, Authenticated, AuthnRequest, Confirmed, Permit
from schemas.values import EntityType, Level

SKEW: Final = timedelta(seconds=CLOCK_SKEW_SECONDS)


@dataclass(frozen=True)
class Evidence:
    """The verified declarations of one assertion, with who made them. `decision` is the permit's
    whole message; a chain has a confirmation, by `confirmer`."""

    request: AuthnRequest
    requested_at: datetime
    authenticated: Authenticated
    provider: Participant
    permit: Permit
    registry: Participant
    decision: str
    confirmed: Confirmed | None = None
    confirmer: Participant | None = None

    @property
    def decided(self) -> tuple[Permit | Confirmed, ...]:
        """What the registries decided: one, or in a chain two."""
        return (self.permit,) if self.confirmed is None else (self.permit, self.confirmed)


# --- the checks, each by itself; all raise Untrusted


def require_in_time(asserted: Asserted, now: datetime) -> None:
    if now - SKEW >= asserted.not_on_or_after:
        raise Untrusted("expired")


def require_about(evidence: Evidence, me: Participant) -> None:
    """All declarations are about this request, of this dienstverlener, for this service."""
    digest = codec.request_digest(me.entity_id, evidence.request)
    for declared in (evidence.authenticated, *evidence.decided):
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
    """For whom is acted, the registry says; or it obliges another one to, and that one confirmed
    this very permit, for no more than it permits.

    Source: [AS] ketenmachtiging: every link is verified in its own register.
    """
    obligation, confirmed = evidence.permit.obligation, evidence.confirmed
    if (evidence.permit.legal is None) is (obligation is None):
        raise Untrusted("permit_not_whole")
    if (obligation is None) is not (confirmed is None):
        raise Untrusted("obligation_not_met")
    if obligation is None or confirmed is None:
        return
    require_confirmer(evidence.confirmer, obligation.registry)
    if confirmed.decision_signature != signature_of(evidence.decision):
        raise Untrusted("confirmation_not_bound")
    if not set(confirmed.services) <= set(evidence.permit.services):
        raise Untrusted("services_refused")


def require_confirmer(confirmer: Participant | None, named: str) -> None:
    """He is the one that the first registry named, and one that offers chains."""
    if confirmer is None or confirmer.entity_id != named or not confirmer.chains:
        raise Untrusted("confirmer_refused")


def require_level(evidence: Evidence, asserted: Asserted) -> None:
    """The level asserted is what the registries used, no higher than the provider reached, no lower
    than we asked for; and the scheme admitted the provider for what it declares."""
    if asserted.service != evidence.request.service:
        raise Untrusted("service_refused")
    if not evidence.provider.may_declare(evidence.authenticated.level):
        raise Untrusted("level_refused")
    reached = min(evidence.authenticated.level, *(each.level for each in evidence.decided))
    if not (evidence.request.level or Level.EH2) <= asserted.level <= reached:
        raise Untrusted("level_refused")


def require_subject(assertion: Assertion, evidence: Evidence) -> None:
    """A chain has an intermediary, who is not the one acted for; and nobody is known by a BSN below
    EH3. Source: [AS] exactly one intermediary; BSN needs substantial or higher."""
    legal, through = assertion.legal_subject, assertion.intermediary
    if evidence.confirmed is not None and through is None:
        raise Untrusted("intermediary_refused")
    if through is not None and through in (legal.kvk, legal.kvk_number):
        raise Untrusted("intermediary_refused")
    if EntityType.BSN in legal.identifiers and assertion.level < Level.EH3:
        raise Untrusted("level_refused")
