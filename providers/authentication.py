"""The row: one authentication, from the makelaar's request to the provider's result."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from pipeline.findings import Finding
from schemas.dialogue import CredentialKind
from schemas.values import AttributeName, Digest, EntityID, Level, Nonce, ServiceID

CONSENT: Final = "consent"
Awaited = CredentialKind | Literal["consent"]


class Proven(BaseModel):
    """What held before the user was asked for his consent: a level, reached at a time; and the key
    of the session that it rests on, where he did not prove who he is anew."""

    model_config = ConfigDict(frozen=True)

    level: Level
    at: datetime
    session: Digest | None = None


class Authentication(BaseModel):
    """What was asked, and how far it is.

    awaits            what the open prompt asks for; None once it has ended
    means             known from the first credential that held
    attempts          credentials that did not hold
    session_attempts  sessions that did not: they count against no means
    session           what this browser wants to be known by from now on
    proven, asked     while the user is asked for his consent: to what
    findings          the rules that were judged; of those that failed, only what ended it
    """

    model_config = ConfigDict(frozen=True)

    request_id: UUID
    makelaar: EntityID
    request_digest: Digest
    dienstverlener: EntityID
    service: ServiceID
    level: Level
    deadline: datetime
    force_authn: bool = False
    awaits: Awaited | None
    nonce: Nonce | None = None
    means: UUID | None = None
    attempts: int = 0
    session_attempts: int = 0
    session: Digest | None = None
    proven: Proven | None = None
    asked: tuple[AttributeName, ...] = ()
    findings: tuple[Finding, ...] = ()

    def moved(self, **changes: Any) -> Authentication:
        return self.model_copy(update=changes)

    def ended(self) -> Authentication:
        return self.moved(awaits=None, nonce=None)

    def found(self, new: Sequence[Finding]) -> Authentication:
        """With new findings: each in the place of an older one of its rule. What failed before did
        not end it, and is left out."""
        judged = {finding.rule for finding in new}
        kept = [each for each in self.findings if each.passed and each.rule not in judged]
        return self.moved(findings=(*kept, *new))
