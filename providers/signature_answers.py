"""Stage: the user signed the challenge with a key that he holds.

signature-answers.<provider> -> authentication-results.<makelaar>, consent-prompts.<provider> or
    challenges.<provider>
"""

from __future__ import annotations

from pipeline.keys import Keys
from pipeline.stage import Batch, Facts, Moment, Step
from providers import answers
from providers import means as means_table
from providers.answers import Checked
from providers.authentication import Authentication
from providers.credentials import signature
from providers.means import Means
from providers.rules import Provider
from schemas.codec import Received
from schemas.dialogue import CredentialKind, SignatureAnswer
from schemas.sealed import SignatureSecret

KIND = CredentialKind.SIGNATURE


def handle(
    row: Authentication | None,
    received: Received[SignatureAnswer],
    checked: Checked,
    moment: Moment,
) -> Step[Authentication]:
    """Where the signature holds, declare who the user is."""

    def declare(row: Authentication, means: Means) -> Step[Authentication]:
        return answers.prove(row, means, checked, moment)

    return answers.judge_credential(row, received, checked, moment, KIND, declare)


def facts(keys: Keys) -> Facts:
    """Check the signatures of a batch, each against the key that it names."""

    async def check(batch: Batch[Provider]) -> list[Checked]:
        secrets = [
            answers.opened(keys, batch, received, KIND, SignatureSecret)
            for received in batch.received
        ]
        key_ids = {_key_id(secret) for secret in secrets} - {""}
        known = await means_table.by_key_id(batch.connection, key_ids)
        found = [
            _check(batch, received, secret, known.get(_key_id(secret)))
            for received, secret in zip(batch.received, secrets, strict=True)
        ]
        return await answers.with_persons(batch, found)

    return check


def _key_id(secret: SignatureSecret | str | None) -> str:
    named = signature.key_id(secret.signature) if isinstance(secret, SignatureSecret) else None
    return named or ""


def _check(
    batch: Batch[Provider],
    received: Received[SignatureAnswer],
    secret: SignatureSecret | str | None,
    means: Means | None,
) -> Checked:
    provider = batch.known
    if not isinstance(secret, SignatureSecret):
        return Checked(provider, unusable=secret)
    if means is None or means.is_locked or means.public_key is None:
        return Checked(provider, means=means)
    request_id = received.message.request_id
    expected = signature.statement(secret.nonce, request_id, provider.me.entity_id)
    held = signature.holds(secret.signature, expected, means.public_key)
    return Checked(provider, None, means, held, key=answers.key_of(secret))
