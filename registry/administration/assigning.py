"""Assign: the near half of a chain, by the intermediary for an employee of its own.

What is believed of the principal is a claim. Where its link is registered, every registry that
offers chains is asked. The answer decides nothing: it says where to ask at a login.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from pipeline.stage import Outgoing
from registry.administration import lines, validity, wanted
from registry.administration.actors import As
from registry.administration.done import Done, Judged
from registry.administration.situation import Situation
from registry.events import Told
from registry.kept import Assignment, Link, Organisation, Person
from registry.rules import Registry
from schemas.administration import Assign, CommandRefusal, EventKind
from schemas.chains import ChainInformationQuery, ChainLink, ChainQuestion
from schemas.directory import KeyUse, Participant
from schemas.topics import CHAIN_INFORMATION_QUERIES
from schemas.values import Role


@dataclass(frozen=True)
class _Whose:
    organisation: Organisation
    person: Person


def assign(asked: Assign, situation: Situation) -> Judged:
    """Register the assignment; where this registry has the link itself, nobody else is asked."""
    made = assignment(asked, situation)
    if isinstance(made, CommandRefusal):
        return made
    told = [Told(EventKind.ASSIGNMENT_REGISTERED, made, lines.shown(made, situation))]
    here = fitting(made, map(offered, situation.found.links))
    if here is not None:
        located = located_at(made, situation.registry.me.entity_id, here.link)
        shown = lines.shown(located, situation)
        told.append(Told(EventKind.ASSIGNMENT_LOCATED, located, shown))
    organisation, person = situation.found.organisation, situation.found.person
    relied_on = [each for each in (organisation, person) if each is not None]
    asks = [] if here else questions(made, situation)
    return Done(told=told, relies_on=relied_on, asks=asks)


def assignment(asked: Assign, situation: Situation) -> Assignment | CommandRefusal:
    """The assignment that is asked for, or why it cannot be. Source: [AS] ketenmachtiging."""
    whose, registry = _whose(situation), situation.registry
    if isinstance(whose, CommandRefusal):
        return whose
    reason = wanted.first(
        wanted.chains_offered(registry),
        wanted.another(asked.principal, whose.organisation),
        wanted.services(asked.services, registry),
        wanted.intermediation(asked.services, whose.organisation.kvk, registry),
        wanted.level(asked.level, situation),
    )
    period = validity.period(asked, situation.now)
    if reason is not None or isinstance(period, CommandRefusal):
        return reason or CommandRefusal.VALIDITY_REFUSED
    return Assignment(
        id=situation.new_id(Assignment),
        person=whose.person.id,
        organisation=whose.organisation.id,
        principal=asked.principal,
        principal_name=asked.principal_name,
        services=asked.services,
        level=asked.level,
        vestiging=asked.vestiging,
        valid_from=period[0],
        valid_until=period[1],
        registered_at=situation.now,
    )


def _whose(situation: Situation) -> _Whose | CommandRefusal:
    """By a manager, and for somebody who works for his own organisation."""
    organisation, person = situation.found.organisation, situation.found.person
    if situation.actor.as_ is not As.MANAGER or organisation is None:
        return CommandRefusal.NOT_AUTHORISED
    if person is None or person.organisation != organisation.id:
        return CommandRefusal.PERSON_UNKNOWN
    return _Whose(organisation, person)


# --- where its link is registered


def questions(made: Assignment, situation: Situation) -> list[Outgoing]:
    """A query to every other registry that offers chains."""
    organisation = situation.found.organisation
    if organisation is None or organisation.kvk is None:
        return []
    question = ChainQuestion(principal=made.principal, intermediary=organisation.kvk)
    registry = situation.registry
    return [
        Outgoing(
            CHAIN_INFORMATION_QUERIES,
            other,
            ChainInformationQuery(
                request_id=made.id, question=registry.seal(question, other, KeyUse.ENCRYPTION)
            ),
        )
        for other in asked_of(registry)
    ]


def asked_of(registry: Registry) -> list[Participant]:
    """The other registries that offer chains. Source: [AS] only some do."""
    others = registry.directory.in_role(Role.REGISTRY)
    return [each for each in others if each.chains and each.entity_id != registry.me.entity_id]


def offered(link: Link) -> ChainLink:
    return ChainLink(link=link.id, services=link.services, level=link.level)


def holds(link: Link, now: datetime) -> bool:
    """Accepted, not withdrawn, and now. Source: [AS] ketenmachtiging."""
    is_open = link.accepted_at is not None and link.withdrawn_at is None
    return is_open and link.valid_from <= now < link.valid_until


def fitting(made: Assignment, links: Iterable[ChainLink]) -> ChainLink | None:
    """Of the links between the two, the one with most of the assignment's services, then with the
    highest level. CHOICE."""
    found = [each for each in links if _shared(made.services, each)]
    return max(found, key=lambda each: (_shared(made.services, each), each.level), default=None)


def _shared(services: Sequence[UUID], link: ChainLink) -> int:
    return len(set(services) & set(link.services))


def located_at(made: Assignment, registry: str, link: UUID) -> Assignment:
    changes = {"revision": made.revision + 1, "registry": registry, "link": link}
    return made.model_copy(update=changes)
