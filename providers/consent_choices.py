"""Stage: the user agreed to share something of himself, or did not.

consent-choices.<provider> -> authentication-results.<makelaar> or challenges.<provider>

What held before he was asked is judged again: the means, and the session where it rests on one.
"""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from pipeline.stage import Batch, Change, Moment, Step
from providers import answers, consents, proving, results, sessions
from providers import means as means_table
from providers.answers import Checked
from providers.authentication import CONSENT, Authentication
from providers.judging import settle
from providers.means import Means
from providers.proving import Proof
from providers.rules import USABLE, Case, Provider
from providers.session_rules import SESSION
from providers.sessions import Session
from schemas.codec import Received
from schemas.dialogue import ConsentChoice
from schemas.refusals import RefusalCode


def handle(
    found: Authentication | None,
    received: Received[ConsentChoice],
    checked: Checked,
    moment: Moment,
) -> Step[Authentication]:
    """Declare who the user is, with what he shares; a choice that was not offered changes
    nothing."""
    choice = received.message
    row = answers.awaited(found, choice, CONSENT, checked, moment)
    if isinstance(row, Step):
        return row
    if not set(choice.shared or ()) <= set(row.asked):
        return Step(reject="not_offered")
    return _judge(row, choice, checked, moment)


def _judge(
    row: Authentication, choice: ConsentChoice, checked: Checked, moment: Moment
) -> Step[Authentication]:
    provider, proven = checked.provider, row.proven
    level = proven.level if proven else None
    case = Case(row, provider, moment.now, checked.means, True, checked.session, level)
    if proven and proven.session:
        row, code = settle(row, SESSION, case)
        if code is not None:
            return results.fail_session(row, provider, moment)
    row, code = settle(row, USABLE, case)
    if code or checked.means is None or proven is None:
        return results.refuse(row, code or RefusalCode.AUTHENTICATION_FAILED, provider)
    proof = Proof(checked.means, proven.level, proven.at, checked.person, checked.session)
    step = proving.consented(row, proof, frozenset(choice.shared or ()), provider, moment)
    return replace(step, changes=_kept(row, choice, checked.means))


def _kept(row: Authentication, choice: ConsentChoice, means: Means) -> list[Change]:
    if not choice.remember or not choice.shared:
        return []
    shared = frozenset(choice.shared)
    return [consents.remember(means.subject, row.dienstverlener, row.asked, shared)]


async def check(batch: Batch[Provider]) -> list[Checked]:
    """Look up again what held: the means and the session of each, and what is known of whom."""
    rows: list[Authentication | None] = [
        batch.row(received.message.request_id) for received in batch.received
    ]
    means_ids = {row.means for row in rows if row and row.means}
    means = await means_table.by_id(batch.connection, means_ids)
    keys = {row.proven.session for row in rows if row and row.proven and row.proven.session}
    known = await sessions.by_key(batch.connection, keys)
    found = [_check(batch.known, row, means, known) for row in rows]
    return await answers.with_persons(batch, found)


def _check(
    provider: Provider,
    row: Authentication | None,
    means: dict[UUID, Means],
    known: dict[str, Session],
) -> Checked:
    """The session, where it is still of this means: a browser can be another's by now."""
    if row is None or row.means is None or row.means not in means:
        return Checked(provider)
    session = known.get(row.proven.session or "") if row.proven else None
    of_his = session if session and session.means == row.means else None
    return Checked(provider, means=means[row.means], holds=True, session=of_his)
