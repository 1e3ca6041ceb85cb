"""What a makelaar asserts that nobody declared: the dienstverlener does not believe it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import uuid4

from schemas.codec import Record
from schemas.jose import new_key, signature_of
from schemas.refusals import EXPLANATIONS, RefusalCode
from schemas.sealed import LegalSubject
from schemas.topics import AUTHENTICATION_REQUESTS, AUTHN_REQUESTS, OUTCOMES
from schemas.values import Level
from tests.integration.bad_input import stops
from tests.integration.bad_input.rows import Layer, Row, dead, told
from tests.support.forge import Place, Token, changed, twin
from tests.support.kinds import CHOICE, PASSWORD

How = Mapping[str, Any]
NOT_BELIEVED = told("participant_fault")
BELIEVED = told("assertion EH4 for korenmolen")
TOO_LATE = -200
"""Seconds from now at which everything was signed: longer ago than an assertion holds."""


def _asserted(place: Place, **changes: Any) -> Record:
    return place.signed(data=place.result(**changes))


def _evidence(
    place: Place, declaration: How | None = None, decision: How | None = None
) -> dict[str, Any]:
    """As `data`: declaration and decision signed anew, with changes, and bound to each other."""
    result = place.data["result"]
    declared = result["declaration"]
    if declaration is not None:
        declared = place.text(declared, **as_text(declared, declaration))
    bound = {"declaration_signature": signature_of(declared)}
    how = as_text(result["decision"], decision or {}, bound)
    return place.result(declaration=declared, decision=place.text(result["decision"], **how))


def as_text(text: str, how: How, more: How | None = None) -> dict[str, Any]:
    """As for `Place.text`; `result` are changes of the message's result."""
    result = Token.read(text).claims["data"]["result"]
    changes = {**(more or {}), **how.get("result", {})}
    data = {**how.get("data", {}), "result": changed(result, changes)}
    return {**{name: v for name, v in how.items() if name != "result"}, "data": data}


def _with_evidence(
    place: Place, declaration: How | None = None, decision: How | None = None, **changes: Any
) -> Record:
    result = {**_evidence(place, declaration, decision)["result"], **changes}
    return place.signed(data={"result": result})


def _above_its_highest(place: Place) -> Record:
    """Provider, registry and makelaar agree on a level that the provider may not give."""
    level = {"level": Level.EH4.value}
    return _with_evidence(place, {"result": level}, {"result": level}, **level)


def _of_another_login(place: Place) -> Record:
    """All of the evidence is of another login, but says that it is about this request."""
    data = {"request_id": place.other.record(AUTHN_REQUESTS).key.decode()}
    return _with_evidence(place, {"data": data}, {"data": data})


def _others_digest(place: Place) -> dict[str, Any]:
    digest = place.other.token(AUTHENTICATION_REQUESTS).claims["data"]["request_digest"]
    return {"result": {"request_digest": digest}}


def _too_late(place: Place) -> Record:
    """Everything as it is read more than two minutes after it was signed."""
    then = place.world.clock() + timedelta(seconds=TOO_LATE + 120)
    old = {"seconds": TOO_LATE}
    result = {**_evidence(place, old, old)["result"], "not_on_or_after": then.isoformat()}
    return place.signed(data={"result": result}, seconds=TOO_LATE)


def _overdue(place: Place) -> Record:
    then = place.world.clock() - timedelta(seconds=31)
    return _asserted(place, not_on_or_after=then.isoformat())


def _sealed_for_another(place: Place) -> dict[str, Any]:
    result = Token.read(place.data["result"]["decision"]).claims["data"]["result"]
    legal = place.world.unsealed(result["legal"], LegalSubject)
    return {"result": {"legal": place.world.sealed(legal, "waterdam")}}


LEVELS = (
    Row(
        "an assertion above the level that was reached",
        OUTCOMES,
        lambda p: _asserted(p, level=Level.EH4.value),
        NOT_BELIEVED,
        (Layer((stops.LEVEL_ASSERTED,), told("assertion EH4 for scheepswerf")),),
        login=CHOICE,
    ),
    Row(
        "an assertion below the level that was asked",
        OUTCOMES,
        lambda p: _asserted(p, level=Level.EH3.value),
        NOT_BELIEVED,
        (Layer((stops.LEVEL_ASSERTED, stops.AS_OFFERED), told("assertion EH3 for korenmolen")),),
    ),
    Row(
        "an assertion for another service",
        OUTCOMES,
        lambda p: _asserted(p, service="urn:etoegang:DV:00000099000000006000:services:9"),
        NOT_BELIEVED,
        (Layer((stops.LEVEL_ASSERTED, stops.AS_OFFERED), BELIEVED),),
    ),
)

EVIDENCE = (
    Row(
        "the permit of another login: its legal subject in this one's place",
        OUTCOMES,
        lambda p: _asserted(
            p, decision=p.other.token(OUTCOMES).claims["data"]["result"]["decision"]
        ),
        NOT_BELIEVED,
        (Layer((stops.EVIDENCE_OF_LOGIN, stops.ABOUT_REQUEST, stops.BOUND), BELIEVED),),
    ),
    Row(
        "evidence that has another request ID",
        OUTCOMES,
        _of_another_login,
        NOT_BELIEVED,
        (Layer((stops.EVIDENCE_OF_LOGIN,), BELIEVED),),
    ),
    Row(
        "a declaration with the digest of another request",
        OUTCOMES,
        lambda p: _with_evidence(p, _others_digest(p)),
        NOT_BELIEVED,
        (Layer((stops.ABOUT_REQUEST,), BELIEVED),),
    ),
    Row(
        "a permit with the digest of another request, in an assertion",
        OUTCOMES,
        lambda p: _with_evidence(p, None, _others_digest(p)),
        NOT_BELIEVED,
        (Layer((stops.ABOUT_REQUEST,), BELIEVED),),
    ),
    Row(
        "a permit that is bound to another declaration, in an assertion",
        OUTCOMES,
        lambda p: _with_evidence(p, None, {"result": {"declaration_signature": "A" * 86}}),
        NOT_BELIEVED,
        (Layer((stops.BOUND,), BELIEVED),),
    ),
    Row(
        "the declaration under the twin of its signature",
        OUTCOMES,
        lambda p: _asserted(p, declaration=twin(p.data["result"]["declaration"])),
        NOT_BELIEVED,
        (Layer((stops.BOUND,), BELIEVED),),
    ),
    Row(
        "the permit of a registry that the provider did not name",
        OUTCOMES,
        lambda p: _with_evidence(p, None, {"by": "wad"}),
        NOT_BELIEVED,
        (Layer((stops.BOUND,), BELIEVED),),
    ),
    Row(
        "the declaration of another provider than was asked for",
        OUTCOMES,
        lambda p: _with_evidence(p, {"by": "sluis"}),
        NOT_BELIEVED,
        (Layer((stops.BOUND,), told("assertion EH3 for korenmolen")),),
        login=PASSWORD,
    ),
    Row(
        "a declaration that nobody known signed",
        OUTCOMES,
        lambda p: _with_evidence(p, {"key": new_key()}),
        NOT_BELIEVED,
        (
            Layer(
                (
                    stops.KNOWN_KEY,
                    stops.SIGNATURE,
                    stops.ROLE,
                    stops.ISSUER,
                    stops.LEVEL_IN_EVIDENCE,
                ),
                BELIEVED,
            ),
        ),
    ),
    Row(
        "a declaration that the makelaar signed himself",
        OUTCOMES,
        lambda p: _with_evidence(p, {"by": "polder"}),
        NOT_BELIEVED,
        (Layer((stops.ROLE, stops.LEVEL_IN_EVIDENCE), BELIEVED),),
    ),
    Row(
        "a permit that the makelaar signed himself, in an assertion",
        OUTCOMES,
        lambda p: _with_evidence(p, None, {"by": "polder"}),
        NOT_BELIEVED,
        (Layer((stops.ROLE, stops.BOUND), BELIEVED),),
    ),
    Row(
        "a declaration for another dienstverlener",
        OUTCOMES,
        lambda p: _with_evidence(p, {"claims": {"aud": [p.world.entity("waterdam")]}}),
        NOT_BELIEVED,
        (Layer((stops.AUDIENCE,), BELIEVED),),
    ),
    Row(
        "a legal subject that is sealed for another dienstverlener",
        OUTCOMES,
        lambda p: _with_evidence(p, None, _sealed_for_another(p)),
        NOT_BELIEVED,
        (Layer((stops.SEALED_FOR_US,), BELIEVED),),
    ),
    Row(
        "a permit for other services, in an assertion",
        OUTCOMES,
        lambda p: _with_evidence(p, None, {"result": {"services": [str(uuid4())]}}),
        NOT_BELIEVED,
        (Layer((stops.AS_OFFERED,), BELIEVED),),
    ),
    Row(
        "a declaration above the provider's own highest level, in an assertion",
        OUTCOMES,
        _above_its_highest,
        NOT_BELIEVED,
        (Layer((stops.LEVEL_IN_EVIDENCE,), told("assertion EH4 for korenmolen")),),
        login=PASSWORD,
    ),
)

REQUEST = (
    Row(
        "an outcome that answers another request of the same dienstverlener",
        OUTCOMES,
        lambda p: p.signed(data={"request": p.other.text(AUTHN_REQUESTS)}),
        dead("answers_another_request"),
        (
            Layer((stops.ANSWERS_REQUEST,), NOT_BELIEVED),
            Layer((stops.ABOUT_REQUEST,), BELIEVED),
        ),
    ),
    Row(
        "an outcome that answers a request that another dienstverlener signed",
        OUTCOMES,
        lambda p: p.signed(data={"request": p.text(p.login.text(AUTHN_REQUESTS), by="waterdam")}),
        dead("issuer_refused"),
        (Layer((stops.OWN_REQUEST,), BELIEVED),),
    ),
    Row(
        "an outcome that answers a request that nobody signed",
        OUTCOMES,
        lambda p: p.signed(data={"request": p.login.text(AUTHN_REQUESTS)[:-3] + "AAA"}),
        dead("signature_invalid"),
        (Layer((stops.SIGNATURE,), BELIEVED),),
    ),
    Row(
        "the outcome of a makelaar that was not asked",
        OUTCOMES,
        lambda p: p.signed(by="duin"),
        dead("audience_refused"),
        (Layer((stops.AUDIENCE,), BELIEVED),),
    ),
)

TIMES = (
    Row(
        "an assertion that is read after two minutes",
        OUTCOMES,
        _too_late,
        told("assertion_expired"),
        (Layer((stops.IN_TIME, stops.TIME), BELIEVED),),
    ),
    Row(
        "an assertion past its own time, with new evidence",
        OUTCOMES,
        _overdue,
        told("assertion_expired"),
        (Layer((stops.IN_TIME,), BELIEVED),),
    ),
    Row(
        "a new assertion with evidence that is too old",
        OUTCOMES,
        lambda p: _with_evidence(p, None, {"seconds": TOO_LATE}),
        told("assertion_expired"),
        (Layer((stops.TIME,), BELIEVED),),
    ),
)


def _refused(place: Place, code: str, **changes: Any) -> Record:
    """A refusal in the place of the assertion."""
    told_ = EXPLANATIONS[RefusalCode(code)]
    texts = {"nl": told_.nl, "en": told_.en}
    levels = {"top_level": told_.top_level.value, "second_level": told_.second_level.value}
    result = {"status": "refusal", "code": code, **levels, **texts, **changes}
    return place.signed(data={"result": result})


REFUSALS = (
    Row(
        "a refusal as busy that does not say when to come back",
        OUTCOMES,
        lambda p: _refused(p, "busy"),
        dead("malformed"),
        (Layer((stops.OUTCOME,), told("busy")),),
    ),
    Row(
        "a refusal for another reason that says when to come back",
        OUTCOMES,
        lambda p: _refused(p, "no_mandate", retry_after_seconds=10),
        dead("malformed"),
        (Layer((stops.OUTCOME,), told("no_mandate")),),
    ),
    Row(
        "a refusal as busy until before it was made",
        OUTCOMES,
        lambda p: _refused(p, "busy", retry_after_seconds=-10),
        dead("malformed"),
        (Layer((stops.OUTCOME,), told("busy")),),
    ),
    Row(
        "a refusal as busy until a time that is a text",
        OUTCOMES,
        lambda p: _refused(p, "busy", retry_after_seconds="10"),
        dead("malformed"),
        (Layer((stops.OUTCOME,), told("busy")),),
    ),
)

ROWS = (*LEVELS, *EVIDENCE, *REQUEST, *TIMES, *REFUSALS)
