"""Requests and cancellations that a dienstverlener did sign, but that cannot be."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

from schemas import codec
from schemas.codec import Record, Signer
from schemas.messages import Cancellation
from schemas.topics import (
    AUTHN_REQUESTS,
    CANCELLATIONS,
    SIGNATURE_ANSWERS,
)
from schemas.values import Level
from tests.integration.bad_input import stops
from tests.integration.bad_input.rows import (
    BY_DIENSTVERLENER,
    UNHARMED,
    Fate,
    Layer,
    Moment,
    Row,
    dead,
    ends,
    told,
)
from tests.support.forge import DROP, Place, Token, carrying, twin

TOO_OLD, AHEAD = -700, 120
"""Seconds from now at which something was signed: longer ago than it holds; beyond any skew."""
CANCELLED = ends("cancelled_by_dienstverlener", "cancellations")


def _cancellation(place: Place, by: str, seconds: int = 0) -> Record:
    """A dienstverlener's cancellation of the login."""
    world, request_id = place.world, Token.read(place.login.text(AUTHN_REQUESTS)).claims["data"]
    message = Cancellation(request_id=request_id["request_id"])
    makelaar, signer = world.participant("polder"), Signer(world.entity(by), world.signing(by))
    topic, audience = CANCELLATIONS.of(makelaar.name), (makelaar.entity_id,)
    record = codec.encode_signed(topic, message, signer, audience, uuid4(), world.clock())
    return place.signed(record, seconds=seconds)


REQUESTS = (
    Row(
        "a request with an unknown field",
        AUTHN_REQUESTS,
        lambda p: p.signed(data={"colour": "blue"}),
        told("request_malformed"),
        (Layer((stops.CONTENT,), BY_DIENSTVERLENER),),
    ),
    Row(
        "a request without its service",
        AUTHN_REQUESTS,
        lambda p: p.signed(data={"service": DROP}),
        told("request_malformed"),
        (Layer((stops.CONTENT,), dead("handler_failed")),),
    ),
    Row(
        "a request whose service has an OIN that fails the 11-proef",
        AUTHN_REQUESTS,
        lambda p: p.signed(data={"service": "urn:etoegang:DV:00000001123456789000:services:1"}),
        told("request_malformed"),
        (
            Layer(
                (stops.ELEVEN,),
                Fate(
                    told="service_unknown", login="request_id_reused", by="authn-requests", asked=-2
                ),
            ),
        ),
    ),
    Row(
        "a request that is older than ten minutes",
        AUTHN_REQUESTS,
        lambda p: p.signed(seconds=TOO_OLD),
        told("request_expired"),
        (Layer((stops.TIME,), UNHARMED),),
    ),
    Row(
        "a request from the future",
        AUTHN_REQUESTS,
        lambda p: p.signed(seconds=AHEAD),
        told("request_from_the_future"),
        (Layer((stops.TIME,), BY_DIENSTVERLENER), Layer((stops.AS_OFFERED,), UNHARMED)),
    ),
    Row(
        "a request ID again, with another level",
        AUTHN_REQUESTS,
        lambda p: p.signed(data={"level": Level.EH3.value}),
        told("request_id_reused"),
        (Layer((stops.REQUEST_ID_ONCE,), UNHARMED),),
        Moment.AFTER,
    ),
    Row(
        "a request ID again, with another level, when the login has ended",
        AUTHN_REQUESTS,
        lambda p: p.signed(data={"level": Level.EH3.value}),
        told("request_id_reused"),
        (Layer((stops.REQUEST_ID_ONCE,), Fate(repeated=True)),),
        Moment.LATER,
    ),
    Row(
        "the request ID of another dienstverlener",
        AUTHN_REQUESTS,
        lambda p: p.signed(by="waterdam"),
        told("request_id_reused"),
        (Layer((stops.REQUEST_ID_ONCE,), UNHARMED),),
        Moment.AFTER,
    ),
    Row(
        "the same bytes twice in a batch",
        AUTHN_REQUESTS,
        lambda p: p.good,
        UNHARMED,
        (Layer((stops.SAME_IN_BATCH,), ends("nothing", asked=-2)),),
        Moment.AFTER,
    ),
    Row(
        "the same bytes again when the login has ended",
        AUTHN_REQUESTS,
        lambda p: p.good,
        UNHARMED,
        (Layer((stops.SAME_BYTES,), Fate(repeated=True)),),
        Moment.LATER,
    ),
    Row(
        "the same request signed again when the login has ended",
        AUTHN_REQUESTS,
        lambda p: p.signed(),
        Fate(repeated=True),
        (Layer((stops.REQUEST_ID_NEW,), Fate(lost=("asked_before",))),),
        Moment.LATER,
    ),
    Row(
        "the same request under the twin of its signature",
        AUTHN_REQUESTS,
        lambda p: carrying(p.good, twin(p.good.value.decode())),
        Fate(repeated=True),
        (Layer((stops.REQUEST_ID_NEW,), Fate(lost=("asked_before",))),),
        Moment.LATER,
    ),
    Row(
        "the same request, by now too old",
        AUTHN_REQUESTS,
        lambda p: p.signed(seconds=TOO_OLD),
        Fate(repeated=True),
        (Layer((stops.ANSWERED_BEFORE,), told("request_expired")),),
        Moment.LATER,
    ),
    Row(
        "a request for the service of another dienstverlener",
        AUTHN_REQUESTS,
        lambda p: p.signed(by="waterdam", data={"request_id": str(uuid4())}),
        told("service_unknown"),
        (Layer((stops.CONNECTED,), UNHARMED),),
    ),
)

CANCELS = (
    Row(
        "a cancellation by another dienstverlener",
        SIGNATURE_ANSWERS,
        lambda p: _cancellation(p, "waterdam"),
        dead("login_unknown"),
        (Layer((stops.OWN_LOGIN,), replace(CANCELLED, lost=("login_finished",))),),
    ),
    Row(
        "a cancellation that is older than ten minutes",
        SIGNATURE_ANSWERS,
        lambda p: _cancellation(p, "zuiveringsschap", TOO_OLD),
        dead("expired"),
        (Layer((stops.TIME,), replace(CANCELLED, lost=("login_finished",))),),
    ),
    Row(
        "a cancellation when the login has ended",
        SIGNATURE_ANSWERS,
        lambda p: _cancellation(p, "zuiveringsschap"),
        Fate(repeated=True),
        (
            Layer(
                (stops.NOT_ENDED,),
                ends(
                    "assertion EH4 for korenmolen and cancelled_by_dienstverlener",
                    "mandate-decisions",
                ),
            ),
        ),
        Moment.LATER,
    ),
    Row(
        "a cancellation that overtakes its request",
        AUTHN_REQUESTS,
        lambda p: _cancellation(p, "zuiveringsschap"),
        ends("cancelled_by_dienstverlener", "authn-requests", asked=-2),
        (Layer((stops.START_ONCE,), UNHARMED),),
    ),
    Row(
        "a cancellation by another dienstverlener that overtakes the request",
        AUTHN_REQUESTS,
        lambda p: _cancellation(p, "waterdam"),
        UNHARMED,
        (
            Layer(
                (stops.OWN_START,),
                ends("cancelled_by_dienstverlener", "authn-requests", asked=-2),
            ),
        ),
    ),
)

ROWS = (*REQUESTS, *CANCELS)
