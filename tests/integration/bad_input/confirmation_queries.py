"""What a makelaar asks the second registry of a chain, that he should not."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from schemas.codec import Record
from schemas.jose import new_key
from schemas.sealed import ChainClaim, Identifier
from schemas.topics import CONFIRMATION_QUERIES, MANDATE_DECISIONS
from schemas.values import EntityType, Level
from tests.integration.bad_input import stops
from tests.integration.bad_input.kinds import CHAIN
from tests.integration.bad_input.outcomes import TOO_LATE
from tests.integration.bad_input.requests import TOO_OLD
from tests.integration.bad_input.rows import (
    BY_CONFIRMATION,
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
from tests.support.forge import Place, Token, changed
from tests.support.kinds import Kind

_VISSERIJ = Identifier(type=EntityType.KVKNR, value="90000702")
NOT_BOUND = Layer((stops.CONFIRMED,), UNHARMED)
"""Signed anew, a permit is not the one that the makelaar has: what is left to stop it."""


def _query(place: Place, **how: Any) -> Record:
    """The query, with a permit in it that was signed anew."""
    return place.signed(data={"decision": place.text(place.data["decision"], **how)})


def _permit(place: Place, **changes: Any) -> dict[str, Any]:
    """As `data`: the permit in the query, with changes."""
    result = Token.read(place.data["decision"]).claims["data"]["result"]
    return {"result": changed(result, changes)}


def _claim(place: Place, to: str = "werf", **changes: Any) -> dict[str, Any]:
    """As `data`: the permit with something else claimed, or sealed for somebody else."""
    obligation = Token.read(place.data["decision"]).claims["data"]["result"]["obligation"]
    claim = place.world.unsealed(obligation["claim"], ChainClaim).model_copy(update=changes)
    return _permit(place, obligation={**obligation, "claim": place.world.sealed(claim, to)})


def _obliging(place: Place, registry: str) -> dict[str, Any]:
    """As `data`: the permit, to be confirmed by another registry."""
    obligation = Token.read(place.data["decision"]).claims["data"]["result"]["obligation"]
    return _permit(place, obligation={**obligation, "registry": place.world.entity(registry)})


def _tampered(place: Place, data: dict[str, Any]) -> Record:
    """A permit with something else in it, under the signature of the first registry."""
    text = place.data["decision"]
    other = Token.read(text).but(data=data).signed(new_key())
    (header, _, signature), payload = text.split("."), other.split(".")[1]
    return place.signed(data={"decision": f"{header}.{payload}.{signature}"})


def _row(
    name: str,
    forge: Any,
    fate: Fate,
    *layers: Layer,
    moment: Moment = Moment.INSTEAD,
    login: Kind = CHAIN,
) -> Row:
    return Row(name, CONFIRMATION_QUERIES, forge, fate, layers, moment, login, on_kafka=False)


ASKED = (
    _row(
        "another makelaar asks for the confirmation, after the login's own",
        lambda p: p.signed(by="polder"),
        dead("asked_before"),
        Layer((stops.CONFIRMED_ONCE,), dead("not_connected")),
        Layer((stops.QUERIED_BY_CONNECTED,), TAKEN),
        moment=Moment.AFTER,
    ),
    _row(
        "another makelaar asks for the confirmation, before the login's own",
        lambda p: p.signed(by="polder"),
        dead("not_connected"),
        Layer(
            (stops.QUERIED_BY_CONNECTED,),
            ends("nothing", lost=("asked_before", "login_unknown")),
        ),
        moment=Moment.BEFORE,
    ),
    _row(
        "the same confirmation asked for twice",
        lambda p: p.signed(),
        dead("asked_before"),
        Layer((stops.CONFIRMED_ONCE,), TAKEN),
        moment=Moment.AFTER,
    ),
    _row(
        "a confirmation query that a registry signed",
        lambda p: p.signed(by="kade"),
        dead("role_refused"),
        Layer((stops.ROLE,), dead("asked_before")),
        moment=Moment.AFTER,
    ),
    _row(
        "a confirmation query that is older than ten minutes",
        lambda p: p.signed(seconds=TOO_OLD),
        ends("deadline_passed", "confirmations"),
        Layer((stops.TIME,), UNHARMED),
    ),
    _row(
        "a confirmation query with an unknown field",
        lambda p: p.signed(data={"colour": "blue"}),
        BY_CONFIRMATION,
        Layer((stops.CONTENT,), UNHARMED),
    ),
    _row(
        "a confirmation query for another level than the permit",
        lambda p: p.signed(data={"level": Level.EH2PLUS.value}),
        BY_CONFIRMATION,
        Layer((stops.PERMITTED_LEVEL, stops.CONFIRMED_FOR_LEVEL), UNHARMED),
    ),
    _row(
        "a confirmation query above the level of the permit",
        lambda p: p.signed(data={"level": Level.EH4.value}),
        BY_CONFIRMATION,
        Layer((stops.LEVEL_QUERIED, stops.PERMITTED_LEVEL), ends("no_mandate", "confirmations")),
    ),
    _row(
        "a confirmation query about another dienstverlener than the permit",
        lambda p: p.signed(data={"dienstverlener": p.world.entity("tolhuis")}),
        BY_CONFIRMATION,
        Layer((stops.ABOUT_QUERY,), ends("service_withdrawn", "confirmations")),
        Layer((stops.OFFERED_BY_ASKER, stops.ABOUT_LOGIN), BY_DIENSTVERLENER),
    ),
)

PERMITS = (
    _row(
        "a confirmation query whose permit nobody known signed",
        lambda p: _query(p, key=new_key()),
        BY_CONFIRMATION,
        Layer(
            (stops.KNOWN_KEY, stops.SIGNATURE, stops.ROLE, stops.ISSUER),
            ends("no_mandate", "confirmations"),
        ),
        Layer((stops.CLAIMANT, stops.CONFIRMATION_BOUND), BY_DIENSTVERLENER),
        NOT_BOUND,
    ),
    _row(
        "a confirmation query whose permit the makelaar signed himself",
        lambda p: _query(p, by="vaart"),
        BY_CONFIRMATION,
        Layer((stops.ROLE, stops.CLAIMANT, stops.CONFIRMATION_BOUND), BY_DIENSTVERLENER),
        NOT_BOUND,
    ),
    _row(
        "a confirmation query whose permit another registry's key signed",
        lambda p: _query(p, key=p.world.signing("werf")),
        BY_CONFIRMATION,
        Layer((stops.ISSUER, stops.CONFIRMATION_BOUND), BY_DIENSTVERLENER),
        NOT_BOUND,
    ),
    _row(
        "a confirmation query whose permit is of a registry without chains",
        lambda p: _query(p, by="terp"),
        ends("no_mandate", "confirmations"),
        Layer((stops.CLAIMANT, stops.CONFIRMATION_BOUND), BY_DIENSTVERLENER),
        NOT_BOUND,
    ),
    _row(
        "a confirmation query whose permit is older than two minutes",
        lambda p: _query(p, seconds=TOO_LATE),
        BY_CONFIRMATION,
        Layer((stops.TIME, stops.CONFIRMATION_BOUND), BY_DIENSTVERLENER),
        NOT_BOUND,
    ),
    _row(
        "a confirmation query whose permit is not for this registry",
        lambda p: _query(
            p, claims={"aud": [p.world.entity("vaart"), p.world.entity("havenmeester")]}
        ),
        BY_CONFIRMATION,
        Layer((stops.AUDIENCE, stops.CONFIRMATION_BOUND), BY_DIENSTVERLENER),
        NOT_BOUND,
    ),
    _row(
        "a confirmation query with the permit of another login",
        lambda p: p.signed(data={"decision": p.other.text(MANDATE_DECISIONS)}),
        BY_CONFIRMATION,
        Layer(
            (stops.SAME_LOGIN_PERMITTED, stops.ABOUT_QUERY, stops.CONFIRMATION_BOUND),
            BY_DIENSTVERLENER,
        ),
        NOT_BOUND,
    ),
    _row(
        "a confirmation query with a refusal in a permit's place",
        lambda p: _query(p, data={"result": {"status": "deny", "code": "no_mandate"}}),
        BY_CONFIRMATION,
        Layer((stops.PERMIT_INSIDE,), dead("handler_failed", login="nothing")),
    ),
)

OBLIGATIONS = (
    _row(
        "a permit whose obligation was for another registry",
        lambda p: _query(p, data=_obliging(p, "kade")),
        BY_CONFIRMATION,
        Layer((stops.OBLIGED, stops.CONFIRMATION_BOUND), BY_DIENSTVERLENER),
        NOT_BOUND,
    ),
    _row(
        "a permit whose obligation the makelaar changed",
        lambda p: _tampered(p, _claim(p, link=uuid4())),
        BY_CONFIRMATION,
        Layer((stops.SIGNATURE,), ends("no_mandate", "confirmations")),
    ),
    _row(
        "a permit whose obligation the makelaar dropped, asked about all the same",
        lambda p: _tampered(p, _permit(p, obligation=None)),
        BY_CONFIRMATION,
        Layer((stops.SIGNATURE, stops.PERMIT_INSIDE), dead("handler_failed", login="nothing")),
    ),
    _row(
        "a claim that is sealed for another registry",
        lambda p: _query(p, data=_claim(p, to="kade")),
        BY_CONFIRMATION,
        Layer((stops.SEALED_FOR_US, stops.CONFIRMATION_BOUND), BY_DIENSTVERLENER),
        NOT_BOUND,
    ),
    _row(
        "a claim of a link that is not there",
        lambda p: _query(p, data=_claim(p, link=uuid4())),
        ends("no_mandate", "confirmations"),
        Layer((stops.LINK_KNOWN, stops.CONFIRMATION_BOUND), BY_DIENSTVERLENER),
        NOT_BOUND,
    ),
    _row(
        "a claim of another intermediary than the link's",
        lambda p: _query(p, data=_claim(p, intermediary="90000702")),
        ends("no_mandate", "confirmations"),
        Layer((stops.LINK_OF_CLAIMED, stops.CONFIRMATION_BOUND), BY_DIENSTVERLENER),
        NOT_BOUND,
    ),
    _row(
        "a claim of another represented's link",
        lambda p: _query(p, data=_claim(p, principal=_VISSERIJ)),
        ends("no_mandate", "confirmations"),
        Layer((stops.LINK_OF_PRINCIPAL, stops.CONFIRMATION_BOUND), BY_DIENSTVERLENER),
        NOT_BOUND,
    ),
    _row(
        "a claim for a vestiging, where the service allows none",
        lambda p: _query(p, data=_claim(p, vestiging="000090000703")),
        ends("no_mandate", "confirmations"),
        Layer((stops.LINK_RESTRICTION, stops.CONFIRMATION_BOUND), BY_DIENSTVERLENER),
        Layer((stops.CONFIRMED, stops.AS_OFFERED), UNHARMED),
    ),
)

ROWS = (*ASKED, *PERMITS, *OBLIGATIONS)
