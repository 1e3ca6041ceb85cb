"""Stage: a provider says who the user is, or that he could not prove it.

authentication-results.<makelaar> -> mandate-queries.<registry> or outcomes.<dienstverlener>
"""

from __future__ import annotations

from brokers import evidence, outcomes, rules
from brokers.login import Login, Phase
from brokers.rules import Network
from pipeline.stage import Moment, Outgoing, Step
from schemas.codec import Received
from schemas.messages import Authenticated, AuthenticationResult, MandateQuery
from schemas.topics import MANDATE_QUERIES


def handle(
    login: Login | None, received: Received[AuthenticationResult], network: Network, moment: Moment
) -> Step[Login]:
    """Ask the registry that the declaration names, or refuse."""
    reason = rules.is_awaited(login, Phase.AUTHENTICATING)
    if login is None or reason is not None:
        return Step(reject=reason)
    if received.sender is None or received.sender.entity_id != login.provider:
        return Step(reject="not_asked")
    judged = evidence.judge_authentication(login, received.message, network, moment.now)
    result = received.message.result
    if judged.code is not None or not isinstance(result, Authenticated):
        return outcomes.refuse_judged(login, judged, received.id, network.directory)
    return _query(login.found(*judged.findings), result, received.text, network)


def _query(
    login: Login, declared: Authenticated, declaration: str, network: Network
) -> Step[Login]:
    """Ask for whom this person may act. Source: [AS] flow step 7."""
    query = MandateQuery(
        request_id=login.request_id,
        request_digest=login.digest,
        dienstverlener=login.dienstverlener,
        service=login.service,
        level=login.level,
        declaration=declaration,
        deadline=login.deadline,
    )
    registry = network.directory.participant(declared.registry)
    kept = {"registry": declared.registry, "declaration": declaration, "reached": declared.level}
    send = [Outgoing(MANDATE_QUERIES, registry, query)] if registry else []
    return Step(login.moved(Phase.QUERYING, **kept), due_at=login.deadline, send=send)
