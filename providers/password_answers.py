"""Stage: the user gave name and password. Slow to check, so apart from all other answers.

password-answers.<provider> -> challenges.<provider> or authentication-results.<makelaar>
"""

from __future__ import annotations

import asyncio

from pipeline.keys import Keys
from pipeline.stage import Batch, Facts, Moment, Step
from providers import answers, results
from providers import means as means_table
from providers.answers import Checked
from providers.authentication import Authentication
from providers.credentials import password
from providers.means import Means
from providers.rules import Provider
from schemas.codec import Received
from schemas.dialogue import CredentialKind, PasswordAnswer
from schemas.sealed import PasswordSecret

KIND = CredentialKind.PASSWORD


def handle(
    row: Authentication | None,
    received: Received[PasswordAnswer],
    checked: Checked,
    moment: Moment,
) -> Step[Authentication]:
    """Where the password holds, ask for the one-time code."""

    def ask_code(row: Authentication, means: Means) -> Step[Authentication]:
        known = row.moved(means=means.id)
        return results.challenge(known, CredentialKind.CODE, checked.provider, moment)

    return answers.judge_credential(row, received, checked, moment, KIND, ask_code)


def facts(keys: Keys) -> Facts:
    """Check the passwords of a batch, as many at a time as there are cores."""

    async def check(batch: Batch[Provider]) -> list[Checked]:
        secrets = [
            answers.opened(keys, batch, received, KIND, PasswordSecret)
            for received in batch.received
        ]
        names = {s.username for s in secrets if isinstance(s, PasswordSecret)}
        known = await means_table.by_username(batch.connection, names)
        return list(await asyncio.gather(*(_check(batch.known, s, known) for s in secrets)))

    return check


async def _check(
    provider: Provider, secret: PasswordSecret | str | None, known: dict[str, Means]
) -> Checked:
    if not isinstance(secret, PasswordSecret):
        return Checked(provider, unusable=secret)
    means = known.get(secret.username)
    stored = means.password_hash if means and not means.is_locked else None
    held = await password.holds(stored, secret.password)
    return Checked(provider, None, means, held, key=answers.key_of(secret))
