"""Answers of a user, or of who pretends to be one, that were not asked or not offered."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from schemas import codec
from schemas.codec import Record
from schemas.dialogue import PasswordAnswer
from schemas.sealed import CodeSecret, PasswordSecret, SignatureSecret
from schemas.topics import (
    CHALLENGES,
    CODE_ANSWERS,
    MEANS_CHOICES,
    PASSWORD_ANSWERS,
    REPRESENTATION_CHOICES,
    SIGNATURE_ANSWERS,
)
from tests.integration.bad_input import stops
from tests.integration.bad_input.rows import (
    TAKEN,
    UNHARMED,
    Fate,
    Layer,
    Moment,
    Row,
    dead,
    ends,
)
from tests.support.forge import Place, Token
from tests.support.kinds import CHOICE, PASSWORD, Kind

MEANS = Kind("means", "omgevingsvergunning", "assertion EH3 for korenmolen", chosen="sluis")
"""A choice of means, one of which is too low to be offered."""
GUESS = "A" * 32
ASKED_AGAIN = Fate(asked=1)
"""The answer did not hold: one attempt is gone, the user is asked once more."""
MISSED = ("nonce_refused",)
"""The good answer, to a challenge that was replaced by another."""


def others_nonce(place: Place) -> str:
    return str(place.other.token(CHALLENGES).claims["data"]["nonce"])


def secret_of(place: Place) -> SignatureSecret:
    return place.world.unsealed(place.data["secret"], SignatureSecret)


def resealed(place: Place, to: str = "sluis", **changes: Any) -> Record:
    """The same secret, with changes, sealed once more."""
    secret = secret_of(place).model_copy(update=changes)
    return place.written(secret=place.world.sealed(secret, to))


def _in_another(place: Place) -> Record:
    """An answer to the challenge of another login."""
    nonce = others_nonce(place)
    token = Token.read(secret_of(place).signature).but(claims={"nonce": nonce})
    key = place.world.persons_key("ans", "sluis")
    secret = SignatureSecret(nonce=nonce, signature=token.signed(key))
    return place.written(nonce=nonce, secret=place.world.sealed(secret, "sluis"))


def _password_to_a_signature(place: Place) -> Record:
    """A password, where the provider asked for a signature."""
    nonce, provider = place.data["nonce"], place.world.participant("sluis")
    secret = PasswordSecret(nonce=nonce, username="ans@korenmolen.example", password="x")
    answer = PasswordAnswer(
        request_id=place.data["request_id"],
        nonce=nonce,
        secret=place.world.sealed(secret, "sluis"),
    )
    topic = PASSWORD_ANSWERS.of(provider.name)
    return codec.encode_unsigned(topic, answer, uuid4(), place.world.clock())


def _used_code(place: Place) -> Record:
    """The code that the same person just used in another login."""
    other = Place(place.world, place.other.record(CODE_ANSWERS), place.other, place.login)
    code = place.world.unsealed(other.data["secret"], CodeSecret).code
    secret = CodeSecret(nonce=place.data["nonce"], code=code)
    return place.written(secret=place.world.sealed(secret, "dijk"))


def _unknown_login(place: Place) -> Record:
    request_id = uuid4()
    written = place.written(request_id=str(request_id))
    return codec.Record(written.topic, str(request_id).encode(), written.value, written.headers)


NONCES = (
    Row(
        "the nonce of another login's challenge",
        SIGNATURE_ANSWERS,
        _in_another,
        dead("nonce_refused"),
        (Layer((stops.AWAITED_BY_PROVIDER,), Fate(lost=("not_asked",))),),
    ),
    Row(
        "a guessed nonce, to a challenge",
        SIGNATURE_ANSWERS,
        lambda p: p.written(nonce=GUESS),
        dead("nonce_refused"),
        (Layer((stops.NONCE_OF_CHALLENGE, stops.NONCE_INSIDE), TAKEN),),
    ),
    Row(
        "a guessed nonce, for a means",
        MEANS_CHOICES,
        lambda p: p.written(nonce=GUESS),
        dead("nonce_refused"),
        (Layer((stops.NONCE_OF_MEANS,), Fate(lost=("not_asked",))),),
        login=CHOICE,
    ),
    Row(
        "a guessed nonce, for an organisation",
        REPRESENTATION_CHOICES,
        lambda p: p.written(nonce=GUESS),
        dead("nonce_refused"),
        (Layer((stops.NONCE_OF_REPRESENTATION,), TAKEN),),
        login=CHOICE,
    ),
    Row(
        "a password where a signature was asked",
        SIGNATURE_ANSWERS,
        _password_to_a_signature,
        dead("nonce_refused"),
        (Layer((stops.AWAITED_BY_PROVIDER,), Fate(asked=1, lost=("not_asked",))),),
    ),
    Row(
        "an answer for a login that nobody knows",
        SIGNATURE_ANSWERS,
        _unknown_login,
        dead("login_unknown"),
        (Layer((stops.AWAITED_BY_PROVIDER,), dead("handler_failed")),),
    ),
)


CHOICES = (
    Row(
        "a means that was not offered",
        MEANS_CHOICES,
        lambda p: p.written(provider=p.world.entity("geul")),
        dead("not_offered"),
        (
            Layer(
                (stops.MEANS_OFFERED,),
                ends(
                    "level_not_supported", "authentication-results", asked=-1, lost=("not_asked",)
                ),
            ),
        ),
        login=MEANS,
    ),
    Row(
        "a provider that is not in the directory",
        MEANS_CHOICES,
        lambda p: p.written(provider="urn:etoegang:AD:00000099000000002000:entities:9009"),
        dead("not_offered"),
        (Layer((stops.PROVIDER_KNOWN,), dead("handler_failed")),),
        login=MEANS,
    ),
    Row(
        "an organisation that was not offered",
        REPRESENTATION_CHOICES,
        lambda p: p.written(option="9"),
        dead("not_offered"),
        (Layer((stops.ORGANISATION_OFFERED,), dead("handler_failed")),),
        login=CHOICE,
    ),
    Row(
        "a second choice of means",
        MEANS_CHOICES,
        lambda p: p.written(provider=p.world.entity("dijk")),
        dead("not_asked"),
        (
            Layer((stops.AWAITED_BY_MAKELAAR,), dead("nonce_refused")),
            Layer((stops.NONCE_OF_MEANS,), dead("not_offered")),
            Layer((stops.MEANS_OFFERED,), Fate(asked=2, lost=("not_asked",))),
        ),
        Moment.AFTER,
        login=MEANS,
    ),
    Row(
        "a second choice of an organisation",
        REPRESENTATION_CHOICES,
        lambda p: p.written(option="0"),
        dead("login_finished"),
        (Layer((stops.AWAITED_BY_REGISTRY,), TAKEN),),
        Moment.AFTER,
        login=CHOICE,
    ),
    Row(
        "a choice of means when the login has ended",
        MEANS_CHOICES,
        lambda p: p.written(provider=p.world.entity("dijk")),
        dead("login_finished"),
        (
            Layer((stops.AWAITED_BY_MAKELAAR,), dead("nonce_refused")),
            Layer((stops.NONCE_OF_MEANS,), dead("not_offered")),
            Layer((stops.MEANS_OFFERED,), Fate(asked=2, lost=("asked_before",))),
        ),
        Moment.LATER,
        login=MEANS,
    ),
)

TWICE = (
    Row(
        "the same answer twice in a batch",
        SIGNATURE_ANSWERS,
        lambda p: p.good,
        UNHARMED,
        (Layer((stops.SAME_IN_BATCH,), dead("login_finished")),),
        Moment.AFTER,
    ),
    Row(
        "the same answer again when the login has ended",
        SIGNATURE_ANSWERS,
        lambda p: p.good,
        UNHARMED,
        (Layer((stops.SAME_BYTES,), dead("login_finished")),),
        Moment.LATER,
    ),
    Row(
        "a second answer when the login has ended",
        SIGNATURE_ANSWERS,
        resealed,
        dead("login_finished"),
        (Layer((stops.AWAITED_BY_PROVIDER,), TAKEN),),
        Moment.LATER,
    ),
    Row(
        "a one-time code that was used in another login",
        CODE_ANSWERS,
        _used_code,
        ASKED_AGAIN,
        (Layer((stops.CODE_ONCE,), UNHARMED),),
        Moment.INSTEAD,
        PASSWORD,
    ),
)

ROWS = (*NONCES, *CHOICES, *TWICE)
