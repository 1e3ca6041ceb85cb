"""Register and Change: a mandate for a person, by a manager, or in writing by two operators."""

from __future__ import annotations

from registry.administration import lines, validity, wanted
from registry.administration.actors import As, administrative
from registry.administration.approving import awaits
from registry.administration.done import Cost, Done, Judged
from registry.administration.situation import Situation
from registry.events import Told
from registry.kept import Mandate, Organisation, Person
from schemas.administration import (
    Change,
    ChargeKind,
    CommandRefusal,
    EventKind,
    Register,
    RegisterLink,
)


def register(asked: Register, situation: Situation) -> Judged:
    """A manager's is done at once; an operator's waits for a second operator."""
    made = mandate(asked, situation)
    if isinstance(made, CommandRefusal):
        return made
    if situation.actor.as_ is As.OPERATOR:
        return awaits(asked, situation)
    return registered(made, situation)


def mandate(asked: Register, situation: Situation) -> Mandate | CommandRefusal:
    """The mandate that is asked for, or why it cannot be."""
    organisation, person = situation.found.organisation, situation.found.person
    if organisation is None:
        return whose(asked, situation) or CommandRefusal.NOT_FOUND
    reason = wanted.first(
        whose(asked, situation),
        wanted.scope(asked.scope, situation.registry),
        wanted.level(asked.level, situation),
        wanted.vestiging(asked.vestiging, organisation),
        None if person else CommandRefusal.PERSON_UNKNOWN,
    )
    period = validity.period(asked, situation.now)
    if reason is not None or person is None or isinstance(period, CommandRefusal):
        return reason or CommandRefusal.VALIDITY_REFUSED
    return _mandate(asked, situation, organisation, person).model_copy(
        update={"valid_from": period[0], "valid_until": period[1]}
    )


def _mandate(
    asked: Register, situation: Situation, organisation: Organisation, person: Person
) -> Mandate:
    return Mandate(
        id=situation.new_id(Mandate),
        person=person.id,
        organisation=organisation.id,
        scope=asked.scope,
        level=asked.level,
        vestiging=asked.vestiging,
        valid_from=situation.now,
        valid_until=validity.latest_end(situation.now),
        document=asked.document,
        registered_at=situation.now,
    )


def whose(asked: Register | RegisterLink, situation: Situation) -> CommandRefusal | None:
    """A manager registers for his own organisation, digitally; an operator for any, in writing."""
    actor = situation.actor
    if actor.as_ is As.OPERATOR:
        named = asked.document is not None and asked.organisation is not None
        return None if named else CommandRefusal.DOCUMENT_NEEDED
    own = situation.found.organisation
    if actor.as_ is not As.MANAGER or own is None or not actor.owns(own.id):
        return CommandRefusal.NOT_AUTHORISED
    return CommandRefusal.NOT_AUTHORISED if asked.document is not None else None


def registered(made: Mandate, situation: Situation) -> Judged:
    """The mandate is there, and costs its organisation something."""
    organisation, person = situation.found.organisation, situation.found.person
    if organisation is None or person is None:
        return CommandRefusal.NOT_FOUND
    cost = Cost(ChargeKind.REGISTRATION, organisation, f"{made.id}@{made.revision}")
    change = Told(EventKind.MANDATE_REGISTERED, made, lines.shown(made, situation))
    return Done(told=[change], relies_on=[organisation, person], costs=[cost])


def change(asked: Change, situation: Situation) -> Judged:
    """Another level or end of a mandate of the manager's own organisation, at or below his own
    level before and after."""
    before = situation.thing
    if not isinstance(before, Mandate) or not situation.actor.owns(before.organisation):
        return CommandRefusal.NOT_FOUND
    reason = wanted.first(
        None if situation.actor.as_ is As.MANAGER else CommandRefusal.NOT_AUTHORISED,
        is_his(before, situation),
        CommandRefusal.ALREADY_WITHDRAWN if before.withdrawn_at else None,
        wanted.level(before.level, situation),
        wanted.level(asked.level or before.level, situation),
        _over(before, situation),
    )
    return reason or _changed(asked, before, situation)


def is_his(before: Mandate, situation: Situation) -> CommandRefusal | None:
    """A manager changes no mandate of managers, representatives or operators."""
    special = administrative(situation.registry.directory) & set(before.scope.services)
    return CommandRefusal.NOT_AUTHORISED if special else None


def _over(before: Mandate, situation: Situation) -> CommandRefusal | None:
    """What is over cannot be changed: it is registered anew."""
    return CommandRefusal.VALIDITY_REFUSED if before.valid_until <= situation.now else None


def _changed(asked: Change, before: Mandate, situation: Situation) -> Judged:
    period: tuple[object, object] | CommandRefusal = (before.valid_from, before.valid_until)
    if asked.valid_until is not None:
        period = validity.renewed(before.valid_from, asked.valid_until, situation.now)
    if isinstance(period, CommandRefusal):
        return period
    after = before.model_copy(
        update={
            "revision": before.revision + 1,
            "level": asked.level or before.level,
            "valid_from": period[0],
            "valid_until": period[1],
        }
    )
    change = Told(EventKind.MANDATE_CHANGED, after, lines.shown(after, situation))
    return Done(told=[change], costs=_renewal(before, after, situation))


def _renewal(before: Mandate, after: Mandate, situation: Situation) -> list[Cost]:
    """A later end costs something. Source: [AS] registrations are billable."""
    organisation = situation.actor.organisation
    if organisation is None or after.valid_until <= before.valid_until:
        return []
    return [Cost(ChargeKind.RENEWAL, organisation, f"{after.id}@{after.revision}")]
