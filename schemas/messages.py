"""What participants say to each other, in the order in which one login has it. What users are asked
and answer is in `dialogue`.

Every message carries the request ID that the dienstverlener chose. What identifies a person or
an organisation travels sealed (JWE) for the one participant that may read it.
"""

from __future__ import annotations

from typing import Literal, Self
from uuid import UUID

from pydantic import AwareDatetime, Field, model_validator

from schemas.message import Message
from schemas.refusals import RefusalCode, SecondLevel, TopLevel
from schemas.values import (
    Digest,
    DisplayName,
    EntityID,
    Jws,
    Level,
    Nonce,
    Sealed,
    ServiceID,
    SignatureValue,
    Value,
)


class AuthnRequest(Message):
    """Dienstverlener to makelaar: who is at my door, at this level, for this service?

    provider               the only one that will do (preselected)
    declared               providers of the means that the user declared beforehand: with exactly
                           one that fits, he is not asked (SAML's IDPList)
    browser                the dienstverlener's own name for the user's browser, at random: a choice
                           of means is remembered under it (CHOICE)
    answer_within_seconds  a deadline shorter than the makelaar's own; never longer (CHOICE)

    Source: [AS] flow step 2.
    """

    TYPE = "nl.herken.authn-request.v1"

    service: ServiceID
    level: Level | None = None
    force_authn: bool = False
    provider: EntityID | None = None
    declared: tuple[EntityID, ...] = Field(default=(), max_length=20)
    browser: Nonce | None = None
    answer_within_seconds: int | None = Field(default=None, ge=1, le=3600)


class AuthenticationRequest(Message):
    """Makelaar to provider: prove who this is. Source: [AS] flow step 4."""

    TYPE = "nl.herken.authentication-request.v1"

    request_digest: Digest
    dienstverlener: EntityID
    service: ServiceID
    level: Level
    force_authn: bool
    deadline: AwareDatetime


class Authenticated(Value):
    """The provider's declaration: somebody proved who he is, at this level.

    attributes  sealed PersonAttributes for the dienstverlener: what the person agreed to share

    Source: [AS] flow step 6; the audience of its message is makelaar, dienstverlener, registry.
    """

    status: Literal["authenticated"] = "authenticated"
    request_digest: Digest
    dienstverlener: EntityID
    service: ServiceID
    level: Level
    acting_subject: Sealed
    registry: EntityID
    authenticated_at: AwareDatetime
    attributes: Sealed | None = None


class NotAuthenticated(Value):
    """The provider's refusal."""

    status: Literal["not-authenticated"] = "not-authenticated"
    code: RefusalCode


class AuthenticationResult(Message):
    """Provider to makelaar; a granted one is evidence for registry and dienstverlener too."""

    TYPE = "nl.herken.authentication-result.v1"

    result: Authenticated | NotAuthenticated = Field(discriminator="status")


class MandateQuery(Message):
    """Makelaar to registry: for whom may this person act here? Source: [AS] flow step 7."""

    TYPE = "nl.herken.mandate-query.v1"

    request_digest: Digest
    dienstverlener: EntityID
    service: ServiceID
    level: Level
    declaration: Jws
    deadline: AwareDatetime


class Obligation(Value):
    """What a permit still needs: confirmation by the registry where the chain is registered.

    claim  sealed ChainClaim for that registry: what the first one believes, to be verified there
    Source: [AS] ketenmachtiging: MR1 permits with the obligation "confirmation required from MR2".
    """

    registry: EntityID
    claim: Sealed


class Permit(Value):
    """The registry's declaration: this person may act, at this level.

    services               ServiceUUIDs that it holds for: one; of a portal service, those allowed
    acting                 sealed PairwiseSubject for the dienstverlener
    legal                  sealed LegalSubject for the dienstverlener; None where another registry
                           has to confirm for whom
    obligation             what has to be confirmed before the permit means anything
    declaration_signature  signature value of the provider's declaration that this is bound to
    catalogue_version      the catalogue that it was decided under

    Source: [AS] flow step 8.
    """

    status: Literal["permit"] = "permit"
    request_digest: Digest
    dienstverlener: EntityID
    service: ServiceID
    services: tuple[UUID, ...] = Field(min_length=1)
    level_requested: Level
    level: Level
    acting: Sealed
    legal: Sealed | None
    obligation: Obligation | None = None
    declaration_signature: SignatureValue
    decided_at: AwareDatetime
    catalogue_version: int = Field(ge=1)


class Deny(Value):
    """The registry's refusal."""

    status: Literal["deny"] = "deny"
    code: RefusalCode


class MandateDecision(Message):
    """Registry to makelaar; a permit is evidence for the dienstverlener too."""

    TYPE = "nl.herken.mandate-decision.v1"
    VALID_SECONDS = 120

    result: Permit | Deny = Field(discriminator="status")


class ConfirmationQuery(Message):
    """Makelaar to the second registry: does the link hold that the first one's permit needs?
    On the back channel, without the user. Source: [AS] ketenmachtiging."""

    TYPE = "nl.herken.confirmation-query.v1"

    request_digest: Digest
    dienstverlener: EntityID
    service: ServiceID
    level: Level
    decision: Jws
    deadline: AwareDatetime


class Confirmed(Value):
    """The second registry's declaration: the represented does let the intermediary act.

    legal               sealed LegalSubject for the dienstverlener: as with a direct mandate
    level               the level of the link, no higher than the permit's
    decision_signature  signature value of the permit's message that this is bound to
    """

    status: Literal["confirmed"] = "confirmed"
    request_digest: Digest
    dienstverlener: EntityID
    service: ServiceID
    services: tuple[UUID, ...] = Field(min_length=1)
    level_requested: Level
    level: Level
    legal: Sealed
    decision_signature: SignatureValue
    decided_at: AwareDatetime
    catalogue_version: int = Field(ge=1)


class Confirmation(Message):
    """Second registry to makelaar; a confirmed one is evidence for the dienstverlener too."""

    TYPE = "nl.herken.confirmation.v1"
    VALID_SECONDS = 120

    result: Confirmed | Deny = Field(discriminator="status")


class Asserted(Value):
    """The makelaar's assertion, with the declarations it rests on as evidence: the provider's, the
    registry's, and the second registry's where it is a chain.

    catalogue_version  the makelaar's catalogue, when he asserted
    Source: [AS] an assertion is valid for two minutes.
    """

    status: Literal["assertion"] = "assertion"
    service: ServiceID
    level: Level
    not_on_or_after: AwareDatetime
    declaration: Jws
    decision: Jws
    confirmation: Jws | None = None
    catalogue_version: int = Field(ge=1)


class Refused(Value):
    """The makelaar's refusal, with what the user is told.

    fits                 names of providers whose means would have done, where that is the reason
    retry_after_seconds  where it is `busy`, and only there: a new request that comes sooner makes
                         it no better (CHOICE)
    """

    status: Literal["refusal"] = "refusal"
    code: RefusalCode
    top_level: TopLevel
    second_level: SecondLevel
    nl: str
    en: str
    fits: tuple[DisplayName, ...] = ()
    retry_after_seconds: int | None = Field(default=None, ge=1, le=3600)

    @model_validator(mode="after")
    def _says_when_to_come_back(self) -> Self:
        if (self.code is RefusalCode.BUSY) != (self.retry_after_seconds is not None):
            raise ValueError("retry_after_seconds is there where the code is busy, and only there")
        return self


class Outcome(Message):
    """Makelaar to dienstverlener: the one answer. `request` is the dienstverlener's own signed
    request, so that it can verify the answer without having kept anything.

    Source: [AS] flow step 9.
    """

    TYPE = "nl.herken.outcome.v1"
    VALID_SECONDS = 7 * 24 * 3600

    request: Jws
    result: Asserted | Refused = Field(discriminator="status")


class Cancellation(Message):
    """Dienstverlener to makelaar: stop. (A user cancels by answering a prompt with nothing.)"""

    TYPE = "nl.herken.cancellation.v1"
