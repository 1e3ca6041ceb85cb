"""Who is logged in here: the table of sessions.

The browser makes up a secret; the table has its digest only. A session ends by logout, by a forced
authentication, or by age. Who proves who he is once more begins it anew, at the next revision.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from pipeline.stage import Change, Connection
from providers.means import Means
from schemas import jose
from schemas.values import Level

TABLE: Final = "sessions"
"""A login by session locks its row until it is written; a logout writes to that row, and only then
is confirmed: what is declared after that finds another revision, and is judged again."""


@dataclass(frozen=True)
class Session:
    """Somebody proved who he is in a browser. `level` is what he reached then."""

    key: str
    id: UUID
    revision: int
    means: UUID
    subject: UUID
    level: Level
    authenticated_at: datetime
    ended_at: datetime | None = None


def key_of(secret: str) -> str:
    """What a session is found by: the digest of the browser's secret."""
    return jose.digest(secret.encode())


async def by_key(connection: Connection, keys: Iterable[str]) -> dict[str, Session]:
    wanted = list(keys)
    if not wanted:
        return {}
    query = (
        "SELECT key, id, revision, means, subject, level, authenticated_at, ended_at"
        " FROM sessions WHERE key = ANY($1)"
    )
    found = await connection.fetch(query, wanted)
    return {row["key"]: Session(**{**dict(row), "level": Level(row["level"])}) for row in found}


def begin(key: str, means: Means, now: datetime) -> Change:
    """Somebody proved who he is, now, with this means."""
    return lambda connection: connection.execute(
        "INSERT INTO sessions (key, means, subject, level, authenticated_at)"
        " VALUES ($1, $2, $3, $4, $5)"
        " ON CONFLICT (key) DO UPDATE SET means = EXCLUDED.means, subject = EXCLUDED.subject,"
        " level = EXCLUDED.level, authenticated_at = EXCLUDED.authenticated_at,"
        " ended_at = NULL, revision = sessions.revision + 1",
        key,
        means.id,
        means.subject,
        means.level.value,
        now,
    )


def end(key: str, now: datetime) -> Change:
    """Log out: whichever revision the session is at by then."""
    return lambda connection: connection.execute(
        "UPDATE sessions SET ended_at = $2, revision = revision + 1"
        " WHERE key = $1 AND ended_at IS NULL",
        key,
        now,
    )


def end_all(means_id: UUID, now: datetime) -> Change:
    """End all sessions of a means."""
    return lambda connection: connection.execute(
        "UPDATE sessions SET ended_at = $2, revision = revision + 1"
        " WHERE means = $1 AND ended_at IS NULL",
        means_id,
        now,
    )
