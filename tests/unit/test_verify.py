"""How a dienstverlener verifies an outcome: all of its evidence, with one thing wrong."""

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
    Confirmation,
    Confirmed,
    Deny,
    MandateDecision,
    Outcome,
    Permit,
    Refused,
)
from schemas.refusals import EXPLANATIONS, RefusalCode
from schemas.sealed import Identifier
from schemas.topics import (
    AUTHENTICATION_RESULTS,
    AUTHN_REQUESTS,
    CONFIRMATIONS,
    MANDATE_DECISIONS,
    OUTCOMES,
)
from schemas.values import EidasLevel, EntityType, Level
from tests.unit.builders import (
    AAK,
    BOTTER,
    DUIN,
    GOLF,
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
    STRANGER,
    acting,
    acting_subject,
    authenticated,
    authentication_result,
    authn_request,
    confirmation,
    confirmed,
    denied,
    legal,
    mandate_decision,
    not_authenticated,
    obliging,
    permit,
    signed,
    world,
)

EH2, EH2PLUS, EH3, EH4 = Level.EH2, Level.EH2PLUS, Level.EH3, Level.EH4
OTHER = UUID(int=9)
SKEW = timedelta(seconds=codec.CLOCK_SKEW_SECONDS)
MOMENT, HOUR = timedelta(microseconds=1), timedelta(hours=1)
FAULT, EXPIRED = RefusalCode.PARTICIPANT_FAULT, RefusalCode.ASSERTION_EXPIRED
THROUGH = "90000202"

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


def confirmation_text(message: Message, **by: Any) -> str:
    fields = {"sender": "pier", "audience": (DUIN, HAVEN), **by}
    return text(signed(CONFIRMATIONS, "duin", message, **fields))


def declared(**changes: Any) -> Authenticated:
    return authenticated(**{"acting_subject": acting_subject(), **changes})


def permitted(declaration: str, **changes: Any) -> Permit:
    """A permit as the registry makes it; with `obliged`, one that the registry of that EntityID has
    to confirm."""
    bound = {"acting": acting(), "declaration_signature": signature_of(declaration)}
    obliged = changes.pop("obliged", None)
    if obliged is None:
        return permit(**{**bound, "legal": legal(), **changes})
    return obliging(obliged, **{**bound, "acting": acting(intermediary=THROUGH), **changes})


def confirms(decision: str, **changes: Any) -> Confirmed:
    bound = {"legal": legal(), "decision_signature": signature_of(decision)}
    return confirmed(**{**bound, **changes})


def asserted(**changes: Any) -> Asserted:
    """An assertion that holds, but for what is changed. `declared`, `permitted` and, in a chain,
    `confirmed` change the declarations, `provider` and `confirmer` sign the first and the last;
    `declaration`, `decision` and `confirmation` replace their texts."""
    result = authentication_result(declared(**changes.pop("declared", {})))
    by = changes.pop("provider", "aak")
    declaration = changes.pop("declaration", None) or declaration_text(result, sender=by)
    decision = changes.pop("decision", None) or decision_text(
        mandate_decision(permitted(declaration, **changes.pop("permitted", {})))
    )
    fields = {"service": SERVICE, "level": EH3, "not_on_or_after": NOW + timedelta(minutes=2)}
    evidence = {"declaration": declaration, "decision": decision, "catalogue_version": 2}
    if "confirmed" in changes:
        message = confirmation(confirms(decision, **changes.pop("confirmed")))
        by = changes.pop("confirmer", "pier")
        evidence["confirmation"] = confirmation_text(message, sender=by)
    return Asserted(**{**fields, **evidence, **changes})


def chained(**changes: Any) -> Asserted:
    """An assertion by a chain: kade permits, pier confirms."""
    permitted_ = {"obliged": PIER, **changes.pop("permitted", {})}
    confirmed_ = changes.pop("confirmed", {})
    return asserted(permitted=permitted_, confirmed=confirmed_, **changes)


def outcome_record(result: Asserted | Refused | None = None, **changes: Any) -> Record:
    sender = changes.pop("sender", "duin")
    by = {name: changes.pop(name) for name in ("audience", "now") if name in changes}
    fields = {"request_id": REQUEST, "request": request_text(), "result": result or asserted()}
    return signed(OUTCOMES, "haven", Outcome(**{**fields, **changes}), sender, **by)


def verified(record: Record, now: Any = NOW) -> Assertion | Refusal:
    return verify(record, world().keys("haven"), now)


def why_refused(result: Asserted, now: Any = NOW, **changes: Any) -> str | None:
    """The check that failed, or None where the assertion holds."""
    found = verified(outcome_record(result, **changes), now)
    if isinstance(found, Assertion):
        return None
    assert found.code is (EXPIRED if found.reason == "expired" else FAULT)
    return found.reason


# --- what holds


def test_assertion_says_who_may_act_for_whom() -> None:
    record = outcome_record()
    found = verified(record)
    assert found == Assertion(
        request_id=REQUEST,
        service=SERVICE,
        level=EH3,
        legal_subject=LegalSubject({EntityType.KVKNR: KVK}),
        acting_subject="p" * 43,
        services=(UUID(int=1),),
        catalogue_version=1,
        registry=KADE,
        authenticated_at=NOW,
        decided_at=NOW,
        outcome=text(record),
    )
    assert isinstance(found, Assertion)
    assert (found.legal_subject.kvk, found.eidas) == (KVK, EidasLevel.SUBSTANTIAL)


def test_assertion_of_a_chain_says_the_intermediary_besides() -> None:
    direct, chain = verified(outcome_record()), verified(outcome_record(chained()))
    assert isinstance(direct, Assertion)
    assert isinstance(chain, Assertion)
    assert chain == replace(direct, intermediary=THROUGH, outcome=chain.outcome)


def test_assertion_shows_nobody_in_its_repr() -> None:
    shown = repr(verified(outcome_record(chained())))
    assert str(REQUEST) in shown
    assert not any(each in shown for each in (KVK, THROUGH, "p" * 43))


def told(code: RefusalCode, **changes: Any) -> Refused:
    status = EXPLANATIONS[code]
    return Refused(
        code=code,
        top_level=status.top_level,
        second_level=status.second_level,
        nl=status.nl,
        en=status.en,
        **changes,
    )


@pytest.mark.parametrize("code", list(RefusalCode))
def test_refusal_says_why_and_what_to_do(code: RefusalCode) -> None:
    later = {"retry_after_seconds": 9} if code is RefusalCode.BUSY else {}
    found, status = verified(outcome_record(told(code, **later))), EXPLANATIONS[code]
    assert found == Refusal(
        REQUEST, code, status.top_level, status.second_level, status.nl, status.en, **later
    )


def test_refusal_says_which_providers_would_have_done() -> None:
    refused = told(RefusalCode.PROVIDER_DOES_NOT_FIT, fits=("Aak", "Botter"))
    found = verified(outcome_record(refused))
    assert isinstance(found, Refusal)
    assert (found.fits, found.reason) == (("Aak", "Botter"), "")


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
        (NOW - SKEW, "expired"),
        (NOW - HOUR, "expired"),
    ],
)
def test_assertion_expires_at_its_last_moment_and_the_skew(until: Any, code: str | None) -> None:
    assert why_refused(asserted(not_on_or_after=until)) == code


@pytest.mark.parametrize(
    ("age", "code"),
    [
        (120 * timedelta(seconds=1) + SKEW - timedelta(seconds=1), None),
        (120 * timedelta(seconds=1) + SKEW, "expired"),
    ],
)
def test_assertion_expires_with_the_registrys_decision(age: timedelta, code: str | None) -> None:
    late = NOW + age
    assert why_refused(asserted(not_on_or_after=late + HOUR), now=late) == code


def test_assertion_is_refused_when_a_declaration_has_expired() -> None:
    old = declaration_text(authentication_result(declared()), now=NOW - HOUR)
    assert why_refused(asserted(declaration=old)) == "expired"


def test_assertion_of_a_chain_expires_with_its_confirmation() -> None:
    whole = chained()
    old = confirmation_text(confirmation(confirms(whole.decision)), now=NOW - HOUR)
    assert why_refused(whole.model_copy(update={"confirmation": old})) == "expired"


# --- the declarations


def declaring(**by: Any) -> str:
    """The provider's declaration, as it should be but for how it is signed."""
    return declaration_text(authentication_result(declared()), **by)


@pytest.mark.parametrize(
    ("declaration", "reason"),
    [
        (lambda: f"e30.e30.{SIGNATURE}", "alg_refused"),
        (lambda: declaring()[:-20] + "A" * 20, "signature_invalid"),
        (lambda: declaring(sender="kade"), "role_refused"),
        (lambda: declaring(sender="duin"), "role_refused"),
        (lambda: declaring(audience=(DUIN, KADE)), "audience_refused"),
        (lambda: declaring(now=NOW + HOUR), "from_the_future"),
        (
            lambda: declaration_text(authentication_result(declared(), request_id=OTHER)),
            "evidence_of_another_login",
        ),
        (
            lambda: declaration_text(not_authenticated(RefusalCode.AUTHENTICATION_FAILED)),
            "evidence_missing",
        ),
    ],
)
def test_assertion_is_refused_when_the_providers_declaration_does_not_hold(
    declaration: Callable[[], str], reason: str
) -> None:
    assert why_refused(asserted(declaration=declaration())) == reason


def decided(message: MandateDecision | None = None, **by: Any) -> Asserted:
    """An assertion whose decision, bound as it should be, is changed in itself."""
    declaration = declaring()
    decision = message or mandate_decision(permitted(declaration))
    return asserted(declaration=declaration, decision=decision_text(decision, **by))


@pytest.mark.parametrize(
    ("message", "by", "reason"),
    [
        (None, {}, None),
        (None, {"sender": "aak"}, "role_refused"),
        (None, {"sender": "duin"}, "role_refused"),
        (None, {"sender": "pier"}, "registry_refused"),
        (None, {"audience": (DUIN,)}, "audience_refused"),
        (None, {"now": NOW + HOUR}, "from_the_future"),
        (denied(RefusalCode.NO_MANDATE), {}, "evidence_missing"),
    ],
)
def test_assertion_is_refused_when_the_registrys_decision_does_not_hold(
    message: MandateDecision | None, by: Changes, reason: str | None
) -> None:
    assert why_refused(decided(message, **by)) == reason


def test_assertion_is_refused_when_the_decision_is_of_another_login() -> None:
    declaration = declaring()
    other = decision_text(mandate_decision(permitted(declaration), request_id=OTHER))
    reason = why_refused(asserted(declaration=declaration, decision=other))
    assert reason == "evidence_of_another_login"


def test_assertion_is_refused_when_its_evidence_changed_places() -> None:
    whole = asserted()
    swapped = asserted(declaration=whole.decision, decision=whole.declaration)
    assert why_refused(swapped) == "typ_refused"


ABOUT: list[Changes] = [
    {"request_digest": "x" * 43},
    {"dienstverlener": LOODS},
    {"service": HIGH_SERVICE},
]


@pytest.mark.parametrize("change", ABOUT)
@pytest.mark.parametrize("which", ["declared", "permitted", "confirmed"])
def test_assertion_is_refused_when_a_declaration_is_about_something_else(
    which: str, change: Changes
) -> None:
    assert why_refused(chained(**{which: change})) == "evidence_of_another_login"


def test_assertion_is_refused_when_all_declarations_are_of_another_request() -> None:
    """Evidence of one login does not do for another of the same person, service and level."""
    other = {"request_digest": codec.request_digest(HAVEN, authn_request(force_authn=True))}
    all_ = {"declared": other, "permitted": other, "confirmed": other}
    assert why_refused(chained(**all_)) == "evidence_of_another_login"


def test_assertion_is_refused_when_the_permit_is_bound_to_another_declaration() -> None:
    unbound = asserted(permitted={"declaration_signature": "t" * 86})
    assert why_refused(unbound) == "evidence_not_bound"
    again = declaration_text(authentication_result(declared(level=EH4)), sender="botter")
    decision = decision_text(mandate_decision(permitted(declaring())))
    assert why_refused(asserted(declaration=again, decision=decision)) == "evidence_not_bound"


def test_assertion_is_refused_when_the_provider_named_another_registry() -> None:
    assert why_refused(asserted(declared={"registry": PIER})) == "registry_refused"


@pytest.mark.parametrize(
    ("preselected", "reason"), [(None, None), (AAK, None), (BOTTER, "provider_refused")]
)
def test_assertion_is_refused_when_another_provider_was_asked_for(
    preselected: str | None, reason: str | None
) -> None:
    assert asked_for(provider=preselected) == reason


# --- chains


def test_assertion_of_a_chain_holds() -> None:
    assert why_refused(chained()) is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        # what the first registry's permit says
        ({"permitted": {"legal": None}}, "permit_not_whole"),
        ({"permitted": {"obliged": PIER, "legal": legal()}, "confirmed": {}}, "permit_not_whole"),
        ({"permitted": {"obliged": PIER, "legal": legal()}}, "permit_not_whole"),
        # whether somebody confirmed it
        ({"permitted": {"obliged": PIER}}, "obligation_not_met"),
        ({"confirmed": {}}, "obligation_not_met"),
        # who confirmed it
        ({"permitted": {"obliged": KADE}, "confirmed": {}}, "confirmer_refused"),
        ({"permitted": {"obliged": STRANGER}, "confirmed": {}}, "confirmer_refused"),
        (
            {"permitted": {"obliged": GOLF}, "confirmed": {}, "confirmer": "golf"},
            "confirmer_refused",  # it offers no chains
        ),
        ({"permitted": {"obliged": PIER}, "confirmed": {}, "confirmer": "aak"}, "role_refused"),
        # what was confirmed
        (
            {"permitted": {"obliged": PIER}, "confirmed": {"decision_signature": SIGNATURE}},
            "confirmation_not_bound",
        ),
        (
            {"permitted": {"obliged": PIER}, "confirmed": {"services": (UUID(int=1), OTHER)}},
            "services_refused",
        ),
        # through whom
        (
            {"permitted": {"obliged": PIER, "acting": acting()}, "confirmed": {}},
            "intermediary_refused",
        ),
        (
            {"permitted": {"obliged": PIER, "acting": acting(intermediary=KVK)}, "confirmed": {}},
            "intermediary_refused",  # for itself
        ),
    ],
)
def test_assertion_is_refused_when_its_chain_does_not_hold(changes: Changes, reason: str) -> None:
    assert why_refused(asserted(**changes)) == reason


@pytest.mark.parametrize(
    ("message", "by", "reason"),
    [
        (None, {}, None),
        (None, {"sender": "kade"}, "confirmer_refused"),
        (None, {"sender": "duin"}, "role_refused"),
        (None, {"audience": (DUIN,)}, "audience_refused"),
        (None, {"now": NOW + HOUR}, "from_the_future"),
        ({"request_id": OTHER}, {}, "evidence_of_another_login"),
        ({"result": Deny(code=RefusalCode.NO_MANDATE)}, {}, "evidence_missing"),
    ],
)
def test_assertion_is_refused_when_the_confirmation_does_not_hold(
    message: Changes | None, by: Changes, reason: str | None
) -> None:
    whole = chained()
    answer = confirmation(**{"result": confirms(whole.decision), **(message or {})})
    changed = {"confirmation": confirmation_text(answer, **by)}
    assert why_refused(whole.model_copy(update=changed)) == reason


def test_assertion_is_refused_when_the_confirmation_is_of_another_permit() -> None:
    first, second = chained(), chained(permitted={"level": EH4})
    mixed = first.model_copy(update={"confirmation": second.confirmation})
    assert why_refused(mixed) == "confirmation_not_bound"


def test_legal_subject_of_a_chain_is_the_one_that_the_second_registry_names() -> None:
    other = Identifier(type=EntityType.KVKNR, value="90000303")
    found = verified(outcome_record(chained(confirmed={"legal": legal(identifiers=(other,))})))
    assert isinstance(found, Assertion)
    assert (found.legal_subject.kvk, found.intermediary) == ("90000303", THROUGH)


def test_chain_may_be_of_one_registry_that_says_it_all() -> None:
    found = verified(outcome_record(asserted(permitted={"acting": acting(intermediary=THROUGH)})))
    assert isinstance(found, Assertion)
    assert (found.legal_subject.kvk, found.intermediary) == (KVK, THROUGH)
    own = asserted(permitted={"acting": acting(intermediary=KVK)})
    assert why_refused(own) == "intermediary_refused"


# --- the level


def asked_for(
    levels: tuple[Level, ...] = (EH3, EH3), asserted_: Changes | None = None, **request: Any
) -> str | None:
    """Why an assertion is refused where it all fits this request, declared at these levels: by the
    provider, by the registry, and in a chain by the second one."""
    digest = codec.request_digest(HAVEN, authn_request(**request))
    about = {"request_digest": digest, "service": request.get("service", SERVICE)}
    provided, used, *linked = levels
    chain = {"confirmed": {**about, "level": linked[0]}} if linked else {}
    result = asserted(
        declared={**about, "level": provided},
        permitted={**about, "level": used, "obliged": PIER if linked else None},
        provider="botter" if provided is EH4 else "aak",
        **chain,
        **{"service": about["service"], **(asserted_ or {})},
    )
    return why_refused(result, request=request_text(**request))


REFUSED = "level_refused"


@pytest.mark.parametrize(
    ("asked", "declared_at", "level", "reason"),
    [
        (None, (EH3, EH3), EH3, None),
        (EH3, (EH3, EH3), EH3, None),
        (EH2PLUS, (EH3, EH3), EH3, None),
        (None, (EH4, EH4), EH4, None),
        (None, (EH4, EH4), EH3, None),
        (EH4, (EH4, EH4), EH4, None),
        (EH4, (EH4, EH4), EH3, REFUSED),  # lower than asked for
        (None, (EH4, EH4), EH2PLUS, REFUSED),  # lower than the service's
        (EH2, (EH2PLUS, EH2PLUS), EH2PLUS, REFUSED),
        (None, (EH3, EH4), EH4, REFUSED),  # higher than the provider reached
        (None, (EH4, EH3), EH4, REFUSED),  # higher than the registry used
        (None, (EH2PLUS, EH3), EH3, REFUSED),
        (None, (EH3, EH2PLUS), EH3, REFUSED),
        (None, (EH4, EH4, EH4), EH4, None),
        (None, (EH4, EH4, EH3), EH3, None),
        (None, (EH4, EH4, EH3), EH4, REFUSED),  # higher than the link
        (None, (EH4, EH3, EH4), EH4, REFUSED),
        (EH4, (EH4, EH4, EH3), EH3, REFUSED),
    ],
)
def test_level_is_what_was_asked_for_and_no_higher_than_was_reached(
    asked: Level | None, declared_at: tuple[Level, ...], level: Level, reason: str | None
) -> None:
    assert asked_for(declared_at, {"level": level}, level=asked) == reason


@pytest.mark.parametrize(("by", "reason"), [("aak", REFUSED), ("botter", None)])
def test_level_is_refused_when_the_scheme_did_not_admit_the_provider_for_it(
    by: str, reason: str | None
) -> None:
    level = {"level": EH4}
    assert why_refused(asserted(declared=level, permitted=level, provider=by, **level)) == reason


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"service": HIGH_SERVICE}, "service_refused"),
        ({"service": NO_SERVICE}, "service_refused"),
        ({"level": EH4}, REFUSED),
    ],
)
def test_assertion_is_refused_when_it_says_what_nobody_declared(
    change: Changes, reason: str
) -> None:
    assert why_refused(asserted(**change)) == reason


# --- what is sealed for us


def test_assertion_is_refused_when_we_cannot_open_it() -> None:
    for part in ({"legal": legal()}, {"acting": acting()}):
        ((name, right),) = part.items()
        broken = asserted(permitted={name: right.replace(".", ".A", 2)})
        assert why_refused(broken) is not None
        assert why_refused(asserted(permitted={name: acting_subject()})) is not None


def test_assertion_is_refused_when_its_legal_subject_has_two_numbers_of_a_kind() -> None:
    numbers = [Identifier(type=EntityType.KVKNR, value=each) for each in (KVK, "90000303")]
    twice = asserted(permitted={"legal": legal(identifiers=numbers)})
    assert why_refused(twice) == "identifiers_refused"


def test_own_refusal_has_its_status_texts_and_reason() -> None:
    found = verified(outcome_record(asserted(not_on_or_after=NOW - HOUR)))
    status = EXPLANATIONS[EXPIRED]
    expected = Refusal(
        REQUEST, EXPIRED, status.top_level, status.second_level, status.nl, status.en
    )
    assert found == replace(expected, reason="expired")


LONGEST_PATH = 352
"""Characters, of a message in a tree of 256."""


def test_all_evidence_together_fits_into_an_outcome() -> None:
    """A topic takes no larger evidence than an outcome has room for: four, in base64."""
    large = Asserted(
        service=SERVICE,
        level=EH3,
        not_on_or_after=NOW,
        declaration=f"aa.{'b' * codec.MAX_EVIDENCE_BYTES}.cc",
        decision=f"aa.{'b' * codec.MAX_EVIDENCE_BYTES}.cc",
        confirmation=f"aa.{'b' * codec.MAX_EVIDENCE_BYTES}.cc",
        catalogue_version=2,
    )
    record = outcome_record(large, request=f"aa.{'b' * codec.MAX_EVIDENCE_BYTES}.cc")
    codec.require_size(replace(record, value=record.value + b"a" * LONGEST_PATH))
    confirmed_ = signed(CONFIRMATIONS, "duin", confirmation(), "pier", audience=(DUIN, HAVEN))
    larger = replace(confirmed_, value=b"a" * (codec.MAX_EVIDENCE_BYTES + 1))
    with pytest.raises(Untrusted, match="too_large"):
        codec.decode(larger, CONFIRMATIONS, world().named("duin"), world().directory, NOW)


def test_evidence_is_what_the_network_sends() -> None:
    """The builders make what the roles make: one audience and one form for each declaration."""
    whole = chained()
    for message, evidence in (
        (AuthenticationResult, whole.declaration),
        (MandateDecision, whole.decision),
        (Confirmation, whole.confirmation),
    ):
        assert codec.unverified(evidence or "", message).request_id == REQUEST
