"""The row: one query, from the makelaar's question to the registry's decision."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from schemas.values import Digest, EntityID, Level, Nonce, ServiceID


class Query(BaseModel):
    """`options` are the mandates offered to the user; an option's number is its place.
    `reached` is the level in the provider's declaration, `signature` that declaration's own."""

    model_config = ConfigDict(frozen=True)

    request_id: UUID
    makelaar: EntityID
    request_digest: Digest
    dienstverlener: EntityID
    service: ServiceID
    level: Level
    reached: Level
    signature: str
    deadline: datetime
    options: tuple[UUID, ...] = ()
    nonce: Nonce | None = None
    is_open: bool = True

    def moved(self, **changes: Any) -> Query:
        return self.model_copy(update=changes)
