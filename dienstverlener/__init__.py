"""What a dienstverlener's engineer imports: publish a request, await the outcome, verified.

    async with Dienstverlener.connect() as dv:
        outcome = await dv.authenticate(service, level=Level.EH3)
        match outcome:
            case Assertion(legal_subject=company, acting_subject=pseudonym): ...
            case Refusal(code=code, explanation=text): ...

client    the connection: publish, outcomes, authenticate, cancel
outcome   what comes back: an Assertion or a Refusal
verify    how an outcome is verified without having to trust the makelaar
evidence  the declarations of one login, and whether they hold together
holding_back  what is not published while the network is busy
offered   whether an assertion is what our service asks, by the catalogue it was decided under
"""

import sys

import structlog

from dienstverlener.client import Dienstverlener, NoOutcome
from dienstverlener.outcome import HELD_BACK, Assertion, LegalSubject, Person, Refusal
from schemas.refusals import RefusalCode
from schemas.values import AttributeName, EidasLevel, EntityType, Level

__all__ = [
    "HELD_BACK",
    "Assertion",
    "AttributeName",
    "Dienstverlener",
    "EidasLevel",
    "EntityType",
    "LegalSubject",
    "Level",
    "NoOutcome",
    "Person",
    "Refusal",
    "RefusalCode",
]

if not structlog.is_configured():  # stdout belongs to the program; it may configure otherwise
    structlog.configure(logger_factory=lambda *_: structlog.PrintLogger(sys.stderr))
