"""What users are asked, and what they answer: prompts, challenges, sessions.

A user has no key in the directory: what he answers is JSON, with the nonce of what he was asked,
and what is secret in it is sealed.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import AwareDatetime, Field, StringConstraints

from schemas.catalogue import RequestedAttribute
from schemas.message import Message
from schemas.values import AttributeName, DisplayName, EntityID, Level, Nonce, Sealed, Value


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
    """User to makelaar: this provider, or none at all (cancel). `remember`: and from now on,
    where the request says in which browser this is."""

    TYPE = "nl.herken.means-choice.v1"

    nonce: Nonce
    provider: EntityID | None
    remember: bool = False


class CredentialKind(StrEnum):
    """What a challenge asks for, and so which topic its answer goes to."""

    PASSWORD = "password"  # noqa: S105 -- the name of a kind, no secret
    CODE = "code"
    SIGNATURE = "signature"


class Challenge(Message):
    """Provider to user: show your password, code or key. Source: [AS] flow step 5.

    session_accepted  who is logged in here already may answer with his session instead
    """

    TYPE = "nl.herken.challenge.v1"

    nonce: Nonce
    provider: EntityID
    kind: CredentialKind
    deadline: AwareDatetime
    session_accepted: bool = False


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


class SessionAnswer(Answer):
    """User to provider: I am logged in here already (single sign-on). Source: [AS] SSO."""

    TYPE = "nl.herken.session-answer.v1"


class ConsentPrompt(Message):
    """Provider to user: may this dienstverlener know this of you? Source: [AS] consent."""

    TYPE = "nl.herken.consent-prompt.v1"

    nonce: Nonce
    provider: EntityID
    dienstverlener: EntityID
    service_name: DisplayName
    attributes: tuple[RequestedAttribute, ...] = Field(min_length=1)
    deadline: AwareDatetime


class ConsentChoice(Message):
    """User to provider: share these, and no others; None cancels. `remember`: do not ask me again
    for this dienstverlener."""

    TYPE = "nl.herken.consent-choice.v1"

    nonce: Nonce
    shared: tuple[AttributeName, ...] | None
    remember: bool = False


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


class SessionCommandKind(StrEnum):
    """What who is logged in can ask of his provider."""

    LOGOUT = "logout"
    REVOKE_CONSENT = "revoke-consent"


class SessionCommand(Message):
    """User to provider, at any time: log me out, or forget what I agreed to. The request ID is the
    command's own. `secret`: a sealed SessionSecret, its nonce the request ID in 32 hexadecimal
    digits; `dienstverlener`: whose consent; None: all.

    Source: [AS] SSO/logout: logout ends the session at the provider; sessions of dienstverleners
    remain.
    """

    TYPE = "nl.herken.session-command.v1"

    command: SessionCommandKind
    secret: Sealed
    dienstverlener: EntityID | None = None


class SessionConfirmation(Message):
    """Provider to user: it is done; or there was no such session (any more)."""

    TYPE = "nl.herken.session-confirmation.v1"

    command: SessionCommandKind
    done: bool
