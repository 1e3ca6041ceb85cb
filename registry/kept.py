"""What a registry keeps: organisations, people, and who may act for whom.

Each thing has a revision, one higher at every change, and is written whole: the same content goes
into the event that tells of it, so that all tables can be made again from the events.

organisation <- mandate -> person          somebody may act for it
organisation <- link    -> KvK number      it lets an intermediary act for it (a chain's far half)
organisation <- assignment -> person       the intermediary's employee acts in a chain (near half)
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from pydantic import AwareDatetime

from schemas.commands import Scope
from schemas.sealed import Identifier
from schemas.values import (
    BSN,
    RSIN,
    DisplayName,
    EntityID,
    EntityType,
    KvK,
    Level,
    Value,
    Vestigingsnummer,
)


class Kept(Value):
    """Something that the registry keeps, in a table of its own (`TABLE`)."""

    TABLE: ClassVar[str]

    id: UUID
    revision: int = 1


class OrganisationKind(StrEnum):
    """What an organisation is, which says by which numbers it can be known.

    Source: [AS] an eenmanszaak has a KvK number and no RSIN; organisations without a KvK number
    have an RSIN or a pseudonym only; churches fall under a KvK registration.
    """

    COMPANY = "company"
    EENMANSZAAK = "eenmanszaak"
    CHURCH = "church"
    RSIN_ONLY = "rsin-only"
    PSEUDONYM_ONLY = "pseudonym-only"


class Organisation(Kept):
    """Somebody for whom people act. `joint`: its representatives can only act together. `bsn`: of
    an eenmanszaak's owner, where a service knows him by that."""

    TABLE = "organisations"

    kind: OrganisationKind
    name: DisplayName
    kvk: KvK | None = None
    rsin: RSIN | None = None
    bsn: BSN | None = None
    vestigingen: tuple[Vestigingsnummer, ...] = ()
    joint: bool = False

    def number(self, type_: EntityType) -> str | None:
        """What it is known by; a pseudonym is made for each dienstverlener and is not kept."""
        if type_ is EntityType.KVKNR:
            return self.kvk
        if type_ is EntityType.RSIN:
            return self.rsin
        return self.bsn if type_ is EntityType.BSN else None


class Holder(Value):
    """A person, as one provider (EntityID) knows him."""

    provider: EntityID
    subject: UUID


class Person(Kept):
    """Somebody who acts, whatever his means. `organisation`: where he works."""

    TABLE = "people"

    name: DisplayName
    organisation: UUID
    holders: tuple[Holder, ...]


class Mandate(Kept):
    """Somebody may act for an organisation: for some services, at a level, for a time."""

    TABLE = "mandates"

    person: UUID
    organisation: UUID
    scope: Scope
    level: Level
    vestiging: Vestigingsnummer | None = None
    valid_from: AwareDatetime
    valid_until: AwareDatetime
    document: str | None = None
    registered_at: AwareDatetime
    withdrawn_at: datetime | None = None


class Link(Kept):
    """The far half of a chain: `organisation` lets an intermediary act for it. It holds once the
    intermediary accepted it."""

    TABLE = "links"

    organisation: UUID
    intermediary: KvK
    services: tuple[UUID, ...]
    level: Level
    vestiging: Vestigingsnummer | None = None
    valid_from: AwareDatetime
    valid_until: AwareDatetime
    document: str | None = None
    registered_at: AwareDatetime
    accepted_at: datetime | None = None
    withdrawn_at: datetime | None = None


class Assignment(Kept):
    """The near half of a chain: an employee of `organisation`, the intermediary, acts for
    `principal`. What is believed of the principal is a claim: the registry of the link confirms it.

    registry, link  where the chain-information query found the link; None: not found (yet)
    """

    TABLE = "assignments"

    person: UUID
    organisation: UUID
    principal: Identifier
    principal_name: DisplayName
    services: tuple[UUID, ...]
    level: Level
    vestiging: Vestigingsnummer | None = None
    valid_from: AwareDatetime
    valid_until: AwareDatetime
    registered_at: AwareDatetime
    registry: EntityID | None = None
    link: UUID | None = None
    withdrawn_at: datetime | None = None


KEPT: tuple[type[Kept], ...] = (Organisation, Person, Mandate, Link, Assignment)
"""In the order in which they refer to each other."""
