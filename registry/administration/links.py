"""RegisterLink and Accept: the far half of a chain, by the principal, and then the intermediary."""

from __future__ import annotations

from registry.administration import lines, validity, wanted
from registry.administration.actors import As
from registry.administration.approving import awaits
from registry.administration.done import Cost, Done, Judged
from registry.administration.registering import whose
from registry.administration.situation import Situation
from registry.events import Told
from registry.kept import Link
from schemas.administration import Accept, ChargeKind, CommandRefusal, EventKind, RegisterLink
from schemas.sealed import Identifier
from schemas.values import EntityType


def register_link(asked: RegisterLink, situation: Situation) -> Judged:
    """A manager's is done at once; an operator's waits for a second operator."""
    made = link(asked, situation)
    if isinstance(made, CommandRefusal):
        return made
    return (
        awaits(asked, situation) if situation.actor.as_ is As.OPERATOR else linked(made, situation)
    )


def link(asked: RegisterLink, situation: Situation) -> Link | CommandRefusal:
    """The link that is asked for, or why it cannot be. Source: [AS] ketenmachtiging."""
    organisation, registry = situation.found.organisation, situation.registry
    if organisation is None:
        return whose(asked, situation) or CommandRefusal.NOT_FOUND
    intermediary = Identifier(type=EntityType.KVKNR, value=asked.intermediary)
    reason = wanted.first(
        whose(asked, situation),
        wanted.chains_offered(registry),
        wanted.another(intermediary, organisation),
        wanted.services(asked.services, registry),
        wanted.intermediation(asked.services, asked.intermediary, registry),
        wanted.level(asked.level, situation),
        wanted.vestiging(asked.vestiging, organisation),
    )
    period = validity.period(asked, situation.now)
    if reason is not None or isinstance(period, CommandRefusal):
        return reason or CommandRefusal.VALIDITY_REFUSED
    return Link(
        id=situation.new_id(Link),
        organisation=organisation.id,
        intermediary=asked.intermediary,
        services=asked.services,
        level=asked.level,
        vestiging=asked.vestiging,
        valid_from=period[0],
        valid_until=period[1],
        document=asked.document,
        registered_at=situation.now,
    )


def linked(made: Link, situation: Situation) -> Judged:
    """The link is there, and costs the principal something."""
    organisation = situation.found.organisation
    if organisation is None:
        return CommandRefusal.NOT_FOUND
    cost = Cost(ChargeKind.CHAIN_REGISTRATION, organisation, f"{made.id}@{made.revision}")
    change = Told(EventKind.LINK_REGISTERED, made, lines.shown(made, situation))
    return Done([change], [organisation], [cost])


def accept(_: Accept, situation: Situation) -> Judged:
    """By a manager of the intermediary, at or above the link's level, whichever registry says that
    he is one. What is accepted already is shown as it is."""
    before, actor = situation.thing, situation.actor
    if not isinstance(before, Link) or actor.kvk != before.intermediary:
        return CommandRefusal.NOT_FOUND
    reason = wanted.first(
        None if actor.as_ is As.MANAGER else CommandRefusal.NOT_AUTHORISED,
        CommandRefusal.ALREADY_WITHDRAWN if before.withdrawn_at else None,
        wanted.level(before.level, situation),
        CommandRefusal.VALIDITY_REFUSED if before.valid_until <= situation.now else None,
    )
    if reason is not None:
        return reason
    if before.accepted_at is not None:
        return Done(shown=[lines.line(before, situation)])
    changes = {"revision": before.revision + 1, "accepted_at": situation.now}
    after = before.model_copy(update=changes)
    return Done([Told(EventKind.LINK_ACCEPTED, after, lines.shown(after, situation))])
