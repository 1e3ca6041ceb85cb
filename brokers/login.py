"""The ledger's row: one login, from its request to its outcome."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from schemas.values import Digest, EntityID, Jws, Level, Nonce, ServiceID


class Phase(StrEnum):
    """Whose answer the login waits for."""

    CHOOSING = "choosing"
    AUTHENTICATING = "authenticating"
    QUERYING = "querying"
    DONE = "done"


class Login(BaseModel):
    """`request` is the dienstverlener's own signed request, `digest` what binds declarations to
    it; `answered_by` is the input whose handling led to the outcome."""

    model_config = ConfigDict(frozen=True)

    request_id: UUID
    dienstverlener: EntityID
    request: Jws
    digest: Digest
    service: ServiceID
    level: Level
    force_authn: bool
    deadline: datetime
    phase: Phase
    nonce: Nonce | None = None
    options: tuple[EntityID, ...] = ()
    provider: EntityID | None = None
    registry: EntityID | None = None
    declaration: Jws | None = None
    answered_by: UUID | None = None

    def moved(self, phase: Phase, **changes: Any) -> Login:
        return self.model_copy(update={"phase": phase, **changes})
