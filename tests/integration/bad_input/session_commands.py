"""Commands to a provider about sessions that are not the user's own."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

from schemas import codec
from schemas.codec import Record
from schemas.dialogue import SessionCommand, SessionCommandKind
from schemas.topics import (
    SESSION_COMMANDS,
)
from tests.integration.bad_input import stops
from tests.integration.bad_input.answers import GUESS
from tests.integration.bad_input.kinds import (
    LOGOUT,
)
from tests.integration.bad_input.rows import (
    UNHARMED,
    Fate,
    Layer,
    Moment,
    Row,
    dead,
    ends,
)
from tests.integration.bad_input.sessions import row, sealed
from tests.support.forge import DROP, Place


def _others_secret(place: Place) -> str:
    """The secret of another command."""
    return str(json.loads(place.other.text(SESSION_COMMANDS))["secret"])


def _command_by_answer(place: Place) -> Record:
    """A command to log out, by the secret that was sealed for a challenge."""
    command = SessionCommand(
        request_id=uuid4(), command=SessionCommandKind.LOGOUT, secret=place.data["secret"]
    )
    topic = SESSION_COMMANDS.of(place.world.participant("baken").name)
    return codec.encode_unsigned(topic, command, uuid4(), place.world.clock())


def _commanded(
    name: str, forge: Any, fate: Fate, *layers: Layer, moment: Moment = Moment.INSTEAD
) -> Row:
    return row(name, forge, fate, *layers, moment=moment, login=LOGOUT, at=SESSION_COMMANDS)


ROWS = (
    _commanded(
        "a logout of a session that nobody began",
        lambda p: sealed(p, session=GUESS),
        ends("logout not done", "session-commands"),
        Layer((stops.SESSION_KNOWN,), UNHARMED),
    ),
    _commanded(
        "a logout by the secret of another command",
        lambda p: p.written(secret=_others_secret(p)),
        dead("nonce_refused", login="nothing"),
        Layer((stops.NONCE_OF_COMMAND,), UNHARMED),
    ),
    row(
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
        lambda p: sealed(p, "sluis"),
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
        UNHARMED,
        Layer((stops.SAME_BYTES,), ends("logout done and logout not done", "session-commands")),
        moment=Moment.LATER,
    ),
)
