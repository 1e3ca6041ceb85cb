"""Messages that are not signed by whoever should have signed them, as he should have."""

from __future__ import annotations

from dataclasses import replace

from schemas.codec import Record
from schemas.directory import Participant
from schemas.jose import new_key
from schemas.topics import (
    AUTHENTICATION_RESULTS,
    AUTHN_REQUESTS,
    MANDATE_DECISIONS,
    MANDATE_QUERIES,
    OUTCOMES,
)
from tests.integration.bad_input import stops
from tests.integration.bad_input.form import with_value
from tests.integration.bad_input.rows import (
    LOST,
    UNHARMED,
    Fate,
    Layer,
    Row,
    dead,
    ends,
)
from tests.support.forge import DROP, Place, Token, signed

_TAKEN_FIRST = ends("request_id_reused", "authn-requests", told="assertion EH4 for korenmolen")
_OF_ANOTHER = ends("request_id_reused", "authn-requests", told="service_unknown", asked=-2)


def _tampered(place: Place) -> Record:
    """Asks for a new login of the user, under the signature of a request that did not."""
    text = place.good.value.decode()
    other = Token.read(text).but(data={"force_authn": True}).signed(new_key())
    (header, _, signature), payload = text.split("."), other.split(".")[1]
    return with_value(place, f"{header}.{payload}.{signature}".encode())


def _another(place: Place, reader: str) -> Participant:
    """Somebody else than the reader, in the same role if there is one."""
    me = place.world.participant(reader)
    others = [p for p in place.world.directory.participants if p != me]
    return next((p for p in others if p.role is me.role), others[0])


def _for_another(place: Place, reader: str) -> Record:
    return place.signed(claims={"aud": [_another(place, reader).entity_id]})


def _header_with_a_key(place: Place) -> Record:
    """The right `kid`, and beside it a key of the forger's own, which signed it."""
    forger = new_key()
    kid = place.world.signing("zuiveringsschap").kid
    return place.signed(key=forger, header={"kid": kid, "jwk": forger.key.as_dict(private=False)})


def _not_an_object(place: Place) -> Record:
    """Rightly signed, but it holds a list and not claims."""
    key = place.world.signing("zuiveringsschap")
    header = {"alg": "ES256", "typ": "nl.herken.authn-request.v1+jwt", "kid": key.kid}
    return with_value(place, signed(header, b"[1,2]", key).encode())


ROWS = (
    Row(
        "algorithm `none`, without a signature",
        AUTHN_REQUESTS,
        lambda p: p.signed(header={"alg": "none"}),
        dead("alg_refused"),
        (
            Layer((stops.ALGORITHM,), dead("signature_invalid")),
            Layer((stops.SIGNATURE,), dead("handler_failed")),
        ),
    ),
    Row(
        "algorithm HS256, the public key as its secret",
        AUTHN_REQUESTS,
        lambda p: p.signed(header={"alg": "HS256"}),
        dead("alg_refused"),
        (
            Layer((stops.ALGORITHM,), dead("signature_invalid")),
            Layer((stops.SIGNATURE,), UNHARMED),
        ),
    ),
    Row(
        "algorithm ES384, on another curve",
        AUTHENTICATION_RESULTS,
        lambda p: p.signed(header={"alg": "ES384"}),
        dead("alg_refused"),
        (
            Layer((stops.ALGORITHM,), dead("signature_invalid")),
            Layer((stops.SIGNATURE,), Fate(lost=("not_asked",))),
        ),
    ),
    Row(
        "a header that brings its own key",
        AUTHN_REQUESTS,
        _header_with_a_key,
        dead("header_refused"),
        (
            Layer((stops.FORM,), dead("signature_invalid")),
            Layer((stops.SIGNATURE,), UNHARMED),
        ),
    ),
    Row(
        "a header without `kid`",
        AUTHN_REQUESTS,
        lambda p: p.signed(header={"kid": DROP}),
        dead("header_refused"),
        (Layer((stops.FORM,), UNHARMED),),
    ),
    Row(
        "`typ` of another message",
        AUTHN_REQUESTS,
        lambda p: p.signed(header={"typ": "nl.herken.cancellation.v1+jwt"}),
        dead("typ_refused"),
        (Layer((stops.TYP,), UNHARMED),),
    ),
    Row(
        "`typ` of a second version",
        MANDATE_QUERIES,
        lambda p: p.signed(header={"typ": "nl.herken.mandate-query.v2+jwt"}),
        dead("typ_refused"),
        (Layer((stops.TYP,), replace(UNHARMED, lost=("asked_before",))),),
    ),
    Row(
        "other claims under the same signature",
        AUTHN_REQUESTS,
        _tampered,
        dead("signature_invalid"),
        (Layer((stops.SIGNATURE,), _TAKEN_FIRST),),
    ),
    Row(
        "a key that nobody knows",
        AUTHN_REQUESTS,
        lambda p: p.signed(key=new_key()),
        dead("kid_unknown"),
        (
            Layer((stops.KNOWN_KEY,), dead("signature_invalid")),
            Layer((stops.SIGNATURE,), UNHARMED),
        ),
    ),
    Row(
        "the key of another dienstverlener",
        AUTHN_REQUESTS,
        lambda p: p.signed(key=p.world.signing("waterdam")),
        dead("issuer_refused"),
        (Layer((stops.ISSUER,), _OF_ANOTHER),),
    ),
    Row(
        "a request that a provider signed",
        AUTHN_REQUESTS,
        lambda p: p.signed(by="sluis"),
        dead("role_refused"),
        (Layer((stops.ROLE,), _OF_ANOTHER),),
    ),
    Row(
        "a provider's result that a dienstverlener signed",
        AUTHENTICATION_RESULTS,
        lambda p: p.signed(by="waterdam"),
        dead("role_refused"),
        (
            Layer((stops.ROLE,), dead("not_asked")),
            Layer(
                (stops.PROVIDER_ASKED, stops.LEVEL_OF_PROVIDER, stops.LEVEL_OF_DECLARER),
                ends("no_mandate", "mandate-decisions", lost=("not_asked",)),
            ),
        ),
    ),
    Row(
        "a permit that the makelaar signed himself",
        MANDATE_DECISIONS,
        lambda p: p.signed(by="polder"),
        dead("role_refused"),
        (
            Layer((stops.ROLE,), dead("not_asked")),
            Layer((stops.REGISTRY_ASKED,), ends("participant_fault", "outcomes", lost=LOST)),
        ),
    ),
    Row(
        "an outcome that a dienstverlener signed",
        OUTCOMES,
        lambda p: p.signed(by="waterdam"),
        dead("role_refused"),
        (
            Layer((stops.ROLE,), dead("audience_refused")),
            Layer((stops.AUDIENCE,), Fate(told="assertion EH4 for korenmolen")),
        ),
    ),
    Row(
        "a key that has expired in the directory",
        AUTHN_REQUESTS,
        lambda p: p.signed(key=p.world.spare["expired"]),
        dead("key_not_valid"),
        (Layer((stops.VALID_KEY,), UNHARMED),),
        on_kafka=False,
    ),
    Row(
        "a key that is not valid yet",
        AUTHN_REQUESTS,
        lambda p: p.signed(key=p.world.spare["not yet valid"]),
        dead("key_not_valid"),
        (Layer((stops.VALID_KEY,), UNHARMED),),
        on_kafka=False,
    ),
    Row(
        "a key that is for encryption",
        AUTHN_REQUESTS,
        lambda p: p.signed(key=p.world.encryption("zuiveringsschap")),
        dead("key_not_valid"),
        (Layer((stops.VALID_KEY,), UNHARMED),),
    ),
    Row(
        "a request for another makelaar",
        AUTHN_REQUESTS,
        lambda p: _for_another(p, "polder"),
        dead("audience_refused"),
        (Layer((stops.AUDIENCE,), UNHARMED),),
    ),
    Row(
        "a query for another registry",
        MANDATE_QUERIES,
        lambda p: _for_another(p, "terp"),
        dead("audience_refused"),
        (Layer((stops.AUDIENCE,), replace(UNHARMED, lost=("asked_before",))),),
    ),
    Row(
        "a permit on the topic of a provider's results",
        MANDATE_DECISIONS,
        lambda p: p.on(AUTHENTICATION_RESULTS, "polder", p.good),
        dead("type_refused"),
        (
            Layer((stops.CE_TYPE,), dead("typ_refused")),
            Layer((stops.TYP,), dead("role_refused")),
            Layer((stops.ROLE,), dead("malformed")),
            Layer((stops.CONTENT,), dead("not_asked")),
        ),
    ),
    Row(
        "claims without a time of expiry",
        AUTHN_REQUESTS,
        lambda p: p.signed(claims={"exp": DROP}),
        dead("claims_malformed"),
        (Layer((stops.CLAIMS,), ends("participant_fault", "outcomes")),),
    ),
    Row(
        "a list instead of claims",
        AUTHN_REQUESTS,
        _not_an_object,
        dead("claims_malformed"),
        (Layer((stops.JSON, stops.CLAIMS), dead("issuer_refused")),),
    ),
    Row(
        "a signed message without a request ID",
        AUTHN_REQUESTS,
        lambda p: p.signed(data={"request_id": DROP}),
        dead("message_malformed"),
        (Layer((stops.REQUEST_ID,), dead("key_refused")),),
    ),
    Row(
        "a request ID that is no UUID",
        AUTHN_REQUESTS,
        lambda p: replace(p.signed(data={"request_id": "7"}), key=p.good.key),
        dead("message_malformed"),
        (Layer((stops.REQUEST_ID,), dead("key_refused")),),
    ),
)
