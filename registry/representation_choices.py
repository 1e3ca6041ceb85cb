"""Stage: the user chose for whom he acts, or cancelled.

representation-choices.<registry> -> mandate-decisions.<makelaar>
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from pipeline.stage import Batch, Moment, Step
from registry import decisions, rules
from registry import mandates as mandates_table
from registry.mandates import Mandate
from registry.query import Query
from registry.rules import Registry
from schemas.codec import Received
from schemas.messages import RepresentationChoice
from schemas.refusals import RefusalCode


@dataclass(frozen=True)
class Offered:
    """The mandates that were offered, as they are now."""

    registry: Registry
    mandates: Mapping[UUID, Mandate]


def handle(
    query: Query | None, received: Received[RepresentationChoice], offered: Offered, moment: Moment
) -> Step[Query]:
    """Decide by the mandate chosen, as it is now; a choice not offered changes nothing."""
    choice, registry = received.message, offered.registry
    reason = rules.is_awaited(query, choice)
    if query is None or reason is not None:
        return Step(reject=reason)
    if moment.now >= query.deadline:
        return decisions.deny(query, RefusalCode.DEADLINE_PASSED, registry)
    if choice.option is None:
        return decisions.deny(query, RefusalCode.CANCELLED_BY_USER, registry)
    if int(choice.option) >= len(query.options):
        return Step(reject="not_offered")
    return _decide(query, offered.mandates.get(query.options[int(choice.option)]), registry, moment)


def _decide(
    query: Query, mandate: Mandate | None, registry: Registry, moment: Moment
) -> Step[Query]:
    service = registry.catalogue.service(query.service)
    chosen = [mandate] if mandate else []
    if service is None:
        return decisions.deny(query, RefusalCode.PARTICIPANT_FAULT, registry)
    match rules.sufficing(chosen, service, query.level, moment.now):
        case RefusalCode() as code:
            return decisions.deny(query, code, registry)
        case [only, *_]:
            return decisions.permit(query, only, registry, moment)
    return decisions.deny(query, RefusalCode.NO_MANDATE, registry)


async def facts(batch: Batch[Registry]) -> list[Offered]:
    """The offered mandates of a batch, read anew: one may have been withdrawn meanwhile."""
    rows = [batch.row(received.message.request_id) for received in batch.received]
    ids = {id_ for row in rows if row is not None for id_ in row.options}
    found = await mandates_table.by_id(batch.connection, ids)
    return [Offered(batch.known, found) for _ in batch.received]
