"""The provider's rules. No I/O: what is known and the time are arguments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from hmac import compare_digest

from providers.authentication import Authentication
from schemas.directory import Directory, Participant
from schemas.messages import Answer, AuthenticationRequest, CredentialKind
from schemas.refusals import RefusalCode
from schemas.values import Level, Role, Value


@dataclass(frozen=True)
class Provider:
    """What a provider knows: itself, the directory as it is now, its own choices, and how it
    seals something for another participant."""

    me: Participant
    directory: Directory
    first_challenge: CredentialKind
    attempts: int
    seal: Callable[[Value, Participant], str]


def admit(request: AuthenticationRequest, provider: Provider, now: datetime) -> RefusalCode | None:
    """Why an authentication cannot start, or None where it can."""
    if now >= request.deadline:
        return RefusalCode.DEADLINE_PASSED
    if provider.me.highest_level is None or provider.me.highest_level < request.level:
        return RefusalCode.LEVEL_NOT_SUPPORTED
    dienstverlener = provider.directory.participant(request.dienstverlener)
    if dienstverlener is None or dienstverlener.role is not Role.DIENSTVERLENER:
        return RefusalCode.PARTICIPANT_FAULT
    return None


def is_awaited(row: Authentication | None, answer: Answer, kind: CredentialKind) -> str | None:
    """Why an answer is not awaited (a dead letter's reason), or None where it is."""
    if row is None:
        return "login_unknown"
    if row.awaits is None:
        return "login_finished"
    if row.awaits is not kind or not compare_digest(answer.nonce, row.nonce or ""):
        return "nonce_refused"
    return None


def is_late(row: Authentication, now: datetime) -> bool:
    """Whether the answer's time has passed while it waited."""
    return now >= row.deadline


def reaches(level: Level, row: Authentication) -> bool:
    """Levels are minimums: higher is accepted. Source: [AS]."""
    return level >= row.level


def may_try_again(row: Authentication, provider: Provider) -> bool:
    """Whether one more wrong answer leaves an attempt. CHOICE: three in a login."""
    return row.attempts + 1 < provider.attempts
