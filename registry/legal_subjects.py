"""For whom is acted, as one service wants to know it."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from uuid import UUID

from registry.cases import Case, Held, vestiging_of
from registry.kept import Organisation
from schemas.catalogue import EntityTypeSet, Service
from schemas.jose import base64url
from schemas.sealed import Identifier, LegalSubject
from schemas.values import AttributeName, EntityType, Level

_PER_DIENSTVERLENER = EntityType.PSEUDO
SHORT = {each: each.value.rsplit(":", 1)[1] for each in EntityType}


def types_used(
    organisation: Organisation, service: Service, level: Level
) -> tuple[EntityType, ...] | None:
    """The numbers by which a service knows an organisation; None: it has none that will do.

    Source: [AS] EntityConcernedTypesAllowed: all types of a set are needed, the lowest set number
    that can be met is used; BSN needs a service at substantial or higher.
    """
    for each in in_order(service.entity_types):
        if all(_has(organisation, type_, level) for type_ in each.types):
            return each.types
    return None


def in_order(sets: Sequence[EntityTypeSet]) -> Sequence[EntityTypeSet]:
    return sets if len(sets) == 1 else sorted(sets, key=lambda each: each.number)


def _has(organisation: Organisation, type_: EntityType, level: Level) -> bool:
    if type_ is EntityType.BSN and level < Level.EH3:
        return False
    return type_ is _PER_DIENSTVERLENER or organisation.number(type_) is not None


def lacking(organisation: Organisation, service: Service) -> list[AttributeName]:
    """The attributes of the represented that a service requires and that it has not. Source: [AS] a
    required attribute that cannot be delivered: the error flow."""
    return [
        each.name
        for each in service.attributes
        if each.required and each.name is AttributeName.KVK_NUMBER and organisation.kvk is None
    ]


def legal_subject(case: Case[Held]) -> LegalSubject:
    """For whom is acted. Raises LookupError where it has no number that will do: the rules look
    at that first. Source: [AS] flow step 8, attribute-represented:{CompanyName,KvKnr}."""
    organisation, service = case.organisation, case.asked.service
    types = types_used(organisation, service, case.asked.level)
    if types is None:
        raise LookupError("no number that this service takes")
    asked = {each.name for each in service.attributes}
    return LegalSubject(
        identifiers=tuple(_identifier(case, each) for each in types),
        vestiging=vestiging_of(case),
        company_name=organisation.name if AttributeName.COMPANY_NAME in asked else None,
        kvk_number=organisation.kvk if AttributeName.KVK_NUMBER in asked else None,
    )


def _identifier(case: Case[Held], type_: EntityType) -> Identifier:
    organisation = case.organisation
    if type_ is _PER_DIENSTVERLENER:
        secret = case.asked.registry.pseudonym_secret
        value = organisation_pseudonym(secret, organisation.id, case.asked.service.dienstverlener)
        return Identifier(type=type_, value=value)
    return Identifier(type=type_, value=organisation.number(type_) or "")


def organisation_pseudonym(secret: bytes, organisation: UUID, dienstverlener: str) -> str:
    """The organisation as one dienstverlener knows it, where that is by no number.

    CHOICE: HMAC-SHA-256 under the registry's own secret; the scheme publishes no algorithm.
    """
    text = f"organisation\n{organisation}\n{dienstverlener}"
    return base64url(hmac.digest(secret, text.encode(), "sha256"))
