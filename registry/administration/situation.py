"""What a command's rules look at: who commands, what the tables say, and the time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from registry.administration.actors import Actor
from registry.administration.awaiting import Awaiting
from registry.events import Past
from registry.kept import Assignment, Kept, Link, Mandate, Organisation, Person
from registry.rules import Registry
from schemas.codec import message_id

Thing = Mandate | Link | Assignment


@dataclass(frozen=True)
class Names:
    """What people and organisations are called, by ID."""

    people: Mapping[UUID, str] = field(default_factory=dict)
    organisations: Mapping[UUID, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Found:
    """What the tables say about one command.

    organisation     whose a new thing will be
    person           whom the command names
    things           the mandates, links and assignments that it names, or that it has to show
    links            of this registry, between the principal and the intermediary of an assignment
    representatives  mandates of representatives of the organisation
    past             what happened to a thing, oldest first
    more             there is more to show
    """

    organisation: Organisation | None = None
    person: Person | None = None
    things: Sequence[Thing] = ()
    links: Sequence[Link] = ()
    awaiting: Awaiting | None = None
    representatives: Sequence[Mandate] = ()
    past: Sequence[Past] = ()
    more: bool = False
    names: Names = Names()


@dataclass(frozen=True)
class Situation:
    """Everything that a command is judged by. `command` is the ID of the one that is done."""

    registry: Registry
    actor: Actor
    command: UUID
    found: Found
    now: datetime

    def new_id(self, kind: type[Kept]) -> UUID:
        """The ID of what the command makes: nobody can choose it, and the same command makes the
        same."""
        return message_id(kind.TABLE, str(self.command))

    @property
    def thing(self) -> Thing | None:
        """The one thing that the command names."""
        return self.found.things[0] if self.found.things else None
