"""The one answer to a request: an assertion, or a refusal with its reason."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from brokers.login import Login, Phase
from brokers.rules import Network
from pipeline.stage import Outgoing, Step
from schemas.codec import Received
from schemas.directory import Directory, Participant
from schemas.messages import Asserted, MandateDecision, Outcome, Permit, Refused
from schemas.refusals import EXPLANATIONS, RefusalCode
from schemas.topics import OUTCOMES

ASSERTION_VALIDITY = timedelta(minutes=2)
"""Source: [AS] HM assertion valid -5 s .. +2 min."""


def refuse(login: Login, code: RefusalCode, by: UUID, directory: Directory) -> Step[Login]:
    """End a login with a refusal."""
    return _finish(login, refused(code), by, directory)


def grant(
    login: Login,
    permit: Permit,
    decision: Received[MandateDecision],
    network: Network,
    now: datetime,
) -> Step[Login]:
    """End a login with an assertion, the two declarations inside as evidence."""
    asserted = Asserted(
        service=login.service,
        level=permit.level,
        not_on_or_after=now + ASSERTION_VALIDITY,
        declaration=login.declaration or "",
        decision=decision.text,
        catalogue_version=network.catalogue.version,
    )
    return _finish(login, asserted, decision.id, network.directory)


def answer(
    request_id: UUID, request: str, result: Asserted | Refused, dienstverlener: Participant
) -> Outgoing:
    """The message of an outcome."""
    outcome = Outcome(request_id=request_id, request=request, result=result)
    return Outgoing(OUTCOMES, dienstverlener, outcome)


def refused(code: RefusalCode) -> Refused:
    """A refusal with its status and texts."""
    told = EXPLANATIONS[code]
    return Refused(
        code=code,
        top_level=told.top_level,
        second_level=told.second_level,
        nl=told.nl,
        en=told.en,
    )


def _finish(
    login: Login, result: Asserted | Refused, by: UUID, directory: Directory
) -> Step[Login]:
    dienstverlener = directory.participant(login.dienstverlener)
    done = login.moved(Phase.DONE, answered_by=by)
    if dienstverlener is None:  # he left the network meanwhile: there is nobody to tell
        return Step(done)
    return Step(done, send=[answer(login.request_id, login.request, result, dienstverlener)])
