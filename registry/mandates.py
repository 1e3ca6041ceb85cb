"""The mandates that this registry holds, and what its tables say of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from pipeline.stage import Connection
from schemas.values import Level


@dataclass(frozen=True)
class Mandate:
    """Somebody may act for an organisation: for one service, at a level, for a time.

    `provider` (EntityID) and `subject` say who, as the provider knows him; `person` is the same
    person at whatever provider, from whom pseudonyms are derived.
    """

    id: UUID
    provider: str
    subject: UUID
    person: UUID
    kvk: str
    organisation: str
    service: UUID
    level: Level
    valid_from: datetime
    valid_until: datetime
    vestiging: str | None = None
    withdrawn_at: datetime | None = None


_COLUMNS = (
    "id, provider, subject, person, kvk, organisation, service, level, valid_from, valid_until,"
    " vestiging, withdrawn_at"
)

Holder = tuple[str, UUID]
"""A provider's EntityID, and the person as that provider knows him."""


async def of_holders(
    connection: Connection, holders: Iterable[Holder]
) -> dict[Holder, list[Mandate]]:
    """All mandates of these people, of every service, level and time."""
    wanted = list(set(holders))
    found = await connection.fetch(
        f"SELECT {_COLUMNS} FROM mandates"  # noqa: S608
        " WHERE (provider, subject) IN (SELECT * FROM unnest($1::text[], $2::uuid[]))"
        " ORDER BY organisation, id",
        [provider for provider, _ in wanted],
        [subject for _, subject in wanted],
    )
    held: dict[Holder, list[Mandate]] = {holder: [] for holder in wanted}
    for row in found:
        held[row["provider"], row["subject"]].append(_mandate(row))
    return held


async def by_id(connection: Connection, ids: Iterable[UUID]) -> dict[UUID, Mandate]:
    found = await connection.fetch(
        f"SELECT {_COLUMNS} FROM mandates WHERE id = ANY($1)",  # noqa: S608
        list(ids),
    )
    return {row["id"]: _mandate(row) for row in found}


def _mandate(row: asyncpg.Record) -> Mandate:
    fields = dict(row)
    return Mandate(**{**fields, "level": Level(fields["level"])})


async def add(connection: Connection | asyncpg.Connection, mandate: Mandate) -> None:
    """Register a mandate. The same one twice is one."""
    await connection.execute(
        f"INSERT INTO mandates ({_COLUMNS})"  # noqa: S608
        " VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12) ON CONFLICT (id) DO NOTHING",
        mandate.id,
        mandate.provider,
        mandate.subject,
        mandate.person,
        mandate.kvk,
        mandate.organisation,
        mandate.service,
        mandate.level.value,
        mandate.valid_from,
        mandate.valid_until,
        mandate.vestiging,
        mandate.withdrawn_at,
    )
