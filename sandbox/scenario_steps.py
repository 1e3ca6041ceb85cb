"""What is played, in a scenario file: logins, and acts between them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag

from sandbox.scenario_mandates import Period, Scoped
from sandbox.scenario_terms import (
    LEVELS,
    AskedLevel,
    ShortAttribute,
    ShortLevel,
    ShortType,
    doc,
)
from schemas.administration import CommandRefusal
from schemas.refusals import RefusalCode
from schemas.values import Name, Value, Vestigingsnummer

LOGIN, ACT = "Login", "Act"
_Shown = Annotated[str, Field(min_length=1, max_length=120)]
_Browser = Annotated[
    Name | None,
    doc("Name of the browser: sessions and choices are kept under it.", "kantoor"),
]


class Does(StrEnum):
    """What the person at the browser does."""

    ANSWER = "answer"
    WRONG_PASSWORD = "wrong-password"  # noqa: S105 -- a behaviour, no secret
    CANCEL = "cancel"
    NOTHING = "nothing"


class Expected(Value):
    """What a login must come to: an assertion at a level, with what it says; or a refusal. Only
    what is given is compared.

    Of an organisation's numbers `identifiers` names the types, never the numbers themselves.
    """

    assertion: Annotated[ShortLevel | None, doc(f"Its level: {LEVELS}.", "EH3")] = None
    for_: Annotated[Name | None, doc("Name of the organisation in it.", "korenmolen")] = Field(
        default=None, alias="for"
    )
    through: Annotated[
        Name | None, doc("Name of the intermediary in it, of a chain.", "scheepswerf")
    ] = None
    vestiging: Annotated[
        Vestigingsnummer | None,
        doc("Only for this vestiging: 12 digits in quotes.", "900001010001"),
    ] = None
    identifiers: Annotated[
        tuple[ShortType, ...] | None, doc("The types of number in it, all of them.", ["KvKnr"])
    ] = None
    attributes: Annotated[
        tuple[ShortAttribute, ...] | None,
        doc("What it tells of the person and the organisation, all of it.", ["FirstName"]),
    ] = None
    services: Annotated[
        tuple[Name, ...] | None,
        doc("The services that it holds for, all of them.", ["parkeerontheffing"]),
    ] = None
    same_pseudonym_as: Annotated[
        str | None, doc("An earlier login with the same pseudonym.", "first at the counter")
    ] = None
    other_pseudonym_than: Annotated[
        str | None, doc("An earlier login with another pseudonym.", "first at the counter")
    ] = None
    refusal: Annotated[RefusalCode | None, doc("Its code.", "no_mandate")] = None
    reason: Annotated[
        str | None,
        doc("The rule that failed, as `herken explain` calls it.", "mandate_level_too_low"),
    ] = Field(default=None, pattern=r"^[a-z][a-z0-9_]{1,63}$")
    fits: Annotated[
        tuple[Name, ...] | None,
        doc("Names of the providers that it says would have done, all of them.", ["sluis"]),
    ] = None


class Login(Value):
    """One login: who asks, who is at the browser, what he does, and what comes of it."""

    name: Annotated[_Shown, doc("What it shows: 1 to 120 characters.", "a wrong password")]
    service: Annotated[Name, doc("Name of the service that asks.", "omgevingsvergunning")]
    person: Annotated[Name, doc("Name of the person at the browser.", "ans")]
    provider: Annotated[
        Name | None, doc("Name of the provider chosen; without it: the first that fits.", "dijk")
    ] = None
    for_: Annotated[
        Name | None, doc("Name of the organisation chosen; without it: the first.", "korenmolen")
    ] = Field(default=None, alias="for")
    through: Annotated[
        Name | None,
        doc("Name of the intermediary chosen with it; without it: the first.", "scheepswerf"),
    ] = None
    level: Annotated[
        AskedLevel | None,
        doc(f"Level asked for: {LEVELS}; without it: the service's.", "EH3"),
    ] = None
    force_authn: Annotated[
        bool, doc("Whether a session is not enough (force-authn); else: false.", True)
    ] = False
    asks_for: Annotated[
        Name | None, doc("Name of the provider that the service asks for.", "dijk")
    ] = None
    declared: Annotated[
        tuple[Name, ...], doc("Names of the providers that the user declared.", ["dijk"])
    ] = ()
    browser: _Browser = None
    uses_session: Annotated[
        bool, doc("Whether a session that there is gets used; else: false.", True)
    ] = False
    shares: Annotated[
        tuple[ShortAttribute, ...] | None,
        doc("What the person agrees to share; without it: all that is asked.", ["FirstName"]),
    ] = None
    remembers: Annotated[
        bool, doc("Whether choices and consent are to be remembered; else: false.", True)
    ] = False
    withdrawn_meanwhile: Annotated[
        bool,
        doc("Whether the service leaves the catalogue before the person answers.", True),
    ] = False
    does: Annotated[Does, doc("What the person does.", "answer")] = Does.ANSWER
    answer_within_seconds: Annotated[
        int | None, doc("How long it may take: a whole number of seconds, 1 to 3600.", 60)
    ] = Field(default=None, ge=1, le=3600)
    expect: Annotated[Expected, doc("An assertion or a refusal.", {"assertion": "EH3"})]


class ActKind(StrEnum):
    """What is done between logins: at a registry, in the catalogue, at a provider."""

    APPOINT = "appoint"
    REGISTER = "register"
    CHANGE = "change"
    LINK = "link"
    ACCEPT = "accept"
    ASSIGN = "assign"
    WITHDRAW = "withdraw"
    WITHDRAW_PERSON = "withdraw-person"
    APPROVE = "approve"
    LIST = "list"
    HISTORY = "history"
    WITHDRAW_SERVICE = "withdraw-service"
    RESTORE_SERVICE = "restore-service"
    LOGOUT = "logout"
    REVOKE_CONSENT = "revoke-consent"


CATALOGUE_ACTS = (ActKind.WITHDRAW_SERVICE, ActKind.RESTORE_SERVICE)
SESSION_ACTS = (ActKind.LOGOUT, ActKind.REVOKE_CONSENT)
DONE, APPROVAL_AWAITED, NO_SESSION, NOT_LOGGED_IN = (
    "done",
    "approval-awaited",
    "no-session",
    "not-logged-in",
)
ACT_ENDS = (DONE, APPROVAL_AWAITED, NO_SESSION, NOT_LOGGED_IN, *CommandRefusal)


def _act_end(value: str) -> str:
    if value not in ACT_ENDS:
        raise ValueError(f"must be one of: {', '.join(ACT_ENDS)}")
    return value


ActEnd = Annotated[
    str, BeforeValidator(_act_end, json_schema_input_type=Literal[tuple(map(str, ACT_ENDS))])
]
"""What an act comes to: it is done, or one more has to approve it, or a refusal's code."""


class Act(Period, Scoped):
    """One act: what, by whom, and what comes of it. A registry's act is a command of who logs in to
    its portal: as manager; as representative to appoint; as operator where there is a document."""

    name: Annotated[_Shown, doc("What it shows: 1 to 120 characters.", "the mandate ends")]
    act: Annotated[ActKind, doc("What is done.", "withdraw")]
    by: Annotated[
        Name | None, doc("Name of the person who does it; none for a catalogue.", "ans")
    ] = None
    registry: Annotated[
        Name | None,
        doc("Name of the registry; without it: that of the person's organisation.", "terp"),
    ] = None
    provider: Annotated[Name | None, doc("Name of the provider whose means is used.", "dijk")] = (
        None
    )
    for_: Annotated[
        Name | None,
        doc("Organisation to log in for; without it: the person's own.", "korenmolen"),
    ] = Field(default=None, alias="for")
    organisation: Annotated[
        Name | None, doc("Whose mandate it is, where an operator registers it.", "korenmolen")
    ] = None
    person: Annotated[Name | None, doc("Name of the person whom it is about.", "bas")] = None
    intermediary: Annotated[
        Name | None, doc("Name of the organisation that may act.", "scheepswerf")
    ] = None
    principal: Annotated[
        Name | None, doc("Name of the organisation that is acted for.", "korenmolen")
    ] = None
    level: Annotated[ShortLevel | None, doc(f"Level of the mandate: {LEVELS}.", "EH3")] = None
    vestiging: Annotated[
        Vestigingsnummer | None,
        doc("Only for this vestiging: 12 digits in quotes.", "900001010001"),
    ] = None
    document: Annotated[
        str | None, doc("Reference of the paper: an operator registers it.", "brief 2026-17")
    ] = Field(default=None, min_length=1, max_length=64)
    what: Annotated[
        Name | None, doc("Name of the mandate, link, assignment or command.", "molen-ans")
    ] = None
    as_: Annotated[
        Name | None, doc("Name for what is registered, for later in the file.", "molen-ans")
    ] = Field(default=None, alias="as")
    browser: _Browser = None
    lines: Annotated[int | None, doc("How many lines a list or history shows.", 3)] = Field(
        default=None, ge=0, le=100
    )
    expect: Annotated[
        ActEnd,
        doc("What it comes to; without it: done.", "done"),
    ] = DONE


def _kind_of_step(value: Any) -> str:
    is_act = isinstance(value, Act) or (isinstance(value, Mapping) and "act" in value)
    return ACT if is_act else LOGIN


Step = Annotated[
    Annotated[Login, Tag(LOGIN)] | Annotated[Act, Tag(ACT)], Discriminator(_kind_of_step)
]
"""A login; or an act, which says so by its field `act`."""
