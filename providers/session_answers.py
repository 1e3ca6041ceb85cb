"""Stage: the user is logged in here already (single sign-on).

session-answers.<provider> -> authentication-results.<makelaar>, consent-prompts.<provider> or
    challenges.<provider>

From the moment a logout is confirmed, nothing is declared by the session that it ended: see
`revisions`.
"""

from __future__ import annotations

from pipeline.keys import Keys
from pipeline.stage import Batch, Facts, Moment, Step
from providers import answers, proving, results, session_rules, sessions
from providers import means as means_table
from providers.answers import Checked
from providers.authentication import Authentication
from providers.judging import settle
from providers.means import Means
from providers.proving import Proof
from providers.rules import Case, Provider
from providers.session_rules import SESSION
from providers.sessions import Session
from schemas.codec import Received
from schemas.dialogue import SessionAnswer
from schemas.sealed import SessionSecret


def handle(
    found: Authentication | None,
    received: Received[SessionAnswer],
    checked: Checked,
    moment: Moment,
) -> Step[Authentication]:
    """Declare who is logged in, as of when he proved it; else ask for a credential instead."""
    provider = checked.provider
    row = answers.awaited(found, received.message, provider.first_challenge, checked, moment)
    if isinstance(row, Step):
        return row
    session, means = checked.session, checked.means
    level = session_rules.worth(session, means)
    case = Case(row, provider, moment.now, means, checked.holds, session, level)
    row, code = settle(row, SESSION, case)
    if code or session is None or means is None or level is None:
        return results.fail_session(row, provider, moment)
    proof = Proof(means, level, session.authenticated_at, checked.person, session)
    return proving.proved(row, proof, provider, moment)


def facts(keys: Keys) -> Facts:
    """Find the sessions of a batch, and the means that they began with."""

    async def check(batch: Batch[Provider]) -> list[Checked]:
        kind = batch.known.first_challenge
        secrets = [answers.opened(keys, batch, r, kind, SessionSecret) for r in batch.received]
        known = await sessions.by_key(batch.connection, {_key(s) for s in secrets} - {""})
        found = [known.get(_key(secret)) for secret in secrets]
        means = await means_table.by_id(batch.connection, {s.means for s in found if s})
        checked = [
            _check(batch.known, secret, session, means.get(session.means) if session else None)
            for secret, session in zip(secrets, found, strict=True)
        ]
        return await answers.with_persons(batch, checked)

    return check


def _key(secret: SessionSecret | str | None) -> str:
    return sessions.key_of(secret.session) if isinstance(secret, SessionSecret) else ""


def _check(
    provider: Provider,
    secret: SessionSecret | str | None,
    session: Session | None,
    means: Means | None,
) -> Checked:
    unusable = secret if isinstance(secret, str) else None
    return Checked(provider, unusable, means, means is not None, session=session)
