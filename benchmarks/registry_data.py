"""A registry as large as one likes, invented: everybody in it has as much as in a small one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import md5
from typing import Any
from uuid import UUID

import asyncpg

from registry import tables
from registry.kept import Assignment, Holder, Kept, Link, Mandate, Organisation, Person
from schemas.commands import Scope, ScopeKind
from schemas.sealed import Identifier
from schemas.values import EntityType
from tests.unit import builders as b

MANDATES_EACH, PEOPLE_EACH, CHAINS_EACH = 2, 5, 20
"""Of a person, of an organisation, of an intermediary."""


@dataclass(frozen=True)
class Size:
    """How much is kept. Chains have both halves here: a link, and an employee assigned to it."""

    mandates: int
    chains: int

    @property
    def people(self) -> int:
        return self.mandates // MANDATES_EACH

    @property
    def organisations(self) -> int:
        return max(1, self.people // PEOPLE_EACH)

    @property
    def intermediaries(self) -> int:
        return max(1, self.chains // CHAINS_EACH)


def id_of(kind: str, number: int) -> UUID:
    """Spread over the whole range, as random IDs are, and the same every time."""
    return UUID(bytes=md5(f"{kind} {number}".encode(), usedforsecurity=False).digest())


def kvk_of_organisation(number: int) -> str:
    return f"{10_000_000 + number}"


def principal(number: int, size: Size) -> Identifier:
    """Of a chain: the organisation whose link it is, as its assignment names it."""
    value = kvk_of_organisation(number % size.organisations)
    return Identifier(type=EntityType.KVKNR, value=value)


def kvk_of_intermediary(number: int) -> str:
    return f"{50_000_000 + number}"


async def fill(connection: asyncpg.Connection, size: Size) -> None:
    """Load it all with COPY, as a superuser: foreign keys are not checked row by row."""
    await connection.execute("SET session_replication_role = replica")
    for model, rows in (
        (Organisation, _organisations(size)),
        (Person, _people(size)),
        (Mandate, _mandates(size)),
        (Link, _links(size)),
        (Assignment, _assignments(size)),
    ):
        names = list(model.model_fields)
        await connection.copy_records_to_table(model.TABLE, records=rows, columns=names)
    holders = _holders(size)
    columns = ["provider", "subject", "person"]
    await connection.copy_records_to_table("holders", records=holders, columns=columns)
    await connection.execute("SET session_replication_role = DEFAULT")
    await connection.execute("VACUUM ANALYZE")


def _rows(template: Kept, changes: Iterable[dict[str, Any]]) -> Iterator[tuple[Any, ...]]:
    """The template's row, again and again, with something changed each time."""
    names = list(type(template).model_fields)
    values = {name: tables._value(name, getattr(template, name)) for name in names}
    for change in changes:
        row = {**values, **change}
        yield tuple(row[name] for name in names)


def _organisations(size: Size) -> Iterator[tuple[Any, ...]]:
    own = (
        {"id": id_of("organisation", n), "kvk": kvk_of_organisation(n), "name": f"Verzonnen BV {n}"}
        for n in range(size.organisations)
    )
    between = (
        {"id": id_of("between", n), "kvk": kvk_of_intermediary(n), "name": f"Kantoor {n}"}
        for n in range(size.intermediaries)
    )
    yield from _rows(b.organisation(), own)
    yield from _rows(b.organisation(), between)


def _people(size: Size) -> Iterator[tuple[Any, ...]]:
    for kind, number, organisation in _everybody(size):
        holder = Holder(provider=b.AAK, subject=id_of(f"subject of {kind}", number))
        change = {"id": id_of(kind, number), "organisation": organisation}
        yield from _rows(b.person(holders=(holder,), name="Iemand"), [change])


def _holders(size: Size) -> Iterator[tuple[Any, ...]]:
    for kind, number, _ in _everybody(size):
        yield b.AAK, id_of(f"subject of {kind}", number), id_of(kind, number)


def _everybody(size: Size) -> Iterator[tuple[str, int, UUID]]:
    for n in range(size.people):
        yield "person", n, id_of("organisation", n // PEOPLE_EACH % size.organisations)
    for n in range(size.chains):
        yield "employee", n, id_of("between", n % size.intermediaries)


def _mandates(size: Size) -> Iterator[tuple[Any, ...]]:
    """Each person has one that suffices for what is asked, and one for something else."""
    services = (b.service().service_uuid, b.SERVICES[3].service_uuid)
    for kind, service in enumerate(services):
        template = b.mandate(scope=Scope(kind=ScopeKind.SERVICES, services=(service,)))
        changes = (
            {
                "id": id_of(f"mandate {kind}", n),
                "person": id_of("person", n),
                "organisation": id_of("organisation", n // PEOPLE_EACH % size.organisations),
            }
            for n in range(size.people)
        )
        yield from _rows(template, changes)


def _links(size: Size) -> Iterator[tuple[Any, ...]]:
    changes = (
        {
            "id": id_of("link", n),
            "organisation": id_of("organisation", n % size.organisations),
            "intermediary": kvk_of_intermediary(n % size.intermediaries),
        }
        for n in range(size.chains)
    )
    return _rows(b.link(), changes)


def _assignments(size: Size) -> Iterator[tuple[Any, ...]]:
    for n in range(size.chains):
        change = {
            "id": id_of("assignment", n),
            "person": id_of("employee", n),
            "organisation": id_of("between", n % size.intermediaries),
            "principal": tables._value("principal", principal(n, size)),
            "registry": b.KADE,
            "link": id_of("link", n),
        }
        yield from _rows(_ASSIGNMENT, [change])


_ASSIGNMENT = b.assignment(principal_name="Verzonnen BV")
