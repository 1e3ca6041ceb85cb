"""What a registry tells of what it keeps: an event for every change, with the whole object inside.

    Told (a kind, an object) -> MandateEvent on mandate-events.<registry>, and a row of `events`

`recorded` is sealed for the registry itself, so that its tables can be made again from its events
(`registry.rebuilding`); `shown` for its portal.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from pipeline.keys import Keys
from pipeline.ledger import Conflict
from pipeline.stage import Change, Outgoing
from registry import tables
from registry.kept import KEPT, Assignment, Kept, Link, Mandate, Organisation, Person
from registry.rules import Registry
from registry.tables import AnyConnection, Outdated
from schemas import codec
from schemas.administration import CommandRefusal, EventKind, MandateEvent, Shown
from schemas.codec import Record
from schemas.directory import KeyUse, Participant
from schemas.topics import MANDATE_EVENTS
from schemas.values import Value


class By(StrEnum):
    """Who brought a change about, in general terms."""

    MANAGER = "manager"
    REPRESENTATIVE = "representative"
    OPERATOR = "operator"
    REGISTRY = "registry"


class Recorded(Value):
    """Inside what a MandateEvent records, and the content of its row: the object as JSON, and the
    table that it is of."""

    table: str
    by: By
    thing: str


@dataclass(frozen=True)
class Told:
    """Something that changed, as it is now. `shown` for the manager, where there is a line."""

    kind: EventKind
    thing: Kept
    shown: Shown | None = None


@dataclass(frozen=True)
class Past:
    """A row of `events`."""

    kind: EventKind
    revision: int
    recorded: Recorded
    at: datetime


# --- told


def told(
    command: UUID, changes: Sequence[Told], by: By, registry: Registry, at: datetime, total: int
) -> tuple[list[Change], list[Outgoing]]:
    """The events of changes that are the first of `total`: what is written, and what is sent."""
    written: list[Change] = []
    sent: list[Outgoing] = []
    for number, each in enumerate(changes, start=1):
        recorded = Recorded(table=each.thing.TABLE, by=by, thing=each.thing.model_dump_json())
        event = MandateEvent(
            request_id=command,
            kind=each.kind,
            number=number,
            total=total,
            object=each.thing.id,
            revision=each.thing.revision,
            recorded=registry.seal(recorded, registry.me, KeyUse.ENCRYPTION),
            shown=_sealed(each.shown, registry),
            at=at,
        )
        written += [put(each.thing), row(event, recorded)]
        sent.append(_outgoing(event, registry))
    return written, sent


def shown(
    command: UUID, pages: Sequence[Shown], registry: Registry, at: datetime
) -> list[Outgoing]:
    """The events that only show something."""
    kind, total = EventKind.SHOWN, len(pages)
    return [
        _outgoing(
            MandateEvent(
                request_id=command,
                kind=kind,
                number=number,
                total=total,
                shown=_sealed(page, registry),
                at=at,
            ),
            registry,
        )
        for number, page in enumerate(pages, start=1)
    ]


def refused(command: UUID, reason: CommandRefusal, registry: Registry, at: datetime) -> Outgoing:
    """The one event of a refused command."""
    event = MandateEvent(request_id=command, kind=EventKind.REFUSED, reason=reason, at=at)
    return _outgoing(event, registry)


def _sealed(shown: Shown | None, registry: Registry) -> str | None:
    portal = portal_of(registry)
    return registry.seal(shown, portal, KeyUse.ENCRYPTION) if shown and portal else None


def _outgoing(event: MandateEvent, registry: Registry) -> Outgoing:
    portal = registry.me.portal
    return Outgoing(MANDATE_EVENTS, registry.me, event, (portal,) if portal else ())


def portal_of(registry: Registry) -> Participant | None:
    return registry.directory.participant(registry.me.portal) if registry.me.portal else None


# --- written


def put(thing: Kept) -> Change:
    """Write a thing's next revision; where somebody else was first, all is handled again."""

    async def change(connection: AnyConnection) -> None:
        try:
            await tables.put(connection, thing)
        except Outdated:
            raise Conflict from None

    return change


def row(event: MandateEvent, recorded: Recorded) -> Change:
    """Write an event's row; the same one twice is one."""

    async def change(connection: AnyConnection) -> None:
        await write(connection, event, recorded)

    return change


async def write(connection: AnyConnection, event: MandateEvent, recorded: Recorded) -> None:
    text = f"{event.request_id} {recorded.table} {event.object} {event.revision}"
    await connection.execute(
        "INSERT INTO events (id, command, kind, object, revision, content, at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO NOTHING",
        codec.message_id("event", text),
        event.request_id,
        event.kind.value,
        event.object,
        event.revision,
        recorded.model_dump_json(),
        event.at,
    )


async def past_of(connection: AnyConnection, object_: UUID) -> list[Past]:
    """Everything that happened to an object, oldest first."""
    rows = await connection.fetch(
        "SELECT kind, revision, content, at FROM events WHERE object = $1 ORDER BY revision, at",
        object_,
    )
    return [
        Past(
            EventKind(found["kind"]),
            found["revision"],
            Recorded.model_validate_json(found["content"]),
            found["at"],
        )
        for found in rows
    ]


# --- what is registered at set-up


@dataclass(frozen=True)
class Seeded:
    """What tells of one object that is there from the start: a row and a record."""

    change: Change
    record: Record


def of_seed(things: Iterable[Kept], keys: Keys, registry: Registry, now: datetime) -> list[Seeded]:
    """The events of what is registered at set-up, in the order in which things refer to each other.
    The same objects give the same IDs, so that setting up twice tells nothing new."""
    ordered = sorted(things, key=lambda thing: (KEPT.index(type(thing)), thing.id))
    return [_seeded(thing, keys, registry, now) for thing in ordered]


def _seeded(thing: Kept, keys: Keys, registry: Registry, now: datetime) -> Seeded:
    command = codec.message_id("seed", str(thing.id))
    change = Told(kind_at_seed(thing), thing)
    (_, written), (sent,) = told(command, [change], By.REGISTRY, registry, now, total=1)
    jti = codec.message_id(registry.me.name, f"{command} {thing.revision}")
    topic, audience = MANDATE_EVENTS.of(registry.me.name), (registry.me.entity_id, *sent.also)
    record = codec.encode_signed(topic, sent.message, keys.signer(now), audience, jti, now)
    return Seeded(written, record)


def kind_at_seed(thing: Kept) -> EventKind:
    """What an event of an object that is there from the start says happened."""
    match thing:
        case Organisation():
            return EventKind.ORGANISATION_REGISTERED
        case Person():
            return EventKind.PERSON_REGISTERED
        case Mandate():
            return _ended(thing.withdrawn_at, EventKind.MANDATE_WITHDRAWN, _MANDATE)
        case Link():
            accepted = EventKind.LINK_ACCEPTED if thing.accepted_at else EventKind.LINK_REGISTERED
            return _ended(thing.withdrawn_at, EventKind.LINK_WITHDRAWN, accepted)
        case Assignment():
            located = EventKind.ASSIGNMENT_LOCATED if thing.link else _ASSIGNMENT
            return _ended(thing.withdrawn_at, EventKind.ASSIGNMENT_WITHDRAWN, located)
    raise TypeError(type(thing).__name__)


_MANDATE, _ASSIGNMENT = EventKind.MANDATE_REGISTERED, EventKind.ASSIGNMENT_REGISTERED


def _ended(withdrawn_at: datetime | None, ended: EventKind, kind: EventKind) -> EventKind:
    return ended if withdrawn_at else kind
