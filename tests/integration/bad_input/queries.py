"""What a makelaar asks a provider or a registry, that he should not."""

from __future__ import annotations

from typing import Any

from schemas.codec import Record
from schemas.jose import new_key
from schemas.sealed import ActingSubject
from schemas.topics import (
    AUTHENTICATION_REQUESTS,
    AUTHENTICATION_RESULTS,
    MANDATE_QUERIES,
)
from tests.integration.bad_input import stops
from tests.integration.bad_input.requests import TOO_OLD
from tests.integration.bad_input.rows import (
    BY_DECISION,
    BY_DIENSTVERLENER,
    UNHARMED,
    Fate,
    Layer,
    Moment,
    Row,
    dead,
    ends,
)
from tests.support.forge import Place, Token, changed

ASKED = (
    Row(
        "another makelaar asks the provider about the login",
        AUTHENTICATION_REQUESTS,
        lambda p: p.signed(by="duin"),
        dead("asked_before"),
        (
            Layer((stops.ASKED_ONCE,), dead("not_connected")),
            Layer(
                (stops.ASKED_BY_CONNECTED,),
                ends("nothing", asked=1, lost=("nonce_refused", "login_unknown")),
            ),
        ),
        Moment.AFTER,
        on_kafka=False,
    ),
    Row(
        "another makelaar asks the provider about the login first",
        AUTHENTICATION_REQUESTS,
        lambda p: p.signed(by="duin"),
        dead("not_connected"),
        (
            Layer(
                (stops.ASKED_BY_CONNECTED,),
                ends("nothing", lost=("asked_before", "login_unknown")),
            ),
        ),
        on_kafka=False,
    ),
    Row(
        "an authentication request that is older than ten minutes",
        AUTHENTICATION_REQUESTS,
        lambda p: p.signed(seconds=TOO_OLD),
        ends("deadline_passed", "authentication-results", asked=-1),
        (Layer((stops.TIME,), UNHARMED),),
        Moment.INSTEAD,
    ),
    Row(
        "an authentication request with an unknown field",
        AUTHENTICATION_REQUESTS,
        lambda p: p.signed(data={"colour": "blue"}),
        ends("participant_fault", "authentication-results", asked=-1),
        (Layer((stops.CONTENT,), UNHARMED),),
        Moment.INSTEAD,
    ),
)


def _query(place: Place, **how: Any) -> Record:
    """The query, with a declaration in it that was signed anew."""
    return place.signed(data={"declaration": place.text(place.data["declaration"], **how)})


def _sealed_for_another(place: Place) -> dict[str, Any]:
    """The declaration's result, its acting subject sealed for a registry that is not asked."""
    result = Token.read(place.data["declaration"]).claims["data"]["result"]
    acting = place.world.unsealed(result["acting_subject"], ActingSubject)
    return {"result": changed(result, {"acting_subject": place.world.sealed(acting, "wad")})}


NOT_BOUND = Layer((stops.BOUND,), UNHARMED)
"""Signed anew, a declaration is not the one that the makelaar has: what is left to stop it."""

QUERIED = (
    Row(
        "another makelaar asks the registry about the login",
        MANDATE_QUERIES,
        lambda p: p.signed(by="duin"),
        dead("asked_before"),
        (
            Layer((stops.QUERIED_ONCE,), dead("not_connected")),
            Layer((stops.QUERIED_BY_CONNECTED,), Fate(lost=("login_unknown",))),
        ),
        Moment.AFTER,
    ),
    Row(
        "another makelaar asks the registry about the login first",
        MANDATE_QUERIES,
        lambda p: p.signed(by="duin"),
        dead("not_connected"),
        (
            Layer(
                (stops.QUERIED_BY_CONNECTED,),
                ends("nothing", lost=("asked_before", "login_unknown")),
            ),
        ),
    ),
    Row(
        "a query that is older than ten minutes",
        MANDATE_QUERIES,
        lambda p: p.signed(seconds=TOO_OLD),
        ends("deadline_passed", "mandate-decisions"),
        (Layer((stops.TIME,), UNHARMED),),
        Moment.INSTEAD,
    ),
    Row(
        "a query whose declaration nobody known signed",
        MANDATE_QUERIES,
        lambda p: _query(p, key=new_key()),
        BY_DECISION,
        (
            Layer(
                (
                    stops.KNOWN_KEY,
                    stops.SIGNATURE,
                    stops.ROLE,
                    stops.ISSUER,
                    stops.LEVEL_OF_DECLARER,
                ),
                ends("no_mandate", "mandate-decisions"),
            ),
        ),
        Moment.INSTEAD,
    ),
    Row(
        "a query whose declaration the makelaar signed himself",
        MANDATE_QUERIES,
        lambda p: _query(p, by="polder"),
        BY_DECISION,
        (Layer((stops.ROLE, stops.LEVEL_OF_DECLARER), ends("no_mandate", "mandate-decisions")),),
        Moment.INSTEAD,
    ),
    Row(
        "a query whose declaration another provider's key signed",
        MANDATE_QUERIES,
        lambda p: _query(p, key=p.world.signing("dijk")),
        BY_DECISION,
        (Layer((stops.ISSUER, stops.LEVEL_OF_DECLARER), ends("no_mandate", "mandate-decisions")),),
        Moment.INSTEAD,
    ),
    Row(
        "a query whose declaration is older than ten minutes",
        MANDATE_QUERIES,
        lambda p: _query(p, seconds=TOO_OLD),
        BY_DECISION,
        (Layer((stops.TIME, stops.PERMIT_BOUND), BY_DIENSTVERLENER), NOT_BOUND),
        Moment.INSTEAD,
    ),
    Row(
        "a query whose declaration is for another registry",
        MANDATE_QUERIES,
        lambda p: _query(p, claims={"aud": [p.world.entity("polder"), p.world.entity("wad")]}),
        BY_DECISION,
        (Layer((stops.AUDIENCE, stops.PERMIT_BOUND), BY_DIENSTVERLENER), NOT_BOUND),
        Moment.INSTEAD,
    ),
    Row(
        "a query with the declaration of another login",
        MANDATE_QUERIES,
        lambda p: p.signed(data={"declaration": p.other.text(AUTHENTICATION_RESULTS)}),
        BY_DECISION,
        (
            Layer((stops.SAME_LOGIN, stops.ABOUT_QUERY, stops.PERMIT_BOUND), BY_DIENSTVERLENER),
            NOT_BOUND,
        ),
        Moment.INSTEAD,
    ),
    Row(
        "a query about another dienstverlener than the declaration",
        MANDATE_QUERIES,
        lambda p: p.signed(data={"dienstverlener": p.world.entity("waterdam")}),
        BY_DECISION,
        (
            Layer((stops.ABOUT_QUERY,), ends("service_withdrawn", "mandate-decisions")),
            Layer((stops.OFFERED_BY_ASKER, stops.ABOUT_LOGIN), BY_DIENSTVERLENER),
            Layer((stops.AUDIENCE, stops.ABOUT_REQUEST, stops.SEALED_FOR_US), UNHARMED),
        ),
        Moment.INSTEAD,
    ),
    Row(
        "a query whose acting subject is sealed for another registry",
        MANDATE_QUERIES,
        lambda p: _query(p, data=_sealed_for_another(p)),
        BY_DECISION,
        (Layer((stops.SEALED_FOR_US, stops.PERMIT_BOUND), BY_DIENSTVERLENER), NOT_BOUND),
        Moment.INSTEAD,
    ),
)

ROWS = (*ASKED, *QUERIED)
