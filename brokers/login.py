"""The ledger's row: one login, from its request to its outcome."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from pipeline.findings import Finding
from schemas.values import Digest, EntityID, Jws, Level, Nonce, ServiceID


class Phase(StrEnum):
    """Whose answer the login waits for."""

    CHOOSING = "choosing"
    AUTHENTICATING = "authenticating"
    QUERYING = "querying"
    CONFIRMING = "confirming"
    DONE = "done"


class Login(BaseModel):
    """`request` is the dienstverlener's own signed request, `digest` what binds declarations to
    it; `answered_by` is the input whose handling led to the outcome.

    nonce, options, browser  while the user chooses a means
    declaration, reached     the provider's, and the lowest level that was declared so far
    decision, permitted      in a chain: the first registry's permit, and the services in it
    confirmer                in a chain: whom the permit obliges to ask
    findings                 every rule that was judged, in that order
    """

    model_config = ConfigDict(frozen=True)

    request_id: UUID
    dienstverlener: EntityID
    request: Jws
    digest: Digest
    service: ServiceID
    level: Level
    force_authn: bool
    requested_at: datetime
    deadline: datetime
    phase: Phase
    nonce: Nonce | None = None
    options: tuple[EntityID, ...] = ()
    browser: Nonce | None = None
    provider: EntityID | None = None
    registry: EntityID | None = None
    declaration: Jws | None = None
    reached: Level | None = None
    decision: Jws | None = None
    permitted: tuple[UUID, ...] = ()
    confirmer: EntityID | None = None
    answered_by: UUID | None = None
    findings: tuple[Finding, ...] = ()

    def moved(self, phase: Phase, **changes: Any) -> Login:
        return self.model_copy(update={"phase": phase, **changes})

    def found(self, *findings: Finding) -> Login:
        return self.model_copy(update={"findings": (*self.findings, *findings)})

    def done(self, by: UUID) -> Login:
        """Ended: what was kept to get there is in the outcome, or of no use any more."""
        used = dict.fromkeys(("nonce", "browser", "declaration", "decision"))
        return self.moved(Phase.DONE, answered_by=by, options=(), permitted=(), **used)
