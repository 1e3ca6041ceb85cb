"""The tables of what is kept: every thing is a row, its revision the guard of every change."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar
from uuid import UUID

import asyncpg

from pipeline.stage import Connection
from registry.kept import KEPT, Kept, Person
from schemas.values import Level

T = TypeVar("T", bound=Kept)
AnyConnection = Connection | asyncpg.Connection
_JSON = ("scope", "principal", "holders")
"""Columns that hold a whole value as JSON."""


class Outdated(Exception):
    """Somebody else changed it first."""


async def put(connection: AnyConnection, thing: Kept) -> None:
    """Write a thing's next revision; revision 1 is a new one. The same twice is once.

    Raises Outdated where the row is at another revision than the one before, or holds something
    else at this one.
    """
    columns = _columns(type(thing))
    places = ", ".join(f"${number}" for number in range(1, len(columns) + 1))
    changed = ", ".join(f"{column} = EXCLUDED.{column}" for column in columns[1:])
    table = thing.TABLE
    kept, new = (", ".join(f"{of}.{name}" for name in columns) for of in (table, "EXCLUDED"))
    written = await connection.fetchval(
        f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})"  # noqa: S608
        f" ON CONFLICT (id) DO UPDATE SET {changed}"
        f" WHERE {table}.revision = EXCLUDED.revision - 1"
        f" OR ({kept}) IS NOT DISTINCT FROM ({new}) RETURNING true",
        *(_value(name, getattr(thing, name)) for name in columns),
    )
    if not written:
        raise Outdated(f"{table} {thing.id}")
    if isinstance(thing, Person):
        await _put_holders(connection, thing)


async def _put_holders(connection: AnyConnection, person: Person) -> None:
    await connection.execute("DELETE FROM holders WHERE person = $1", person.id)
    await connection.executemany(
        "INSERT INTO holders (provider, subject, person) VALUES ($1, $2, $3)",
        [(each.provider, each.subject, person.id) for each in person.holders],
    )


async def get(connection: AnyConnection, model: type[T], ids: Iterable[UUID]) -> dict[UUID, T]:
    """The things with these IDs, where they are kept here."""
    return {found.id: found for found in await where(connection, model, "id = ANY($1)", list(ids))}


async def where(connection: AnyConnection, model: type[T], condition: str, *values: Any) -> list[T]:
    """The things that an SQL condition holds for, in the order of their IDs."""
    query = f"SELECT {', '.join(_columns(model))} FROM {model.TABLE} WHERE {condition} ORDER BY id"  # noqa: S608
    return [read(model, row) for row in await connection.fetch(query, *values)]


def read(model: type[T], row: asyncpg.Record) -> T:
    """A thing from its row; what the registry wrote itself is not checked once more."""
    fields = {name: row[name] for name in model.model_fields}
    for name in (each for each in _JSON if each in fields):
        fields[name] = json.loads(fields[name])
    return model.model_validate(fields)


async def still_hold(connection: Connection, relied_on: Mapping[UUID, int]) -> bool:
    """Lock what a decision relies on until it is written; whether it is as it was read.

    This is where a decision is ordered against a withdrawal: whichever locks the row first, is
    first. A withdrawal that is answered has been written, so no decision after it gets here.
    """
    ids, revisions = list(relied_on), list(relied_on.values())
    held = 0
    for model in KEPT:
        found = await connection.fetch(
            f"SELECT id FROM {model.TABLE} WHERE (id, revision) IN"  # noqa: S608
            " (SELECT * FROM unnest($1::uuid[], $2::int[])) ORDER BY id FOR SHARE",
            ids,
            revisions,
        )
        held += len(found)
    return held == len(ids)


def _columns(model: type[Kept]) -> list[str]:
    return list(model.model_fields)


def _value(name: str, value: Any) -> Any:
    if name in _JSON:
        parts = value if isinstance(value, tuple) else (value,)
        dumped = [each.model_dump(mode="json") for each in parts]
        return json.dumps(dumped if isinstance(value, tuple) else dumped[0])
    if isinstance(value, Level):
        return value.value
    return list(value) if isinstance(value, tuple) else value
