"""Stage: a second registry says whether the chain holds that the first one's permit needs.

confirmations.<makelaar> -> outcomes.<dienstverlener>
"""

from __future__ import annotations

from brokers import evidence, outcomes, rules
from brokers.login import Login, Phase
from brokers.outcomes import Granted
from brokers.rules import Network
from pipeline.stage import Moment, Step
from schemas.codec import Received
from schemas.messages import Confirmation, Confirmed


def handle(
    login: Login | None, received: Received[Confirmation], network: Network, moment: Moment
) -> Step[Login]:
    """Assert what provider and both registries declared together, or refuse."""
    reason = rules.is_awaited(login, Phase.CONFIRMING)
    if login is None or reason is not None:
        return Step(reject=reason)
    if received.sender is None or received.sender.entity_id != login.confirmer:
        return Step(reject="not_asked")
    judged = evidence.judge_confirmation(login, received.message, network, moment.now)
    confirmed = received.message.result
    if judged.code is not None or not isinstance(confirmed, Confirmed):
        return outcomes.refuse_judged(login, judged, received.id, network.directory)
    granted = Granted(confirmed.level, login.decision or "", received.text)
    login = login.found(*judged.findings)
    return outcomes.grant(login, granted, received.id, network, moment.now)
