"""What happens to a Postgres in production, done to one of our own on purpose.

async with setting(database, "polder", "statement_timeout", "1ms"):
    ...  # whatever polder asks is cancelled

`role` is a database user, whose schema has the same name. What a block changes it puts back. A role
gets new connections then: settings hold from a connection's start.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from sandbox.postgres import Postgres

_HALFWAY_SECONDS = 0.5


@asynccontextmanager
async def administering(database: Postgres) -> AsyncIterator[asyncpg.Connection]:
    """A connection of the superuser."""
    connection = await asyncpg.connect(database.dsn)
    try:
        yield connection
    finally:
        await connection.close()


async def drop_connections(database: Postgres, role: str | None = None) -> int:
    """End the connections of a role, or everybody's, in the middle of whatever they do; new ones
    are welcome. Returns how many there were."""
    async with administering(database) as connection:
        found: int = await connection.fetchval(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
            " AND ($1::text IS NULL OR usename = $1)",
            role,
        )
    return found


@asynccontextmanager
async def setting(database: Postgres, role: str, name: str, value: str) -> AsyncIterator[None]:
    """A role's sessions have another setting for the block. Of use are

    statement_timeout              "1ms": statements are cancelled (QueryCanceledError)
    default_transaction_isolation  "serializable": transactions that meet fail to serialize
    default_transaction_read_only  "on": as on a standby that was promoted elsewhere
    """
    await _alter(database, role, f"SET {name} = '{value}'")
    try:
        yield
    finally:
        await _alter(database, role, f"RESET {name}")


@asynccontextmanager
async def connection_limit(database: Postgres, role: str, most: int) -> AsyncIterator[None]:
    """A role may have so many connections for the block; 0: it is let in nowhere."""
    await _alter(database, role, f"CONNECTION LIMIT {most}")
    try:
        yield
    finally:
        await _alter(database, role, "CONNECTION LIMIT -1")


@asynccontextmanager
async def rows_locked(database: Postgres, role: str, table: str = "logins") -> AsyncIterator[int]:
    """Another transaction holds every row that a table has now; yields how many. Who updates one
    waits until the block ends."""
    async with administering(database) as connection, connection.transaction():
        rows = await connection.fetch(f'SELECT FROM "{role}"."{table}" FOR UPDATE')
        yield len(rows)


async def deadlock(database: Postgres, role: str) -> bool:
    """Lock the later half of a role's logins and then the earlier half, by their IDs. Who updates
    some of both meanwhile, in order, is in a deadlock, and Postgres picks the victim. Returns
    whether that was us."""
    ids = f'SELECT request_id FROM "{role}".logins ORDER BY request_id'  # noqa: S608
    lock = f'SELECT FROM "{role}".logins WHERE request_id = ANY($1) FOR UPDATE'
    async with administering(database) as connection:
        await connection.execute("SET deadlock_timeout = '3s'")  # the role's 1 s is over sooner
        found = [row["request_id"] for row in await connection.fetch(ids)]
        try:
            async with connection.transaction():
                await connection.execute(lock, found[len(found) // 2 :])
                await asyncio.sleep(_HALFWAY_SECONDS)
                await connection.execute(lock, found[: len(found) // 2])
        except asyncpg.DeadlockDetectedError:
            return True
    return False


async def _alter(database: Postgres, role: str, how: str) -> None:
    async with administering(database) as connection:
        await connection.execute(f'ALTER ROLE "{role}" {how}')
    await drop_connections(database, role)
