"""The row: one login at this registry, from the makelaar's question to the registry's decision.

In a chain a registry may be the first one, the second one, or both: one row carries both halves.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from pipeline.findings import Finding
from schemas.values import Digest, EntityID, Level, Nonce, ServiceID


class Query(BaseModel):
    """reached    the level of the declaration inside the query, `signature` that declaration's own
    options    what was offered to the user, each the IDs of the mandates or assignments that it is
               by; an option's number is its place
    is_open    whether the user's choice is awaited
    confirmed  whether it was answered as the second registry of a chain
    findings   why: for the registry's own operators
    """

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
    options: tuple[tuple[UUID, ...], ...] = ()
    nonce: Nonce | None = None
    is_open: bool = True
    confirmed: bool = False
    findings: tuple[Finding, ...] = ()

    def moved(self, **changes: Any) -> Query:
        return self.model_copy(update=changes)
