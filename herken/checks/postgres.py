"""Postgres: it answers, it is new enough, its clock is right, and every role's tables are those of
this program."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import asyncpg
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.script.revision import RevisionError

from herken.checks import Finding, ok, unreachable, warning, wrong
from pipeline import migrations
from pipeline.settings import database_user
from sandbox.seeding import MIGRATIONS
from schemas.codec import CLOCK_SKEW_SECONDS
from schemas.directory import Participant

OLDEST = 18
_MUCH_SKEW_SECONDS = 5.0
_PATIENCE_SECONDS = 10.0
_SET_UP = "run `herken setup databases`: it may be repeated"
_NO_ANSWER = (OSError, TimeoutError, asyncpg.CannotConnectNowError)


async def findings(dsn: str, roles: Sequence[tuple[Participant, str]]) -> list[Finding]:
    """Everything about Postgres. `roles`: participants whose secrets are here, each with its own
    DSN; they are tried too, because HERKEN_POSTGRES need not name a user."""
    try:
        connection = await _first_that_is_let_in([dsn, *(own for _, own in roles)])
    except _NO_ANSWER:
        advice = "start it, or correct HERKEN_POSTGRES"
        return [unreachable("Postgres", "does not answer where HERKEN_POSTGRES points", advice)]
    if connection is None:
        return [wrong("Postgres", "answers, but lets nobody in", f"correct the user, or {_SET_UP}")]
    try:
        found = [version(connection.get_server_version().major), clock(await _ahead(connection))]
    finally:
        await connection.close()
    return [*found, *[await schema(participant, own) for participant, own in roles]]


async def _first_that_is_let_in(dsns: Iterable[str]) -> asyncpg.Connection | None:
    for dsn in dsns:
        try:
            return await asyncpg.connect(dsn, timeout=_PATIENCE_SECONDS)
        except asyncpg.CannotConnectNowError:
            raise
        except (asyncpg.PostgresError, asyncpg.InterfaceError):
            continue
    return None


def version(major: int) -> Finding:
    text = f"answers; it is version {major}"
    if major < OLDEST:
        return warning("Postgres", text, f"herken is tested on Postgres {OLDEST}")
    return ok("Postgres", text)


async def _ahead(connection: asyncpg.Connection) -> float:
    """How many seconds Postgres is ahead of this machine; half of the way there is not counted."""
    asked = time.time()
    there = (await connection.fetchval("SELECT clock_timestamp()")).timestamp()
    return float(there - (asked + time.time()) / 2)


def clock(ahead_seconds: float) -> Finding:
    """Messages whose time differs by more than the allowed skew are refused."""
    name, off = "Postgres's clock", abs(ahead_seconds)
    text = f"{off:.1f} s {'ahead of' if ahead_seconds > 0 else 'behind'} this machine's"
    advice = "set both clocks by NTP"
    if off > CLOCK_SKEW_SECONDS:
        return wrong(name, text, advice)
    return warning(name, text, advice) if off > _MUCH_SKEW_SECONDS else ok(name, text)


async def schema(participant: Participant, own: str) -> Finding:
    """Whether a role's tables are those of this program, seen as the role itself."""
    name, user = f"schema of {participant.name}", database_user(participant.name)
    try:
        connection = await asyncpg.connect(own, timeout=_PATIENCE_SECONDS)
    except (asyncpg.PostgresError, *_NO_ANSWER) as error:
        text = f"Postgres does not let {user} in ({type(error).__name__})"
        return wrong(name, text, _SET_UP)
    try:
        rows = await connection.fetch("SELECT version_num FROM alembic_version")
    except asyncpg.UndefinedTableError:
        return wrong(name, "it has no tables", _SET_UP)
    finally:
        await connection.close()
    return migrated(name, [row[0] for row in rows], MIGRATIONS[participant.role])


def migrated(name: str, current: Sequence[str], own: Sequence[Path]) -> Finding:
    """Compares the newest migrations in a schema with those that this program has."""
    script = _script(own)
    wanted = {one.revision for one in script.walk_revisions()}
    try:
        applied = {
            one.revision for head in current for one in script.iterate_revisions(head, "base")
        }
    except RevisionError:
        text = "it was migrated by a newer program"
        return wrong(name, text, "use that version of herken here too")
    if lacking := sorted(wanted - applied):
        return wrong(name, f"it lacks {', '.join(lacking)}", _SET_UP)
    return ok(name, f"migrated to {', '.join(current)}")


def _script(own: Sequence[Path]) -> ScriptDirectory:
    shared = Path(migrations.__file__).parent
    config = Config()
    config.set_main_option("script_location", str(shared))
    config.set_main_option("path_separator", "os")
    config.set_main_option(
        "version_locations", ":".join(str(path) for path in (shared / "versions", *own))
    )
    return ScriptDirectory.from_config(config)
