"""The tables of what is kept: every thing is a row, its revision the guard of every change."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, Final, TypeVar, cast
from uuid import UUID

import asyncpg

from pipeline.ledger import Conflict
from pipeline.stage import Connection, Key
from registry.kept import KEPT, Holder, Kept, OrganisationKind, Person
from schemas.commands import Scope, ScopeKind
from schemas.sealed import Identifier
from schemas.values import EntityType, Level

T = TypeVar("T", bound=Kept)
AnyConnection = Connection | asyncpg.Connection
IN_ORDER: Final = tuple(model.TABLE for model in KEPT)
"""Who needs rows of several of these locks them in this order, and in one in that of their IDs, so
that nobody waits for somebody who waits for him."""
_JSON = ("scope", "principal", "holders")
"""Columns that hold a whole value as JSON."""


class Outdated(Conflict):
    """Somebody else changed it first."""


async def put(connection: AnyConnection, thing: Kept) -> None:
    """Write a thing's next revision; revision 1 is a new one. The same twice is once. Whoever
    writes several in one transaction writes them in the order of IN_ORDER.

    Raises Outdated where the row is at another revision than the one before, or holds something
    else at this one.
    """
    columns_ = list(type(thing).model_fields)
    places = ", ".join(f"${number}" for number in range(1, len(columns_) + 1))
    changed = ", ".join(f"{column} = EXCLUDED.{column}" for column in columns_[1:])
    table = thing.TABLE
    kept, new = (", ".join(f"{of}.{name}" for name in columns_) for of in (table, "EXCLUDED"))
    written = await connection.fetchval(
        f"INSERT INTO {table} ({', '.join(columns_)}) VALUES ({places})"  # noqa: S608
        f" ON CONFLICT (id) DO UPDATE SET {changed}"
        f" WHERE {table}.revision = EXCLUDED.revision - 1"
        f" OR ({kept}) IS NOT DISTINCT FROM ({new}) RETURNING true",
        *(_value(name, getattr(thing, name)) for name in columns_),
    )
    if not written:
        raise Outdated
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
    query = f"SELECT {columns(model)} FROM {model.TABLE} WHERE {condition} ORDER BY id"  # noqa: S608
    return [read(model, row) for row in await connection.fetch(query, *values)]


def columns(model: type[Kept], alias: str = "", prefix: str = "") -> str:
    """A table's columns, for a query: of a table with an alias, each under a prefixed name."""
    named = f"{alias}." if alias else ""
    return ", ".join(f"{named}{name} AS {prefix}{name}" for name in model.model_fields)


def read(model: type[T], row: asyncpg.Record, prefix: str = "") -> T:
    """A thing from its row; what the registry wrote itself is not checked once more."""
    fields = {name: read_(row[prefix + name]) for name, read_ in _readers(model)}
    return cast("T", model.model_construct(**fields))


# --- what a decision rests on


def resting_on(*things: Kept) -> dict[Key, int]:
    """What a decision relies on: these things, at these revisions (`Step.relies_on`).

    They are locked while it is written, and this is where it is ordered against a withdrawal:
    whichever locks the row first, is first. A withdrawal that is answered has been written, so that
    no decision after it is.
    """
    return {(thing.TABLE, thing.id): thing.revision for thing in things}


# --- values


def _scope(text: str) -> Scope:
    found = json.loads(text)
    return Scope.model_construct(
        kind=ScopeKind(found["kind"]),
        dienstverlener=found["dienstverlener"],
        services=tuple(UUID(each) for each in found["services"]),
    )


def _principal(text: str) -> Identifier:
    found = json.loads(text)
    return Identifier.model_construct(type=EntityType(found["type"]), value=found["value"])


def _holders(text: str) -> tuple[Holder, ...]:
    return tuple(
        Holder.model_construct(provider=each["provider"], subject=UUID(each["subject"]))
        for each in json.loads(text)
    )


_READ: Final[Mapping[str, Callable[[Any], Any]]] = {
    "scope": _scope,
    "principal": _principal,
    "holders": _holders,
    "level": Level,
    "kind": OrganisationKind,
    "services": tuple,
    "vestigingen": tuple,
    "approved_by": tuple,
}


def _as_it_is(value: Any) -> Any:
    return value


@lru_cache
def _readers(model: type[Kept]) -> tuple[tuple[str, Callable[[Any], Any]], ...]:
    return tuple((name, _READ.get(name, _as_it_is)) for name in model.model_fields)


def _value(name: str, value: Any) -> Any:
    if name in _JSON:
        parts = value if isinstance(value, tuple) else (value,)
        dumped = [each.model_dump(mode="json") for each in parts]
        return json.dumps(dumped if isinstance(value, tuple) else dumped[0])
    if isinstance(value, Level):
        return value.value
    return list(value) if isinstance(value, tuple) else value
