"""The sweep: a login whose deadline has passed is refused, whoever it was waiting for."""

from __future__ import annotations

from brokers import outcomes
from brokers.login import Login, Phase
from brokers.rules import Network
from pipeline.stage import Moment, Step
from schemas.refusals import RefusalCode


def handle(login: Login, network: Network, moment: Moment) -> Step[Login]:
    """Refuse, so that a dienstverlener always has its one outcome."""
    if login.phase is Phase.DONE:
        return Step(login)
    code, saw = RefusalCode.DEADLINE_PASSED, f"still {login.phase} at its deadline"
    needed = "an answer before the deadline"
    return outcomes.refuse(login, code, saw, moment.input_id, network.directory, needed)
