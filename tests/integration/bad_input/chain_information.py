"""What registries ask and tell each other about chains, that they should not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import uuid4

from schemas.chains import ChainLinks, ChainQuestion
from schemas.codec import Record
from schemas.topics import CHAIN_INFORMATION, CHAIN_INFORMATION_QUERIES
from schemas.values import Value
from tests.integration.bad_input import stops
from tests.integration.bad_input.kinds import ASSIGN, KRAAN
from tests.integration.bad_input.requests import TOO_OLD
from tests.integration.bad_input.rows import (
    UNHARMED,
    Fate,
    Layer,
    Moment,
    Row,
    dead,
    ends,
)
from tests.support.forge import Place


class _Empty(Value):
    """Nothing at all."""


def _asked(place: Place, content: Value | None = None, to: str = "werf") -> Record:
    """The question sealed anew, or another one."""
    question = content or place.world.unsealed(place.data["question"], ChainQuestion)
    return place.signed(data={"question": place.world.sealed(question, to)})


def _links(place: Place, to: str = "kade", **changes: Any) -> Record:
    """The answer sealed anew, its links changed."""
    links = place.world.unsealed(place.data["links"], ChainLinks).links
    other = ChainLinks(links=tuple(each.model_copy(update=changes) for each in links))
    return place.signed(data={"links": place.world.sealed(other, to)})


def _of_nobody(place: Place) -> Record:
    id_ = str(uuid4())
    return replace(place.signed(data={"request_id": id_}), key=id_.encode())


def _query(
    name: str, forge: Any, fate: Fate, *layers: Layer, moment: Moment = Moment.BEFORE
) -> Row:
    at = CHAIN_INFORMATION_QUERIES
    return Row(name, at, forge, fate, layers, moment, ASSIGN, on_kafka=False)


def _answer(
    name: str, forge: Any, fate: Fate, *layers: Layer, moment: Moment = Moment.BEFORE
) -> Row:
    return Row(name, CHAIN_INFORMATION, forge, fate, layers, moment, ASSIGN, on_kafka=False)


QUERIES = (
    _query(
        "a question about a chain by a dienstverlener",
        lambda p: p.signed(by="havenmeester"),
        dead("role_refused"),
        Layer((stops.ROLE,), dead("chains_not_offered")),
    ),
    _query(
        "a question about a chain by a registry without chains",
        lambda p: p.signed(by="terp"),
        dead("chains_not_offered"),
        Layer((stops.CHAINS_OFFERED,), Fate(lost=("assignment_unknown",))),
    ),
    _query(
        "a question about a chain that is sealed for another registry",
        lambda p: _asked(p, to="kade"),
        dead("question_unreadable"),
        Layer((stops.SEALED_FOR_US,), UNHARMED),
    ),
    _query(
        "a question about a chain with nothing in it",
        lambda p: _asked(p, _Empty()),
        dead("question_unreadable"),
        Layer((stops.SEALED_CONTENT,), dead("handler_failed")),
    ),
    _query(
        "a question about a chain that is older than ten minutes",
        lambda p: p.signed(seconds=TOO_OLD),
        dead("expired"),
        Layer((stops.TIME,), UNHARMED),
    ),
    _query(
        "a question about a chain with an unknown field",
        lambda p: p.signed(data={"colour": "blue"}),
        dead("malformed"),
        Layer((stops.CONTENT,), UNHARMED),
    ),
)

ANSWERS = (
    _answer(
        "links of a registry that was not asked",
        lambda p: p.signed(by="terp"),
        dead("not_asked"),
        Layer((stops.CHAINS_ASKED,), UNHARMED),
    ),
    _answer(
        "links that a makelaar tells of",
        lambda p: p.signed(by="vaart"),
        dead("role_refused"),
        Layer((stops.ROLE,), dead("not_asked")),
        Layer((stops.CHAINS_ASKED,), UNHARMED),
    ),
    _answer(
        "links for an assignment that nobody knows",
        _of_nobody,
        dead("assignment_unknown"),
        Layer((stops.ASSIGNMENT_KNOWN,), dead("handler_failed")),
    ),
    _answer(
        "links of other services than were assigned",
        lambda p: _links(p, services=(KRAAN,)),
        ends("assignment-registered", "mandate-commands"),
        Layer((stops.LINK_FITS,), UNHARMED),
        moment=Moment.INSTEAD,
    ),
    _answer(
        "links that are sealed for another registry",
        lambda p: _links(p, "werf"),
        dead("answer_unreadable"),
        Layer((stops.SEALED_FOR_US,), UNHARMED),
    ),
    _answer(
        "other links, when one was found",
        lambda p: _links(p, link=uuid4()),
        UNHARMED,
        Layer(
            (stops.FOUND_BEFORE,),
            ends(
                "assignment-registered and assignment-located and assignment-located",
                "mandate-commands",
            ),
        ),
        moment=Moment.AFTER,
    ),
    _answer(
        "links that are older than ten minutes",
        lambda p: p.signed(seconds=TOO_OLD),
        dead("expired"),
        Layer((stops.TIME,), UNHARMED),
    ),
)

ROWS = (*QUERIES, *ANSWERS)
