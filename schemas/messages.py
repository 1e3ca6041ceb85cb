"""The messages, in the order in which one login sends them.

Every message carries the request ID that the dienstverlener chose. What identifies a person or
an organisation travels sealed (JWE) for the one participant that may read it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field, StringConstraints

from schemas.refusals import RefusalCode, SecondLevel, TopLevel
from schemas.values import (
    Digest,
    DisplayName,
    EntityID,
    Jws,
    KvK,
    Level,
    Nonce,
    Sealed,
    ServiceID,
    Value,
    Vestigingsnummer,
)


class Message(Value):
    """What every message has. `TYPE` is its CloudEvents type, its version included."""

    TYPE: ClassVar[str]
    VALID_SECONDS: ClassVar[int] = 600

    request_id: UUID


class AuthnRequest(Message):
    """Dienstverlener to makelaar: who is at my door, at this level, for this service?

    Source: [AS] flow step 2. `answer_within_seconds` asks for a deadline shorter than the
    makelaar's own; it never lengthens it (CHOICE).
    """

    TYPE = "nl.herken.authn-request.v1"

    service: ServiceID
    level: Level | None = None
    force_authn: bool = False
    provider: EntityID | None = None
    answer_within_seconds: int | None = Field(default=None, ge=1, le=3600)


class MeansOption(Value):
    """One provider whose means reach the level."""

    provider: EntityID
    name: DisplayName


class MeansPrompt(Message):
    """Makelaar to user: with which means? Options are alphabetical. Source: [AS] flow step 3."""

    TYPE = "nl.herken.means-prompt.v1"

    nonce: Nonce
    service_name: DisplayName
    minimum_level: Level
    options: tuple[MeansOption, ...] = Field(min_length=1)


class MeansChoice(Message):
    """User to makelaar: this provider, or none at all (cancel)."""

    TYPE = "nl.herken.means-choice.v1"

    nonce: Nonce
    provider: EntityID | None


class AuthenticationRequest(Message):
    """Makelaar to provider: prove who this is. Source: [AS] flow step 4."""

    TYPE = "nl.herken.authentication-request.v1"

    request_digest: Digest
    dienstverlener: EntityID
    service: ServiceID
    level: Level
    force_authn: bool
    deadline: AwareDatetime


class CredentialKind(StrEnum):
    """What a challenge asks for, and so which topic its answer goes to."""

    PASSWORD = "password"  # noqa: S105 -- the name of a kind, no secret
    CODE = "code"
    SIGNATURE = "signature"


class Challenge(Message):
    """Provider to user: show your password, code or key. Source: [AS] flow step 5."""

    TYPE = "nl.herken.challenge.v1"

    nonce: Nonce
    provider: EntityID
    kind: CredentialKind
    deadline: AwareDatetime


class Answer(Message):
    """What the user answers to a challenge, sealed for the provider; none at all cancels."""

    nonce: Nonce
    secret: Sealed | None


class PasswordAnswer(Answer):
    """User to provider: name and password. Slow to check, so on a topic of its own."""

    TYPE = "nl.herken.password-answer.v1"


class CodeAnswer(Answer):
    """User to provider: a one-time code."""

    TYPE = "nl.herken.code-answer.v1"


class SignatureAnswer(Answer):
    """User to provider: the challenge, signed with a key that the user holds."""

    TYPE = "nl.herken.signature-answer.v1"


class PasswordSecret(Value):
    """Inside a sealed PasswordAnswer. The nonce binds it to one challenge."""

    nonce: Nonce
    username: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    password: Annotated[str, StringConstraints(min_length=1, max_length=256)]


class CodeSecret(Value):
    """Inside a sealed CodeAnswer: a TOTP code. Source: RFC 6238."""

    nonce: Nonce
    code: Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")]


class SignatureSecret(Value):
    """Inside a sealed SignatureAnswer: a JWS over the challenge, by the key that `kid` names."""

    nonce: Nonce
    signature: Jws


class ActingSubject(Value):
    """Sealed for the registry: the person, as the provider knows him."""

    subject: UUID


class Authenticated(Value):
    """The provider's declaration: somebody proved who he is, at this level.

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


class RepresentationOption(Value):
    """Sealed for the registry's front: one organisation the user may act for."""

    option: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,4}$")]
    name: DisplayName
    kvk: KvK


class RepresentationOptions(Value):
    """Inside the sealed part of a RepresentationPrompt."""

    options: tuple[RepresentationOption, ...]


class RepresentationPrompt(Message):
    """Registry to user: for which organisation? Source: [AS] flow step 8."""

    TYPE = "nl.herken.representation-prompt.v1"

    nonce: Nonce
    registry: EntityID
    options: Sealed
    deadline: AwareDatetime


class RepresentationChoice(Message):
    """User to registry: this option, or none at all (cancel)."""

    TYPE = "nl.herken.representation-choice.v1"

    nonce: Nonce
    option: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,4}$")] | None


class Represented(Value):
    """Sealed for the dienstverlener: for whom is acted, and the actor's pairwise pseudonym."""

    kvk: KvK
    vestiging: Vestigingsnummer | None = None
    pseudonym: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{43}$")]


class Permit(Value):
    """The registry's declaration: this person may act, at this level.

    Source: [AS] flow step 8; `declaration_signature` is the signature value of the provider's
    declaration that the permit is bound to.
    """

    status: Literal["permit"] = "permit"
    request_digest: Digest
    dienstverlener: EntityID
    service: ServiceID
    level_requested: Level
    level: Level
    represented: Sealed
    declaration_signature: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{86}$")]


class Deny(Value):
    """The registry's refusal."""

    status: Literal["deny"] = "deny"
    code: RefusalCode


class MandateDecision(Message):
    """Registry to makelaar; a permit is evidence for the dienstverlener too."""

    TYPE = "nl.herken.mandate-decision.v1"
    VALID_SECONDS = 120

    result: Permit | Deny = Field(discriminator="status")


class Asserted(Value):
    """The makelaar's assertion, with the two declarations it rests on as evidence.

    Source: [AS] an assertion is valid for two minutes.
    """

    status: Literal["assertion"] = "assertion"
    service: ServiceID
    level: Level
    not_on_or_after: AwareDatetime
    declaration: Jws
    decision: Jws


class Refused(Value):
    """The makelaar's refusal, with what the user is told."""

    status: Literal["refusal"] = "refusal"
    code: RefusalCode
    top_level: TopLevel
    second_level: SecondLevel
    nl: str
    en: str


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


MESSAGES: tuple[type[Message], ...] = (
    AuthnRequest,
    MeansPrompt,
    MeansChoice,
    AuthenticationRequest,
    Challenge,
    PasswordAnswer,
    CodeAnswer,
    SignatureAnswer,
    AuthenticationResult,
    MandateQuery,
    RepresentationPrompt,
    RepresentationChoice,
    MandateDecision,
    Outcome,
    Cancellation,
)
