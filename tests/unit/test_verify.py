"""How a dienstverlener verifies an outcome: a whole chain of evidence, with one thing wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from dienstverlener.outcome import Assertion, LegalSubject, Refusal
from dienstverlener.verify import verify
from schemas import codec
from schemas.codec import Record, Untrusted
from schemas.jose import signature_of
from schemas.message import Message
from schemas.messages import (
    Asserted,
    Authenticated,
    AuthenticationResult,
    MandateDecision,
    Outcome,
    Permit,
    Refused,
)
from schemas.refusals import EXPLANATIONS, RefusalCode
from schemas.topics import AUTHENTICATION_RESULTS, AUTHN_REQUESTS, MANDATE_DECISIONS, OUTCOMES
from schemas.values import Level
from tests.unit.builders import (
    AAK,
    BOTTER,
    DUIN,
    HAVEN,
    HIGH_SERVICE,
    KADE,
    KVK,
    KWELDER,
    LOODS,
    NO_SERVICE,
    NOW,
    PIER,
    REQUEST,
    SERVICE,
    SIGNATURE,
    acting_subject,
    authenticated,
    authentication_result,
    authn_request,
    denied,
    mandate_decision,
    not_authenticated,
    permit,
    represented,
    signed,
    world,
)

EH2, EH2PLUS, EH3, EH4 = Level.EH2, Level.EH2PLUS, Level.EH3, Level.EH4
OTHER = UUID(int=9)
SKEW = timedelta(seconds=codec.CLOCK_SKEW_SECONDS)
MOMENT, HOUR = timedelta(microseconds=1), timedelta(hours=1)
FAULT, EXPIRED = RefusalCode.PARTICIPANT_FAULT, RefusalCode.ASSERTION_EXPIRED

Changes = dict[str, Any]


def text(record: Record) -> str:
    return record.value.decode()


def request_text(**request: Any) -> str:
    sender = request.pop("sender", "haven")
    audience = request.pop("audience", (DUIN,))
    return text(signed(AUTHN_REQUESTS, "duin", authn_request(**request), sender, audience=audience))


def declaration_text(message: Message, **by: Any) -> str:
    fields = {"sender": "aak", "audience": (DUIN, HAVEN, KADE), **by}
    return text(signed(AUTHENTICATION_RESULTS, "duin", message, **fields))


def decision_text(message: Message, **by: Any) -> str:
    fields = {"sender": "kade", "audience": (DUIN, HAVEN), **by}
    return text(signed(MANDATE_DECISIONS, "duin", message, **fields))


def declared(**changes: Any) -> Authenticated:
    return authenticated(**{"acting_subject": acting_subject(), **changes})


def permitted(declaration: str, **changes: Any) -> Permit:
    bound = {"represented": represented(), "declaration_signature": signature_of(declaration)}
    return permit(**{**bound, **changes})


def asserted(**changes: Any) -> Asserted:
    """An assertion that holds, but for what is changed. `declared` and `permitted` change the
    declarations, `provider` signs the first; `declaration` and `decision` replace their texts."""
    result = authentication_result(declared(**changes.pop("declared", {})))
    by = changes.pop("provider", "aak")
    declaration = changes.pop("declaration", None) or declaration_text(result, sender=by)
    decision = changes.pop("decision", None) or decision_text(
        mandate_decision(permitted(declaration, **changes.pop("permitted", {})))
    )
    fields = {"service": SERVICE, "level": EH3, "not_on_or_after": NOW + timedelta(minutes=2)}
    evidence = {"declaration": declaration, "decision": decision}
    return Asserted(**{**fields, **evidence, **changes})


def outcome_record(result: Asserted | Refused | None = None, **changes: Any) -> Record:
    sender = changes.pop("sender", "duin")
    by = {name: changes.pop(name) for name in ("audience", "now") if name in changes}
    fields = {"request_id": REQUEST, "request": request_text(), "result": result or asserted()}
    return signed(OUTCOMES, "haven", Outcome(**{**fields, **changes}), sender, **by)


def verified(record: Record, now: Any = NOW) -> Assertion | Refusal:
    return verify(record, world().keys("haven"), now)


def why_refused(result: Asserted, now: Any = NOW, **changes: Any) -> RefusalCode | None:
    """The code of our own refusal, or None where the assertion holds."""
    found = verified(outcome_record(result, **changes), now)
    return found.code if isinstance(found, Refusal) else None


# --- what holds


def test_assertion_says_who_may_act_for_whom() -> None:
    assert verified(outcome_record()) == Assertion(
        REQUEST, SERVICE, EH3, LegalSubject(KVK), acting_subject="p" * 43
    )


def test_assertion_says_the_vestiging_where_it_is_restricted_to_one() -> None:
    restricted = asserted(permitted={"represented": represented(vestiging="900001010001")})
    found = verified(outcome_record(restricted))
    assert isinstance(found, Assertion)
    assert found.legal_subject == LegalSubject(KVK, "900001010001")


def test_assertion_shows_nobody_in_its_repr() -> None:
    shown = repr(verified(outcome_record()))
    assert str(REQUEST) in shown
    assert KVK not in shown
    assert "p" * 43 not in shown


def told(code: RefusalCode) -> Refused:
    status = EXPLANATIONS[code]
    return Refused(
        code=code,
        top_level=status.top_level,
        second_level=status.second_level,
        nl=status.nl,
        en=status.en,
    )


@pytest.mark.parametrize("code", list(RefusalCode))
def test_refusal_says_why_and_what_to_do(code: RefusalCode) -> None:
    found, status = verified(outcome_record(told(code))), EXPLANATIONS[code]
    assert found == Refusal(
        REQUEST, code, status.top_level, status.second_level, status.nl, status.en
    )


# --- what is no answer of our makelaar to our request


UNTRUSTED: list[tuple[str, Changes]] = [
    ("role_refused", {"sender": "aak"}),
    ("audience_refused", {"audience": (LOODS,)}),
    ("expired", {"now": NOW - timedelta(days=8)}),
    ("from_the_future", {"now": NOW + HOUR}),
    ("issuer_refused", {"request": request_text(sender="loods")}),
    ("audience_refused", {"request": request_text(audience=(KWELDER,))}),
    ("audience_refused", {"sender": "kwelder"}),
    ("signature_invalid", {"request": request_text()[:-20] + "A" * 20}),
    ("claims_malformed", {"request": "e30.e30.e30"}),
    ("typ_refused", {"request": text(outcome_record(told(RefusalCode.NO_MANDATE)))}),
    ("answers_another_request", {"request": request_text(request_id=OTHER)}),
]


@pytest.mark.parametrize(("reason", "changes"), UNTRUSTED)
@pytest.mark.parametrize("result", [asserted(), told(RefusalCode.NO_MANDATE)])
def test_outcome_is_untrusted_when_it_is_no_answer_to_our_request(
    reason: str, changes: Changes, result: Asserted | Refused
) -> None:
    with pytest.raises(Untrusted, match=reason):
        verified(outcome_record(result, **changes))


def test_outcome_is_untrusted_when_it_is_malformed() -> None:
    record = outcome_record()
    with pytest.raises(Untrusted, match="not_jws"):
        verified(replace(record, value=b"text"))


def test_outcome_answers_a_request_of_whatever_age() -> None:
    request = signed(AUTHN_REQUESTS, "duin", authn_request(), "haven", NOW - timedelta(days=300))
    assert isinstance(verified(outcome_record(request=text(request))), Assertion)


# --- time


@pytest.mark.parametrize(
    ("until", "code"),
    [
        (NOW + MOMENT, None),
        (NOW - SKEW + MOMENT, None),
        (NOW - SKEW, EXPIRED),
        (NOW - HOUR, EXPIRED),
    ],
)
def test_assertion_expires_at_its_last_moment_and_the_skew(
    until: Any, code: RefusalCode | None
) -> None:
    assert why_refused(asserted(not_on_or_after=until)) is code


@pytest.mark.parametrize(
    ("age", "code"),
    [
        (120 * timedelta(seconds=1) + SKEW - timedelta(seconds=1), None),
        (120 * timedelta(seconds=1) + SKEW, EXPIRED),
    ],
)
def test_assertion_expires_with_the_registrys_decision(
    age: timedelta, code: RefusalCode | None
) -> None:
    late = NOW + age
    assert why_refused(asserted(not_on_or_after=late + HOUR), now=late) is code


def test_assertion_is_refused_when_a_declaration_has_expired() -> None:
    old = declaration_text(authentication_result(declared()), now=NOW - HOUR)
    assert why_refused(asserted(declaration=old)) is EXPIRED


# --- the declarations


@pytest.mark.parametrize(
    "declaration",
    [
        lambda: f"e30.e30.{SIGNATURE}",
        lambda: declaration_text(authentication_result(declared()))[:-20] + "A" * 20,
        lambda: declaration_text(authentication_result(declared()), sender="kade"),
        lambda: declaration_text(authentication_result(declared()), sender="duin"),
        lambda: declaration_text(authentication_result(declared()), audience=(DUIN, KADE)),
        lambda: declaration_text(authentication_result(declared()), now=NOW + HOUR),
        lambda: declaration_text(authentication_result(declared(), request_id=OTHER)),
        lambda: declaration_text(not_authenticated(RefusalCode.AUTHENTICATION_FAILED)),
    ],
)
def test_assertion_is_refused_when_the_providers_declaration_does_not_hold(
    declaration: Callable[[], str],
) -> None:
    assert why_refused(asserted(declaration=declaration())) is FAULT


def decided(message: MandateDecision | None = None, **by: Any) -> Asserted:
    """An assertion whose decision, bound as it should be, is changed in itself."""
    declaration = declaration_text(authentication_result(declared()))
    decision = message or mandate_decision(permitted(declaration))
    return asserted(declaration=declaration, decision=decision_text(decision, **by))


@pytest.mark.parametrize(
    ("message", "by"),
    [
        (None, {"sender": "aak"}),
        (None, {"sender": "duin"}),
        (None, {"sender": "pier"}),
        (None, {"audience": (DUIN,)}),
        (None, {"now": NOW + HOUR}),
        (denied(RefusalCode.NO_MANDATE), {}),
    ],
)
def test_assertion_is_refused_when_the_registrys_decision_does_not_hold(
    message: MandateDecision | None, by: Changes
) -> None:
    assert why_refused(decided()) is None
    assert why_refused(decided(message, **by)) is FAULT


def test_assertion_is_refused_when_the_decision_is_of_another_login() -> None:
    declaration = declaration_text(authentication_result(declared()))
    other = mandate_decision(permitted(declaration), request_id=OTHER)
    assert why_refused(asserted(declaration=declaration, decision=decision_text(other))) is FAULT


def test_assertion_is_refused_when_its_evidence_changed_places() -> None:
    whole = asserted()
    swapped = asserted(declaration=whole.decision, decision=whole.declaration)
    assert why_refused(swapped) is FAULT


ABOUT: list[Changes] = [
    {"request_digest": "x" * 43},
    {"dienstverlener": LOODS},
    {"service": HIGH_SERVICE},
]


@pytest.mark.parametrize("change", ABOUT)
@pytest.mark.parametrize("which", ["declared", "permitted"])
def test_assertion_is_refused_when_a_declaration_is_about_something_else(
    which: str, change: Changes
) -> None:
    assert why_refused(asserted(**{which: change})) is FAULT


def test_assertion_is_refused_when_both_declarations_are_of_another_request() -> None:
    """Evidence of one login does not do for another of the same person, service and level."""
    other = {"request_digest": codec.request_digest(HAVEN, authn_request(force_authn=True))}
    assert why_refused(asserted(declared=other, permitted=other)) is FAULT


def test_assertion_is_refused_when_the_permit_is_bound_to_another_declaration() -> None:
    unbound = asserted(permitted={"declaration_signature": "t" * 86})
    assert why_refused(unbound) is FAULT
    declaration = declaration_text(authentication_result(declared()))
    again = declaration_text(authentication_result(declared(level=EH4)))
    decision = decision_text(mandate_decision(permitted(declaration)))
    assert why_refused(asserted(declaration=again, decision=decision)) is FAULT


def test_assertion_is_refused_when_the_provider_named_another_registry() -> None:
    assert why_refused(asserted(declared={"registry": PIER})) is FAULT


@pytest.mark.parametrize(("preselected", "code"), [(None, None), (AAK, None), (BOTTER, FAULT)])
def test_assertion_is_refused_when_another_provider_was_asked_for(
    preselected: str | None, code: RefusalCode | None
) -> None:
    assert asked_for(provider=preselected) is code


def asked_for(
    levels: tuple[Level, Level] = (EH3, EH3), asserted_: Changes | None = None, **request: Any
) -> RefusalCode | None:
    """Why an assertion is refused where it all fits this request, declared at these levels."""
    digest = codec.request_digest(HAVEN, authn_request(**request))
    about = {"request_digest": digest, "service": request.get("service", SERVICE)}
    provided, used = levels
    result = asserted(
        declared={**about, "level": provided},
        permitted={**about, "level": used},
        provider="botter" if provided is EH4 else "aak",
        **{"service": about["service"], **(asserted_ or {})},
    )
    return why_refused(result, request=request_text(**request))


# --- the level


@pytest.mark.parametrize(
    ("asked", "provided", "used", "level", "code"),
    [
        (None, EH3, EH3, EH3, None),
        (EH3, EH3, EH3, EH3, None),
        (EH2PLUS, EH3, EH3, EH3, None),
        (None, EH4, EH4, EH4, None),
        (None, EH4, EH4, EH3, None),
        (EH4, EH4, EH4, EH4, None),
        (EH4, EH4, EH4, EH3, FAULT),  # lower than asked for
        (None, EH4, EH4, EH2PLUS, FAULT),  # lower than the service's
        (EH2, EH2PLUS, EH2PLUS, EH2PLUS, FAULT),
        (None, EH3, EH4, EH4, FAULT),  # higher than the provider reached
        (None, EH4, EH3, EH4, FAULT),  # higher than the registry used
        (None, EH2PLUS, EH3, EH3, FAULT),
        (None, EH3, EH2PLUS, EH3, FAULT),
    ],
)
def test_level_is_what_was_asked_for_and_no_higher_than_was_reached(
    asked: Level | None, provided: Level, used: Level, level: Level, code: RefusalCode | None
) -> None:
    assert asked_for((provided, used), {"level": level}, level=asked) is code


@pytest.mark.parametrize(("by", "code"), [("aak", FAULT), ("botter", None)])
def test_level_is_refused_when_the_scheme_did_not_admit_the_provider_for_it(
    by: str, code: RefusalCode | None
) -> None:
    level = {"level": EH4}
    assert why_refused(asserted(declared=level, permitted=level, provider=by, **level)) is code


@pytest.mark.parametrize(
    "change", [{"service": HIGH_SERVICE}, {"service": NO_SERVICE}, {"level": EH4}]
)
def test_assertion_is_refused_when_it_says_what_nobody_declared(change: Changes) -> None:
    assert why_refused(asserted(**change)) is FAULT


def test_assertion_is_refused_when_the_service_left_the_catalogue() -> None:
    assert asked_for(service=NO_SERVICE) is FAULT


# --- what is sealed for us


def test_assertion_is_refused_when_we_cannot_open_it() -> None:
    for_others = represented().replace(".", ".A", 2)
    assert why_refused(asserted(permitted={"represented": for_others})) is FAULT
    assert why_refused(asserted(permitted={"represented": acting_subject()})) is FAULT


def test_own_refusal_has_its_status_and_texts() -> None:
    found = verified(outcome_record(asserted(not_on_or_after=NOW - HOUR)))
    status = EXPLANATIONS[EXPIRED]
    assert found == Refusal(
        REQUEST, EXPIRED, status.top_level, status.second_level, status.nl, status.en
    )


def test_evidence_is_what_the_network_sends() -> None:
    """The builders make what the roles make: one audience and one form for each declaration."""
    whole = asserted()
    for message, evidence in (
        (AuthenticationResult, whole.declaration),
        (MandateDecision, whole.decision),
    ):
        assert codec.unverified(evidence, message).request_id == REQUEST
