"""What a second registry confirms, and a first one obliges to: signed, but it does not hold."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import uuid4

from schemas import codec
from schemas.codec import Record, Signer
from schemas.messages import Confirmation, Deny
from schemas.refusals import RefusalCode
from schemas.sealed import ChainClaim, LegalSubject
from schemas.topics import CONFIRMATIONS, MANDATE_DECISIONS
from schemas.values import Level
from tests.integration.bad_input import stops
from tests.integration.bad_input.kinds import CHAIN, KRAAN
from tests.integration.bad_input.outcomes import TOO_LATE
from tests.integration.bad_input.requests import AHEAD
from tests.integration.bad_input.results import changed_result, of_nobody, others_digest, refusal
from tests.integration.bad_input.rows import (
    BY_CONFIRMATION,
    BY_DECISION,
    BY_DIENSTVERLENER,
    TAKEN,
    UNHARMED,
    Fate,
    Layer,
    Moment,
    Row,
    dead,
    ends,
)
from tests.support.forge import Place


def _early(place: Place) -> Record:
    """The second registry denies what nobody has asked it yet."""
    world, deny = place.world, Deny(code=RefusalCode.NO_MANDATE)
    confirmation = Confirmation(request_id=place.data["request_id"], result=deny)
    makelaar, signer = (
        world.participant("vaart"),
        Signer(world.entity("werf"), world.signing("werf")),
    )
    topic, audience = CONFIRMATIONS.of(makelaar.name), (makelaar.entity_id,)
    return codec.encode_signed(topic, confirmation, signer, audience, uuid4(), world.clock())


def _for_another(place: Place) -> Record:
    """The legal subject, sealed for another dienstverlener."""
    legal = place.world.unsealed(place.data["result"]["legal"], LegalSubject)
    return changed_result(place, legal=place.world.sealed(legal, "tolhuis"))


def _row(name: str, forge: Any, fate: Fate, *layers: Layer, moment: Moment = Moment.INSTEAD) -> Row:
    return Row(name, CONFIRMATIONS, forge, fate, layers, moment, CHAIN, on_kafka=False)


CONFIRMED = (
    _row(
        "a confirmation for a login that nobody knows",
        of_nobody,
        dead("login_unknown"),
        Layer((stops.AWAITED_BY_MAKELAAR,), UNHARMED),
        moment=Moment.BEFORE,
    ),
    _row(
        "a confirmation for a login that has ended",
        lambda p: p.signed(),
        dead("login_finished"),
        Layer(
            (stops.AWAITED_BY_MAKELAAR,),
            ends(
                "assertion EH3 for rederij through boekhouder and participant_fault",
                "confirmations",
            ),
        ),
        moment=Moment.LATER,
    ),
    _row(
        "a second confirmation",
        lambda p: p.signed(),
        dead("login_finished"),
        Layer(
            (stops.AWAITED_BY_MAKELAAR,),
            ends(
                "assertion EH3 for rederij through boekhouder and participant_fault",
                "confirmations",
            ),
        ),
        moment=Moment.AFTER,
    ),
    Row(
        "a confirmation that nobody has asked for yet",
        MANDATE_DECISIONS,
        _early,
        dead("not_asked"),
        (
            Layer(
                (stops.AWAITED_BY_MAKELAAR, stops.CONFIRMER_ASKED),
                ends("no_mandate and participant_fault", "confirmations"),
            ),
        ),
        login=CHAIN,
        on_kafka=False,
    ),
    _row(
        "a confirmation of a registry that was not asked",
        lambda p: p.signed(by="kade"),
        dead("not_asked"),
        Layer((stops.CONFIRMER_ASKED,), replace(BY_DIENSTVERLENER, lost=("login_finished",))),
        Layer((stops.CONFIRMED,), TAKEN),
        moment=Moment.BEFORE,
    ),
    _row(
        "a confirmation that the makelaar signed himself",
        lambda p: p.signed(by="vaart"),
        dead("role_refused"),
        Layer((stops.ROLE,), dead("not_asked")),
        Layer((stops.CONFIRMER_ASKED,), replace(BY_DIENSTVERLENER, lost=("login_finished",))),
        moment=Moment.BEFORE,
    ),
    _row(
        "a confirmation with the digest of another request",
        lambda p: changed_result(p, request_digest=others_digest(p)),
        BY_CONFIRMATION,
        Layer((stops.ABOUT_LOGIN,), BY_DIENSTVERLENER),
        Layer((stops.ABOUT_REQUEST,), UNHARMED),
    ),
    _row(
        "a confirmation for another dienstverlener",
        lambda p: changed_result(p, dienstverlener=p.world.entity("tolhuis")),
        BY_CONFIRMATION,
        Layer((stops.ABOUT_LOGIN,), BY_DIENSTVERLENER),
        Layer((stops.ABOUT_REQUEST,), UNHARMED),
    ),
    _row(
        "a confirmation at too low a level",
        lambda p: changed_result(p, level=Level.EH2PLUS.value),
        BY_CONFIRMATION,
        Layer((stops.LEVEL_CONFIRMED,), BY_DIENSTVERLENER),
        Layer(
            (stops.LEVEL_ASSERTED, stops.AS_OFFERED),
            ends("assertion EH2+ for rederij through boekhouder", "confirmations"),
        ),
    ),
    _row(
        "a confirmation above the level of the permit",
        lambda p: changed_result(p, level=Level.EH4.value),
        UNHARMED,
        Layer((stops.LOWEST_LEVEL,), BY_DIENSTVERLENER),
        Layer(
            (stops.LEVEL_ASSERTED,),
            ends("assertion EH4 for rederij through boekhouder", "confirmations"),
        ),
    ),
    _row(
        "a confirmation for another level than was requested",
        lambda p: changed_result(p, level_requested=Level.EH4.value),
        BY_CONFIRMATION,
        Layer((stops.CONFIRMED_FOR_LEVEL,), UNHARMED),
    ),
    _row(
        "a confirmation that is bound to another permit",
        lambda p: changed_result(p, decision_signature="A" * 86),
        BY_CONFIRMATION,
        Layer((stops.CONFIRMATION_BOUND,), BY_DIENSTVERLENER),
        Layer((stops.CONFIRMED,), UNHARMED),
    ),
    _row(
        "a confirmation of services beyond the permit",
        lambda p: changed_result(p, services=[*p.data["result"]["services"], str(KRAAN)]),
        BY_CONFIRMATION,
        Layer((stops.SERVICES_PERMITTED,), BY_DIENSTVERLENER),
        Layer((stops.CONFIRMED, stops.AS_OFFERED), UNHARMED),
    ),
    _row(
        "a confirmation whose legal subject is sealed for another dienstverlener",
        _for_another,
        BY_DIENSTVERLENER,
        Layer((stops.SEALED_FOR_US,), UNHARMED),
    ),
    _row(
        "a confirmation that is older than two minutes",
        lambda p: p.signed(seconds=TOO_LATE),
        BY_CONFIRMATION,
        Layer((stops.TIME,), UNHARMED),
    ),
    _row(
        "a confirmation from the future",
        lambda p: p.signed(seconds=AHEAD),
        BY_CONFIRMATION,
        Layer((stops.TIME,), UNHARMED),
    ),
    _row(
        "a confirmation with an unknown field",
        lambda p: p.signed(data={"colour": "blue"}),
        BY_CONFIRMATION,
        Layer((stops.CONTENT,), UNHARMED),
    ),
    _row(
        "a confirmation with an unknown field, of a registry that was not asked",
        lambda p: p.signed(by="kade", data={"colour": "blue"}),
        dead("malformed"),
        Layer((stops.FAULT_ASKED,), replace(BY_CONFIRMATION, lost=("login_finished",))),
        moment=Moment.BEFORE,
    ),
    _row(
        "a confirmation too long to fit into an assertion",
        lambda p: p.signed(
            claims={"aud": [p.world.entity("vaart"), p.world.entity("havenmeester")] * 160}
        ),
        dead("too_large"),
        Layer((stops.SIZE,), TAKEN),
        moment=Moment.BEFORE,
    ),
    _row(
        "a refusal that is not the second registry's to give",
        lambda p: refusal(p, "deny", RefusalCode.AUTHENTICATION_FAILED),
        BY_CONFIRMATION,
        Layer((stops.OWN_REFUSALS,), ends("authentication_failed", "confirmations")),
    ),
)


def _obliging(place: Place, registry: str, sealed_for: str = "werf") -> Record:
    """A permit that obliges somebody else."""
    obligation = place.data["result"]["obligation"]
    claim = place.world.unsealed(obligation["claim"], ChainClaim)
    changes = {"registry": registry, "claim": place.world.sealed(claim, sealed_for)}
    return changed_result(place, obligation=changes)


def _legal(place: Place) -> str:
    """A legal subject, sealed for the dienstverlener."""
    kvk = {
        "identifiers": [{"type": "urn:etoegang:1.9:EntityConcernedID:KvKnr", "value": "90000703"}]
    }
    return place.world.sealed(LegalSubject.model_validate(kvk), "havenmeester")


def _obliged(name: str, forge: Any, fate: Fate, *layers: Layer) -> Row:
    return Row(name, MANDATE_DECISIONS, forge, fate, layers, Moment.INSTEAD, CHAIN, on_kafka=False)


OBLIGATIONS = (
    _obliged(
        "a permit to be confirmed by nobody in the directory",
        lambda p: _obliging(p, "urn:etoegang:MR:00000099000000074000:entities:9009"),
        BY_DECISION,
        Layer((stops.OBLIGATION,), ends("nothing")),
    ),
    _obliged(
        "a permit to be confirmed by a registry without chains",
        lambda p: _obliging(p, p.world.entity("terp"), "terp"),
        BY_DECISION,
        Layer((stops.OBLIGATION,), BY_CONFIRMATION),
    ),
    _obliged(
        "a permit to be confirmed by a provider",
        lambda p: _obliging(p, p.world.entity("baken"), "baken"),
        BY_DECISION,
        Layer((stops.OBLIGATION,), ends("nothing")),
    ),
    _obliged(
        "a permit to be confirmed by a registry that cannot read what is claimed",
        lambda p: _obliging(p, p.world.entity("werf"), "kade"),
        BY_CONFIRMATION,
        Layer((stops.SEALED_FOR_US,), UNHARMED),
    ),
    _obliged(
        "a permit with both a legal subject and an obligation",
        lambda p: changed_result(p, legal=_legal(p)),
        BY_DECISION,
        Layer((stops.PERMIT_WHOLE,), BY_DIENSTVERLENER),
        Layer((stops.CONFIRMED,), UNHARMED),
    ),
    _obliged(
        "a permit with neither a legal subject nor an obligation",
        lambda p: changed_result(p, obligation=None),
        BY_DECISION,
        Layer((stops.PERMIT_WHOLE,), BY_DIENSTVERLENER),
        Layer((stops.CONFIRMED, stops.LEGAL_KNOWN, stops.SUBJECT), UNHARMED),
    ),
)

ROWS = (*CONFIRMED, *OBLIGATIONS)
