"""Approve: what one person asked for is done when another, or all others, agree.

A writing needs two operators; an appointment where authority is joint, every representative.
Source: [AS] where authority is joint, all must sign; two operators: CHOICE.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from registry.administration import pseudonyms
from registry.administration.actors import As, is_valid
from registry.administration.awaiting import Awaiting
from registry.administration.done import Done, Judged
from registry.administration.situation import Situation
from registry.events import Told
from registry.kept import Kept
from schemas.administration import Appoint, Approve, CommandContent, CommandRefusal, EventKind

Finish = Callable[[CommandContent, Situation], Judged]
"""Judge a command anew, and do it."""


def awaits(asked: CommandContent, situation: Situation) -> Judged:
    """Keep a command until it is approved by who else has to."""
    organisation = situation.found.organisation
    if organisation is None:
        return CommandRefusal.NOT_FOUND
    kept = Awaiting(
        id=situation.command,
        content=asked.model_dump_json(),
        organisation=organisation.id,
        approved_by=(situation.actor.pseudonym,),
        registered_at=situation.now,
    )
    return Done(told=[Told(EventKind.APPROVAL_AWAITED, kept)])


def approve(_: Approve, situation: Situation, finish: Finish) -> Judged:
    """Approve a command that waits; the last one who has to, does it. It is judged anew, with what
    holds by then, and as if the approver had given it."""
    before = situation.found.awaiting
    if before is None or not before.is_open(situation.now) or not may_approve(before, situation):
        return CommandRefusal.NOT_FOUND
    if situation.actor.pseudonym in before.approved_by:
        return CommandRefusal.SECOND_OPERATOR_NEEDED
    approved = (*before.approved_by, situation.actor.pseudonym)
    original = replace(situation, command=before.id)
    judged = finish(before.command, original)
    if isinstance(judged, CommandRefusal) or still_missing(approved, before, situation):
        return judged if isinstance(judged, CommandRefusal) else _waits_on(before, approved)
    done = before.model_copy(
        update={
            "revision": before.revision + 1,
            "approved_by": approved,
            "done_at": situation.now,
        }
    )
    relied_on = [*judged.relies_on, *relies_on(situation)]
    told = [*judged.told, Told(EventKind.APPROVED, done)]
    return replace(judged, told=told, relies_on=relied_on)


def may_approve(awaiting: Awaiting, situation: Situation) -> bool:
    """Whether this is for representatives of that organisation, or for operators, to approve."""
    actor = situation.actor
    if isinstance(awaiting.command, Appoint):
        return actor.as_ is As.REPRESENTATIVE and actor.owns(awaiting.organisation)
    return actor.as_ is As.OPERATOR


def still_missing(approved: tuple[str, ...], awaiting: Awaiting, situation: Situation) -> bool:
    """Whether somebody else has to approve as well."""
    return isinstance(awaiting.command, Appoint) and bool(missing(approved, situation))


def missing(approved: tuple[str, ...], situation: Situation) -> set[str]:
    """Of the organisation's representatives, those who have not signed where all must."""
    organisation = situation.found.organisation
    if organisation is None or not organisation.joint:
        return set()
    everybody = {
        pseudonyms.of_mandate(situation.registry, mandate)
        for mandate in situation.found.representatives
        if is_valid(mandate, situation.now)
    }
    return everybody - set(approved)


def relies_on(situation: Situation) -> list[Kept]:
    """Who represents, as it was read: nobody may have been withdrawn meanwhile."""
    organisation = situation.found.organisation
    return [*situation.found.representatives, *([organisation] if organisation else [])]


def _waits_on(before: Awaiting, approved: tuple[str, ...]) -> Done:
    after = before.model_copy(update={"revision": before.revision + 1, "approved_by": approved})
    return Done(told=[Told(EventKind.APPROVAL_AWAITED, after)])
