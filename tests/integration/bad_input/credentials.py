"""Answers whose secret is not readable, not for this challenge, or not the person's own."""

from __future__ import annotations

from typing import Any

from schemas.codec import Record
from schemas.jose import PrivateKey, new_key
from schemas.sealed import PasswordSecret
from schemas.topics import (
    PASSWORD_ANSWERS,
    SIGNATURE_ANSWERS,
)
from tests.integration.bad_input import stops
from tests.integration.bad_input.answers import (
    ASKED_AGAIN,
    MISSED,
    others_nonce,
    resealed,
    secret_of,
)
from tests.integration.bad_input.rows import (
    TAKEN,
    UNHARMED,
    Fate,
    Layer,
    Moment,
    Row,
    dead,
)
from tests.support.forge import Changes, Place, Token, changed
from tests.support.kinds import PASSWORD


def _signature(
    place: Place,
    header: Changes | None = None,
    payload: Changes | None = None,
    key: PrivateKey | None = None,
) -> Record:
    """The signed challenge, signed otherwise."""
    token = Token.read(secret_of(place).signature)
    key = key or place.world.persons_key("ans", "sluis")
    forged = Token(changed(token.header, header), changed(token.claims, payload)).signed(key)
    return resealed(place, signature=forged)


def _password(place: Place, **changes: Any) -> Record:
    secret = place.world.unsealed(place.data["secret"], PasswordSecret)
    other = PasswordSecret.model_construct(**{**secret.model_dump(), **changes})
    return place.written(secret=place.world.sealed(other, "dijk"))


def _broken_seal(place: Place) -> Record:
    parts = place.data["secret"].split(".")
    flipped = "A" if parts[3][0] != "A" else "B"
    return place.written(secret=".".join([*parts[:3], flipped + parts[3][1:], parts[4]]))


SEALED = (
    Row(
        "a secret sealed for another provider",
        SIGNATURE_ANSWERS,
        lambda p: resealed(p, to="dijk"),
        dead("not_for_us"),
        (Layer((stops.SEALED_FOR_US,), TAKEN),),
    ),
    Row(
        "a sealed secret that was changed on its way",
        SIGNATURE_ANSWERS,
        _broken_seal,
        dead("seal_broken"),
        (Layer((stops.SEAL,), dead("sealed_malformed")),),
    ),
    Row(
        "a sealed password from the answer to another challenge",
        PASSWORD_ANSWERS,
        lambda p: _password(p, nonce=others_nonce(p)),
        dead("nonce_refused"),
        (Layer((stops.NONCE_INSIDE,), Fate(lost=MISSED)),),
        login=PASSWORD,
    ),
    Row(
        "a sealed signature from the answer to another challenge",
        SIGNATURE_ANSWERS,
        lambda p: resealed(p, nonce=others_nonce(p)),
        dead("nonce_refused"),
        (
            Layer((stops.NONCE_INSIDE,), Fate(asked=1, lost=MISSED)),
            Layer((stops.SIGNED_CHALLENGE,), TAKEN),
        ),
    ),
    Row(
        "a username of 300 characters",
        PASSWORD_ANSWERS,
        lambda p: _password(p, username="a" * 300),
        dead("sealed_malformed"),
        (Layer((stops.SEALED_CONTENT,), Fate(asked=1, lost=MISSED)),),
        login=PASSWORD,
    ),
    Row(
        "a username with a NUL character",
        PASSWORD_ANSWERS,
        lambda p: _password(p, username="ans\x00@korenmolen.example"),
        dead("data_refused"),
        (Layer((stops.BAD_DATA_APART,), dead("handler_failed")),),
        login=PASSWORD,
    ),
)

SIGNATURES = (
    Row(
        "a signature one character short",
        SIGNATURE_ANSWERS,
        lambda p: resealed(p, signature=secret_of(p).signature[:-1]),
        ASKED_AGAIN,
        (Layer((stops.SIGNED_CHALLENGE,), UNHARMED),),
        Moment.INSTEAD,
    ),
    Row(
        "a signature by another person's key",
        SIGNATURE_ANSWERS,
        lambda p: _signature(p, key=p.world.persons_key("bas", "sluis")),
        ASKED_AGAIN,
        (Layer((stops.SIGNED_CHALLENGE,), UNHARMED),),
        Moment.INSTEAD,
    ),
    Row(
        "a signature by a key that no means has",
        SIGNATURE_ANSWERS,
        lambda p: _signature(p, header={"kid": new_key().kid}),
        ASKED_AGAIN,
        (Layer((stops.MEANS_KNOWN, stops.SIGNED_CHALLENGE), UNHARMED),),
        Moment.INSTEAD,
    ),
    Row(
        "a signature over another challenge",
        SIGNATURE_ANSWERS,
        lambda p: _signature(p, payload={"nonce": others_nonce(p)}),
        ASKED_AGAIN,
        (Layer((stops.SIGNED_CHALLENGE,), UNHARMED),),
        Moment.INSTEAD,
    ),
    Row(
        "a signature over a challenge of another provider",
        SIGNATURE_ANSWERS,
        lambda p: _signature(p, payload={"aud": p.world.entity("dijk")}),
        ASKED_AGAIN,
        (Layer((stops.SIGNED_CHALLENGE,), UNHARMED),),
        Moment.INSTEAD,
    ),
    Row(
        "a signature with algorithm HS256",
        SIGNATURE_ANSWERS,
        lambda p: _signature(p, header={"alg": "HS256"}),
        ASKED_AGAIN,
        (Layer((stops.ALGORITHM, stops.SIGNED_CHALLENGE), UNHARMED),),
        Moment.INSTEAD,
    ),
    Row(
        "something else that the person signed",
        SIGNATURE_ANSWERS,
        lambda p: _signature(p, header={"typ": "nl.herken.letter.v1+jwt"}),
        ASKED_AGAIN,
        (Layer((stops.SIGNED_AS_CHALLENGE,), UNHARMED),),
        Moment.INSTEAD,
    ),
)

ROWS = (*SEALED, *SIGNATURES)
