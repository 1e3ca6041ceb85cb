"""The means that this provider issued, and what its tables say of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg

from pipeline.stage import Change, Connection
from schemas.directory import PublicJwk
from schemas.values import Level

MAX_FAILURES = 100
"""Wrong answers in a row before a means is locked. Source: NIST SP 800-63B-4, 3.2.2."""


@dataclass(frozen=True)
class Means:
    """A means of login. `subject` is its holder, `registry` (EntityID) has his mandates; `only_for`
    is the one dienstverlener (EntityID) that it works for; None: it works for all."""

    id: UUID
    subject: UUID
    registry: str
    level: Level
    username: str | None = None
    password_hash: str | None = None
    totp_secret: str | None = None
    key_id: str | None = None
    public_key: PublicJwk | None = None
    failures: int = 0
    only_for: str | None = None

    @property
    def is_locked(self) -> bool:
        return self.failures >= MAX_FAILURES


_COLUMNS = (
    "id, subject, registry, level, username, password_hash, totp_secret, key_id, public_key,"
    " failures, only_for"
)


async def by_username(connection: Connection, names: Iterable[str]) -> dict[str, Means]:
    found = await _fetch(connection, "username = ANY($1)", list(names))
    return {means.username: means for means in found if means.username}


async def by_key_id(connection: Connection, key_ids: Iterable[str]) -> dict[str, Means]:
    found = await _fetch(connection, "key_id = ANY($1)", list(key_ids))
    return {means.key_id: means for means in found if means.key_id}


async def by_id(connection: Connection, ids: Iterable[UUID]) -> dict[UUID, Means]:
    return {m.id: m for m in await _fetch(connection, "id = ANY($1)", list(ids))}


async def _fetch(connection: Connection, condition: str, values: list[Any]) -> list[Means]:
    if not values:
        return []
    query = f"SELECT {_COLUMNS} FROM means WHERE withdrawn_at IS NULL AND {condition}"  # noqa: S608
    return [_means(row) for row in await connection.fetch(query, values)]


def _means(row: asyncpg.Record) -> Means:
    fields = dict(row)
    fields["level"] = Level(fields["level"])
    if fields["public_key"] is not None:
        fields["public_key"] = PublicJwk.model_validate_json(fields["public_key"])
    return Means(**fields)


async def add(connection: Connection | asyncpg.Connection, means: Means) -> None:
    """Issue a means. The same one twice is one."""
    await connection.execute(
        f"INSERT INTO means ({_COLUMNS}) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11)"  # noqa: S608
        " ON CONFLICT (id) DO NOTHING",
        means.id,
        means.subject,
        means.registry,
        means.level.value,
        means.username,
        means.password_hash,
        means.totp_secret,
        means.key_id,
        means.public_key.model_dump_json() if means.public_key else None,
        means.failures,
        means.only_for,
    )


def count_failure(means_id: UUID) -> Change:
    return lambda connection: connection.execute(
        "UPDATE means SET failures = failures + 1 WHERE id = $1", means_id
    )


def forget_failures(means_id: UUID) -> Change:
    return lambda connection: connection.execute(
        "UPDATE means SET failures = 0 WHERE id = $1 AND failures > 0", means_id
    )
