"""What people agreed to share, and with which dienstverlener, without being asked again."""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from pipeline.stage import Change, Connection
from schemas.values import AttributeName

TABLE: Final = "consents"
"""A login by a consent locks its row until it is written; a revocation writes to that row, and only
then is confirmed: what is declared after that finds another one, and is judged again."""


@dataclass(frozen=True)
class Consent:
    """A consent that is remembered, at a revision."""

    id: UUID
    revision: int
    attributes: frozenset[AttributeName]


async def of(
    connection: Connection, pairs: Iterable[tuple[UUID, str]]
) -> dict[tuple[UUID, str], Consent]:
    """The consents of these pairs of subject and dienstverlener (EntityID)."""
    wanted = list(pairs)
    if not wanted:
        return {}
    query = (
        "SELECT subject, dienstverlener, id, revision, attributes FROM consents"
        " WHERE (subject, dienstverlener) IN (SELECT * FROM unnest($1::uuid[], $2::text[]))"
    )
    found = await connection.fetch(query, [s for s, _ in wanted], [d for _, d in wanted])
    return {
        (subject, dienstverlener): Consent(id_, revision, frozenset(map(AttributeName, names)))
        for subject, dienstverlener, id_, revision, names in found
    }


def remember(
    subject: UUID,
    dienstverlener: str,
    asked: Iterable[AttributeName],
    shared: Set[AttributeName],
) -> Change:
    """Keep an answer. Of what was asked it replaces an earlier one; the rest stays."""
    return lambda connection: connection.execute(
        "INSERT INTO consents (subject, dienstverlener, attributes) VALUES ($1, $2, $4)"
        " ON CONFLICT (subject, dienstverlener) DO UPDATE SET revision = consents.revision + 1,"
        " attributes = ARRAY(SELECT unnest(consents.attributes)"
        " EXCEPT SELECT unnest($3::text[]) UNION SELECT unnest($4::text[]))",
        subject,
        dienstverlener,
        sorted(asked),
        sorted(shared),
    )


def revoke(subject: UUID, dienstverlener: str | None) -> Change:
    """Forget what a person agreed to: with one dienstverlener, or with all."""
    return lambda connection: connection.execute(
        "DELETE FROM consents WHERE subject = $1 AND dienstverlener = COALESCE($2, dienstverlener)",
        subject,
        dienstverlener,
    )
