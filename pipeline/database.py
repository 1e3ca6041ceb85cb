"""A role's own corner of Postgres: its user, its schema, its tables. No role reads another's."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from pipeline.errors import ServerUnreachable
from pipeline.settings import database_user, role_dsn

_HERE = Path(__file__).parent / "migrations"
CONNECT_SECONDS, COMMAND_SECONDS = 10.0, 30.0
"""A server that hangs takes connections and does not answer; the library would wait for 60 s."""


async def set_up(
    admin_dsn: str, participant: str, password: str, migrations: Sequence[Path]
) -> None:
    """Create a participant's user and schema, and bring its tables up to date."""
    user = database_user(participant)
    connection = await connect(admin_dsn)
    try:
        await _create(connection, user, password)
    finally:
        await connection.close()
    await asyncio.to_thread(_migrate, role_dsn(admin_dsn, user, password), migrations)


async def connect(dsn: str) -> asyncpg.Connection:
    """Raises ServerUnreachable."""
    try:
        return await asyncpg.connect(dsn, timeout=CONNECT_SECONDS)
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        raise unreachable(dsn, error) from None


def unreachable(dsn: str, error: Exception) -> ServerUnreachable:
    """Says which server, and never with which password."""
    where = urlsplit(dsn)
    return ServerUnreachable(
        f"Postgres at {where.hostname}:{where.port} does not answer ({type(error).__name__}): "
        "is it running, and is HERKEN_POSTGRES right?"
    )


async def _create(connection: asyncpg.Connection, user: str, password: str) -> None:
    literal = await connection.fetchval("SELECT quote_literal($1::text)", password)
    exists = await connection.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", user)
    verb = "ALTER" if exists else "CREATE"
    await connection.execute(f'{verb} ROLE "{user}" LOGIN PASSWORD {literal}')
    await connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{user}" AUTHORIZATION "{user}"')
    await connection.execute(f'ALTER ROLE "{user}" SET search_path = "{user}"')
    await connection.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")


def _migrate(dsn: str, migrations: Sequence[Path]) -> None:
    from alembic import command  # noqa: PLC0415 -- only set-up pays for loading it
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_HERE))
    config.set_main_option("path_separator", "os")
    locations = ":".join(str(path) for path in (_HERE / "versions", *migrations))
    config.set_main_option("version_locations", locations)
    config.set_main_option("sqlalchemy.url", _sqlalchemy_url(dsn).replace("%", "%%"))
    command.upgrade(config, "heads")


def _sqlalchemy_url(dsn: str) -> str:
    return urlunsplit(urlsplit(dsn)._replace(scheme="postgresql+asyncpg"))


_PLANNED_ONCE = {"plan_cache_mode": "force_generic_plan"}
"""Every query is a look-up by keys, whose plan is the same for any keys: to plan one anew each time
costs more than to run it."""


async def _as_it_is(_: object) -> None:
    """Give a connection back without asking Postgres to undo settings, locks and cursors, once a
    batch: a role makes none. The library rolls back an open transaction all the same."""


async def pool(dsn: str, size: int) -> asyncpg.Pool:
    """A role's connections. Raises ServerUnreachable."""
    try:
        return await asyncpg.create_pool(
            dsn,
            min_size=1,
            max_size=size,
            timeout=CONNECT_SECONDS,
            command_timeout=COMMAND_SECONDS,
            server_settings=_PLANNED_ONCE,
            reset=_as_it_is,
        )
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        raise unreachable(dsn, error) from None
