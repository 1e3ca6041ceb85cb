"""What must hold for a file before anything of it is published: every row by itself, and all of
them together. Everything that is wrong is told, with its line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from pydantic import TypeAdapter, ValidationError

from herken.catalogue_file import Line
from herken.catalogue_rows import COLUMNS, HEADINGS, Cell, CellError, part
from schemas.catalogue import (
    CatalogueEntry,
    ServiceDefinition,
    ServiceInstance,
    intermediary_digest,
)
from schemas.directory import Directory
from schemas.values import DisplayName, EntityID, KvK, Role, Value

T = TypeVar("T")


class Problem(NamedTuple):
    """What is wrong in a line of the file."""

    line: int
    text: str


class Owner(Value):
    """Whose row it is, and of which service."""

    dienstverlener: EntityID
    display_name: DisplayName
    service_uuid: UUID


@dataclass(frozen=True)
class Row:
    """A row that is right by itself."""

    line: int
    owner: Owner
    definition: ServiceDefinition | None
    instance: ServiceInstance | None

    @property
    def dienstverlener(self) -> str:
        return self.owner.dienstverlener


@dataclass(frozen=True)
class Rows:
    """A whole file: the rows that are right by themselves, and what is wrong with the others.

    `mentioned`: the ServiceUUIDs of those others; what a broken row was to define is no news.
    """

    right: Sequence[Row]
    problems: Sequence[Problem]
    mentioned: frozenset[str] = frozenset()
    directory: Directory = field(kw_only=True)

    @cached_property
    def defined(self) -> Mapping[UUID, Row]:
        """The first row that defines each ServiceUUID."""
        found: dict[UUID, Row] = {}
        for row in self.right:
            if row.definition is not None:
                found.setdefault(row.definition.service_uuid, row)
        return found

    def is_defined(self, service_uuid: UUID) -> bool:
        return service_uuid in self.defined or str(service_uuid) in self.mentioned


# --- each row by itself


def checked(lines: Iterable[Line], directory: Directory) -> Rows:
    """The rows of a file, with everything that is wrong in them, by line."""
    right, problems, mentioned = list[Row](), list[Problem](), set[str]()
    for line in lines:
        row, wrong = _row(line)
        problems += [Problem(line.number, text) for text in wrong]
        if row is not None:
            right.append(row)
        else:
            mentioned.add(str(line.cells.get("service_uuid", "")))
    rows = Rows(right, problems, frozenset(mentioned), directory=directory)
    together = [problem for check in CHECKS for problem in check(rows)]
    return Rows(right, sorted([*problems, *together]), rows.mentioned, directory=directory)


def _row(line: Line) -> tuple[Row | None, list[str]]:
    """The row, or everything that is wrong in it."""
    cells = line.cells
    wrong = [f"{name}: there is no such column" for name in cells if name not in HEADINGS]
    if wrong:
        return None, wrong
    owner = _unless(wrong, lambda: _owner(cells))
    uuid = owner.service_uuid if owner is not None else UUID(int=0)
    definition = _unless(wrong, lambda: _definition(uuid, cells))
    instance = _unless(wrong, lambda: _instance(uuid, cells))
    if wrong or owner is None:
        return None, wrong
    return Row(line.number, owner, definition, instance), []


def _unless(wrong: list[str], make: Callable[[], T | None]) -> T | None:
    """What is made; or None, and what is wrong with it."""
    try:
        return make()
    except ValidationError as error:
        wrong += _told(error)
    except CellError as error:
        wrong.append(f"{error.column}: {error}")
    return None


def _owner(cells: Mapping[str, Cell]) -> Owner:
    owned = {column.field: cells.get(column.name) for column in COLUMNS if column.of is None}
    return Owner.model_validate({name: value for name, value in owned.items() if value})


def _definition(uuid: UUID, cells: Mapping[str, Cell]) -> ServiceDefinition | None:
    fields = part(cells, ServiceDefinition)
    if not fields and "service_id" in cells:
        return None
    return ServiceDefinition.model_validate({"service_uuid": uuid, **fields})


def _instance(uuid: UUID, cells: Mapping[str, Cell]) -> ServiceInstance | None:
    fields: dict[str, Any] = part(cells, ServiceInstance)
    if not fields:
        return None
    named = fields.get("approved_intermediaries", [])
    approved = {"approved_intermediaries": [_digest(uuid, each) for each in named]}
    return ServiceInstance.model_validate(
        {"service_uuid": uuid, **fields, **(approved if named else {})}
    )


_KVK: TypeAdapter[str] = TypeAdapter(KvK)


def _digest(uuid: UUID, named: str) -> str:
    """An intermediary may be named by its KvK number in the file; the catalogue has digests."""
    try:
        return intermediary_digest(uuid, _KVK.validate_python(named))
    except ValidationError:
        return named


_NAMES = {column.field: column.name for column in COLUMNS}


def _told(error: ValidationError) -> Iterable[str]:
    """The first thing that is wrong in each column."""
    told: dict[str, str] = {}
    for one in error.errors(include_url=False, include_input=False):
        where = [_NAMES.get(str(name), str(name)) for name in one["loc"][:1]]
        text = "is missing" if one["type"] == "missing" else one["msg"]
        told.setdefault("".join(where), ": ".join([*where, text.removeprefix("Value error, ")]))
    return told.values()


# --- all rows together


def _unknown_dienstverleners(rows: Rows) -> Iterator[Problem]:
    for row in rows.right:
        if not _takes_part(rows.directory, row.dienstverlener, Role.DIENSTVERLENER):
            yield Problem(row.line, "dienstverlener: the directory has no such dienstverlener")


def _unknown_makelaars(rows: Rows) -> Iterator[Problem]:
    for row in rows.right:
        if row.instance is None:
            continue
        if not _takes_part(rows.directory, row.instance.makelaar, Role.MAKELAAR):
            yield Problem(row.line, "makelaar: the directory has no such makelaar")


def _takes_part(directory: Directory, entity_id: str, role: Role) -> bool:
    participant = directory.participant(entity_id)
    return participant is not None and participant.role is role


def _other_names(rows: Rows) -> Iterator[Problem]:
    """A dienstverlener has one name."""
    first: dict[str, Row] = {}
    for row in rows.right:
        before = first.setdefault(row.dienstverlener, row)
        if before.owner.display_name != row.owner.display_name:
            yield Problem(row.line, f"dienstverlener_name: differs from that in line {before.line}")


def _others_oin(rows: Rows) -> Iterator[Problem]:
    for row in rows.right:
        if row.instance is None:
            continue
        if row.instance.service_id.split(":")[3] != row.dienstverlener.split(":")[3]:
            yield Problem(row.line, "service_id: has the OIN of another dienstverlener")


def _services_twice(rows: Rows) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for row in rows.right:
        if row.instance is None:
            continue
        before = first.setdefault(row.instance.service_id, row.line)
        if before != row.line:
            yield Problem(row.line, f"service_id: is also in line {before}")


def _defined_twice(rows: Rows) -> Iterator[Problem]:
    """One dienstverlener may tell the same of it in several rows."""
    for row in rows.right:
        if row.definition is None:
            continue
        before = rows.defined[row.definition.service_uuid]
        same = before.definition == row.definition
        if before.dienstverlener != row.dienstverlener or not same:
            yield Problem(row.line, f"service_uuid: is defined in line {before.line} already")


def _never_defined(rows: Rows) -> Iterator[Problem]:
    for row in rows.right:
        if not rows.is_defined(row.owner.service_uuid):
            text = "is defined by no row: name, description and level are missing"
            yield Problem(row.line, f"service_uuid: {text}")


def _portals(rows: Rows) -> Iterator[Problem]:
    """CHOICE: a portal stands for services, and for no other portal."""
    for row in rows.right:
        for service_uuid in row.definition.portal_for if row.definition else ():
            if not rows.is_defined(service_uuid):
                yield Problem(row.line, f"portal_for: {service_uuid} is defined by no row")
            elif _is_portal(rows, service_uuid):
                yield Problem(row.line, f"portal_for: {service_uuid} is a portal itself")


def _is_portal(rows: Rows, service_uuid: UUID) -> bool:
    row = rows.defined.get(service_uuid)
    return bool(row and row.definition and row.definition.portal_for)


CHECKS: tuple[Callable[[Rows], Iterator[Problem]], ...] = (
    _unknown_dienstverleners,
    _unknown_makelaars,
    _other_names,
    _others_oin,
    _services_twice,
    _defined_twice,
    _never_defined,
    _portals,
)


# --- as entries


def entries(rows: Rows, now: datetime) -> list[CatalogueEntry]:
    """The entry of each dienstverlener in the file, without a version yet: all have 1."""
    owned: dict[str, list[Row]] = {}
    for row in rows.right:
        owned.setdefault(row.dienstverlener, []).append(row)
    return [_entry(mine, now) for mine in owned.values()]


def _entry(mine: Sequence[Row], now: datetime) -> CatalogueEntry:
    defined = [row.definition for row in mine if row.definition is not None]
    return CatalogueEntry(
        version=1,
        issued_at=now,
        dienstverlener=mine[0].dienstverlener,
        oin=mine[0].dienstverlener.split(":")[3],
        display_name=mine[0].owner.display_name,
        definitions=tuple({each.service_uuid: each for each in defined}.values()),
        instances=tuple(row.instance for row in mine if row.instance is not None),
    )
