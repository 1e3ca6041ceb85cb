"""What people may act by, read for a whole batch at once.

A query for the people of a batch, another one where some of them act in chains, and two for what
was offered to them, however many they are and however much the registry keeps. Each is a nested
loop over indexes, from the few that are asked for:

of_holders  holders_pkey (provider, subject) -> people_pkey -> mandates_person or
            assignments_person -> organisations_pkey; assignments_in_force for whether the
            person's own organisation acts for others, assignments_person for whether he does
by_id       mandates_pkey or assignments_pkey -> people_pkey, organisations_pkey
links       links_pkey -> organisations_pkey
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar
from uuid import UUID

import asyncpg

from pipeline.stage import Connection
from registry import tables
from registry.cases import Candidate
from registry.kept import Assignment, Link, Mandate, Organisation, Person

Holder = tuple[str, UUID]
"""A provider's EntityID, and the person as that provider knows him."""
Granted = Mandate | Assignment
H = TypeVar("H", Mandate, Assignment)


@dataclass(frozen=True)
class Holding:
    """All that somebody has here, of every service, level and time.

    known            whether he is registered at all
    acts_for_others  whether his own organisation has assigned chains to anybody
    """

    known: bool = False
    acts_for_others: bool = False
    candidates: Sequence[Candidate[Granted]] = ()


@dataclass
class _Reader:
    """Things from the rows of one query; what several rows share is read once."""

    people: dict[UUID, Person] = field(default_factory=dict)
    organisations: dict[UUID, Organisation] = field(default_factory=dict)

    def person(self, row: asyncpg.Record) -> Person:
        id_ = row["person_id"]
        if id_ not in self.people:
            self.people[id_] = tables.read(Person, row, "person_")
        return self.people[id_]

    def organisation(self, row: asyncpg.Record) -> Organisation:
        id_ = row["organisation_id"]
        if id_ not in self.organisations:
            self.organisations[id_] = tables.read(Organisation, row, "organisation_")
        return self.organisations[id_]

    def candidate(self, model: type[H], row: asyncpg.Record) -> Candidate[H]:
        held = tables.read(model, row, "held_")
        return Candidate(held, self.organisation(row), self.person(row))


_PERSON: Final = tables.columns(Person, "person", "person_")
_ORGANISATION: Final = tables.columns(Organisation, "organisation", "organisation_")
_ASKED: Final = (
    "FROM unnest($1::text[], $2::uuid[]) AS asked (provider, subject)"
    " JOIN holders USING (provider, subject) JOIN people AS person ON person.id = holders.person"
)
_ACTS_FOR_OTHERS: Final = (
    "(SELECT max(every.valid_until) FROM assignments AS every"
    " WHERE every.organisation = person.organisation AND every.withdrawn_at IS NULL)"
    " IS NOT NULL AS acts_for_others"
)
"""Whether there is any: the last one is one step down an index; EXISTS may read the whole table."""
_ACTS_IN_CHAINS: Final = (
    "(SELECT count(*) FROM assignments AS own WHERE own.person = person.id) > 0 AS acts_in_chains"
)
_ORDER: Final = "ORDER BY organisation.name, held.id"


def _held_by(model: type[Granted], join: str, more: str) -> str:
    """A query for what the people asked for hold of one kind."""
    return (
        f"SELECT provider, subject, {more}{_PERSON}, {_ORGANISATION},"
        f" {tables.columns(model, 'held', 'held_')} {_ASKED}"
        f" {join} {model.TABLE} AS held ON held.person = person.id"
        f" {join} organisations AS organisation ON organisation.id = held.organisation {_ORDER}"
    )


def _with_id(model: type[Granted]) -> str:
    return (
        f"SELECT {_PERSON}, {_ORGANISATION}, {tables.columns(model, 'held', 'held_')}"  # noqa: S608
        f" FROM {model.TABLE} AS held JOIN people AS person ON person.id = held.person"
        " JOIN organisations AS organisation ON organisation.id = held.organisation"
        " WHERE held.id = ANY($1)"
    )


MANDATES_OF: Final = _held_by(Mandate, "LEFT JOIN", f"{_ACTS_FOR_OTHERS}, {_ACTS_IN_CHAINS}, ")
ASSIGNMENTS_OF: Final = _held_by(Assignment, "JOIN", "")
LINKS: Final = (
    f"SELECT {_ORGANISATION}, {tables.columns(Link, 'held', 'held_')}"  # noqa: S608
    " FROM links AS held JOIN organisations AS organisation ON organisation.id = held.organisation"
    " WHERE held.id = ANY($1)"
)


async def of_holders(connection: Connection, holders: Iterable[Holder]) -> dict[Holder, Holding]:
    """What these people have, by the organisation's name; nobody is there twice."""
    wanted = list(set(holders))
    asked = [provider for provider, _ in wanted], [subject for _, subject in wanted]
    reader = _Reader()
    found: dict[Holder, Holding] = {}
    for row in (rows := await connection.fetch(MANDATES_OF, *asked)):
        before = found.get(_holder(row), Holding(True, row["acts_for_others"]))
        mine = () if row["held_id"] is None else (reader.candidate(Mandate, row),)
        found[_holder(row)] = _with(before, mine)
    in_chains = any(row["acts_in_chains"] for row in rows)
    for row in await connection.fetch(ASSIGNMENTS_OF, *asked) if in_chains else ():
        before = found.get(_holder(row), Holding(True, True))
        found[_holder(row)] = _with(before, (reader.candidate(Assignment, row),))
    return {holder: found.get(holder, Holding()) for holder in wanted}


def _holder(row: asyncpg.Record) -> Holder:
    return row["provider"], row["subject"]


def _with(holding: Holding, more: Sequence[Candidate[Granted]]) -> Holding:
    candidates = (*holding.candidates, *more)
    return Holding(holding.known, holding.acts_for_others, candidates)


async def by_id(connection: Connection, ids: Iterable[UUID]) -> dict[UUID, Candidate[Granted]]:
    """Mandates and assignments with these IDs."""
    reader, wanted = _Reader(), list(set(ids))
    found: dict[UUID, Candidate[Granted]] = {}
    if not wanted:
        return found
    for row in await connection.fetch(_with_id(Mandate), wanted):
        found[row["held_id"]] = reader.candidate(Mandate, row)
    for row in await connection.fetch(_with_id(Assignment), wanted):
        found[row["held_id"]] = reader.candidate(Assignment, row)
    return found


async def links(connection: Connection, ids: Iterable[UUID]) -> dict[UUID, Candidate[Link]]:
    """Links with these IDs, with the organisations that registered them."""
    reader, wanted = _Reader(), list(set(ids))
    rows = await connection.fetch(LINKS, wanted) if wanted else []
    return {
        row["held_id"]: Candidate(tables.read(Link, row, "held_"), reader.organisation(row))
        for row in rows
    }
