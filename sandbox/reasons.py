"""Why a login ended as it did: what each participant's rules found, read from its own row with its
own database user. For operators, and for scenarios that say which rule fails."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from pipeline import database
from pipeline.findings import Finding
from pipeline.keys import Trust, read_secrets
from pipeline.settings import Settings, database_user, role_dsn
from schemas.directory import Participant
from schemas.values import Role

ROLES = (Role.MAKELAAR, Role.PROVIDER, Role.REGISTRY)
"""Who keeps rows, in the order of a login."""


@dataclass(frozen=True)
class Judged:
    """What one participant's rules found in one login."""

    participant: Participant
    findings: tuple[Finding, ...]

    @property
    def reason(self) -> str | None:
        """The name of the first rule that did not hold."""
        return next((each.rule for each in self.findings if not each.passed), None)


async def findings(settings: Settings, request_id: UUID) -> list[Judged]:
    """What was found by each participant that had a part in a login, in the order of the roles.
    Raises WrongUse, ServerUnreachable."""
    directory = Trust(settings.network).directory
    participants = [each for role in ROLES for each in directory.in_role(role)]
    rows = await asyncio.gather(*(_row(p.name, settings, request_id) for p in participants))
    return [
        Judged(participant, _findings(row))
        for participant, row in zip(participants, rows, strict=True)
        if row is not None
    ]


def reasons(judged: Sequence[Judged]) -> list[str]:
    """For each participant the first rule that did not hold, where there is one."""
    return [each.reason for each in judged if each.reason is not None]


async def _row(name: str, settings: Settings, request_id: UUID) -> str | None:
    password = read_secrets(Path(settings.secrets), name).database_password
    connection = await database.connect(role_dsn(settings.postgres, database_user(name), password))
    try:
        found = await connection.fetchval(
            "SELECT body::text FROM logins WHERE request_id = $1", request_id
        )
        return str(found) if found is not None else None
    finally:
        await connection.close()


def _findings(body: str) -> tuple[Finding, ...]:
    return tuple(Finding.model_validate(each) for each in json.loads(body).get("findings", ()))
