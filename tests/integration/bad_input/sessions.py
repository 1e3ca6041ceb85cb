"""Sessions that are not enough, or not the browser's own; and commands about them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from uuid import uuid4

from schemas import codec
from schemas.codec import Record
from schemas.dialogue import SessionAnswer, SessionCommand, SessionCommandKind
from schemas.sealed import SessionSecret
from schemas.topics import (
    CHALLENGES,
    CODE_ANSWERS,
    SESSION_ANSWERS,
    SESSION_COMMANDS,
    Topic,
)
from tests.integration.bad_input import stops
from tests.integration.bad_input.answers import GUESS, others_nonce
from tests.integration.bad_input.kinds import (
    ENDED_SESSION,
    FORCED,
    HIGHEST,
    LOGOUT,
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
from tests.support.forge import DROP, Place
from tests.support.relay import PASSWORD, Kind


def _sealed(place: Place, to: str = "baken", **changes: Any) -> Record:
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


def _others_secret(place: Place) -> str:
    """The secret of another command."""
    return str(json.loads(place.other.text(SESSION_COMMANDS))["secret"])


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


def _command_by_answer(place: Place) -> Record:
    """A command to log out, by the secret that was sealed for a challenge."""
    command = SessionCommand(
        request_id=uuid4(), command=SessionCommandKind.LOGOUT, secret=place.data["secret"]
    )
    topic = SESSION_COMMANDS.of(place.world.participant("baken").name)
    return codec.encode_unsigned(topic, command, uuid4(), place.world.clock())


def _row(
    name: str,
    forge: Any,
    fate: Fate,
    *layers: Layer,
    moment: Moment = Moment.BEFORE,
    login: Kind = SESSION,
    at: Topic = SESSION_ANSWERS,
) -> Row:
    return Row(name, at, forge, fate, layers, moment, login, on_kafka=False)


ANSWERS = (
    _row(
        "a session that nobody began",
        lambda p: _sealed(p, session=GUESS),
        ends("assertion EH4 for boekhouder", "mandate-decisions", asked=1),
        Layer((stops.SESSION_KNOWN,), UNHARMED),
        moment=Moment.INSTEAD,
    ),
    _row(
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
    _row(
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
    _row(
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
    _row(
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
    _row(
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
    _row(
        "a session where a one-time code is asked",
        lambda p: _instead(p, "dijk"),
        dead("nonce_refused"),
        Layer((stops.AWAITED_BY_PROVIDER,), Fate(asked=3, lost=("not_asked",))),
        login=PASSWORD,
        at=CODE_ANSWERS,
    ),
    _row(
        "a session under the nonce of another login's challenge",
        _in_another,
        dead("nonce_refused"),
        Layer((stops.NONCE_OF_CHALLENGE,), TAKEN),
    ),
    _row(
        "a session under a guessed nonce",
        lambda p: p.written(nonce=GUESS),
        dead("nonce_refused"),
        Layer((stops.NONCE_OF_CHALLENGE, stops.NONCE_INSIDE), TAKEN),
    ),
    _row(
        "a session sealed for another challenge",
        lambda p: _sealed(p, nonce=others_nonce(p)),
        dead("nonce_refused"),
        Layer((stops.NONCE_INSIDE,), TAKEN),
    ),
    _row(
        "a session sealed for another provider",
        lambda p: _sealed(p, "sluis"),
        dead("not_for_us"),
        Layer((stops.SEALED_FOR_US,), TAKEN),
    ),
    _row(
        "a session in the clear",
        lambda p: p.written(secret=GUESS),
        dead("message_malformed"),
        Layer((stops.CONTENT,), dead("not_jwe")),
    ),
    _row(
        "a session for a login that nobody knows",
        _unknown_login,
        dead("login_unknown"),
        Layer((stops.AWAITED_BY_PROVIDER,), dead("handler_failed")),
    ),
    _row(
        "a session when the login has ended",
        _sealed,
        dead("login_finished"),
        Layer((stops.AWAITED_BY_PROVIDER,), TAKEN),
        moment=Moment.LATER,
    ),
)


def _commanded(
    name: str, forge: Any, fate: Fate, *layers: Layer, moment: Moment = Moment.INSTEAD
) -> Row:
    return _row(name, forge, fate, *layers, moment=moment, login=LOGOUT, at=SESSION_COMMANDS)


COMMANDS = (
    _commanded(
        "a logout of a session that nobody began",
        lambda p: _sealed(p, session=GUESS),
        ends("logout not done", "session-commands"),
        Layer((stops.SESSION_KNOWN,), UNHARMED),
    ),
    _commanded(
        "a logout by the secret of another command",
        lambda p: p.written(secret=_others_secret(p)),
        dead("nonce_refused", login="nothing"),
        Layer((stops.NONCE_OF_COMMAND,), UNHARMED),
    ),
    _row(
        "a logout by the secret of a login",
        _command_by_answer,
        dead("nonce_refused"),
        Layer(
            (stops.NONCE_OF_COMMAND,),
            ends("assertion EH4 for boekhouder", "mandate-decisions", told="logout done", asked=1),
        ),
    ),
    _commanded(
        "a logout whose secret is sealed for another provider",
        lambda p: _sealed(p, "sluis"),
        dead("not_for_us", login="nothing"),
        Layer((stops.SEALED_FOR_US,), UNHARMED),
    ),
    _commanded(
        "a session command that there is not",
        lambda p: p.written(command="burn"),
        dead("message_malformed", login="nothing"),
        Layer((stops.CONTENT,), dead("handler_failed", login="nothing")),
    ),
    _commanded(
        "a logout without a secret",
        lambda p: p.written(secret=DROP),
        dead("message_malformed", login="nothing"),
        Layer((stops.CONTENT,), dead("handler_failed", login="nothing")),
    ),
    _commanded(
        "a logout of which the key is not its ID",
        lambda p: codec.Record(p.good.topic, str(uuid4()).encode(), p.good.value, p.good.headers),
        dead("key_refused", login="nothing"),
        Layer((stops.KEY,), UNHARMED),
    ),
    _commanded(
        "the same logout again",
        lambda p: p.good,
        Fate(repeated=True),
        Layer((stops.SAME_BYTES,), ends("logout done and logout not done", "session-commands")),
        moment=Moment.LATER,
    ),
)

ROWS = (*ANSWERS, *COMMANDS)
