"""What comes back from a request: an Assertion or a Refusal."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from schemas.refusals import EXPLANATIONS, RefusalCode
from schemas.values import Level


@dataclass(frozen=True)
class LegalSubject:
    """The organisation that is acted for. Its number is kept out of `repr`, and so out of logs."""

    kvk: str = field(repr=False)
    vestiging: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Assertion:
    """Somebody may act for an organisation, verified.

    acting_subject  his pseudonym: the same for this person and organisation at every login with
                    this dienstverlener, and nowhere else
    level           the level reached, at or above the one asked for
    """

    request_id: UUID
    service: str
    level: Level
    legal_subject: LegalSubject
    acting_subject: str = field(repr=False)


@dataclass(frozen=True)
class Refusal:
    """The login ended without an assertion. `explanation` (Dutch) and `explanation_en` tell the
    user what to do."""

    request_id: UUID
    code: RefusalCode
    top_level: str
    second_level: str
    explanation: str
    explanation_en: str


def own_refusal(request_id: UUID, code: RefusalCode) -> Refusal:
    """A refusal that the client finds itself, because an assertion does not hold."""
    told = EXPLANATIONS[code]
    return Refusal(request_id, code, told.top_level, told.second_level, told.nl, told.en)
