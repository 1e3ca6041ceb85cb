"""Stage: a registry says for whom the user may act, or that he may not.

mandate-decisions.<makelaar> -> outcomes.<dienstverlener>, or confirmation-queries.<registry> where
                                another registry has to confirm (a chain)
"""

from __future__ import annotations

from brokers import evidence, outcomes, rules
from brokers.login import Login, Phase
from brokers.outcomes import Granted
from brokers.rules import Network
from pipeline.stage import Moment, Outgoing, Step
from schemas.codec import Received
from schemas.messages import ConfirmationQuery, MandateDecision, Obligation, Permit
from schemas.topics import CONFIRMATION_QUERIES


def handle(
    login: Login | None, received: Received[MandateDecision], network: Network, moment: Moment
) -> Step[Login]:
    """Assert what provider and registry declared together; ask on for a chain; or refuse."""
    reason = rules.is_awaited(login, Phase.QUERYING)
    if login is None or reason is not None:
        return Step(reject=reason)
    if received.sender is None or received.sender.entity_id != login.registry:
        return Step(reject="not_asked")
    judged = evidence.judge_decision(login, received.message, network, moment.now)
    permit = received.message.result
    if judged.code is not None or not isinstance(permit, Permit):
        return outcomes.refuse_judged(login, judged, received.id, network.directory)
    login = login.found(*judged.findings)
    if permit.obligation is not None:
        return _confirm(login, permit, permit.obligation, received.text, network)
    granted = Granted(permit.level, received.text)
    return outcomes.grant(login, granted, received.id, network, moment.now)


def _confirm(
    login: Login, permit: Permit, obligation: Obligation, decision: str, network: Network
) -> Step[Login]:
    """Ask the registry where the chain is registered, without the user.

    Source: [AS] ketenmachtiging: every link is verified in its own register.
    """
    query = ConfirmationQuery(
        request_id=login.request_id,
        request_digest=login.digest,
        dienstverlener=login.dienstverlener,
        service=login.service,
        level=login.level,
        decision=decision,
        deadline=login.deadline,
    )
    second = network.directory.participant(obligation.registry)
    kept = {
        "decision": decision,
        "permitted": permit.services,
        "reached": min(login.reached or login.level, permit.level),
        "confirmer": obligation.registry,
    }
    send = [Outgoing(CONFIRMATION_QUERIES, second, query)] if second else []
    return Step(login.moved(Phase.CONFIRMING, **kept), due_at=login.deadline, send=send)
