"""The Postgres side of a role: one row a login, claims, and the bytes each input led to.

Everything a batch changes is written in one transaction. `inputs` makes a redelivery harmless:
an input that was handled before is not decided again, its stored bytes go out again.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from pipeline.stage import Change, Connection, StillHolds
from schemas.codec import Record


@dataclass(frozen=True)
class Row:
    """A login's row: `version` counts its writes, so that no writer overwrites another."""

    request_id: UUID
    version: int
    body: str
    due_at: datetime | None


@dataclass
class Writes:
    """What one batch changes."""

    rows: dict[UUID, Row] = field(default_factory=dict)
    handled: dict[UUID, list[Record]] = field(default_factory=dict)
    claims: dict[str, UUID] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    relied_on: dict[Any, int] = field(default_factory=dict)


class Conflict(Exception):
    """Somebody else was first: handle again with what is there now."""

    def __init__(self, taken: frozenset[str] = frozenset()) -> None:
        super().__init__("conflict")
        self.taken = taken


class Store:
    """A role's rows in its own schema, through its own database user."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        async with self._pool.acquire() as connection:
            yield connection

    async def is_reachable(self) -> bool:
        return bool(await self._pool.fetchval("SELECT true"))


async def handled(connection: Connection, ids: Sequence[UUID]) -> dict[UUID, list[Record]]:
    """Of these inputs, those handled before, with what they led to."""
    found = await connection.fetch("SELECT id, outputs FROM inputs WHERE id = ANY($1)", ids)
    return {row["id"]: load_records(row["outputs"]) for row in found}


async def rows(connection: Connection, request_ids: Iterable[UUID]) -> dict[UUID, Row]:
    """The rows of these logins, where there is one."""
    found = await connection.fetch(
        "SELECT request_id, version, body, due_at FROM logins WHERE request_id = ANY($1)",
        list(set(request_ids)),
    )
    return {row["request_id"]: Row(*row.values()) for row in found}


async def due_rows(connection: Connection, now: datetime, limit: int) -> list[Row]:
    """Rows whose time has come; locked, and those locked by another worker left to it."""
    found = await connection.fetch(
        "SELECT request_id, version, body, due_at FROM logins WHERE due_at <= $1"
        " ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED",
        now,
        limit,
    )
    return [Row(*row.values()) for row in found]


async def write(
    connection: Connection,
    writes: Writes,
    *,
    still_holds: StillHolds | None = None,
    unconfirmed: bool = False,
) -> None:
    """Write it all, or raise Conflict inside the caller's transaction."""
    if writes.relied_on and still_holds and not await still_holds(connection, writes.relied_on):
        raise Conflict
    await _write_inputs(connection, writes, unconfirmed)
    await _write_claims(connection, writes.claims)
    await _write_rows(connection, sorted(writes.rows.values(), key=lambda row: row.request_id))
    for change in writes.changes:
        await change(connection)


async def _write_inputs(connection: Connection, writes: Writes, unconfirmed: bool) -> None:
    ids = sorted(writes.handled)
    outputs = [dump_records(writes.handled[id_]) for id_ in ids]
    written = await connection.fetch(
        "INSERT INTO inputs (id, outputs, unconfirmed)"
        " SELECT id, outputs, $3 FROM unnest($1::uuid[], $2::text[]) AS new (id, outputs)"
        " ON CONFLICT DO NOTHING RETURNING id",
        ids,
        outputs,
        unconfirmed,
    )
    if len(written) < len(ids):
        raise Conflict


async def _write_claims(connection: Connection, claims: dict[str, UUID]) -> None:
    if not claims:
        return
    names = sorted(claims)
    won = await connection.fetch(
        "INSERT INTO claims (claim, input_id) SELECT * FROM unnest($1::text[], $2::uuid[])"
        " ON CONFLICT DO NOTHING RETURNING claim",
        names,
        [claims[name] for name in names],
    )
    if len(won) < len(names):
        raise Conflict(frozenset(names) - {row["claim"] for row in won})


async def _write_rows(connection: Connection, changed: Sequence[Row]) -> None:
    if not changed:
        return
    written = await connection.fetch(
        "INSERT INTO logins (request_id, version, body, due_at)"
        " SELECT * FROM unnest($1::uuid[], $2::int[], $3::jsonb[], $4::timestamptz[])"
        " ON CONFLICT (request_id) DO UPDATE SET version = EXCLUDED.version,"
        " body = EXCLUDED.body, due_at = EXCLUDED.due_at"
        " WHERE logins.version = EXCLUDED.version - 1 RETURNING request_id",
        [row.request_id for row in changed],
        [row.version for row in changed],
        [row.body for row in changed],
        [row.due_at for row in changed],
    )
    if len(written) < len(changed):
        raise Conflict


async def unconfirmed(
    connection: Connection, before: datetime, limit: int
) -> dict[UUID, list[Record]]:
    """What the sweep decided, and perhaps never published."""
    found = await connection.fetch(
        "SELECT id, outputs FROM inputs WHERE unconfirmed AND handled_at < $1 LIMIT $2",
        before,
        limit,
    )
    return {row["id"]: load_records(row["outputs"]) for row in found}


async def confirm(connection: Connection, ids: Sequence[UUID]) -> None:
    await connection.execute("UPDATE inputs SET unconfirmed = false WHERE id = ANY($1)", ids)


def dump_records(records: Sequence[Record]) -> str:
    """Records as text; every value that a role sends is text already (JWS)."""
    return json.dumps(
        [
            [r.topic, r.key.decode(), r.value.decode(), [[n, v.decode()] for n, v in r.headers]]
            for r in records
        ]
    )


def load_records(text: str) -> list[Record]:
    return [
        Record(topic, key.encode(), value.encode(), tuple((n, v.encode()) for n, v in headers))
        for topic, key, value, headers in json.loads(text)
    ]
