"""What the three kinds of answers have in common: they are opened, checked, judged alike.

Nothing is opened or checked for an answer that is not awaited: a guessed nonce costs its sender
more than it costs the provider.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from pipeline.keys import Keys, Unreadable
from pipeline.stage import Batch, Moment, Step
from providers import results, rules
from providers.authentication import Authentication
from providers.means import Means
from providers.rules import Provider
from schemas.codec import Received
from schemas.messages import Answer, CredentialKind
from schemas.refusals import RefusalCode
from schemas.sealed import CodeSecret, PasswordSecret, SignatureSecret

Secret = TypeVar("Secret", PasswordSecret, CodeSecret, SignatureSecret)
Next = Callable[[Authentication, Means], Step[Authentication]]


@dataclass(frozen=True)
class Checked:
    """What a check found: why the answer is unusable; else whose means it is of, whether the
    credential held, and what it uses up (`claim`)."""

    provider: Provider
    unusable: str | None = None
    means: Means | None = None
    holds: bool = False
    claim: str | None = None


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


def judge(
    row: Authentication | None,
    received: Received[Answer],
    checked: Checked,
    moment: Moment,
    kind: CredentialKind,
    then: Next,
) -> Step[Authentication]:
    """Go on where the credential held; else ask once more, or refuse."""
    provider, answer = checked.provider, received.message
    reason = rules.is_awaited(row, answer, kind) or checked.unusable
    if row is None or reason is not None:
        return Step(reject=reason)
    if rules.is_late(row, moment.now):
        return results.refuse(row, RefusalCode.DEADLINE_PASSED, provider)
    if answer.secret is None:
        return results.refuse(row, RefusalCode.CANCELLED_BY_USER, provider)
    failed = results.fail(row, checked.means, provider, moment)
    if checked.means is None or not checked.holds:
        return failed
    return _once(then(row, checked.means), checked.claim, failed)


def _once(
    step: Step[Authentication], claim: str | None, lost: Step[Authentication]
) -> Step[Authentication]:
    """What can be used once only fails where it was used before."""
    return step if claim is None else replace(step, claims=frozenset({claim}), lost=lost)
