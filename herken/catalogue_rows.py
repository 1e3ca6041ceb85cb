"""A catalogue as rows, one a service: what stands in which column, and how.

A row without a ServiceID is a definition that its dienstverlener offers to others only; one without
name, description and level is a service that another dienstverlener defines. The parts
of a list:

entity_types  `1:KvKnr`, `2:RSIN+KvKnr`: the sets by number
attributes    `FirstName!: why`, `CompanyName: why`: with ! where it is required
approved      digests of intermediaries; in a file that is read also KvK numbers
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from schemas.catalogue import (
    Catalogue,
    CatalogueEntry,
    EntityTypeSet,
    RequestedAttribute,
    ServiceDefinition,
    ServiceInstance,
)
from schemas.values import AttributeName, EntityType, Level

Cell = str | bool | list[str]
Cells = dict[str, Cell]
"""A row by its columns; what is empty is left out."""


@dataclass(frozen=True)
class Column:
    """`of`: the parts of an entry that have the field. `show` and `read` are for one part of a list
    where it is one (`many`)."""

    name: str
    of: type[ServiceDefinition | ServiceInstance] | None
    field: str
    show: Callable[[Any], str] = str
    read: Callable[[str], Any] = str
    many: bool = False


def _last(urn: str) -> str:
    return urn.rsplit(":", 1)[1]


def _show_set(one: EntityTypeSet) -> str:
    return f"{one.number}:{'+'.join(map(_last, one.types))}"


def _read_set(text: str) -> dict[str, Any]:
    number, _, types = text.partition(":")
    return {"number": number, "types": [_TYPES.get(each, each) for each in types.split("+")]}


def _show_attribute(one: RequestedAttribute) -> str:
    return f"{_last(one.name)}{'!' if one.required else ''}: {one.purpose}"


def _read_attribute(text: str) -> dict[str, Any]:
    name, _, purpose = text.partition(":")
    short, required = name.removesuffix("!"), name.endswith("!")
    full = _ATTRIBUTES.get(short, short)
    return {"name": full, "required": required, "purpose": purpose.removeprefix(" ")}


_TYPES: Final = {_last(one): one for one in EntityType}
_ATTRIBUTES: Final = {_last(one): one for one in AttributeName}

COLUMNS: Final = (
    Column("dienstverlener", None, "dienstverlener"),
    Column("dienstverlener_name", None, "display_name"),
    Column("service_id", ServiceInstance, "service_id"),
    Column("service_uuid", None, "service_uuid"),
    Column("name", ServiceDefinition, "name"),
    Column("description", ServiceDefinition, "description"),
    Column("level", ServiceDefinition, "level", read=Level.parse),
    Column("entity_types", ServiceDefinition, "entity_types", _show_set, _read_set, many=True),
    Column("restrictable", ServiceDefinition, "restrictable"),
    Column(
        "attributes", ServiceDefinition, "attributes", _show_attribute, _read_attribute, many=True
    ),
    Column("portal_for", ServiceDefinition, "portal_for", many=True),
    Column("makelaar", ServiceInstance, "makelaar"),
    Column("sso", ServiceInstance, "sso"),
    Column("intermediation", ServiceInstance, "intermediation"),
    Column("approved", ServiceInstance, "approved_intermediaries", many=True),
    Column("urls", ServiceInstance, "urls", many=True),
    Column("certificate", ServiceInstance, "certificate"),
    Column("classifiers", ServiceInstance, "classifiers", many=True),
)
FLAGS: Final = {"restrictable", "sso"}
LISTS: Final = {column.name for column in COLUMNS if column.many}
HEADINGS: Final = [column.name for column in COLUMNS]


# --- from a catalogue


def rows(entries: Iterable[CatalogueEntry]) -> list[Cells]:
    """A row a service, in the order of the entries; then what each defines for others only."""
    return [row for entry in entries for row in _rows(entry)]


def rows_of(catalogue: Catalogue) -> list[Cells]:
    """The rows of a whole catalogue, in the order of its dienstverleners' EntityIDs."""
    return rows(catalogue.entries[each] for each in sorted(catalogue.entries))


def _rows(entry: CatalogueEntry) -> Iterator[Cells]:
    definitions = {each.service_uuid: each for each in entry.definitions}
    for instance in entry.instances:
        yield _row(entry, definitions.get(instance.service_uuid), instance)
    used = {instance.service_uuid for instance in entry.instances}
    for definition in entry.definitions:
        if definition.service_uuid not in used:
            yield _row(entry, definition, None)


def _row(
    entry: CatalogueEntry, definition: ServiceDefinition | None, instance: ServiceInstance | None
) -> Cells:
    of: dict[type[Any] | None, Any] = {ServiceDefinition: definition, ServiceInstance: instance}
    shown = {
        column.name: _cell(column, getattr(of[column.of], column.field))
        for column in COLUMNS
        if of.get(column.of) is not None
    }
    shared = definition or instance
    shown["dienstverlener"], shown["dienstverlener_name"] = entry.dienstverlener, entry.display_name
    shown["service_uuid"] = str(shared.service_uuid) if shared else ""
    return {name: shown[name] for name in HEADINGS if shown.get(name, "") not in ("", [])}


def _cell(column: Column, value: Any) -> Cell:
    if column.many:
        return [column.show(each) for each in value]
    if isinstance(value, bool):
        return value
    return "" if value is None else column.show(value)


# --- to a catalogue


def part(row: Mapping[str, Cell], of: type[ServiceDefinition | ServiceInstance]) -> dict[str, Any]:
    """The fields of a definition or an instance, from a row. Raises CellError."""
    return {
        column.field: _value(column, row[column.name])
        for column in COLUMNS
        if column.of is of and column.name in row
    }


class CellError(ValueError):
    """A cell that cannot be read; `column` is its name."""

    def __init__(self, column: str, text: str) -> None:
        super().__init__(text)
        self.column = column


def _value(column: Column, cell: Cell) -> Any:
    if column.name in FLAGS:
        return _flag(column, cell)
    parts = cell if isinstance(cell, list) else [cell]
    if isinstance(cell, list) is not column.many or not all(isinstance(p, str) for p in parts):
        raise CellError(column.name, f"must be {'a list of texts' if column.many else 'text'}")
    try:
        read = [column.read(str(each)) for each in parts]
        return read if column.many else read[0]
    except ValueError as error:
        raise CellError(column.name, str(error)) from None


def _flag(column: Column, cell: Cell) -> bool:
    if not isinstance(cell, bool):
        raise CellError(column.name, "must be yes or no")
    return cell


def uuid_of(row: Mapping[str, Cell]) -> UUID | None:
    """The ServiceUUID of a row, if it has one that can be read."""
    try:
        return UUID(str(row.get("service_uuid", "")))
    except ValueError:
        return None
