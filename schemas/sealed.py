"""What travels sealed (JWE) inside a message: for the one participant that may read it."""

from __future__ import annotations

from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator

from schemas.values import (
    BSN,
    RSIN,
    DisplayName,
    EntityType,
    Jws,
    KvK,
    Nonce,
    Pseudonym,
    Value,
    Vestigingsnummer,
)

# --- user to provider


class Secret(Value):
    """Inside a sealed answer. The nonce binds it to one challenge.

    session  a secret that the browser made up: the provider may know it by this for a while
             (single sign-on). None: it does not want to be known.
    """

    nonce: Nonce
    session: Nonce | None = None


class PasswordSecret(Secret):
    """Inside a sealed PasswordAnswer."""

    username: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    password: Annotated[str, StringConstraints(min_length=1, max_length=256)]


class CodeSecret(Secret):
    """Inside a sealed CodeAnswer: a TOTP code. Source: RFC 6238."""

    code: Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")]


class SignatureSecret(Secret):
    """Inside a sealed SignatureAnswer: a JWS over the challenge, by the key that `kid` names."""

    signature: Jws


class SessionSecret(Value):
    """Inside a sealed SessionAnswer or SessionCommand: the browser that is known already."""

    nonce: Nonce
    session: Nonce


# --- provider to registry and dienstverlener


class ActingSubject(Value):
    """Sealed for the registry: the person, as the provider knows him."""

    subject: UUID


class PersonAttributes(Value):
    """Sealed for the dienstverlener: of the acting person, what he agreed to share."""

    first_name: DisplayName | None = None
    family_name: DisplayName | None = None
    date_of_birth: date | None = None


# --- registry to its front, to the dienstverlener, to another registry


class RepresentationOption(Value):
    """Sealed for the registry's front: one organisation the user may act for, and through which
    one where that is a chain."""

    option: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,4}$")]
    name: DisplayName
    kvk: KvK | None = None
    vestiging: Vestigingsnummer | None = None
    through: DisplayName | None = None


class RepresentationOptions(Value):
    """Inside the sealed part of a RepresentationPrompt."""

    options: tuple[RepresentationOption, ...]


class PairwiseSubject(Value):
    """Sealed for the dienstverlener: the acting person's pairwise pseudonym, and the intermediary
    where he acts through one.

    Source: [AS] ActingSubjectID; `urn:etoegang:1.9:IntermediateEntityID:KvKnr`.
    """

    pseudonym: Pseudonym
    intermediary: KvK | None = None


class Identifier(Value):
    """One number by which somebody is known."""

    type: EntityType
    value: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{8,43}$")]

    @model_validator(mode="after")
    def _has_the_form_of_its_type(self) -> Identifier:
        _FORMS[self.type].model_validate({"value": self.value})
        return self


class _KvK(Value):
    value: KvK


class _Rsin(Value):
    value: RSIN


class _Bsn(Value):
    value: BSN


class _Pseudo(Value):
    value: Pseudonym


_FORMS: dict[EntityType, type[Value]] = {
    EntityType.KVKNR: _KvK,
    EntityType.RSIN: _Rsin,
    EntityType.BSN: _Bsn,
    EntityType.PSEUDO: _Pseudo,
}


class LegalSubject(Value):
    """Sealed for the dienstverlener: for whom is acted, by the numbers that its service asks for.

    vestiging     where the mandate holds for one vestiging only
    company_name  where the service asks for it, likewise `kvk_number`
    """

    identifiers: tuple[Identifier, ...] = Field(min_length=1)
    vestiging: Vestigingsnummer | None = None
    company_name: DisplayName | None = None
    kvk_number: KvK | None = None


class ChainClaim(Value):
    """Sealed for the registry that has to confirm a chain: what the first one believes.

    link       the link that the intermediary accepted, as the confirming registry numbers it
    principal  for whom the employee was assigned to act: the link must be that one's
    vestiging  the assignment holds for this vestiging of the represented only
    """

    link: UUID
    principal: Identifier
    intermediary: KvK
    vestiging: Vestigingsnummer | None = None
