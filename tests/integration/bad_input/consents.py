"""Consent that was not asked, or not by this user; and what a provider makes of it."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from schemas import codec
from schemas.codec import Record
from schemas.dialogue import ConsentChoice
from schemas.sealed import PersonAttributes
from schemas.topics import (
    AUTHENTICATION_RESULTS,
    CONSENT_CHOICES,
    CONSENT_PROMPTS,
    SIGNATURE_ANSWERS,
)
from schemas.values import AttributeName
from tests.integration.bad_input import stops
from tests.integration.bad_input.answers import GUESS
from tests.integration.bad_input.kinds import CONSENT
from tests.integration.bad_input.results import changed_result
from tests.integration.bad_input.rows import (
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


def _others_nonce(place: Place) -> str:
    return str(place.other.token(CONSENT_PROMPTS).claims["data"]["nonce"])


def _sharing(place: Place, *names: AttributeName) -> Record:
    return place.written(shared=[name.value for name in names])


def _early(place: Place) -> Record:
    """Consent, while the provider asks for a signature."""
    choice = ConsentChoice(
        request_id=place.data["request_id"],
        nonce=place.data["nonce"],
        shared=(AttributeName.FIRST_NAME,),
    )
    topic = CONSENT_CHOICES.of(place.world.participant("baken").name)
    return codec.encode_unsigned(topic, choice, uuid4(), place.world.clock())


def _unknown_login(place: Place) -> Record:
    request_id = str(uuid4())
    written = place.written(request_id=request_id)
    return Record(written.topic, request_id.encode(), written.value, written.headers)


def _for_another(place: Place) -> Record:
    """What the person shares, sealed for another dienstverlener."""
    shared = place.world.unsealed(place.data["result"]["attributes"], PersonAttributes)
    return changed_result(place, attributes=place.world.sealed(shared, "tolhuis"))


def _row(name: str, forge: Any, fate: Fate, *layers: Layer, moment: Moment = Moment.BEFORE) -> Row:
    return Row(name, CONSENT_CHOICES, forge, fate, layers, moment, CONSENT, on_kafka=False)


CHOICES = (
    _row(
        "consent to more than was asked",
        lambda p: _sharing(p, AttributeName.FIRST_NAME, AttributeName.FAMILY_NAME),
        dead("not_offered"),
        Layer((stops.CONSENT_ASKED,), TAKEN),
    ),
    _row(
        "consent to something else than was asked",
        lambda p: _sharing(p, AttributeName.DATE_OF_BIRTH),
        dead("not_offered"),
        Layer(
            (stops.CONSENT_ASKED,),
            ends("attributes_not_shared", "authentication-results", lost=("login_finished",)),
        ),
    ),
    _row(
        "consent to what only a registry tells",
        lambda p: _sharing(p, AttributeName.FIRST_NAME, AttributeName.COMPANY_NAME),
        dead("not_offered"),
        Layer((stops.CONSENT_ASKED,), TAKEN),
    ),
    _row(
        "consent to what nobody knows of",
        lambda p: p.written(shared=["urn:etoegang:1.9:attribute:ShoeSize"]),
        dead("message_malformed"),
        Layer((stops.CONTENT,), dead("not_offered")),
    ),
    _row(
        "consent under the nonce of another login's prompt",
        lambda p: p.written(nonce=_others_nonce(p)),
        dead("nonce_refused"),
        Layer((stops.NONCE_OF_CHALLENGE,), TAKEN),
    ),
    _row(
        "consent under a guessed nonce",
        lambda p: p.written(nonce=GUESS),
        dead("nonce_refused"),
        Layer((stops.NONCE_OF_CHALLENGE,), TAKEN),
    ),
    _row(
        "consent of which the key is another login's",
        lambda p: Record(
            p.good.topic, p.other.record(CONSENT_PROMPTS).key, p.good.value, p.good.headers
        ),
        dead("key_refused"),
        Layer((stops.KEY,), UNHARMED),
    ),
    _row(
        "consent for a login that nobody knows",
        _unknown_login,
        dead("login_unknown"),
        Layer((stops.AWAITED_BY_PROVIDER,), UNHARMED),
    ),
    _row(
        "a second consent",
        lambda p: p.written(remember=False, shared=[]),
        dead("login_finished"),
        Layer((stops.AWAITED_BY_PROVIDER,), Fate(lost=("not_asked",))),
        moment=Moment.AFTER,
    ),
    _row(
        "consent when the login has ended",
        lambda p: p.written(shared=[]),
        dead("login_finished"),
        Layer((stops.AWAITED_BY_PROVIDER,), TAKEN),
        moment=Moment.LATER,
    ),
    Row(
        "consent where a signature is asked",
        SIGNATURE_ANSWERS,
        _early,
        dead("nonce_refused"),
        (Layer((stops.AWAITED_BY_PROVIDER,), dead("not_offered")),),
        login=CONSENT,
        on_kafka=False,
    ),
)

RESULTS = (
    Row(
        "a result without what the service has to know",
        AUTHENTICATION_RESULTS,
        lambda p: changed_result(p, attributes=None),
        BY_DIENSTVERLENER,
        (Layer((stops.AS_OFFERED,), ends("assertion EH4 for boekhouder", "mandate-decisions")),),
        Moment.INSTEAD,
        CONSENT,
        on_kafka=False,
    ),
    Row(
        "a result whose attributes are sealed for another dienstverlener",
        AUTHENTICATION_RESULTS,
        _for_another,
        BY_DIENSTVERLENER,
        (Layer((stops.SEALED_FOR_US,), UNHARMED),),
        Moment.INSTEAD,
        CONSENT,
        on_kafka=False,
    ),
)

ROWS = (*CHOICES, *RESULTS)
