"""What the makelaar is told, and what the user is asked next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pipeline.findings import Finding
from pipeline.stage import Change, Moment, Outgoing, Step
from providers import means as means_table
from providers import session_rules
from providers.authentication import Authentication
from providers.means import Means
from providers.rules import Provider, may_try_again
from schemas.dialogue import Challenge, CredentialKind
from schemas.messages import Authenticated, AuthenticationResult, NotAuthenticated
from schemas.refusals import RefusalCode
from schemas.topics import AUTHENTICATION_RESULTS, CHALLENGES


def challenge(
    row: Authentication, kind: CredentialKind, provider: Provider, moment: Moment
) -> Step[Authentication]:
    """Ask the user for a credential. Source: [AS] flow step 5."""
    asked = Challenge(
        request_id=row.request_id,
        nonce=moment.nonce,
        provider=provider.me.entity_id,
        kind=kind,
        deadline=row.deadline,
        session_accepted=session_rules.accepts(row, kind, provider, moment.now),
    )
    awaiting = row.moved(awaits=kind, nonce=moment.nonce)
    return Step(awaiting, send=[Outgoing(CHALLENGES, provider.me, asked)])


def declare(
    row: Authentication, declared: Authenticated, provider: Provider
) -> Step[Authentication]:
    """Declare who the user is. Source: [AS] flow step 6."""
    result = AuthenticationResult(request_id=row.request_id, result=declared)
    send = _to_makelaar(row, result, provider, (row.dienstverlener, declared.registry))
    return Step(row.ended(), send=send)


def fail(
    row: Authentication,
    kind: CredentialKind,
    means: Means | None,
    provider: Provider,
    moment: Moment,
) -> Step[Authentication]:
    """A credential did not hold: ask once more, or refuse."""
    counted: list[Change] = [means_table.count_failure(means.id)] if means else []
    if not may_try_again(row.attempts, provider):
        refused = refuse(row, RefusalCode.AUTHENTICATION_FAILED, provider)
        return replace(refused, changes=counted)
    again = challenge(row.moved(attempts=row.attempts + 1), kind, provider, moment)
    return replace(again, changes=counted)


def fail_session(row: Authentication, provider: Provider, moment: Moment) -> Step[Authentication]:
    """A session was not enough: ask for a credential instead, or refuse who goes on like that. No
    means is at fault. CHOICE: as often as a credential may fail."""
    if not may_try_again(row.session_attempts, provider):
        return refuse(row, RefusalCode.AUTHENTICATION_FAILED, provider)
    afresh = row.moved(session_attempts=row.session_attempts + 1, means=None, proven=None, asked=())
    return challenge(afresh, provider.first_challenge, provider, moment)


def cancel(row: Authentication, provider: Provider) -> Step[Authentication]:
    """The user answered with nothing. Source: [AS] cancel is Responder/AuthnFailed."""
    return _end(row, RefusalCode.CANCELLED_BY_USER, "an answer with nothing in it", provider)


def too_late(row: Authentication, provider: Provider) -> Step[Authentication]:
    """The answer came when the time was over."""
    return _end(row, RefusalCode.DEADLINE_PASSED, "an answer after the deadline", provider)


def too_busy(row: Authentication, provider: Provider, moment: Moment) -> Step[Authentication]:
    """There is more to do than can be done."""
    saw = f"logins wait {moment.behind:.1f} s longer than usual"
    return _end(row, RefusalCode.BUSY, saw, provider)


def _end(
    row: Authentication, code: RefusalCode, saw: str, provider: Provider
) -> Step[Authentication]:
    finding = Finding(rule=code.value, saw=saw, passed=False, needed="a new login")
    return refuse(row.found([finding]), code, provider)


def refuse(row: Authentication, code: RefusalCode, provider: Provider) -> Step[Authentication]:
    """Tell the makelaar that the user was not authenticated, and why."""
    refused = NotAuthenticated(code=code)
    result = AuthenticationResult(request_id=row.request_id, result=refused)
    return Step(row.ended(), send=_to_makelaar(row, result, provider, ()))


def _to_makelaar(
    row: Authentication, result: AuthenticationResult, provider: Provider, also: Sequence[str]
) -> list[Outgoing]:
    makelaar = provider.directory.participant(row.makelaar)
    return [Outgoing(AUTHENTICATION_RESULTS, makelaar, result, tuple(also))] if makelaar else []
