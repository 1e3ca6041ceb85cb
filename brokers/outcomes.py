"""The one answer to a request: an assertion, or a refusal with its reason."""

from __future__ import annotations

from uuid import UUID

from brokers.login import Login, Phase
from pipeline.stage import Outgoing, Step
from schemas.directory import Directory, Participant
from schemas.messages import Asserted, Outcome, Permit, Refused
from schemas.refusals import EXPLANATIONS, RefusalCode
from schemas.topics import OUTCOMES


def refuse(login: Login, code: RefusalCode, by: UUID, directory: Directory) -> Step[Login]:
    """End a login with a refusal."""
    return _finish(login, refused(code), by, directory)


def grant(
    login: Login, permit: Permit, decision: str, by: UUID, directory: Directory
) -> Step[Login]:
    """End a login with an assertion, the two declarations inside as evidence."""
    asserted = Asserted(
        service=login.service,
        level=permit.level,
        declaration=login.declaration or "",
        decision=decision,
    )
    return _finish(login, asserted, by, directory)


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
