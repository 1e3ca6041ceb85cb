"""How mandates are administered: a manager's command, the registry's event, and what it costs.

Who may command is who logged in, with herken itself, to the registry's own portal: the command
carries that assertion. Three services of the portal say as what:

MANAGEMENT      machtigingenbeheerder of the legal subject: registers, changes, accepts, withdraws
REPRESENTATION  authorised representative of the legal subject: appoints managers
operation       operator of the registry (`operation_of`): registers in writing, and approves

Nobody has these by a mandate for everything: only by one that names the service.
Source: [AS] roles of machtigingenbeheerder and (wettelijk) vertegenwoordiger; how they command is a
CHOICE.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final
from uuid import NAMESPACE_URL, UUID, uuid5

from pydantic import AwareDatetime, Field, StringConstraints

from schemas.message import Message
from schemas.values import (
    DisplayName,
    Jws,
    Level,
    Sealed,
    Value,
)

MANAGEMENT: Final = uuid5(NAMESPACE_URL, "urn:herken:service:mandate-management")
REPRESENTATION: Final = uuid5(NAMESPACE_URL, "urn:herken:service:representation")
SHOWN_AT_ONCE: Final = 20
"""How many mandates a list shows at most; the next ones are asked for from there on."""


def operation_of(portal: str) -> UUID:
    """The ServiceUUID with which a registry's own operators log in to its portal (EntityID)."""
    return uuid5(NAMESPACE_URL, f"urn:herken:service:operation\n{portal}")


class MandateCommand(Message):
    """Portal of a registry to that registry: do this, for who logged in. The request ID is the
    command's own: the same command twice is done once.

    outcome  the portal's own outcome of the login, its assertion inside
    command  sealed Command, for the registry
    """

    TYPE = "nl.herken.mandate-command.v1"

    outcome: Jws
    command: Sealed


class EventKind(StrEnum):
    """What became of a command."""

    ORGANISATION_REGISTERED = "organisation-registered"
    PERSON_REGISTERED = "person-registered"
    MANDATE_REGISTERED = "mandate-registered"
    MANDATE_CHANGED = "mandate-changed"
    MANDATE_WITHDRAWN = "mandate-withdrawn"
    LINK_REGISTERED = "link-registered"
    LINK_ACCEPTED = "link-accepted"
    LINK_WITHDRAWN = "link-withdrawn"
    ASSIGNMENT_REGISTERED = "assignment-registered"
    ASSIGNMENT_LOCATED = "assignment-located"
    ASSIGNMENT_WITHDRAWN = "assignment-withdrawn"
    APPROVAL_AWAITED = "approval-awaited"
    APPROVED = "approved"
    SHOWN = "shown"
    REFUSED = "refused"


class CommandRefusal(StrEnum):
    """Why a command was refused: stable codes."""

    ASSERTION_REFUSED = "assertion_refused"
    NOT_AUTHORISED = "not_authorised"
    COMMAND_MALFORMED = "command_malformed"
    COMMAND_ID_REUSED = "command_id_reused"
    LEVEL_ABOVE_OWN = "level_above_own"
    NOT_FOUND = "not_found"
    PERSON_UNKNOWN = "person_unknown"
    SERVICE_UNKNOWN = "service_unknown"
    VESTIGING_UNKNOWN = "vestiging_unknown"
    VALIDITY_REFUSED = "validity_refused"
    DOCUMENT_NEEDED = "document_needed"
    SECOND_OPERATOR_NEEDED = "second_operator_needed"
    ALREADY_WITHDRAWN = "already_withdrawn"
    CHAINS_NOT_OFFERED = "chains_not_offered"
    SAME_ORGANISATION = "same_organisation"
    INTERMEDIATION_REFUSED = "intermediation_refused"


class MandateEvent(Message):
    """Registry to whoever follows it: what a command led to. One command leads to one event or
    more (`number` of `total`), a refused one to exactly one, with its reason.

    object    the ID of what the event is about, and its `revision` after it
    recorded  sealed for the registry itself: that whole object, so that its state can be rebuilt
    shown     sealed Shown for the registry's portal: what the manager is shown

    Source: NL GOV profile for CloudEvents; [AS] the registry confirms registrations and changes.
    """

    TYPE = "nl.herken.mandate-event.v1"
    VALID_SECONDS = 10 * 365 * 24 * 3600

    kind: EventKind
    number: int = Field(default=1, ge=1)
    total: int = Field(default=1, ge=1)
    object: UUID | None = None
    revision: int = Field(default=0, ge=0)
    reason: CommandRefusal | None = None
    recorded: Sealed | None = None
    shown: Sealed | None = None
    at: AwareDatetime


class ShownThing(StrEnum):
    """What a shown line is about."""

    MANDATE = "mandate"
    LINK = "link"
    ASSIGNMENT = "assignment"


class ShownLine(Value):
    """A mandate, link or assignment, as a manager sees it. `who`: the person, or the intermediary
    of a link; `state`: registered, accepted, expired and so on, in one word."""

    id: UUID
    thing: ShownThing
    revision: int
    who: Annotated[str, StringConstraints(max_length=80)]
    organisation: DisplayName
    scope: Annotated[str, StringConstraints(max_length=200)]
    level: Level
    valid_from: AwareDatetime
    valid_until: AwareDatetime
    state: Annotated[str, StringConstraints(max_length=20)]
    at: AwareDatetime


class Shown(Value):
    """Inside what a MandateEvent shows. `more`: there are lines after these."""

    lines: tuple[ShownLine, ...]
    more: bool = False


class ChargeKind(StrEnum):
    """What costs money. Source: [AS] ketenmachtiging: registrations are billable events."""

    REGISTRATION = "registration"
    RENEWAL = "renewal"
    CHAIN_REGISTRATION = "chain-registration"
    CHAIN_LOGIN = "chain-login"


class Charge(Message):
    """Registry to its own accounts: one priced event. `request_id` is its own ID, the same however
    often it is told; `organisation` a sealed Identifier, for the registry itself."""

    TYPE = "nl.herken.charge.v1"
    VALID_SECONDS = 10 * 365 * 24 * 3600

    kind: ChargeKind
    organisation: Sealed
    month: Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-[0-9]{2}$")]
    cents: int = Field(ge=0)
    at: AwareDatetime
