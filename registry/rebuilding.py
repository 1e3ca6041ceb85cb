"""The registry's tables, made again from its events: exactly what they were.

    mandate-events.<registry>, charges.<registry> -> organisations, people, mandates, links,
                                                     assignments, awaiting, events, charges

Of each object the highest revision wins, in whatever order the events come. The runner's own tables
(inputs, claims, logins) are no part of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from pipeline.keys import Keys
from registry import billing, events, tables
from registry.administration.awaiting import Awaiting
from registry.events import Recorded
from registry.kept import KEPT, Kept
from registry.tables import AnyConnection
from schemas import codec
from schemas.administration import Charge, MandateEvent
from schemas.codec import Record, Untrusted
from schemas.message import Message
from schemas.sealed import Identifier
from schemas.topics import CHARGES, MANDATE_EVENTS

M = TypeVar("M", bound=Message)
_ORDER: tuple[type[Kept], ...] = (*KEPT, Awaiting)
_MODELS = {model.TABLE: model for model in _ORDER}


@dataclass(frozen=True)
class Rebuilt:
    """How many rows were made."""

    objects: int
    events: int
    charges: int


async def rebuild(connection: AnyConnection, keys: Keys, records: Iterable[Record]) -> Rebuilt:
    """Fill empty tables from a registry's own records, of both topics and in any order.

    Raises Untrusted where a record is not the registry's own, Unreadable where what is recorded
    cannot be opened any more.
    """
    newest: dict[tuple[str, UUID], Kept] = {}
    told, charged = 0, 0
    for record in records:
        if record.topic == CHARGES.of(keys.me.name):
            await _charge(connection, keys, record)
            charged += 1
        if record.topic == MANDATE_EVENTS.of(keys.me.name):
            told += await _event(connection, keys, record, newest)
    for thing in sorted(newest.values(), key=lambda one: _ORDER.index(type(one))):
        await tables.put(connection, thing)
    return Rebuilt(len(newest), told, charged)


async def _charge(connection: AnyConnection, keys: Keys, record: Record) -> None:
    charge = _own(keys, record, Charge)
    await billing.write(connection, charge, keys.open(charge.organisation, Identifier))


async def _event(
    connection: AnyConnection,
    keys: Keys,
    record: Record,
    newest: dict[tuple[str, UUID], Kept],
) -> bool:
    """Write an event's row, and remember its object; whether there was one."""
    event = _own(keys, record, MandateEvent)
    if event.recorded is None or event.object is None:
        return False
    recorded = keys.open(event.recorded, Recorded)
    await events.write(connection, event, recorded)
    thing = _MODELS[recorded.table].model_validate_json(recorded.thing)
    known = newest.get((recorded.table, thing.id))
    if known is None or known.revision < thing.revision:
        newest[recorded.table, thing.id] = thing
    return True


def _own(keys: Keys, record: Record, message: type[M]) -> M:
    """What this registry signed itself, at the time when it did. Raises Untrusted."""
    text = record.value.decode()
    claims = codec.verify_own(text, message, keys.me, keys.me, keys.directory)
    if not isinstance(claims.data, message):
        raise Untrusted("message_malformed")
    return claims.data
