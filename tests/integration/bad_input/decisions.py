"""What a registry decides for the makelaar: signed, but it does not hold."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

from schemas import codec
from schemas.codec import Record, Signer
from schemas.messages import Deny, MandateDecision
from schemas.refusals import RefusalCode
from schemas.sealed import LegalSubject, PairwiseSubject
from schemas.topics import (
    AUTHENTICATION_RESULTS,
    MANDATE_DECISIONS,
)
from schemas.values import Level
from tests.integration.bad_input import stops
from tests.integration.bad_input.results import changed_result, of_nobody, others_digest, refusal
from tests.integration.bad_input.rows import (
    BY_DECISION,
    BY_DIENSTVERLENER,
    LOST,
    TAKEN,
    UNHARMED,
    Layer,
    Moment,
    Row,
    dead,
    ends,
)
from tests.support.forge import Place
from tests.support.kinds import PASSWORD


def _audience(place: Place) -> list[str]:
    """The dienstverlener who asks."""
    return [place.world.entity("zuiveringsschap")]


def _early_decision(place: Place) -> Record:
    """The registry denies what the makelaar has not asked yet."""
    world, deny = place.world, Deny(code=RefusalCode.NO_MANDATE)
    decision = MandateDecision(request_id=place.data["request_id"], result=deny)
    makelaar, signer = (
        world.participant("polder"),
        Signer(world.entity("terp"), world.signing("terp")),
    )
    topic, audience = MANDATE_DECISIONS.of(makelaar.name), (makelaar.entity_id,)
    return codec.encode_signed(topic, decision, signer, audience, uuid4(), world.clock())


def _for_another(place: Place) -> Record:
    """The legal subject, sealed for another dienstverlener."""
    legal = place.world.unsealed(place.data["result"]["legal"], LegalSubject)
    return changed_result(place, legal=place.world.sealed(legal, "waterdam"))


def _acting_for_another(place: Place) -> Record:
    """The acting subject, sealed for another dienstverlener."""
    acting = place.world.unsealed(place.data["result"]["acting"], PairwiseSubject)
    return changed_result(place, acting=place.world.sealed(acting, "waterdam"))


ROWS = (
    Row(
        "a decision for a login that nobody knows",
        MANDATE_DECISIONS,
        of_nobody,
        dead("login_unknown"),
        (Layer((stops.AWAITED_BY_MAKELAAR,), UNHARMED),),
    ),
    Row(
        "a decision for a login that has ended",
        MANDATE_DECISIONS,
        lambda p: p.signed(),
        dead("login_finished"),
        (
            Layer(
                (stops.AWAITED_BY_MAKELAAR,),
                ends(
                    "assertion EH4 for korenmolen and participant_fault",
                    "mandate-decisions",
                ),
            ),
        ),
        Moment.LATER,
    ),
    Row(
        "a decision that nobody has asked for yet",
        AUTHENTICATION_RESULTS,
        _early_decision,
        dead("not_asked"),
        (
            Layer(
                (stops.AWAITED_BY_MAKELAAR, stops.REGISTRY_ASKED),
                ends("no_mandate and assertion EH4 for korenmolen", "mandate-decisions"),
            ),
        ),
    ),
    Row(
        "a decision of a registry that was not asked",
        MANDATE_DECISIONS,
        lambda p: p.signed(by="wad"),
        dead("not_asked"),
        (Layer((stops.REGISTRY_ASKED,), replace(BY_DIENSTVERLENER, lost=LOST)),),
        on_kafka=False,
    ),
    Row(
        "a permit with the digest of another request",
        MANDATE_DECISIONS,
        lambda p: changed_result(p, request_digest=others_digest(p)),
        BY_DECISION,
        (
            Layer((stops.ABOUT_LOGIN,), BY_DIENSTVERLENER),
            Layer((stops.ABOUT_REQUEST,), UNHARMED),
        ),
        Moment.INSTEAD,
    ),
    Row(
        "a permit at too low a level",
        MANDATE_DECISIONS,
        lambda p: changed_result(p, level=Level.EH3.value),
        BY_DECISION,
        (
            Layer((stops.LEVEL_PERMITTED,), BY_DIENSTVERLENER),
            Layer(
                (stops.LEVEL_ASSERTED, stops.AS_OFFERED),
                ends("assertion EH3 for korenmolen", "mandate-decisions"),
            ),
        ),
        Moment.INSTEAD,
    ),
    Row(
        "a permit above the level that the provider reached",
        MANDATE_DECISIONS,
        lambda p: changed_result(p, level=Level.EH4.value),
        UNHARMED,
        (
            Layer((stops.LOWEST_LEVEL,), BY_DIENSTVERLENER),
            Layer(
                (stops.LEVEL_ASSERTED,),
                ends("assertion EH4 for korenmolen", "mandate-decisions"),
            ),
        ),
        Moment.INSTEAD,
        PASSWORD,
    ),
    Row(
        "a permit for another level than was requested",
        MANDATE_DECISIONS,
        lambda p: changed_result(p, level_requested=Level.EH3.value),
        BY_DECISION,
        (Layer((stops.LEVEL_REQUESTED,), UNHARMED),),
        Moment.INSTEAD,
    ),
    Row(
        "a permit that is bound to another declaration",
        MANDATE_DECISIONS,
        lambda p: changed_result(p, declaration_signature="A" * 86),
        BY_DECISION,
        (
            Layer((stops.PERMIT_BOUND,), BY_DIENSTVERLENER),
            Layer((stops.BOUND,), UNHARMED),
        ),
        Moment.INSTEAD,
    ),
    Row(
        "a permit whose legal subject is sealed for another dienstverlener",
        MANDATE_DECISIONS,
        _for_another,
        BY_DIENSTVERLENER,
        (Layer((stops.SEALED_FOR_US,), UNHARMED),),
        Moment.INSTEAD,
    ),
    Row(
        "a permit for other services than were asked",
        MANDATE_DECISIONS,
        lambda p: changed_result(p, services=[str(uuid4())]),
        BY_DECISION,
        (Layer((stops.SERVICES_ASKED,), BY_DIENSTVERLENER), Layer((stops.AS_OFFERED,), UNHARMED)),
        Moment.INSTEAD,
    ),
    Row(
        "a permit whose acting subject is sealed for another dienstverlener",
        MANDATE_DECISIONS,
        _acting_for_another,
        BY_DIENSTVERLENER,
        (Layer((stops.SEALED_FOR_US,), UNHARMED),),
        Moment.INSTEAD,
    ),
    Row(
        "a permit too long to fit into an assertion",
        MANDATE_DECISIONS,
        lambda p: p.signed(claims={"aud": [p.world.entity("polder"), *_audience(p) * 320]}),
        dead("too_large"),
        (Layer((stops.SIZE,), TAKEN),),
    ),
    Row(
        "a decision that is older than two minutes",
        MANDATE_DECISIONS,
        lambda p: p.signed(seconds=-200),
        BY_DECISION,
        (Layer((stops.TIME,), UNHARMED),),
        Moment.INSTEAD,
    ),
    Row(
        "a refusal that is not the registry's to give",
        MANDATE_DECISIONS,
        lambda p: refusal(p, "deny", RefusalCode.AUTHENTICATION_FAILED),
        BY_DECISION,
        (Layer((stops.OWN_REFUSALS,), ends("authentication_failed", "mandate-decisions")),),
        Moment.INSTEAD,
    ),
)
