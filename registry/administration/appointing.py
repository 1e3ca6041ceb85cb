"""Appoint: a machtigingenbeheerder, by the authorised representative; by all of them where their
authority is joint. Source: [AS] roles."""

from __future__ import annotations

from dataclasses import replace

from registry.administration import lines, validity, wanted
from registry.administration.actors import As
from registry.administration.approving import awaits, missing, relies_on
from registry.administration.done import Done, Judged
from registry.administration.situation import Situation
from registry.events import Told
from registry.kept import Mandate
from schemas.administration import (
    MANAGEMENT,
    Appoint,
    CommandRefusal,
    EventKind,
    Scope,
    ScopeKind,
)


def appoint(asked: Appoint, situation: Situation) -> Judged:
    """Done at once by who represents alone; else it waits for the others."""
    judged = appointed(asked, situation)
    if isinstance(judged, CommandRefusal):
        return judged
    if missing((situation.actor.pseudonym,), situation):
        return awaits(asked, situation)
    return replace(judged, relies_on=[*judged.relies_on, *relies_on(situation)])


def appointed(asked: Appoint, situation: Situation) -> Judged:
    """The manager's mandate, by who may give it. It costs nothing."""
    actor, person = situation.actor, situation.found.person
    organisation = situation.found.organisation
    if actor.as_ is not As.REPRESENTATIVE or organisation is None:
        return CommandRefusal.NOT_AUTHORISED
    if not actor.owns(organisation.id):
        return CommandRefusal.NOT_AUTHORISED
    reason = wanted.level(asked.level, situation)
    period = validity.period(asked, situation.now)
    if reason is not None or isinstance(period, CommandRefusal):
        return reason or CommandRefusal.VALIDITY_REFUSED
    if person is None:
        return CommandRefusal.PERSON_UNKNOWN
    made = Mandate(
        id=situation.new_id(Mandate),
        person=person.id,
        organisation=organisation.id,
        scope=Scope(kind=ScopeKind.SERVICES, services=(MANAGEMENT,)),
        level=asked.level,
        valid_from=period[0],
        valid_until=period[1],
        registered_at=situation.now,
    )
    change = Told(EventKind.MANDATE_REGISTERED, made, lines.shown(made, situation))
    return Done(told=[change], relies_on=[person])
