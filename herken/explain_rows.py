"""`herken explain`: reads what every participant kept of a login, each with its own secrets."""

from __future__ import annotations

from contextlib import suppress
from uuid import UUID

import asyncpg

from herken.commands.output import document, say
from herken.explain import Known, Row, report, roles_with_rows, told, tree
from pipeline import database
from pipeline.errors import HerkenError, WrongUse
from pipeline.keys import Trust, read_secrets
from pipeline.settings import Files, database_user, role_dsn
from pipeline.store import PostgresSession, Store
from schemas.codec import Record, unverified
from schemas.directory import Directory, Participant
from schemas.messages import Outcome
from schemas.topics import OUTCOMES, find
from schemas.values import Role


class Tables(Files):
    """Where a network's files and its tables are."""

    postgres: str


class UnknownRequest(HerkenError):
    """Nobody whose rows can be read here knows the request."""


async def explain(request_id: UUID, *, as_json: bool) -> None:
    """Print why a login ended as it did. Raises UnknownRequest, WrongUse, ServerUnreachable."""
    settings = Tables.read()
    directory = Trust(settings.network).directory
    known = await _known(request_id, settings, directory)
    if not known.rows:
        raise UnknownRequest(_unknown(request_id, directory, known))
    roots = tree(directory, known)
    if as_json:
        document(report(request_id, roots, known, directory))
    else:
        say(told(request_id, roots, known, directory))


def _unknown(request_id: UUID, directory: Directory, known: Known) -> str:
    asked, closed = len(roles_with_rows(directory)), len(known.unreadable)
    return (
        f"none of the {asked - closed} participants that can be read here knows request "
        f"{request_id}: is the ID right, and the network the one that it was sent to? "
        f"{closed} could not be read: their secrets are not in HERKEN_SECRETS"
    )


async def _known(request_id: UUID, settings: Tables, directory: Directory) -> Known:
    """What everybody kept whose secrets are at hand."""
    found: dict[str, Row] = {}
    unreadable: set[str] = set()
    outcomes: list[Outcome] = []
    for participant in roles_with_rows(directory):
        dsn = _dsn(settings, participant)
        if dsn is None:
            unreadable.add(participant.entity_id)
            continue
        row, sent = await _read(request_id, dsn, participant)
        outcomes += sent
        if row is not None:
            found[participant.entity_id] = row
    return Known(found, frozenset(unreadable), tuple(outcomes))


def _dsn(settings: Tables, participant: Participant) -> str | None:
    """Its own user and password; None where these are elsewhere."""
    with suppress(WrongUse):
        password = read_secrets(settings.secrets, participant.name).database_password
        return role_dsn(settings.postgres, database_user(participant.name), password)
    return None


async def _read(
    request_id: UUID, dsn: str, participant: Participant
) -> tuple[Row | None, list[Outcome]]:
    pool = await database.pool(dsn, size=1)
    try:
        async with Store(pool).session() as session:
            row = (await session.read([], [request_id])).rows.get(request_id)
            found = Row.model_validate_json(row.body) if row else None
            return found, await _outcomes(session, participant, found)
    except asyncpg.UndefinedTableError:
        raise WrongUse(f"{participant.name} has no tables: run `herken setup databases`") from None
    finally:
        await pool.close()


async def _outcomes(
    session: PostgresSession, participant: Participant, row: Row | None
) -> list[Outcome]:
    """What a makelaar answered the dienstverlener, from the bytes that it keeps."""
    if participant.role is not Role.MAKELAAR or row is None or row.answered_by is None:
        return []
    kept = await session.handled([row.answered_by])
    sent = [record for each in kept.values() for record in each.outputs if _is_outcome(record)]
    return [unverified(record.value.decode(), Outcome) for record in sent]


def _is_outcome(record: Record) -> bool:
    return find(record.topic)[0] is OUTCOMES
