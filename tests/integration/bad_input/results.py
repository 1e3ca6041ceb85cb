"""What a provider declares to the makelaar: signed, but it does not hold."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

from schemas.codec import Record
from schemas.refusals import RefusalCode
from schemas.topics import (
    AUTHENTICATION_REQUESTS,
    AUTHENTICATION_RESULTS,
)
from schemas.values import Level
from tests.integration.bad_input import stops
from tests.integration.bad_input.requests import AHEAD, TOO_OLD
from tests.integration.bad_input.rows import (
    BY_DECISION,
    BY_DIENSTVERLENER,
    BY_RESULT,
    LOST,
    UNHARMED,
    Fate,
    Layer,
    Moment,
    Row,
    dead,
    ends,
)
from tests.support.forge import Place
from tests.support.kinds import PASSWORD


def changed_result(place: Place, **changes: Any) -> Record:
    return place.signed(data=place.result(**changes))


def of_nobody(place: Place) -> Record:
    return place.signed(data={"request_id": str(uuid4())})


def others_digest(place: Place) -> str:
    return str(place.other.token(AUTHENTICATION_REQUESTS).claims["data"]["request_digest"])


def refusal(place: Place, status: str, code: RefusalCode) -> Record:
    return place.signed(data={"result": {"status": status, "code": code.value}})


def _an_hour_ago(place: Place) -> str:
    return (place.world.clock() - timedelta(hours=1)).isoformat()


ROWS = (
    Row(
        "a result for a login that nobody knows",
        AUTHENTICATION_RESULTS,
        of_nobody,
        dead("login_unknown"),
        (Layer((stops.AWAITED_BY_MAKELAAR,), UNHARMED),),
    ),
    Row(
        "a result for a login that has ended",
        AUTHENTICATION_RESULTS,
        lambda p: p.signed(),
        dead("login_finished"),
        (Layer((stops.AWAITED_BY_MAKELAAR,), Fate(lost=("asked_before",))),),
        Moment.LATER,
    ),
    Row(
        "a result of a provider that was not asked",
        AUTHENTICATION_RESULTS,
        lambda p: p.signed(by="dijk"),
        dead("not_asked"),
        (
            Layer(
                (stops.PROVIDER_ASKED, stops.LEVEL_OF_DECLARER),
                ends("no_mandate", "mandate-decisions", lost=("not_asked",)),
            ),
        ),
    ),
    Row(
        "a result with the digest of another request",
        AUTHENTICATION_RESULTS,
        lambda p: changed_result(p, request_digest=others_digest(p)),
        BY_RESULT,
        (
            Layer((stops.ABOUT_LOGIN,), BY_DECISION),
            Layer((stops.ABOUT_QUERY,), BY_DIENSTVERLENER),
            Layer((stops.ABOUT_REQUEST,), UNHARMED),
        ),
        Moment.INSTEAD,
    ),
    Row(
        "a result for another dienstverlener",
        AUTHENTICATION_RESULTS,
        lambda p: changed_result(p, dienstverlener=p.world.entity("waterdam")),
        BY_RESULT,
        (
            Layer((stops.ABOUT_LOGIN,), BY_DECISION),
            Layer((stops.ABOUT_QUERY,), BY_DIENSTVERLENER),
            Layer((stops.ABOUT_REQUEST,), UNHARMED),
        ),
        Moment.INSTEAD,
    ),
    Row(
        "a result at too low a level",
        AUTHENTICATION_RESULTS,
        lambda p: changed_result(p, level=Level.EH2PLUS.value),
        BY_RESULT,
        (
            Layer((stops.LEVEL_DECLARED,), BY_DECISION),
            Layer((stops.LEVEL_QUERIED, stops.LEVEL_PERMITTED), BY_DIENSTVERLENER),
            Layer(
                (stops.LEVEL_ASSERTED, stops.AS_OFFERED),
                ends("assertion EH2+ for korenmolen", "mandate-decisions"),
            ),
        ),
        Moment.INSTEAD,
    ),
    Row(
        "a result above the provider's own highest level",
        AUTHENTICATION_RESULTS,
        lambda p: changed_result(p, level=Level.EH4.value),
        BY_RESULT,
        (
            Layer((stops.LEVEL_OF_PROVIDER,), BY_DECISION),
            Layer((stops.LEVEL_OF_DECLARER,), BY_DIENSTVERLENER),
            Layer((stops.LEVEL_IN_EVIDENCE,), UNHARMED),
        ),
        Moment.INSTEAD,
        PASSWORD,
    ),
    Row(
        "a result by a session, where EH4 is asked",
        AUTHENTICATION_RESULTS,
        lambda p: changed_result(p, authenticated_at=_an_hour_ago(p)),
        BY_RESULT,
        (Layer((stops.SESSION_FRESH,), BY_DIENSTVERLENER), Layer((stops.AS_OFFERED,), UNHARMED)),
        Moment.INSTEAD,
    ),
    Row(
        "a result that names a dienstverlener as registry",
        AUTHENTICATION_RESULTS,
        lambda p: changed_result(p, registry=p.world.entity("waterdam")),
        BY_RESULT,
        (Layer((stops.REGISTRY_DECLARED,), ends("nothing")),),
        Moment.INSTEAD,
    ),
    Row(
        "a result that is older than ten minutes",
        AUTHENTICATION_RESULTS,
        lambda p: p.signed(seconds=TOO_OLD),
        BY_RESULT,
        (Layer((stops.TIME,), UNHARMED),),
        Moment.INSTEAD,
    ),
    Row(
        "a result from the future",
        AUTHENTICATION_RESULTS,
        lambda p: p.signed(seconds=AHEAD),
        BY_RESULT,
        (Layer((stops.TIME,), UNHARMED),),
        Moment.INSTEAD,
    ),
    Row(
        "a result with an unknown field",
        AUTHENTICATION_RESULTS,
        lambda p: p.signed(data={"colour": "blue"}),
        BY_RESULT,
        (Layer((stops.CONTENT,), UNHARMED),),
        Moment.INSTEAD,
    ),
    Row(
        "a result with an unknown field, of a provider that was not asked",
        AUTHENTICATION_RESULTS,
        lambda p: p.signed(by="dijk", data={"colour": "blue"}),
        dead("malformed"),
        (Layer((stops.FAULT_ASKED,), replace(BY_RESULT, lost=LOST)),),
    ),
    Row(
        "a refusal that is not the provider's to give",
        AUTHENTICATION_RESULTS,
        lambda p: refusal(p, "not-authenticated", RefusalCode.REQUEST_EXPIRED),
        BY_RESULT,
        (Layer((stops.OWN_REFUSALS,), ends("request_expired", "authentication-results")),),
        Moment.INSTEAD,
    ),
)
