"""What roles read beside their logins: means, mandates, chains; and how a mandate is withdrawn.

A table is part of a ledger's `tables`: a thing by its table's name and its ID, as it is committed.
Each read is one statement, as in SQL.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from pipeline.ledger import Conflict
from pipeline.stage import Key
from providers.means import Means
from registry.candidates import Granted, Holder, Holding
from registry.cases import Candidate
from registry.kept import Assignment, Kept, Link, Mandate, Organisation, Person
from tests.simulation.memory import MemorySession
from tests.simulation.points import Point


def nothing_changes(_: UUID) -> Callable[[Any], Any]:
    """Failures are not counted here: no history has a hundred of them."""

    async def change(_: Any) -> None:
        return None

    return change


async def means_by_key_id(session: MemorySession, key_ids: Iterable[str]) -> dict[str, Means]:
    await session.ledger.reach(Point.READ_FACTS)
    found = {key_id: session.ledger.tables.get(("means", key_id)) for key_id in key_ids}
    return {key_id: means for key_id, means in found.items() if means is not None}


async def of_holders(session: MemorySession, holders: Iterable[Holder]) -> dict[Holder, Holding]:
    await session.ledger.reach(Point.READ_FACTS)
    return {holder: _holding(session.ledger.tables, holder) for holder in holders}


def _holding(tables: Mapping[Any, Any], holder: Holder) -> Holding:
    person: Person | None = tables.get(("holders", holder))
    if person is None:
        return Holding()
    held = [tables[key] for key in tables[("held", person.id)]]
    assigned = any(isinstance(each, Assignment) for each in held)
    return Holding(True, assigned, tuple(_candidate(tables, each) for each in held))


def _candidate(tables: Mapping[Any, Any], held: Granted) -> Candidate[Granted]:
    organisation: Organisation = tables[(Organisation.TABLE, held.organisation)]
    return Candidate(held, organisation, tables[(Person.TABLE, held.person)])


async def by_id(session: MemorySession, ids: Iterable[UUID]) -> dict[UUID, Candidate[Granted]]:
    await session.ledger.reach(Point.READ_FACTS)
    tables = session.ledger.tables
    keys = [(model.TABLE, id_) for id_ in ids for model in (Mandate, Assignment)]
    return {key[1]: _candidate(tables, tables[key]) for key in keys if key in tables}


async def links(session: MemorySession, ids: Iterable[UUID]) -> dict[UUID, Candidate[Link]]:
    await session.ledger.reach(Point.READ_FACTS)
    tables = session.ledger.tables
    found = [tables[(Link.TABLE, id_)] for id_ in ids if (Link.TABLE, id_) in tables]
    return {
        link.id: Candidate(link, tables[(Organisation.TABLE, link.organisation)]) for link in found
    }


async def charge(session: MemorySession, charged: Any, _: Any) -> None:
    session.mine.puts.setdefault(("charges", charged.request_id), charged)


async def withdraw(session: MemorySession, key: Key, now: datetime) -> None:
    """Write a thing's next revision, withdrawn. Raises Conflict where somebody was first."""
    await session.ledger.reach(Point.READ_FACTS)
    before = session.ledger.tables[key]
    after = before.model_copy(update={"revision": before.revision + 1, "withdrawn_at": now})
    async with session.transaction():
        await put(session, after)


async def put(session: MemorySession, thing: Kept) -> None:
    """Write a thing's next revision, in a transaction. Raises Conflict."""
    key = thing.TABLE, thing.id
    await session.ledger.locks.acquire(key, session.mine)
    before = session.ledger.tables.get(key)
    if (before.revision if before else 0) != thing.revision - 1:
        raise Conflict
    session.mine.puts[key] = thing
