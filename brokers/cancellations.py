"""Stage: the dienstverlener no longer wants an answer.

cancellations.<makelaar> -> outcomes.<dienstverlener>
"""

from __future__ import annotations

from brokers import outcomes, rules
from brokers.login import Login, Phase
from brokers.rules import Network
from pipeline.stage import Moment, Step
from schemas.codec import Received
from schemas.messages import Cancellation
from schemas.refusals import RefusalCode


def handle(
    login: Login | None, received: Received[Cancellation], network: Network, _: Moment
) -> Step[Login]:
    """End the login, unless it has ended: then its outcome stands, and is told once more.

    A cancellation that overtook its request claims the start, so that nothing starts.
    """
    sender = received.sender
    if login is None and sender is not None:
        names = sender.entity_id, received.message.request_id
        claims = frozenset({rules.start_claim(*names), rules.overtaken_claim(*names)})
        return Step(claims=claims)
    if login is None or sender is None or sender.entity_id != login.dienstverlener:
        return Step(reject="login_unknown")
    if login.phase is Phase.DONE:
        return Step(repeat=login.answered_by)
    code, saw = RefusalCode.CANCELLED_BY_DIENSTVERLENER, f"cancelled while {login.phase}"
    return outcomes.refuse(login, code, saw, received.id, network.directory)
