"""Stage: the user chose a means, or cancelled.

means-choices.<makelaar> -> authentication-requests.<provider> or outcomes.<dienstverlener>
"""

from __future__ import annotations

from hmac import compare_digest

from brokers import outcomes, rules
from brokers.authn_requests import ask_provider
from brokers.login import Login, Phase
from brokers.rules import Network
from pipeline.stage import Moment, Step
from schemas.codec import Received
from schemas.messages import MeansChoice
from schemas.refusals import RefusalCode


def handle(
    login: Login | None, received: Received[MeansChoice], network: Network, _: Moment
) -> Step[Login]:
    """Ask the chosen provider; a choice that was not offered changes nothing."""
    choice = received.message
    reason = rules.is_awaited(login, Phase.CHOOSING)
    if login is None or reason is not None:
        return Step(reject=reason)
    if not compare_digest(choice.nonce, login.nonce or ""):
        return Step(reject="nonce_refused")
    if choice.provider is None:
        return outcomes.refuse(login, RefusalCode.CANCELLED_BY_USER, received.id, network.directory)
    provider = network.directory.participant(choice.provider)
    if provider is None or choice.provider not in login.options:
        return Step(reject="not_offered")
    return ask_provider(login, provider)
