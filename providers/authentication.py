"""The row: one authentication, from the makelaar's request to the provider's result."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from schemas.messages import CredentialKind
from schemas.values import Digest, EntityID, Level, Nonce, ServiceID


class Authentication(BaseModel):
    """`awaits` is the credential that the open challenge asks for; None once it has ended.
    `means` is known from the first credential that held; `attempts` counts those that did not."""

    model_config = ConfigDict(frozen=True)

    request_id: UUID
    makelaar: EntityID
    request_digest: Digest
    dienstverlener: EntityID
    service: ServiceID
    level: Level
    deadline: datetime
    awaits: CredentialKind | None
    nonce: Nonce | None = None
    means: UUID | None = None
    attempts: int = 0

    def moved(self, **changes: Any) -> Authentication:
        return self.model_copy(update=changes)

    def ended(self) -> Authentication:
        return self.moved(awaits=None, nonce=None)
