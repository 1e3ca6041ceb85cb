"""Stage: another registry says which links it has, for an assignment that was registered here.

chain-information.<registry> -> mandate-events.<registry>

The first that has a fitting link is where a login asks for confirmation. It decides nothing more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pipeline.keys import Keys, Unreadable
from pipeline.stage import Batch, Facts, Moment, Step
from registry import events, tables
from registry.administration import lines
from registry.administration.actors import Actor, As
from registry.administration.assigning import asked_of, fitting, located_at
from registry.administration.situation import Found, Names, Situation
from registry.events import By, Told
from registry.kept import Assignment, Person
from registry.rules import Registry
from schemas.administration import EventKind
from schemas.chains import ChainInformation, ChainLinks
from schemas.codec import Received
from schemas.values import Level


@dataclass(frozen=True)
class Informed:
    """An answer, and the assignment that it is about. `links` is None where it cannot be read."""

    registry: Registry
    links: ChainLinks | None = None
    assignment: Assignment | None = None
    person: Person | None = None


def handle(
    _: Any, received: Received[ChainInformation], informed: Informed, moment: Moment
) -> Step[Any]:
    """Note where the link is registered. What is noted already stays."""
    registry, assignment, sender = informed.registry, informed.assignment, received.sender
    if sender is None or sender.entity_id not in [each.entity_id for each in asked_of(registry)]:
        return Step(reject="not_asked")
    if assignment is None:
        return Step(reject="assignment_unknown")
    if informed.links is None:
        return Step(reject="answer_unreadable")
    link = fitting(assignment, informed.links.links)
    if link is None or assignment.link is not None or assignment.withdrawn_at is not None:
        return Step()
    located = located_at(assignment, sender.entity_id, link.link)
    shown = lines.shown(located, _situation(informed, located, moment))
    told = [Told(EventKind.ASSIGNMENT_LOCATED, located, shown)]
    changes, sent = events.told(located.id, told, By.REGISTRY, registry, moment.now, total=1)
    return Step(send=sent, changes=changes)


def _situation(informed: Informed, assignment: Assignment, moment: Moment) -> Situation:
    """Nobody commands here: what a line is shown by."""
    person = informed.person
    names = Names({person.id: person.name} if person else {})
    nobody = Actor(As.OPERATOR, Level.LOA1, "")
    found = Found(things=[assignment], names=names)
    return Situation(informed.registry, nobody, assignment.id, found, moment.now)


def facts(keys: Keys) -> Facts:
    """Open the answers of a batch, and look up their assignments."""

    async def load(batch: Batch[Registry]) -> list[Informed]:
        ids = [received.message.request_id for received in batch.received]
        known = await tables.get(batch.connection, Assignment, ids)
        people = await tables.get(batch.connection, Person, [a.person for a in known.values()])
        return [_informed(batch, r.message, keys, known, people) for r in batch.received]

    return load


def _informed(
    batch: Batch[Registry],
    message: ChainInformation,
    keys: Keys,
    known: dict[Any, Assignment],
    people: dict[Any, Person],
) -> Informed:
    try:
        links = keys.open(message.links, ChainLinks)
    except Unreadable:
        links = None
    assignment = known.get(message.request_id)
    person = people.get(assignment.person) if assignment else None
    return Informed(batch.known, links, assignment, person)
