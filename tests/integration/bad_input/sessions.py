"""Sessions that are not enough, or not the browser's own; and commands about them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import uuid4

from schemas import codec
from schemas.codec import Record
from schemas.dialogue import SessionAnswer
from schemas.sealed import SessionSecret
from schemas.topics import (
    CHALLENGES,
    CODE_ANSWERS,
    SESSION_ANSWERS,
    Topic,
)
from tests.integration.bad_input import stops
from tests.integration.bad_input.answers import GUESS, others_nonce
from tests.integration.bad_input.kinds import (
    ENDED_SESSION,
    FORCED,
    HIGHEST,
    OLD_SESSION,
    SESSION,
    SESSION_ELSEWHERE,
)
from tests.integration.bad_input.rows import (
    BY_DIENSTVERLENER,
    BY_RESULT,
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
from tests.support.kinds import PASSWORD, Kind


def sealed(place: Place, to: str = "baken", **changes: Any) -> Record:
    """The answer or command with another secret, or one that is sealed for another provider."""
    secret = place.world.unsealed(place.data["secret"], SessionSecret)
    other = secret.model_copy(update=changes)
    return place.written(secret=place.world.sealed(other, to))


def _in_another(place: Place) -> Record:
    """The session, for the challenge of another login."""
    nonce = others_nonce(place)
    secret = place.world.unsealed(place.data["secret"], SessionSecret)
    other = secret.model_copy(update={"nonce": nonce})
    return place.written(nonce=nonce, secret=place.world.sealed(other, "baken"))


def _instead(place: Place, provider: str = "baken") -> Record:
    """A session in a credential's place: the one that the browser has, or else a guess."""
    secret = SessionSecret(nonce=place.data["nonce"], session=place.login.session or GUESS)
    answer = SessionAnswer(
        request_id=place.data["request_id"],
        nonce=secret.nonce,
        secret=place.world.sealed(secret, provider),
    )
    topic = SESSION_ANSWERS.of(place.world.participant(provider).name)
    return codec.encode_unsigned(topic, answer, uuid4(), place.world.clock())


def _unknown_login(place: Place) -> Record:
    request_id = str(uuid4())
    written = place.written(request_id=request_id)
    return codec.Record(written.topic, request_id.encode(), written.value, written.headers)


def row(
    name: str,
    forge: Any,
    fate: Fate,
    *layers: Layer,
    moment: Moment = Moment.BEFORE,
    login: Kind = SESSION,
    at: Topic = SESSION_ANSWERS,
) -> Row:
    return Row(name, at, forge, fate, layers, moment, login, on_kafka=False)


ROWS = (
    row(
        "a session that nobody began",
        lambda p: sealed(p, session=GUESS),
        ends("assertion EH4 for boekhouder", "mandate-decisions", asked=1),
        Layer((stops.SESSION_KNOWN,), UNHARMED),
        moment=Moment.INSTEAD,
    ),
    row(
        "a session that was ended by a logout",
        lambda p: p.good,
        UNHARMED,
        Layer(
            (stops.SESSION_LIVE,),
            ends(
                "assertion EH3 for boekhouder",
                "mandate-decisions",
                other="assertion EH3 for boekhouder",
            ),
        ),
        moment=Moment.INSTEAD,
        login=ENDED_SESSION,
    ),
    row(
        "a session of three hours ago",
        lambda p: p.good,
        UNHARMED,
        Layer((stops.SESSION_YOUNG,), replace(BY_RESULT, other="participant_fault")),
        Layer((stops.SESSION_FRESH,), replace(BY_DIENSTVERLENER, other="participant_fault")),
        Layer(
            (stops.AS_OFFERED,),
            ends(
                "assertion EH3 for boekhouder",
                "mandate-decisions",
                other="assertion EH3 for boekhouder",
            ),
        ),
        moment=Moment.INSTEAD,
        login=OLD_SESSION,
    ),
    row(
        "a session of a means that is for another dienstverlener only",
        lambda p: p.good,
        UNHARMED,
        Layer(
            (stops.MEANS_FOR_SERVICE,),
            ends(
                "assertion EH3 for boekhouder",
                "mandate-decisions",
                other="assertion EH3 for boekhouder",
            ),
        ),
        moment=Moment.INSTEAD,
        login=SESSION_ELSEWHERE,
    ),
    row(
        "a session where EH4 is asked",
        _instead,
        Fate(asked=1, lost=("nonce_refused",)),
        Layer(
            (stops.SESSION_AT_HIGHEST, stops.SESSION_LEVEL),
            ends(
                "authentication_failed",
                "authentication-results",
                other="authentication_failed",
                lost=("login_finished",),
            ),
        ),
        Layer(
            (stops.MEANS_LEVEL,),
            replace(BY_RESULT, other="participant_fault", lost=("login_finished",)),
        ),
        login=HIGHEST,
        at=CHALLENGES,
    ),
    row(
        "a session where the dienstverlener wants a new proof",
        _instead,
        Fate(asked=1, lost=("nonce_refused",)),
        Layer(
            (stops.SESSION_ENOUGH,),
            replace(BY_RESULT, other="participant_fault", lost=("login_finished",)),
        ),
        Layer(
            (stops.SESSION_FRESH,),
            replace(BY_DIENSTVERLENER, other="participant_fault", lost=("login_finished",)),
        ),
        Layer(
            (stops.AS_OFFERED,),
            ends(
                "assertion EH3 for boekhouder",
                "mandate-decisions",
                other="assertion EH3 for boekhouder",
                lost=("login_finished",),
            ),
        ),
        login=FORCED,
        at=CHALLENGES,
    ),
    row(
        "a session where a one-time code is asked",
        lambda p: _instead(p, "dijk"),
        dead("nonce_refused"),
        Layer((stops.AWAITED_BY_PROVIDER,), Fate(asked=3, lost=("not_asked",))),
        login=PASSWORD,
        at=CODE_ANSWERS,
    ),
    row(
        "a session under the nonce of another login's challenge",
        _in_another,
        dead("nonce_refused"),
        Layer((stops.NONCE_OF_CHALLENGE,), TAKEN),
    ),
    row(
        "a session under a guessed nonce",
        lambda p: p.written(nonce=GUESS),
        dead("nonce_refused"),
        Layer((stops.NONCE_OF_CHALLENGE, stops.NONCE_INSIDE), TAKEN),
    ),
    row(
        "a session sealed for another challenge",
        lambda p: sealed(p, nonce=others_nonce(p)),
        dead("nonce_refused"),
        Layer((stops.NONCE_INSIDE,), TAKEN),
    ),
    row(
        "a session sealed for another provider",
        lambda p: sealed(p, "sluis"),
        dead("not_for_us"),
        Layer((stops.SEALED_FOR_US,), TAKEN),
    ),
    row(
        "a session in the clear",
        lambda p: p.written(secret=GUESS),
        dead("message_malformed"),
        Layer((stops.CONTENT,), dead("not_jwe")),
    ),
    row(
        "a session for a login that nobody knows",
        _unknown_login,
        dead("login_unknown"),
        Layer((stops.AWAITED_BY_PROVIDER,), dead("handler_failed")),
    ),
    row(
        "a session when the login has ended",
        sealed,
        dead("login_finished"),
        Layer((stops.AWAITED_BY_PROVIDER,), TAKEN),
        moment=Moment.LATER,
    ),
)
