"""The ledger in Postgres: a role's rows in its own schema, through its own database user.

`inputs` makes a redelivery harmless: an input that was handled before is not decided again, its
stored bytes go out again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from functools import lru_cache
from itertools import count
from typing import Any
from uuid import UUID

import asyncpg
from pydantic_core import from_json, to_json

from pipeline.ledger import Conflict, Handled, Known, Row, Writes, WrongGuess
from pipeline.stage import Connection, Key
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

    async def read(self, ids: Sequence[UUID], request_ids: Iterable[UUID]) -> Known:
        found = await self.connection.fetch(_READ, ids, list(request_ids))
        handled = {row["id"]: _handled(row) for row in found if row["body"] is None}
        rows = {row["id"]: _row(row) for row in found if row["body"] is not None}
        return Known(handled, rows)

    async def handled(self, ids: Sequence[UUID]) -> dict[UUID, Handled]:
        return (await self.read(ids, ())).handled

    async def is_anything_due(self, now: datetime, before: datetime) -> bool:
        return bool(await self.connection.fetchval(_IS_ANYTHING_DUE, now, before))

    async def due_rows(self, now: datetime, limit: int) -> list[Row]:
        found = await self.connection.fetch(
            "SELECT request_id, version, body, due_at FROM logins WHERE due_at <= $1"
            " ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED",
            now,
            limit,
        )
        return [Row(*row.values()) for row in found]

    async def store(self, writes: Writes, kept: Sequence[str], guessed: bool = False) -> None:
        try:
            if not writes.changes:
                await _write(self.connection, writes, kept, whole=True)
                return
        except asyncpg.SerializationError:
            if guessed:
                raise WrongGuess from None
            # somebody was first: who, says the other way
        try:
            async with self.transaction():
                await self.write(writes, kept=kept)
        except Conflict as conflict:
            raise (WrongGuess if guessed else conflict) from None

    async def write(
        self, writes: Writes, *, kept: Sequence[str] = (), unconfirmed: bool = False
    ) -> None:
        await _write(self.connection, writes, kept, unconfirmed=unconfirmed)
        for change in writes.changes:
            await change(self.connection)

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

    async def prune(self, before: datetime, claims_before: datetime, limit: int) -> bool:
        gone = [
            await self.connection.execute(statement.format(limit=limit), time)
            for statement, time in zip(_PRUNE, (claims_before, before, before), strict=True)
        ]
        return f"DELETE {limit}" in gone


_READ = """
SELECT id, outputs, position, NULL::int AS version, NULL::jsonb AS body, NULL::timestamptz AS due_at
FROM inputs WHERE id = ANY($1)
UNION ALL
SELECT request_id, NULL, NULL, version, body, due_at FROM logins WHERE request_id = ANY($2)
"""


_IS_ANYTHING_DUE = """
SELECT EXISTS (SELECT FROM logins WHERE due_at <= $1)
    OR EXISTS (SELECT FROM inputs WHERE unconfirmed AND handled_at < $2)
"""


def _handled(row: asyncpg.Record) -> Handled:
    return Handled(load_records(row["outputs"]), row["position"])


def _row(row: asyncpg.Record) -> Row:
    return Row(row["id"], row["version"], row["body"], row["due_at"])


_WRITE = """
WITH {locking} input AS (
    INSERT INTO inputs (id, outputs, position, unconfirmed)
    SELECT id, outputs, position, $10
    FROM unnest($1::uuid[], $2::text[], $3::text[]) AS new (id, outputs, position)
    ON CONFLICT DO NOTHING RETURNING id
), won AS (
    INSERT INTO claims (claim, input_id) SELECT * FROM unnest($4::text[], $5::uuid[])
    ON CONFLICT DO NOTHING RETURNING claim
), login AS (
    INSERT INTO logins (request_id, version, body, due_at, settled_at)
    SELECT request_id, version, body, due_at, CASE WHEN due_at IS NULL THEN now() END
    FROM unnest($6::uuid[], $7::int[], $8::jsonb[], $9::timestamptz[])
        AS new (request_id, version, body, due_at)
    ON CONFLICT (request_id) DO UPDATE
    SET version = EXCLUDED.version, body = EXCLUDED.body, due_at = EXCLUDED.due_at,
        settled_at = EXCLUDED.settled_at
    WHERE logins.version = EXCLUDED.version - 1 RETURNING request_id
), written AS (
    SELECT {held} AS held,
        (SELECT count(*) FROM input) AS inputs,
        (SELECT coalesce(array_agg(claim), '{{}}') FROM won) AS claims,
        (SELECT count(*) FROM login) AS logins
)
SELECT held, inputs, claims, logins, require_whole(
    NOT $11 OR (held, inputs, cardinality(claims), logins)
    = ({relied_on}, cardinality($1), cardinality($4), cardinality($6))
) FROM written
"""
"""All in one: to ask Postgres costs more than what it does. What it rests on, inputs, claims and
rows are each in order, so that two workers never wait for each other. $11: this is a transaction of
its own, so that it is an error where not all of it could be written."""
_LOCKING = """
of_{table} AS (SELECT id, revision FROM {table} WHERE id = ANY({ids}) ORDER BY id FOR SHARE), """
_HELD = """
(SELECT count(*) FROM of_{table} JOIN unnest({ids}, {revisions}) AS was (id, revision)
    USING (id, revision))"""


@lru_cache(maxsize=64)
def _statement(tables: tuple[str, ...]) -> str:
    """With a lock on what is relied on in these tables, each at the revision that was read. `FOR
    SHARE` is not allowed under UNION, so each table has a part of its own."""
    parts = [
        {"table": table, "ids": f"${number}::uuid[]", "revisions": f"${number + 1}::int[]"}
        for number, table in zip(count(12, 2), tables, strict=False)
    ]
    return _WRITE.format(
        locking="".join(_LOCKING.format(**part) for part in parts),
        held=" + ".join(_HELD.format(**part) for part in parts) or "0",
        relied_on=" + ".join(f"cardinality({part['ids']})" for part in parts) or "0",
    )


_OLDEST = """
DELETE FROM {table} WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM {table} WHERE {age} < $1 {only} ORDER BY {age} LIMIT {limit}
    FOR UPDATE SKIP LOCKED
))
"""
_PRUNE = [
    _OLDEST.format(table=table, age=age, only=only, limit="{limit}")
    for table, age, only in (
        ("claims", "claimed_at", ""),
        ("inputs", "handled_at", "AND NOT unconfirmed"),
        ("logins", "settled_at", ""),
    )
]
"""Each in the order of its index, which Postgres takes where it knows how few are wanted. What
another worker has locked is left to it."""


def _arguments(writes: Writes) -> tuple[Any, ...]:
    ids, claims = sorted(writes.handled), sorted(writes.claims)
    rows = sorted(writes.rows.values(), key=lambda row: row.request_id)
    return (
        ids,
        [dump_records(writes.handled[id_].outputs) for id_ in ids],
        [writes.handled[id_].position for id_ in ids],
        claims,
        [writes.claims[name] for name in claims],
        [row.request_id for row in rows],
        [row.version for row in rows],
        [row.body for row in rows],
        [row.due_at for row in rows],
    )


async def _write(
    connection: Connection,
    writes: Writes,
    kept: Sequence[str],
    *,
    unconfirmed: bool = False,
    whole: bool = False,
) -> None:
    """Raises Conflict; where `whole`, SerializationError."""
    relied_on = _by_table(writes.relied_on, kept)
    resting = [column for things in relied_on.values() for column in zip(*things, strict=True)]
    (written,) = await connection.fetch(
        _statement(tuple(relied_on)), *_arguments(writes), unconfirmed, whole, *resting
    )
    lost = frozenset(writes.claims) - frozenset(written["claims"] or ())
    if written["held"] < len(writes.relied_on):
        raise Conflict
    if written["inputs"] < len(writes.handled):  # by another, and its claims are its own
        raise Conflict
    if lost or written["logins"] < len(writes.rows):
        raise Conflict(lost)


def _by_table(
    relied_on: Mapping[Key, int], kept: Sequence[str]
) -> dict[str, list[tuple[UUID, int]]]:
    """ID and revision of each thing, table by table in that order. Raises ValueError where one is
    in none of them: nothing may go unlocked."""
    found: dict[str, list[tuple[UUID, int]]] = {}
    for table, id_ in sorted(relied_on, key=lambda key: kept.index(key[0])):
        found.setdefault(table, []).append((id_, relied_on[table, id_]))
    return found


def dump_records(records: Sequence[Record]) -> str:
    """Records as text; every value that a role sends is text already (JWS)."""
    return to_json([[r.topic, r.key, r.value, r.headers] for r in records]).decode()


def load_records(text: str) -> list[Record]:
    return [
        Record(topic, key.encode(), value.encode(), tuple((n, v.encode()) for n, v in headers))
        for topic, key, value, headers in from_json(text)
    ]
