"""What the answers of users have in common: they are opened, checked, judged alike.

Nothing is opened or checked for an answer that is not awaited: a guessed nonce costs its sender
more than it costs the provider.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar
from uuid import UUID

from pipeline.keys import Keys, Unreadable
from pipeline.stage import Batch, Moment, Step
from providers import attributes, consents, proving, results, rules, sessions
from providers.authentication import Authentication, Awaited
from providers.judging import judge, settle
from providers.means import Means
from providers.proving import Proof
from providers.rules import Case, Provider
from providers.sessions import Session
from providers.sharing import Person
from schemas.codec import Received
from schemas.dialogue import Answer, ConsentChoice, CredentialKind
from schemas.sealed import CodeSecret, PasswordSecret, SessionSecret, SignatureSecret

Secret = TypeVar("Secret", PasswordSecret, CodeSecret, SignatureSecret, SessionSecret)
Next = Callable[[Authentication, Means], Step[Authentication]]


@dataclass(frozen=True)
class Checked:
    """What a check found: why the answer is unusable; else whose means it is of, whether the
    credential held, and what it uses up (`claim`); the session that it names (`session`), or that
    is to begin (`key`); what is known of the person."""

    provider: Provider
    unusable: str | None = None
    means: Means | None = None
    holds: bool = False
    claim: str | None = None
    key: str | None = None
    session: Session | None = None
    person: Person = field(default_factory=Person)


def opened(
    keys: Keys,
    batch: Batch[Provider],
    received: Received[Answer],
    kind: CredentialKind,
    model: type[Secret],
) -> Secret | str | None:
    """The secret; a reason why it is unusable; or None where it need not be looked at."""
    answer, row = received.message, batch.row(received.message.request_id)
    if (
        answer.secret is None
        or rules.is_awaited(row, answer, kind)
        or rules.is_late(row, batch.now)
    ):
        return None
    try:
        secret = keys.open(answer.secret, model)
    except Unreadable as unreadable:
        return unreadable.code
    return secret if secret.nonce == answer.nonce else "nonce_refused"


def key_of(secret: PasswordSecret | CodeSecret | SignatureSecret) -> str | None:
    """By what the browser wants to be known, where it does."""
    return sessions.key_of(secret.session) if secret.session else None


async def with_persons(batch: Batch[Provider], found: Sequence[Checked]) -> list[Checked]:
    """Add what is known of the persons, where a credential held and the service asks for that."""
    pairs = [_asked(batch, r, one) for r, one in zip(batch.received, found, strict=True)]
    wanted = {pair for pair in pairs if pair is not None}
    if not wanted:
        return list(found)
    known = await attributes.of(batch.connection, {subject for subject, _ in wanted})
    agreed = await consents.of(batch.connection, wanted)
    persons = {p: Person(known.get(p[0], attributes.NOTHING), agreed.get(p)) for p in wanted}
    return [
        replace(one, person=persons[pair]) if pair else one
        for one, pair in zip(found, pairs, strict=True)
    ]


def _asked(
    batch: Batch[Provider], received: Received[Answer | ConsentChoice], checked: Checked
) -> tuple[UUID, str] | None:
    row: Authentication | None = batch.row(received.message.request_id)
    if row is None or checked.means is None or not checked.holds:
        return None
    asks = rules.requested(row, batch.known)
    return (checked.means.subject, row.dienstverlener) if asks else None


def awaited(
    row: Authentication | None,
    answer: Answer | ConsentChoice,
    kind: Awaited,
    checked: Checked,
    moment: Moment,
) -> Authentication | Step[Authentication]:
    """The row, where there is something to judge; else what comes of an answer that is not
    awaited, unusable, late, or nothing at all."""
    reason = rules.is_awaited(row, answer, kind) or checked.unusable
    if row is None or reason is not None:
        return Step(reject=reason)
    if rules.is_late(row, moment.now):
        return results.too_late(row, checked.provider)
    content = answer.secret if isinstance(answer, Answer) else answer.shared
    return row if content is not None else results.cancel(row, checked.provider)


def judge_credential(
    found: Authentication | None,
    received: Received[Answer],
    checked: Checked,
    moment: Moment,
    kind: CredentialKind,
    then: Next,
) -> Step[Authentication]:
    """Go on where the credential held; else ask once more, or refuse."""
    row = awaited(found, received.message, kind, checked, moment)
    if isinstance(row, Step):
        return row
    case = Case(row, checked.provider, moment.now, checked.means, checked.holds)
    judged, code = settle(row, rules.credential(kind), case)
    if checked.means is None or code is not None:
        return results.fail(judged, kind, checked.means, checked.provider, moment)
    known = judged.moved(session=checked.key or row.session)
    used = partial(_used, row, checked, moment, kind)
    return _once(then(known, checked.means), checked.claim, used)


def prove(
    row: Authentication, means: Means, checked: Checked, moment: Moment
) -> Step[Authentication]:
    """Go on with who proved who he is just now."""
    proof = Proof(means, means.level, moment.now, checked.person)
    return proving.proved(row, proof, checked.provider, moment)


def _used(
    row: Authentication, checked: Checked, moment: Moment, kind: CredentialKind
) -> Step[Authentication]:
    """What follows where the credential was used before."""
    case = Case(row, checked.provider, moment.now, checked.means)
    found = row.found(judge((rules.CODE_USED,), case).findings)
    return results.fail(found, kind, checked.means, checked.provider, moment)


def _once(
    step: Step[Authentication], claim: str | None, lost: Callable[[], Step[Authentication]]
) -> Step[Authentication]:
    """What can be used once only fails where it was used before."""
    return step if claim is None else replace(step, claims=frozenset({claim}), lost=lost)
