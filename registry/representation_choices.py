"""Stage: the user chose for whom he acts, or cancelled.

representation-choices.<registry> -> mandate-decisions.<makelaar>
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from pipeline.stage import Batch, Moment, Step
from registry import candidates, decisions, judging, rules, selection
from registry.candidates import Granted, Holding
from registry.cases import Asked, Candidate, asked_by
from registry.judging import Refusal, failed
from registry.query import Query
from registry.rules import Question, Registry
from registry.selection import Choice
from schemas.codec import Received
from schemas.dialogue import RepresentationChoice
from schemas.refusals import RefusalCode

CANCELLED: Final = Refusal(
    RefusalCode.CANCELLED_BY_USER,
    (failed("cancelled_by_user", "the user chose none", "a choice of what was offered"),),
)


@dataclass(frozen=True)
class Offered:
    """What was offered, as it is now."""

    registry: Registry
    candidates: Mapping[UUID, Candidate[Granted]]


def handle(
    query: Query | None, received: Received[RepresentationChoice], offered: Offered, moment: Moment
) -> Step[Query]:
    """Decide by what was chosen, as it is now; a choice not offered changes nothing."""
    choice, registry = received.message, offered.registry
    reason = rules.is_awaited(query, choice)
    if query is None or reason is not None:
        return Step(reject=reason)
    question = Question(query, query.reached, moment.now, registry)
    admitted = judging.admit(rules.CHOICE_RULES, question)
    if isinstance(admitted, Refusal):
        return decisions.deny(query, admitted, registry)
    if choice.option is None:
        return decisions.deny(query, CANCELLED, registry)
    if int(choice.option) >= len(query.options):
        return Step(reject="not_offered")
    ids = query.options[int(choice.option)]
    chosen = tuple(offered.candidates[id_] for id_ in ids if id_ in offered.candidates)
    return _decide(query, chosen, asked_by(question), moment)


def _decide(query: Query, chosen: Choice, asked: Asked, moment: Moment) -> Step[Query]:
    match selection.choices(chosen, asked):
        case [only]:
            return decisions.permit(query, only, asked, moment)
        case _:
            refusal = selection.refusal(Holding(known=True, candidates=chosen), asked)
            return decisions.deny(query, refusal, asked.registry)


async def facts(batch: Batch[Registry]) -> list[Offered]:
    """What was offered to a batch, read anew: something may have been withdrawn meanwhile."""
    rows = [batch.row(received.message.request_id) for received in batch.received]
    ids = {id_ for row in rows if row for option in row.options for id_ in option}
    found = await candidates.by_id(batch.connection, ids)
    return [Offered(batch.known, found) for _ in batch.received]
