"""What a manager commands, sealed for the registry: each command with what it needs."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field, StringConstraints, TypeAdapter, model_validator

from schemas.sealed import Identifier
from schemas.values import DisplayName, EntityID, KvK, Level, Value, Vestigingsnummer

Document = Annotated[str, StringConstraints(min_length=1, max_length=64)]
"""Reference of the paper that something was registered from (in writing)."""


class ScopeKind(StrEnum):
    """How far a mandate goes."""

    EVERYTHING = "everything"
    DIENSTVERLENER = "dienstverlener"
    SERVICES = "services"


class Scope(Value):
    """What a mandate is for: everything; all services of one dienstverlener; or these services.
    The first two include what comes later. Source: [AS] mandates."""

    kind: ScopeKind
    dienstverlener: EntityID | None = None
    services: tuple[UUID, ...] = Field(default=(), max_length=50)

    @model_validator(mode="after")
    def _says_what_its_kind_needs(self) -> Scope:
        wanted = (self.kind is ScopeKind.DIENSTVERLENER, self.kind is ScopeKind.SERVICES)
        if (self.dienstverlener is not None, bool(self.services)) != wanted:
            raise ValueError("a scope names a dienstverlener, or services, or nothing at all")
        return self


class Period(Value):
    """From when until when; without a start: from now; without an end: five years, the longest."""

    valid_from: AwareDatetime | None = None
    valid_until: AwareDatetime | None = None


class Appoint(Period):
    """By authorised representatives: this person manages our mandates, at most at this level."""

    kind: Literal["appoint"] = "appoint"
    person: UUID
    level: Level


class Register(Period):
    """A mandate for a person. `organisation`: whose; None: the manager's own. `document`: in
    writing, by an operator."""

    kind: Literal["register"] = "register"
    person: UUID
    scope: Scope
    level: Level
    vestiging: Vestigingsnummer | None = None
    organisation: Identifier | None = None
    document: Document | None = None


class Change(Value):
    """Another level or end of a mandate; a later end renews it."""

    kind: Literal["change"] = "change"
    mandate: UUID
    level: Level | None = None
    valid_until: AwareDatetime | None = None


class RegisterLink(Period):
    """A chain: this intermediary may act for us. It holds once he accepted it."""

    kind: Literal["register-link"] = "register-link"
    intermediary: KvK
    services: tuple[UUID, ...] = Field(min_length=1, max_length=50)
    level: Level
    vestiging: Vestigingsnummer | None = None
    organisation: Identifier | None = None
    document: Document | None = None


class Accept(Value):
    """By the intermediary: we act for who registered this link."""

    kind: Literal["accept"] = "accept"
    link: UUID


class Assign(Period):
    """By the intermediary, at his own registry: this employee of ours acts for that organisation.
    Where its link is registered, the registry finds out by a chain-information query."""

    kind: Literal["assign"] = "assign"
    principal: Identifier
    principal_name: DisplayName
    person: UUID
    services: tuple[UUID, ...] = Field(min_length=1, max_length=50)
    level: Level
    vestiging: Vestigingsnummer | None = None


class Withdraw(Value):
    """A mandate, a link or an assignment ends now; by the manager of either side."""

    kind: Literal["withdraw"] = "withdraw"
    what: UUID


class WithdrawPerson(Value):
    """All that a person has for our organisation ends now."""

    kind: Literal["withdraw-person"] = "withdraw-person"
    person: UUID


class Approve(Value):
    """By a second operator, or by one more representative: do that command."""

    kind: Literal["approve"] = "approve"
    command: UUID


class List(Value):
    """What our organisation has, from the nth on."""

    kind: Literal["list"] = "list"
    offset: int = Field(default=0, ge=0)


class History(Value):
    """Everything that happened to a mandate, a link or an assignment of ours."""

    kind: Literal["history"] = "history"
    what: UUID


CommandContent = Annotated[
    Appoint
    | Register
    | Change
    | RegisterLink
    | Accept
    | Assign
    | Withdraw
    | WithdrawPerson
    | Approve
    | List
    | History,
    Field(discriminator="kind"),
]


class Command(Value):
    """Inside a sealed MandateCommand. `command_id` binds it to its message."""

    command_id: UUID
    content: CommandContent


COMMANDS: Final = TypeAdapter(CommandContent)
