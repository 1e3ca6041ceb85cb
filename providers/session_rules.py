"""The rules of single sign-on. No I/O: what is known and the time are arguments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from providers.authentication import Authentication
from providers.judging import Rule, judge
from providers.means import Means
from providers.rules import FOR_THIS_SERVICE, USABLE, Case, Provider
from providers.sessions import Session
from schemas.dialogue import CredentialKind
from schemas.values import Level

LONGEST = timedelta(hours=2)
"""Source: [AS] SSO is for at most two hours."""
WORTH = Level.EH3
"""What a session is worth at most. Source: [AS] no SSO at EH4."""


class Visit(Protocol):
    """Somebody with a session, or without one."""

    @property
    def session(self) -> Session | None: ...
    @property
    def now(self) -> datetime: ...


@dataclass(frozen=True)
class Visited:
    """Somebody with a session, and nothing that he wants to log in to."""

    session: Session | None
    now: datetime


def _takes_sessions(case: Case) -> bool:
    service = case.provider.catalogue.service(case.row.service)
    return service is not None and service.sso


def _is_young(case: Visit) -> bool:
    return case.session is not None and case.now < case.session.authenticated_at + LONGEST


def _age(case: Visit) -> str:
    age = case.now - case.session.authenticated_at if case.session else timedelta()
    return f"{age.total_seconds() / 60:.0f} minutes old"


ACCEPTED: Sequence[Rule[Case]] = (
    Rule(
        "session_refused_before",
        lambda case: case.row.session_attempts == 0,
        lambda case: f"{case.row.session_attempts} sessions that did not hold",
        "an answer with a credential",
        "CHOICE: one session a login",
    ),
    Rule(
        "session_not_enough",
        lambda case: not case.row.force_authn,
        lambda case: f"force-authn is {'on' if case.row.force_authn else 'off'}",
        "an answer with a credential: the dienstverlener asks for that",
        "[AS] force-authn ends single sign-on",
    ),
    Rule(
        "session_at_highest_level",
        lambda case: case.row.level <= WORTH,
        lambda case: f"{case.row.level} asked",
        "an answer with a credential: a session is never enough at EH4",
        "[AS] SSO never at EH4",
    ),
    Rule(
        "session_not_for_service",
        _takes_sessions,
        lambda case: f"single sign-on is {'on' if _takes_sessions(case) else 'off'} for it",
        "an answer with a credential: the service does without single sign-on",
        "[AS] service catalogue: SSO support",
    ),
)
"""Whether a session can be enough here at all."""

LIVE: Sequence[Rule[Visit]] = (
    Rule(
        "session_unknown",
        lambda case: case.session is not None,
        lambda case: "a session" if case.session else "no session",
        "a browser that logged in here before",
        "[AS] SSO lives at the provider",
    ),
    Rule(
        "session_ended",
        lambda case: case.session is not None and case.session.ended_at is None,
        lambda case: "ended" if case.session and case.session.ended_at else "not ended",
        "a session that was not ended, by logout or by force-authn",
        "[AS] logout ends the session; force-authn ends the session",
    ),
    Rule(
        "session_too_old",
        _is_young,
        _age,
        "a session of less than two hours",
        "[AS] SSO for at most two hours",
    ),
)
"""Whether somebody is logged in."""

SESSION: Sequence[Rule[Case]] = (
    *ACCEPTED,
    *LIVE,
    *USABLE,
    Rule(
        "session_level_too_low",
        lambda case: case.level is not None and case.level >= case.row.level,
        lambda case: f"worth {case.level}, where {case.row.level} is asked",
        "a session of a means of the level that is asked",
        "[AS] levels are minimums; CHOICE: a session is worth at most EH3",
    ),
    FOR_THIS_SERVICE,
)
"""Whether a session is enough."""


def accepts(row: Authentication, kind: CredentialKind, provider: Provider, now: datetime) -> bool:
    """Whether the user may answer with a session where this credential is asked."""
    case = Case(row, provider, now)
    return kind is provider.first_challenge and judge(ACCEPTED, case).code is None


def worth(session: Session | None, means: Means | None) -> Level | None:
    """The level of who has a session. Never higher than it was, nor than his means is now."""
    return min(session.level, means.level, WORTH) if session and means else None


def is_live(session: Session | None, now: datetime) -> bool:
    """Whether somebody is logged in by this session."""
    return judge(LIVE, Visited(session, now)).code is None
