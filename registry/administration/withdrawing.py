"""Withdraw and WithdrawPerson: over, from the moment that this is answered.

The row's next revision is written in the transaction that stores the event, and only then is the
event sent. A decision holds the rows that it rests on until it is written (`tables.still_hold`), so
that it is either before the withdrawal, or sees it. That write is the linearisation point.
"""

from __future__ import annotations

from registry.administration import lines, wanted
from registry.administration.actors import As, administrative
from registry.administration.done import Done, Judged
from registry.administration.situation import Situation, Thing
from registry.events import Told
from registry.kept import Assignment, Link, Mandate
from schemas.administration import MANAGEMENT, CommandRefusal, EventKind
from schemas.commands import Withdraw, WithdrawPerson

_WITHDRAWN: dict[type[Thing], EventKind] = {
    Mandate: EventKind.MANDATE_WITHDRAWN,
    Link: EventKind.LINK_WITHDRAWN,
    Assignment: EventKind.ASSIGNMENT_WITHDRAWN,
}


def withdraw(_: Withdraw, situation: Situation) -> Judged:
    """By the manager of either side; a manager's own mandate by a representative too."""
    before = situation.thing
    if before is None or not is_side(before, situation):
        return CommandRefusal.NOT_FOUND
    reason = wanted.first(
        may_withdraw(before, situation),
        wanted.level(before.level, situation),
        CommandRefusal.ALREADY_WITHDRAWN if before.withdrawn_at else None,
    )
    return reason or Done([withdrawn(before, situation)])


def is_side(thing: Thing, situation: Situation) -> bool:
    """Whether it is of the organisation of who commands, on either side."""
    actor = situation.actor
    as_intermediary = isinstance(thing, Link) and actor.kvk == thing.intermediary
    return as_intermediary or actor.owns(thing.organisation)


def may_withdraw(thing: Thing, situation: Situation) -> CommandRefusal | None:
    """What the registry itself registered (who represents, who operates) no command withdraws; a
    representative withdraws managers, and nothing else."""
    actor, scope = situation.actor, thing.scope.services if isinstance(thing, Mandate) else ()
    if actor.as_ is As.REPRESENTATIVE:
        return None if scope == (MANAGEMENT,) else CommandRefusal.NOT_AUTHORISED
    registered = administrative(situation.registry.directory) - {MANAGEMENT}
    allowed = actor.as_ is As.MANAGER and not registered & set(scope)
    return None if allowed else CommandRefusal.NOT_AUTHORISED


def withdraw_person(_: WithdrawPerson, situation: Situation) -> Judged:
    """All that a person has for the manager's organisation; nothing of it where something of it is
    above the manager's level. What the registry itself registered stays."""
    actor, person = situation.actor, situation.found.person
    if actor.as_ is not As.MANAGER:
        return CommandRefusal.NOT_AUTHORISED
    open_ = [
        thing
        for thing in situation.found.things
        if thing.withdrawn_at is None
        and actor.owns(thing.organisation)
        and may_withdraw(thing, situation) is None
    ]
    if person is None or not open_:
        return CommandRefusal.NOT_FOUND
    reason = wanted.first(*(wanted.level(thing.level, situation) for thing in open_))
    return reason or Done([withdrawn(thing, situation) for thing in open_])


def withdrawn(before: Thing, situation: Situation) -> Told:
    changes = {"revision": before.revision + 1, "withdrawn_at": situation.now}
    after = before.model_copy(update=changes)
    return Told(_WITHDRAWN[type(after)], after, lines.shown(after, situation))
