"""What a makelaar asserts of a chain that nobody declared."""

from __future__ import annotations

from typing import Any

from schemas.codec import Record
from schemas.jose import new_key, signature_of
from schemas.sealed import LegalSubject, PairwiseSubject
from schemas.topics import CONFIRMATIONS, MANDATE_DECISIONS, OUTCOMES
from schemas.values import Level
from tests.integration.bad_input import stops
from tests.integration.bad_input.kinds import CHAIN, KRAAN
from tests.integration.bad_input.outcomes import NOT_BELIEVED, TOO_LATE, How, as_text
from tests.integration.bad_input.rows import Fate, Layer, Row, told
from tests.support.forge import Place, Token, changed, twin

BELIEVED = told(CHAIN.usual)


def _asserted(place: Place, **changes: Any) -> Record:
    return place.signed(data=place.result(**changes))


def _with(
    place: Place, decision: How | None = None, confirmation: How | None = None, **changes: Any
) -> Record:
    """Permit and confirmation signed anew, with changes, and bound to each other."""
    result = place.data["result"]
    decided = result["decision"]
    if decision is not None:
        decided = place.text(decided, **as_text(decided, decision))
    bound = {"decision_signature": signature_of(decided)}
    how = as_text(result["confirmation"], confirmation or {}, bound)
    confirmed = place.text(result["confirmation"], **how)
    return _asserted(place, decision=decided, confirmation=confirmed, **changes)


def _inside(place: Place, part: str) -> dict[str, Any]:
    return dict(Token.read(place.data["result"][part]).claims["data"]["result"])


def _legal(place: Place, to: str = "havenmeester", kvk: str = "90000703") -> How:
    """Another legal subject, or the same for another dienstverlener."""
    legal = place.world.unsealed(_inside(place, "confirmation")["legal"], LegalSubject)
    (number,) = legal.identifiers
    other = legal.model_copy(update={"identifiers": (number.model_copy(update={"value": kvk}),)})
    return {"result": {"legal": place.world.sealed(other, to)}}


def _acting(place: Place) -> How:
    """The same person, through nobody."""
    acting = place.world.unsealed(_inside(place, "decision")["acting"], PairwiseSubject)
    alone = acting.model_copy(update={"intermediary": None})
    return {"result": {"acting": place.world.sealed(alone, "havenmeester")}}


def _without_obligation(place: Place) -> Record:
    """A permit for the represented alone, with the confirmation beside it."""
    legal = _legal(place)["result"]["legal"]
    return _with(place, {"result": {"obligation": None, "legal": legal}})


def _with_obligation_only(place: Place) -> Record:
    """The permit says for whom, and that this needs to be confirmed: it was not."""
    how = {"result": {"legal": _legal(place)["result"]["legal"]}}
    decided = place.data["result"]["decision"]
    text = place.text(decided, **as_text(decided, how))
    return _asserted(place, decision=text, confirmation=None)


def _other_digest(place: Place) -> str:
    decision = place.other.token(MANDATE_DECISIONS).claims["data"]["result"]
    return str(decision["request_digest"])


def _named(place: Place, registry: str) -> dict[str, Any]:
    """The obligation, with another registry named."""
    return changed(
        _inside(place, "decision")["obligation"], {"registry": place.world.entity(registry)}
    )


def _row(name: str, forge: Any, *layers: Layer, fate: Fate = NOT_BELIEVED) -> Row:
    return Row(name, OUTCOMES, forge, fate, layers, login=CHAIN, on_kafka=False)


ROWS = (
    _row(
        "a chain without its confirmation",
        lambda p: _asserted(p, confirmation=None),
        Layer(
            (stops.CONFIRMED, stops.LEGAL_KNOWN),
            told("assertion EH3 for rederij through boekhouder"),
        ),
    ),
    _row(
        "a chain without its confirmation, whose first registry says for whom",
        _with_obligation_only,
        Layer((stops.CONFIRMED,), told("assertion EH3 for rederij through boekhouder")),
    ),
    _row(
        "a confirmation beside a permit that needs none",
        _without_obligation,
        Layer((stops.CONFIRMED,), told("assertion EH3 for rederij through boekhouder")),
    ),
    _row(
        "the confirmation of another login",
        lambda p: _asserted(p, confirmation=p.other.text(CONFIRMATIONS)),
        Layer(
            (stops.EVIDENCE_OF_LOGIN, stops.ABOUT_REQUEST, stops.CONFIRMED),
            told("assertion EH3 for rederij through boekhouder"),
        ),
    ),
    _row(
        "a confirmation with the digest of another request, in an assertion",
        lambda p: _with(p, None, {"result": {"request_digest": _other_digest(p)}}),
        Layer((stops.ABOUT_REQUEST,), told("assertion EH3 for rederij through boekhouder")),
    ),
    _row(
        "a confirmation that is bound to another permit, in an assertion",
        lambda p: _with(p, None, {"result": {"decision_signature": "A" * 86}}),
        Layer((stops.CONFIRMED,), told("assertion EH3 for rederij through boekhouder")),
    ),
    _row(
        "the permit under the twin of its signature, in a chain",
        lambda p: _asserted(p, decision=twin(p.data["result"]["decision"])),
        Layer((stops.CONFIRMED,), told("assertion EH3 for rederij through boekhouder")),
    ),
    _row(
        "the confirmation of another registry than the permit names",
        lambda p: _with(p, None, {"by": "kade"}),
        Layer((stops.CONFIRMED,), told("assertion EH3 for rederij through boekhouder")),
    ),
    _row(
        "the confirmation of a registry without chains, which the permit names",
        lambda p: _with(
            p,
            {"result": {"obligation": _named(p, "terp")}},
            {"by": "terp"},
        ),
        Layer((stops.CONFIRMED,), told("assertion EH3 for rederij through boekhouder")),
    ),
    _row(
        "a confirmation that the makelaar signed himself, in an assertion",
        lambda p: _with(p, None, {"by": "vaart"}),
        Layer((stops.ROLE, stops.CONFIRMED), told("assertion EH3 for rederij through boekhouder")),
    ),
    _row(
        "a confirmation that nobody known signed",
        lambda p: _with(p, None, {"key": new_key()}),
        Layer(
            (stops.KNOWN_KEY, stops.SIGNATURE, stops.ROLE, stops.ISSUER, stops.CONFIRMED),
            told("assertion EH3 for rederij through boekhouder"),
        ),
    ),
    _row(
        "a confirmation for another dienstverlener, in an assertion",
        lambda p: _with(p, None, {"claims": {"aud": [p.world.entity("tolhuis")]}}),
        Layer((stops.AUDIENCE,), told("assertion EH3 for rederij through boekhouder")),
    ),
    _row(
        "a chain's legal subject that is sealed for another dienstverlener",
        lambda p: _with(p, None, _legal(p, "tolhuis")),
        Layer((stops.SEALED_FOR_US,), told("assertion EH3 for rederij through boekhouder")),
    ),
    _row(
        "a confirmation of services beyond the permit, in an assertion",
        lambda p: _with(
            p, None, {"result": {"services": [*_inside(p, "confirmation")["services"], str(KRAAN)]}}
        ),
        Layer(
            (stops.CONFIRMED, stops.AS_OFFERED),
            told("assertion EH3 for rederij through boekhouder"),
        ),
    ),
    _row(
        "a chain asserted above the level of its weakest link",
        lambda p: _asserted(p, level=Level.EH4.value),
        Layer((stops.LEVEL_ASSERTED,), told("assertion EH4 for rederij through boekhouder")),
    ),
    _row(
        "a confirmation above the level of the permit, and asserted so",
        lambda p: _with(p, None, {"result": {"level": Level.EH4.value}}, level=Level.EH4.value),
        Layer((stops.LEVEL_ASSERTED,), told("assertion EH4 for rederij through boekhouder")),
    ),
    _row(
        "a chain in which somebody acts for himself",
        lambda p: _with(p, None, _legal(p, kvk="90000701")),
        Layer((stops.SUBJECT,), told("assertion EH3 for boekhouder through boekhouder")),
    ),
    _row(
        "a chain without an intermediary",
        lambda p: _with(p, _acting(p)),
        Layer((stops.SUBJECT,), told("assertion EH3 for rederij")),
    ),
    _row(
        "a chain with a confirmation that is too old",
        lambda p: _with(p, None, {"seconds": TOO_LATE}),
        Layer((stops.TIME,), told("assertion EH3 for rederij through boekhouder")),
        fate=told("assertion_expired"),
    ),
)
