"""What a registry knows, and the rules about a query as such. No I/O: what is known and the time
are arguments. The rules about what somebody holds are in `mandate_rules` and `chain_rules`."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hmac import compare_digest
from typing import Final
from uuid import UUID

from registry.judging import Rule
from registry.query import Query
from schemas.administration import ChargeKind
from schemas.catalogue import Catalogue, Service
from schemas.codec import Faulty
from schemas.dialogue import RepresentationChoice
from schemas.directory import Directory, KeyUse, Participant
from schemas.jose import base64url
from schemas.messages import Authenticated, ConfirmationQuery, MandateQuery, Permit
from schemas.refusals import RefusalCode
from schemas.values import Level, Role, Value


@dataclass(frozen=True)
class Registry:
    """What a registry knows: itself, the directory as it is now, how it seals something for another
    participant, and its own prices (cents), where they are not the usual ones."""

    me: Participant
    directory: Directory
    catalogue: Catalogue
    pseudonym_secret: bytes
    seal: Callable[[Value, Participant, KeyUse], str]
    prices: Mapping[ChargeKind, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Question:
    """What is asked, and what it rests on.

    asked     a makelaar's query, or the row of one that the user's choice decides
    reached   the level of the declaration that it rests on
    declared  that declaration, verified: the provider's, or to a second registry the first one's
    fault     why it could not be verified
    """

    asked: MandateQuery | ConfirmationQuery | Query
    reached: Level
    now: datetime
    registry: Registry
    declared: Authenticated | Permit | None = None
    fault: str = ""

    @property
    def service(self) -> Service | None:
        return self.registry.catalogue.service(self.asked.service)


def is_declared(question: Question) -> bool:
    """Whether this was declared for the very request that the makelaar asks about."""
    return question.declared is not None and is_about(question.asked, question.declared)


def is_about(
    asked: MandateQuery | ConfirmationQuery | Query, declared: Authenticated | Permit
) -> bool:
    return (
        declared.request_digest == asked.request_digest
        and declared.dienstverlener == asked.dienstverlener
        and declared.service == asked.service
    )


def is_reached(question: Question) -> bool:
    """Whether the declared level is at least the one asked for."""
    return question.reached >= question.asked.level


def is_offered(question: Question) -> bool:
    """Whether the service is still in the catalogue, and offered by whoever asked."""
    service = question.service
    return service is not None and service.dienstverlener == question.asked.dienstverlener


def takes_part(question: Question) -> bool:
    found = question.registry.directory.participant(question.asked.dienstverlener)
    return found is not None and found.role is Role.DIENSTVERLENER


def reaches_service(question: Question) -> bool:
    service = question.service
    return service is not None and question.reached >= service.level


def is_connected(
    query: MandateQuery | ConfirmationQuery, makelaar: Participant, registry: Registry
) -> bool:
    """Whether a makelaar may ask: a service is connected to one, and nobody else can take its
    logins away by asking first. A service that is not in the catalogue is for the rules to refuse.

    Source: [AS] service catalogue: makelaar.
    """
    service = registry.catalogue.service(query.service)
    return service is None or service.makelaar == makelaar.entity_id


def _saw_declared(question: Question) -> str:
    return f"{question.reached} declared"


_FAULT: Final = RefusalCode.PARTICIPANT_FAULT
_RESTS_ON: Final[tuple[Rule[Question], ...]] = (
    Rule(
        "declaration_not_trusted",
        "[AS] flow step 7: a query refers to a signed declaration",
        lambda question: question.declared is not None,
        lambda question: question.fault or "a signed declaration",
        lambda _: "a declaration that holds",
        _FAULT,
    ),
    Rule(
        "declaration_of_another_login",
        "[AS] flow steps 6 to 8: declarations are bound to their request",
        is_declared,
        lambda _: "whose request is declared",
        lambda _: "a declaration about this very request",
        _FAULT,
    ),
    Rule(
        "level_not_reached",
        "[AS] registry rule: the declared level >= the level requested",
        is_reached,
        _saw_declared,
        lambda question: f"{question.asked.level}, declared",
        _FAULT,
    ),
)
_DEADLINE: Final[Rule[Question]] = Rule(
    "deadline_passed",
    "CHOICE: request expiry is not published",
    lambda question: question.now < question.asked.deadline,
    lambda _: "until when an answer is awaited",
    lambda _: "an answer before the deadline",
    RefusalCode.DEADLINE_PASSED,
)
_OFFERED: Final[tuple[Rule[Question], ...]] = (
    Rule(
        "dienstverlener_unknown",
        "[AS] roles: participants are those of the directory",
        takes_part,
        lambda _: "who asks",
        lambda _: "a dienstverlener of the directory",
        _FAULT,
    ),
    Rule(
        "service_withdrawn",
        "[AS] service catalogue; CHOICE: what is withdrawn meanwhile is refused as such",
        is_offered,
        lambda question: f"version {question.registry.catalogue.version} of the catalogue",
        lambda _: "a service that its dienstverlener still offers",
        RefusalCode.SERVICE_WITHDRAWN,
    ),
    Rule(
        "level_below_service",
        "[AS] registry rule: the catalogue level of the service is met",
        reaches_service,
        _saw_declared,
        lambda question: f"{question.service.level if question.service else 'a level'}, declared",
        _FAULT,
    ),
)
QUERY_RULES: Final = (_RESTS_ON[0], _DEADLINE, *_RESTS_ON[1:], *_OFFERED)
"""Whether a query can be decided at all: in this order, each rests on those before it."""
CHOICE_RULES: Final = (_DEADLINE, *_OFFERED)
"""Whether it still can, when the user has chosen."""


def _permitted(question: Question) -> Permit | None:
    return question.declared if isinstance(question.declared, Permit) else None


def is_permitted_for(question: Question) -> bool:
    """Whether the first registry permitted what the makelaar asks about, at that very level."""
    permit = _permitted(question)
    return permit is not None and permit.level_requested is question.asked.level


def is_obliged(question: Question) -> bool:
    """Whether the permit waits for this registry, and no other."""
    permit, me = _permitted(question), question.registry.me
    return (
        permit is not None
        and permit.obligation is not None
        and permit.obligation.registry == me.entity_id
    )


CONFIRMATION_RULES: Final[tuple[Rule[Question], ...]] = (
    *QUERY_RULES,
    Rule(
        "permit_for_another_level",
        "[AS] flow step 8: level requested and level used",
        is_permitted_for,
        lambda question: f"{question.asked.level} asked",
        lambda _: "the level that the permit is for",
        _FAULT,
    ),
    Rule(
        "obligation_of_another",
        "[AS] ketenmachtiging: confirmation required from MR2",
        is_obliged,
        lambda _: "who has to confirm",
        lambda _: "the registry that the permit names",
        _FAULT,
    ),
)
"""The same for the second registry of a chain; the declaration is the first one's permit."""


def code_of(fault: Faulty) -> RefusalCode:
    """What a makelaar is told whose query is signed, but wrong."""
    late = fault.code == "expired"
    return RefusalCode.DEADLINE_PASSED if late else RefusalCode.PARTICIPANT_FAULT


def is_awaited(query: Query | None, choice: RepresentationChoice) -> str | None:
    """Why a choice is not awaited (a dead letter's reason), or None where it is."""
    if query is None:
        return "login_unknown"
    if not query.is_open:
        return "login_finished"
    return None if compare_digest(choice.nonce, query.nonce or "") else "nonce_refused"


def pseudonym(secret: bytes, person: UUID, organisation: UUID, dienstverlener: str) -> str:
    """The acting subject as one dienstverlener knows him: the same for a person and organisation
    always, through a chain too, and not to be linked to what another dienstverlener is told.

    organisation  his own in this login: the represented, or in a chain the intermediary

    CHOICE: HMAC-SHA-256 under the registry's own secret; the scheme publishes no algorithm.
    """
    text = f"{person}\n{organisation}\n{dienstverlener}"
    return base64url(hmac.digest(secret, text.encode(), "sha256"))
