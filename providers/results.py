"""What the makelaar is told, and what the user is asked next."""

from __future__ import annotations

from pipeline.stage import Moment, Outgoing, Step
from providers import means as means_table
from providers.authentication import Authentication
from providers.means import Means
from providers.rules import Provider, may_try_again, reaches
from schemas.messages import (
    Authenticated,
    AuthenticationResult,
    Challenge,
    CredentialKind,
    NotAuthenticated,
)
from schemas.refusals import RefusalCode
from schemas.sealed import ActingSubject
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
    )
    awaiting = row.moved(awaits=kind, nonce=moment.nonce)
    return Step(awaiting, send=[Outgoing(CHALLENGES, provider.me, asked)])


def succeed(
    row: Authentication, means: Means, provider: Provider, moment: Moment
) -> Step[Authentication]:
    """Declare who the user is, at his means' level. Source: [AS] flow step 6."""
    registry = provider.directory.participant(means.registry)
    if registry is None:
        return refuse(row, RefusalCode.PARTICIPANT_FAULT, provider)
    if not reaches(means.level, row):
        return refuse(row, RefusalCode.LEVEL_NOT_SUPPORTED, provider)
    declared = Authenticated(
        request_digest=row.request_digest,
        dienstverlener=row.dienstverlener,
        service=row.service,
        level=means.level,
        acting_subject=provider.seal(ActingSubject(subject=means.subject), registry),
        registry=means.registry,
        authenticated_at=moment.now,
    )
    result = AuthenticationResult(request_id=row.request_id, result=declared)
    send = _to_makelaar(row, result, provider, (row.dienstverlener, means.registry))
    return Step(row.ended(), send=send, changes=[means_table.forget_failures(means.id)])


def fail(
    row: Authentication, means: Means | None, provider: Provider, moment: Moment
) -> Step[Authentication]:
    """A credential did not hold: ask once more, or refuse."""
    counted = [means_table.count_failure(means.id)] if means else []
    if not may_try_again(row, provider) or row.awaits is None:
        refused = refuse(row, RefusalCode.AUTHENTICATION_FAILED, provider)
        return Step(refused.row, send=refused.send, changes=counted)
    again = challenge(row.moved(attempts=row.attempts + 1), row.awaits, provider, moment)
    return Step(again.row, send=again.send, changes=counted)


def refuse(row: Authentication, code: RefusalCode, provider: Provider) -> Step[Authentication]:
    """Tell the makelaar that the user was not authenticated, and why."""
    refused = NotAuthenticated(code=code)
    result = AuthenticationResult(request_id=row.request_id, result=refused)
    return Step(row.ended(), send=_to_makelaar(row, result, provider, ()))


def _to_makelaar(
    row: Authentication, result: AuthenticationResult, provider: Provider, also: tuple[str, ...]
) -> list[Outgoing]:
    makelaar = provider.directory.participant(row.makelaar)
    return [Outgoing(AUTHENTICATION_RESULTS, makelaar, result, also)] if makelaar else []
