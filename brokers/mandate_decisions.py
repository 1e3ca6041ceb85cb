"""Stage: a registry says for whom the user may act, or that he may not.

mandate-decisions.<makelaar> -> outcomes.<dienstverlener>
"""

from __future__ import annotations

from brokers import outcomes, rules
from brokers.login import Login, Phase
from brokers.rules import Network
from pipeline.stage import Moment, Step
from schemas.codec import Received
from schemas.jose import signature_of
from schemas.messages import MandateDecision, Permit
from schemas.refusals import RefusalCode


def handle(
    login: Login | None, received: Received[MandateDecision], network: Network, moment: Moment
) -> Step[Login]:
    """Assert what provider and registry declared together, or refuse."""
    reason = rules.is_awaited(login, Phase.QUERYING)
    if login is None or reason is not None:
        return Step(reject=reason)
    if received.sender is None or received.sender.entity_id != login.registry:
        return Step(reject="not_asked")
    signature = signature_of(login.declaration or "..")
    code = rules.judge_decision(login, received.message, signature)
    permit = received.message.result
    if code is not None or not isinstance(permit, Permit):
        code = code or RefusalCode.PARTICIPANT_FAULT
        return outcomes.refuse(login, code, received.id, network.directory)
    return outcomes.grant(login, permit, received, network, moment.now)
