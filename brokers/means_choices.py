"""Stage: the user chose a means, or cancelled.

means-choices.<makelaar> -> authentication-requests.<provider> or outcomes.<dienstverlener>
"""

from __future__ import annotations

from dataclasses import replace
from hmac import compare_digest

from brokers import outcomes, rules
from brokers.authn_requests import ask_provider
from brokers.login import Login, Phase
from brokers.remembered import Remember
from brokers.rules import Network
from pipeline.stage import Moment, Step
from schemas.codec import Received
from schemas.dialogue import MeansChoice
from schemas.refusals import RefusalCode

_NEEDED = {
    RefusalCode.CANCELLED_BY_USER: "a means that the user chooses",
    RefusalCode.SERVICE_WITHDRAWN: "a service that its dienstverlener still offers",
}


def handle(
    login: Login | None, received: Received[MeansChoice], network: Network, moment: Moment
) -> Step[Login]:
    """Ask the chosen provider; a choice that was not offered changes nothing."""
    choice = received.message
    reason = rules.is_awaited(login, Phase.CHOOSING)
    if login is None or reason is not None:
        return Step(reject=reason)
    if not compare_digest(choice.nonce, login.nonce or ""):
        return Step(reject="nonce_refused")
    code = _ending(login, choice, network)
    if code is not None:
        saw, needed = "while the user chose a means", _NEEDED[code]
        return outcomes.refuse(login, code, saw, received.id, network.directory, needed)
    provider = network.directory.participant(choice.provider or "")
    if provider is None or choice.provider not in login.options:
        return Step(reject="not_offered")
    return replace(ask_provider(login, provider), changes=_remembered(login, choice, moment))


def _ending(login: Login, choice: MeansChoice, network: Network) -> RefusalCode | None:
    if choice.provider is None:
        return RefusalCode.CANCELLED_BY_USER
    return None if rules.offered(login, network) else RefusalCode.SERVICE_WITHDRAWN


def _remembered(login: Login, choice: MeansChoice, moment: Moment) -> list[Remember]:
    """Where the user wants it, and the dienstverlener says in which browser. Source: [AS] flow
    step 3: the choice can be remembered."""
    if not choice.remember or login.browser is None or choice.provider is None:
        return []
    return [Remember((login.dienstverlener, login.browser), choice.provider, moment.now)]
