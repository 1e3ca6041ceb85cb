"""What comes back from a request: an Assertion or a Refusal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Final
from uuid import UUID

from schemas.refusals import EXPLANATIONS, RefusalCode
from schemas.values import EidasLevel, EntityType, Level

HELD_BACK: Final = "held_back"
"""The network is busy, and the request was not even published."""


@dataclass(frozen=True)
class LegalSubject:
    """The organisation that is acted for, by the numbers that the service asks for. They are kept
    out of `repr`, and so out of logs.

    company_name, kvk_number  attributes, where the service asks for them
    """

    identifiers: Mapping[EntityType, str] = field(repr=False)
    vestiging: str | None = field(default=None, repr=False)
    company_name: str | None = field(default=None, repr=False)
    kvk_number: str | None = field(default=None, repr=False)

    @property
    def kvk(self) -> str | None:
        return self.identifiers.get(EntityType.KVKNR)

    @property
    def rsin(self) -> str | None:
        return self.identifiers.get(EntityType.RSIN)


@dataclass(frozen=True)
class Person:
    """What the acting person agreed to share; kept out of `repr`."""

    first_name: str | None = field(default=None, repr=False)
    family_name: str | None = field(default=None, repr=False)
    date_of_birth: date | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Assertion:
    """Somebody may act for an organisation, verified.

    acting_subject     his pseudonym: the same for this person and his organisation at every login
                       with this dienstverlener, and nowhere else
    legal_subject      for whom he acts; with `acting_subject` together, who it is
    intermediary       KvK number of his own organisation, where that acts for the legal subject
    level              the level reached, at or above the one asked for
    services           ServiceUUIDs that he may use: of a portal service, those he has a mandate for
    catalogue_version  the catalogue that the registry decided under
    registry           whose permit it rests on (EntityID)
    authenticated_at   when he proved who he is; `decided_at`: when the registry permitted it
    outcome            the signed outcome as it came, for who has to hand it on
    """

    request_id: UUID
    service: str
    level: Level
    legal_subject: LegalSubject
    acting_subject: str = field(repr=False)
    intermediary: str | None = field(default=None, repr=False)
    person: Person = Person()
    services: tuple[UUID, ...] = ()
    catalogue_version: int = 0
    registry: str = ""
    authenticated_at: datetime | None = None
    decided_at: datetime | None = None
    outcome: str = field(default="", repr=False)

    @property
    def eidas(self) -> EidasLevel:
        """The level in eIDAS terms."""
        return self.level.eidas


@dataclass(frozen=True)
class Refusal:
    """The login ended without an assertion. `explanation` (Dutch) and `explanation_en` tell the
    user what to do; `fits` names providers that would have done, where that is the reason.

    reason               where it is our own, why: the check that an assertion failed, or HELD_BACK
    retry_after_seconds  where the code is `busy`: when a new request makes sense
    """

    request_id: UUID
    code: RefusalCode
    top_level: str
    second_level: str
    explanation: str
    explanation_en: str
    fits: tuple[str, ...] = ()
    reason: str = ""
    retry_after_seconds: int | None = None


def own_refusal(request_id: UUID, code: RefusalCode, reason: str) -> Refusal:
    """A refusal that the client finds itself, because an assertion does not hold."""
    told = EXPLANATIONS[code]
    statuses, texts = (told.top_level, told.second_level), (told.nl, told.en)
    return Refusal(request_id, code, *statuses, *texts, reason=reason)


def held_back(request_id: UUID, retry_after_seconds: int) -> Refusal:
    """A refusal that the client makes itself, because the network is busy."""
    refusal = own_refusal(request_id, RefusalCode.BUSY, HELD_BACK)
    return replace(refusal, retry_after_seconds=retry_after_seconds)
