"""Stage: the user gave a one-time code.

code-answers.<provider> -> authentication-results.<makelaar>, consent-prompts.<provider> or
    challenges.<provider>
"""

from __future__ import annotations

from pipeline.keys import Keys, Unreadable
from pipeline.stage import Batch, Facts, Moment, Step
from providers import answers
from providers import means as means_table
from providers.answers import Checked
from providers.authentication import Authentication
from providers.credentials import code
from providers.means import Means
from providers.rules import Provider
from schemas.codec import Received
from schemas.dialogue import CodeAnswer, CredentialKind
from schemas.sealed import CodeSecret

KIND = CredentialKind.CODE


def handle(
    row: Authentication | None, received: Received[CodeAnswer], checked: Checked, moment: Moment
) -> Step[Authentication]:
    """Where the code holds, and was not used before, declare who the user is."""

    def declare(row: Authentication, means: Means) -> Step[Authentication]:
        return answers.prove(row, means, checked, moment)

    return answers.judge_credential(row, received, checked, moment, KIND, declare)


def facts(keys: Keys) -> Facts:
    """Check the codes of a batch against the means whose passwords held."""

    async def check(batch: Batch[Provider]) -> list[Checked]:
        rows = [batch.row(received.message.request_id) for received in batch.received]
        means_ids = {row.means for row in rows if row is not None and row.means is not None}
        known = await means_table.by_id(batch.connection, means_ids)
        found = [
            _check(keys, batch, received, known.get(row.means) if row else None)
            for received, row in zip(batch.received, rows, strict=True)
        ]
        return await answers.with_persons(batch, found)

    return check


def _check(
    keys: Keys, batch: Batch[Provider], received: Received[CodeAnswer], means: Means | None
) -> Checked:
    secret = answers.opened(keys, batch, received, KIND, CodeSecret)
    if not isinstance(secret, CodeSecret):
        return Checked(batch.known, unusable=secret)
    if means is None or means.is_locked or means.totp_secret is None:
        return Checked(batch.known, means=means)
    try:
        shared = keys.open(means.totp_secret, code.SharedSecret)
    except Unreadable:  # sealed with a key that we no longer hold: the means is of no use
        return Checked(batch.known, means=means)
    step = code.matching_step(shared, secret.code, batch.now)
    claim, key = f"code:{means.id}:{step}", answers.key_of(secret)
    return Checked(batch.known, None, means, step is not None, claim, key)
