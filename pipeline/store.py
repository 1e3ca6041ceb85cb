"""The ledger in Postgres: a role's rows in its own schema, through its own database user.

`inputs` makes a redelivery harmless: an input that was handled before is not decided again, its
stored bytes go out again.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from pipeline.ledger import Conflict, Handled, Row, Writes
from pipeline.stage import Connection, StillHolds
from schemas.codec import Record


class Store:
    """A role's rows."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        async with self._pool.acquire() as connection:
            yield connection

    @asynccontextmanager
    async def session(self) -> AsyncIterator[PostgresSession]:
        async with self.connection() as connection:
            yield PostgresSession(connection)

    async def is_reachable(self) -> bool:
        return bool(await self._pool.fetchval("SELECT true"))


class PostgresSession:
    """One connection."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def transaction(self) -> Any:
        return self.connection.transaction()

    async def handled(self, ids: Sequence[UUID]) -> dict[UUID, Handled]:
        found = await self.connection.fetch(
            "SELECT id, outputs, position FROM inputs WHERE id = ANY($1)", ids
        )
        return {row["id"]: Handled(load_records(row["outputs"]), row["position"]) for row in found}

    async def rows(self, request_ids: Iterable[UUID]) -> dict[UUID, Row]:
        found = await self.connection.fetch(
            "SELECT request_id, version, body, due_at FROM logins WHERE request_id = ANY($1)",
            list(set(request_ids)),
        )
        return {row["request_id"]: Row(*row.values()) for row in found}

    async def due_rows(self, now: datetime, limit: int) -> list[Row]:
        found = await self.connection.fetch(
            "SELECT request_id, version, body, due_at FROM logins WHERE due_at <= $1"
            " ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED",
            now,
            limit,
        )
        return [Row(*row.values()) for row in found]

    async def write(
        self, writes: Writes, *, still_holds: StillHolds | None = None, unconfirmed: bool = False
    ) -> None:
        connection = self.connection
        if writes.relied_on and still_holds and not await still_holds(connection, writes.relied_on):
            raise Conflict
        await _write(connection, writes, unconfirmed)
        for change in writes.changes:
            await change(connection)

    async def unconfirmed(self, before: datetime, limit: int) -> dict[UUID, Sequence[Record]]:
        found = await self.connection.fetch(
            "SELECT id, outputs FROM inputs WHERE unconfirmed AND handled_at < $1 LIMIT $2",
            before,
            limit,
        )
        return {row["id"]: load_records(row["outputs"]) for row in found}

    async def confirm(self, ids: Sequence[UUID]) -> None:
        await self.connection.execute(
            "UPDATE inputs SET unconfirmed = false WHERE id = ANY($1)", ids
        )


_WRITE = """
WITH input AS (
    INSERT INTO inputs (id, outputs, position, unconfirmed)
    SELECT id, outputs, position, $4
    FROM unnest($1::uuid[], $2::text[], $3::text[]) AS new (id, outputs, position)
    ON CONFLICT DO NOTHING RETURNING id
), won AS (
    INSERT INTO claims (claim, input_id) SELECT * FROM unnest($5::text[], $6::uuid[])
    ON CONFLICT DO NOTHING RETURNING claim
), login AS (
    INSERT INTO logins (request_id, version, body, due_at)
    SELECT * FROM unnest($7::uuid[], $8::int[], $9::jsonb[], $10::timestamptz[])
    ON CONFLICT (request_id) DO UPDATE
    SET version = EXCLUDED.version, body = EXCLUDED.body, due_at = EXCLUDED.due_at
    WHERE logins.version = EXCLUDED.version - 1 RETURNING request_id
)
SELECT (SELECT count(*) FROM input) AS inputs,
    (SELECT array_agg(claim) FROM won) AS claims,
    (SELECT count(*) FROM login) AS logins
"""
"""All in one: to ask Postgres costs more than what it does. Inputs, claims and rows are each in
order, so that two workers never wait for each other."""


async def _write(connection: Connection, writes: Writes, unconfirmed: bool) -> None:
    """Raises Conflict."""
    ids, claims = sorted(writes.handled), sorted(writes.claims)
    rows = sorted(writes.rows.values(), key=lambda row: row.request_id)
    (written,) = await connection.fetch(
        _WRITE,
        ids,
        [dump_records(writes.handled[id_].outputs) for id_ in ids],
        [writes.handled[id_].position for id_ in ids],
        unconfirmed,
        claims,
        [writes.claims[name] for name in claims],
        [row.request_id for row in rows],
        [row.version for row in rows],
        [row.body for row in rows],
        [row.due_at for row in rows],
    )
    lost = frozenset(claims) - frozenset(written["claims"] or ())
    if written["inputs"] < len(ids):  # handled by another, and its claims are its own
        raise Conflict
    if lost or written["logins"] < len(rows):
        raise Conflict(lost)


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
