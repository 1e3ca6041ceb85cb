"""The one answer to a request: an assertion, or a refusal with its reason."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from brokers.judging import Judged, ended
from brokers.login import Login
from brokers.rules import Network, retry_after
from pipeline.stage import Outgoing, Step
from schemas.directory import Directory, Participant
from schemas.messages import Asserted, Outcome, Refused
from schemas.refusals import EXPLANATIONS, RefusalCode
from schemas.topics import OUTCOMES
from schemas.values import Jws, Level

ASSERTION_VALIDITY = timedelta(minutes=2)
"""Source: [AS] HM assertion valid -5 s .. +2 min."""


@dataclass(frozen=True)
class Granted:
    """What the registries decided: up to which level (the last one's; the others are in the row),
    and their messages."""

    level: Level
    decision: Jws
    confirmation: Jws | None = None


def refuse(
    login: Login, code: RefusalCode, saw: str, by: UUID, directory: Directory, needed: str = ""
) -> Step[Login]:
    """End a login for what is a reason by itself; `saw`: what happened, in a few words; `needed`:
    what would have been no end."""
    return _finish(login.found(ended(str(code), saw, needed)), refused(code, by), by, directory)


def refuse_judged(login: Login, judged: Judged, by: UUID, directory: Directory) -> Step[Login]:
    """End a login because a rule does not hold."""
    code = judged.code or RefusalCode.PARTICIPANT_FAULT
    told = refused(code, by, judged.fits)
    return _finish(login.found(*judged.findings), told, by, directory)


def refuse_busy(
    login: Login, saw: str, behind: float, by: UUID, directory: Directory
) -> Step[Login]:
    """End a login before it begins: there is more to do than can be done. `behind`: by how much, in
    seconds."""
    found = login.found(ended(RefusalCode.BUSY, saw, "fewer logins at the same time"))
    return _finish(found, refused(RefusalCode.BUSY, by, behind=behind), by, directory)


def grant(login: Login, granted: Granted, by: UUID, network: Network, now: datetime) -> Step[Login]:
    """End a login with an assertion at the lowest level of all declarations, which are inside as
    evidence. Source: [AS] ketenmachtiging: what holds is what both links have in common."""
    asserted = Asserted(
        service=login.service,
        level=min(login.reached or login.level, granted.level),
        not_on_or_after=now + ASSERTION_VALIDITY,
        declaration=login.declaration or "",
        decision=granted.decision,
        confirmation=granted.confirmation,
        catalogue_version=network.catalogue.version,
    )
    return _finish(login, asserted, by, network.directory)


def answer(
    request_id: UUID, request: str, result: Asserted | Refused, dienstverlener: Participant
) -> Outgoing:
    """The message of an outcome."""
    outcome = Outcome(request_id=request_id, request=request, result=result)
    return Outgoing(OUTCOMES, dienstverlener, outcome)


def refused(
    code: RefusalCode, by: UUID, fits: tuple[str, ...] = (), behind: float = 0.0
) -> Refused:
    """A refusal with its status and texts; where it is `busy`, with when to come back."""
    told = EXPLANATIONS[code]
    busy = code is RefusalCode.BUSY
    return Refused(
        code=code,
        top_level=told.top_level,
        second_level=told.second_level,
        nl=told.nl,
        en=told.en,
        fits=fits,
        retry_after_seconds=retry_after(by, behind) if busy else None,
    )


def _finish(
    login: Login, result: Asserted | Refused, by: UUID, directory: Directory
) -> Step[Login]:
    dienstverlener = directory.participant(login.dienstverlener)
    done = login.done(by)
    if dienstverlener is None:  # he left the network meanwhile: there is nobody to tell
        return Step(done)
    return Step(done, send=[answer(login.request_id, login.request, result, dienstverlener)])
