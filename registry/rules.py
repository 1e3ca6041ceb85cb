"""The registry's rules. No I/O: what is known and the time are arguments."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hmac import compare_digest

from registry.mandates import Mandate
from registry.query import Query
from schemas.catalogue import Catalogue, Service
from schemas.directory import Directory, KeyUse, Participant
from schemas.jose import base64url
from schemas.messages import Authenticated, MandateQuery, RepresentationChoice
from schemas.refusals import RefusalCode
from schemas.values import Level, Value


@dataclass(frozen=True)
class Registry:
    """What a registry knows: itself, the directory as it is now, and how it seals something for
    another participant."""

    me: Participant
    directory: Directory
    catalogue: Catalogue
    pseudonym_secret: bytes
    seal: Callable[[Value, Participant, KeyUse], str]


def admit(query: MandateQuery, declared: Authenticated, now: datetime) -> RefusalCode | None:
    """Why a query cannot be decided, or None where it can: the declaration must be about the
    same request, and reach the level. Source: [AS] registry rule."""
    if now >= query.deadline:
        return RefusalCode.DEADLINE_PASSED
    holds = is_about(query, declared) and declared.level >= query.level
    return None if holds else RefusalCode.PARTICIPANT_FAULT


def is_about(query: MandateQuery, declared: Authenticated) -> bool:
    """Whether the provider declared this for the very request that the makelaar asks about."""
    return (
        declared.request_digest == query.request_digest
        and declared.dienstverlener == query.dienstverlener
        and declared.service == query.service
    )


def sufficing(
    mandates: Sequence[Mandate], service: Service, level: Level, now: datetime
) -> list[Mandate] | RefusalCode:
    """The mandates by which the user may act here, or why there is none.

    Source: [AS] mandate level >= requested; valid from, until, not withdrawn.
    """
    valid = [m for m in mandates if m.service == service.service_uuid and is_valid(m, now)]
    if not valid:
        return RefusalCode.NO_MANDATE
    reaching = [mandate for mandate in valid if mandate.level >= level]
    return reaching or RefusalCode.NO_MANDATE


def is_valid(mandate: Mandate, now: datetime) -> bool:
    return mandate.withdrawn_at is None and mandate.valid_from <= now < mandate.valid_until


def level_used(mandate: Mandate, reached: Level) -> Level:
    """The level of the whole: its weakest link's. Source: [AS] level requested and level used."""
    return min(mandate.level, reached)


def is_awaited(query: Query | None, choice: RepresentationChoice) -> str | None:
    """Why a choice is not awaited (a dead letter's reason), or None where it is."""
    if query is None:
        return "login_unknown"
    if not query.is_open:
        return "login_finished"
    return None if compare_digest(choice.nonce, query.nonce or "") else "nonce_refused"


def pseudonym(secret: bytes, mandate: Mandate, dienstverlener: str) -> str:
    """The acting subject as one dienstverlener knows him: the same for a person and organisation
    always, and not to be linked to what another dienstverlener is told.

    CHOICE: HMAC-SHA-256 under the registry's own secret; the scheme publishes no algorithm.
    """
    text = f"{mandate.person}\n{mandate.kvk}\n{dienstverlener}"
    return base64url(hmac.digest(secret, text.encode(), "sha256"))
