"""What a provider or registry signed, but does not hold: it ends the login it was asked for."""

from __future__ import annotations

from brokers import outcomes
from brokers.judging import Judged, ended
from brokers.login import Login, Phase
from brokers.rules import Network, is_awaited
from pipeline.dead_letters import LATE
from pipeline.stage import Moment, Step
from schemas.codec import Faulty
from schemas.refusals import RefusalCode


def provider_fault(login: Login | None, fault: Faulty, network: Network, _: Moment) -> Step[Login]:
    """A provider's faulty answer."""
    asked = login.provider if login else None
    return _end(login, fault, network, Phase.AUTHENTICATING, asked)


def registry_fault(login: Login | None, fault: Faulty, network: Network, _: Moment) -> Step[Login]:
    """A registry's faulty answer."""
    asked = login.registry if login else None
    return _end(login, fault, network, Phase.QUERYING, asked)


def confirmer_fault(login: Login | None, fault: Faulty, network: Network, _: Moment) -> Step[Login]:
    """A second registry's faulty answer."""
    asked = login.confirmer if login else None
    return _end(login, fault, network, Phase.CONFIRMING, asked)


def _end(
    login: Login | None, fault: Faulty, network: Network, phase: Phase, asked: str | None
) -> Step[Login]:
    """Refuse where the answer was awaited from this very participant; else it is a dead letter, for
    its fault, or because the login has ended: most answers that are too old come that late."""
    unawaited = is_awaited(login, phase)
    if login is None or unawaited or fault.sender.entity_id != asked:
        return Step(reject=fault.code if unawaited != LATE else LATE)
    finding = ended(f"answer_{fault.code}", f"signed while {login.phase}, but it does not hold")
    judged = Judged((finding,), RefusalCode.PARTICIPANT_FAULT)
    return outcomes.refuse_judged(login, judged, fault.id, network.directory)
