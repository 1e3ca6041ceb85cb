"""Whether what providers and registries declare holds: as tables."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from brokers import evidence
from brokers.evidence import (
    AUTHENTICATION,
    CONFIRMATION,
    DECISION,
    PROVIDER_REFUSALS,
    REGISTRY_REFUSALS,
)
from brokers.judging import Judged
from brokers.login import Login, Phase
from schemas.catalogue import Catalogue
from schemas.jose import signature_of
from schemas.message import Message
from schemas.messages import Deny, NotAuthenticated, Permit
from schemas.refusals import RefusalCode
from schemas.topics import MANDATE_DECISIONS
from schemas.values import Level
from tests.unit.builders import (
    AAK,
    BOTTER,
    DUIN,
    GOLF,
    HAVEN,
    HIGH_SERVICE,
    KADE,
    LOODS,
    NOW,
    PIER,
    SEALED,
    SERVICE,
    SERVICES,
    SIGNATURE,
    STRANGER,
    authenticated,
    authentication_result,
    catalogue,
    confirmation,
    confirmed,
    login,
    mandate_decision,
    network,
    obliging,
    permit,
    service,
    signed,
    world,
)

EH2PLUS, EH3, EH4 = Level.EH2PLUS, Level.EH3, Level.EH4
FAULT = RefusalCode.PARTICIPANT_FAULT
OTHER_DIGEST = "x" * 43
DECLARATION = f"aa.bb.{SIGNATURE}"
OTHERS = UUID(int=77)
SKEW, SECOND, HOURS = timedelta(seconds=30), timedelta(seconds=1), timedelta(hours=2)

Changes = dict[str, Any]


def with_service(**changes: Any) -> Catalogue:
    """The catalogue, the login's service changed."""
    changed = [each for each in SERVICES if each.service_id != SERVICE]
    return catalogue([service(**changes), *changed])


WITHDRAWN = catalogue([each for each in SERVICES if each.service_id != SERVICE])
RAISED = with_service(level=EH4)


def stopped_by(judged: Judged) -> str | None:
    """The rule that does not hold, the only one and the last."""
    failed = [finding.rule for finding in judged.findings if not finding.passed]
    assert len(failed) <= 1
    assert failed == [] or judged.findings[-1].needed
    assert (judged.code is None) is (failed == [])
    return failed[0] if failed else None


# --- what a provider declares


def by_provider(row: Login | None = None, known: Changes | None = None, **declared: Any) -> Judged:
    answer = authentication_result(authenticated(**declared))
    found = row or login(provider=BOTTER)
    return evidence.judge_authentication(found, answer, network(**(known or {})), NOW)


@pytest.mark.parametrize(
    "declared", [{}, {"level": EH4}, {"registry": PIER}, {"authenticated_at": NOW - HOURS}]
)
def test_declaration_holds_when_it_is_about_this_login_and_reaches(declared: Changes) -> None:
    judged = by_provider(**declared)
    assert (stopped_by(judged), judged.code) == (None, None)
    assert [each.rule for each in judged.findings] == [rule.name for rule in AUTHENTICATION]


OF_PROVIDER: list[tuple[str, Changes]] = [
    ("answer_too_late", {"row": login(provider=BOTTER, deadline=NOW)}),
    ("service_withdrawn", {"known": {"catalogue": WITHDRAWN}}),
    ("declaration_of_another_login", {"request_digest": OTHER_DIGEST}),
    ("declaration_of_another_login", {"dienstverlener": LOODS}),
    ("declaration_of_another_login", {"service": HIGH_SERVICE}),
    ("declared_level_too_low", {"level": EH2PLUS}),
    ("declared_level_too_low", {"row": login(provider=BOTTER, level=EH4)}),
    ("provider_not_admitted", {"row": login(provider=AAK), "level": EH4}),
    ("provider_not_admitted", {"row": login(provider=STRANGER)}),
    ("provider_not_admitted", {"row": login(provider=KADE)}),
    ("provider_not_admitted", {"row": login(provider=None)}),
    ("registry_unknown", {"registry": STRANGER}),
    ("registry_unknown", {"registry": AAK}),
    ("registry_unknown", {"registry": HAVEN}),
    ("session_too_old", {"authenticated_at": NOW - HOURS - SKEW - SECOND}),
    ("level_raised", {"known": {"catalogue": RAISED}}),
]
CODES = {
    "answer_too_late": RefusalCode.DEADLINE_PASSED,
    "service_withdrawn": RefusalCode.SERVICE_WITHDRAWN,
    "level_raised": RefusalCode.LEVEL_NOT_SUPPORTED,
}


@pytest.mark.parametrize(("rule", "given"), OF_PROVIDER)
def test_login_ends_when_the_providers_declaration_does_not_hold(rule: str, given: Changes) -> None:
    judged = by_provider(**given)
    assert (stopped_by(judged), judged.code) == (rule, CODES.get(rule, FAULT))


@pytest.mark.parametrize(
    ("asked", "before", "holds"),
    [
        ({}, HOURS + SKEW, True),
        ({}, HOURS + SKEW + SECOND, False),
        ({"force_authn": True}, SKEW, True),
        ({"force_authn": True}, SKEW + SECOND, False),
        ({"level": EH4}, SKEW, True),
        ({"level": EH4}, SKEW + SECOND, False),
    ],
)
def test_session_is_enough_for_two_hours_and_not_when_asked_anew_nor_for_eh4(
    asked: Changes, before: timedelta, holds: bool
) -> None:
    row = login(provider=BOTTER, **asked)
    judged = by_provider(row, level=EH4, authenticated_at=NOW - before)
    assert stopped_by(judged) == (None if holds else "session_too_old")


def test_login_goes_on_when_the_level_was_raised_to_what_is_reached_anyhow() -> None:
    assert by_provider(known={"catalogue": RAISED}, level=EH4).code is None


@pytest.mark.parametrize(("left", "holds"), [(1, True), (0, False), (-1, False)])
def test_login_goes_on_when_the_answer_comes_before_its_deadline(left: int, holds: bool) -> None:
    row = login(provider=BOTTER, deadline=NOW + timedelta(microseconds=left))
    assert stopped_by(by_provider(row)) == (None if holds else "answer_too_late")


# --- what a registry decides


def by_registry(
    row: Login | None = None, known: Changes | None = None, decided: Permit | None = None
) -> Judged:
    found = row or login(Phase.QUERYING, declaration=DECLARATION)
    answer = mandate_decision(decided or permit())
    return evidence.judge_decision(found, answer, network(**(known or {})), NOW)


@pytest.mark.parametrize("decided", [permit(), permit(level=EH4), obliging(PIER)])
def test_permit_holds_when_it_is_about_this_login_bound_and_reaches(decided: Permit) -> None:
    judged = by_registry(decided=decided)
    assert (stopped_by(judged), judged.code) == (None, None)
    assert [each.rule for each in judged.findings] == [rule.name for rule in DECISION]


OF_REGISTRY: list[tuple[str, Changes]] = [
    ("answer_too_late", {"row": login(Phase.QUERYING, declaration=DECLARATION, deadline=NOW)}),
    ("service_withdrawn", {"known": {"catalogue": WITHDRAWN}}),
    ("decision_of_another_login", {"decided": permit(request_digest=OTHER_DIGEST)}),
    ("decision_of_another_login", {"decided": permit(dienstverlener=LOODS)}),
    ("decision_of_another_login", {"decided": permit(service=HIGH_SERVICE)}),
    ("decision_not_bound", {"decided": permit(declaration_signature="t" * 86)}),
    ("decision_not_bound", {"row": login(Phase.QUERYING)}),
    ("decision_for_another_level", {"decided": permit(level_requested=EH4)}),
    ("decision_for_another_level", {"decided": permit(level_requested=EH2PLUS)}),
    ("decided_level_too_low", {"decided": permit(level=EH2PLUS)}),
    ("decision_for_other_services", {"decided": permit(services=(OTHERS,), catalogue_version=2)}),
    ("permit_not_whole", {"decided": permit(legal=None)}),
    ("permit_not_whole", {"decided": obliging(PIER, legal=SEALED)}),
    ("obligation_refused", {"decided": obliging(GOLF)}),  # without chains
    ("obligation_refused", {"decided": obliging(STRANGER)}),
    ("obligation_refused", {"decided": obliging(AAK)}),
    ("level_raised", {"known": {"catalogue": RAISED}}),
]


@pytest.mark.parametrize(("rule", "given"), OF_REGISTRY)
def test_login_ends_when_the_registrys_permit_does_not_hold(rule: str, given: Changes) -> None:
    judged = by_registry(**given)
    assert (stopped_by(judged), judged.code) == (rule, CODES.get(rule, FAULT))


def test_obligation_is_refused_when_who_offers_chains_is_no_registry() -> None:
    known = world().directory
    pretends = world().named("botter").model_copy(update={"chains": True})
    others = [each for each in known.participants if each.name != "botter"]
    changed = known.model_copy(update={"participants": (*others, pretends)})
    judged = by_registry(known={"directory": changed}, decided=obliging(BOTTER))
    assert stopped_by(judged) == "obligation_refused"


PORTAL = with_service(portal_for=(UUID(int=21), UUID(int=22)))


@pytest.mark.parametrize(
    ("services", "version", "holds"),
    [
        ((21,), 2, True),
        ((22, 21), 2, True),
        ((1,), 2, False),  # the portal itself is none of those that it stands for
        ((21, 23), 2, False),
        ((21, 23), 1, True),  # decided under another version, in which it may have stood for these
    ],
)
def test_permit_for_a_portal_is_for_services_that_it_stands_for(
    services: tuple[int, ...], version: int, holds: bool
) -> None:
    decided = permit(services=[UUID(int=each) for each in services], catalogue_version=version)
    judged = by_registry(known={"catalogue": PORTAL}, decided=decided)
    assert stopped_by(judged) == (None if holds else "decision_for_other_services")


# --- what a second registry confirms


def decision(**changes: Any) -> str:
    """A registry's permit that has to be confirmed, as it came."""
    message = mandate_decision(obliging(**changes))
    return signed(MANDATE_DECISIONS, "duin", message, "kade", audience=(DUIN,)).value.decode()


DECISION_TEXT = decision()


def confirming(**changes: Any) -> Login:
    fields = {"declaration": DECLARATION, "decision": DECISION_TEXT}
    permitted = {"permitted": (service().service_uuid,)}
    return login(Phase.CONFIRMING, **{**fields, **permitted, **changes})


def by_second(row: Login | None = None, known: Changes | None = None, **changes: Any) -> Judged:
    found = row or confirming()
    bound = {"decision_signature": signature_of(found.decision or ""), **changes}
    answer = confirmation(confirmed(**bound))
    return evidence.judge_confirmation(found, answer, network(**(known or {})), NOW)


@pytest.mark.parametrize("changes", [{}, {"level": EH4}])
def test_confirmation_holds_when_it_is_about_this_login_bound_and_reaches(changes: Changes) -> None:
    judged = by_second(**changes)
    assert (stopped_by(judged), judged.code) == (None, None)
    assert [each.rule for each in judged.findings] == [rule.name for rule in CONFIRMATION]


OF_SECOND: list[tuple[str, Changes]] = [
    ("answer_too_late", {"row": confirming(deadline=NOW)}),
    ("service_withdrawn", {"known": {"catalogue": WITHDRAWN}}),
    ("confirmation_of_another_login", {"request_digest": OTHER_DIGEST}),
    ("confirmation_of_another_login", {"dienstverlener": LOODS}),
    ("confirmation_of_another_login", {"service": HIGH_SERVICE}),
    ("confirmation_not_bound", {"decision_signature": SIGNATURE}),
    ("confirmation_not_bound", {"decision_signature": signature_of(decision(level=EH4))}),
    ("confirmation_for_another_level", {"level_requested": EH4}),
    ("confirmation_for_another_level", {"level_requested": EH2PLUS}),
    ("confirmed_level_too_low", {"level": EH2PLUS}),
    ("confirmation_for_other_services", {"services": (OTHERS,)}),
    ("confirmation_for_other_services", {"services": (service().service_uuid, OTHERS)}),
    ("level_raised", {"known": {"catalogue": RAISED}}),
]


@pytest.mark.parametrize(("rule", "given"), OF_SECOND)
def test_login_ends_when_the_confirmation_does_not_hold(rule: str, given: Changes) -> None:
    judged = by_second(**given)
    assert (stopped_by(judged), judged.code) == (rule, CODES.get(rule, FAULT))


def test_confirmation_holds_for_some_of_the_services_that_are_permitted() -> None:
    both = (UUID(int=21), UUID(int=22))
    row = confirming(permitted=both)
    assert by_second(row, services=both[:1]).code is None
    assert by_second(row, services=both).code is None


@pytest.mark.parametrize(
    ("rules", "cases"),
    [(AUTHENTICATION, OF_PROVIDER), (DECISION, OF_REGISTRY), (CONFIRMATION, OF_SECOND)],
)
def test_every_rule_stops_some_declaration(rules: Any, cases: list[tuple[str, Changes]]) -> None:
    assert {rule.name for rule in rules} == {rule for rule, _ in cases}
    assert all(rule.source for rule in rules)


# --- refusals

THEIRS_PROVIDER = {
    "busy",
    "cancelled_by_user",
    "authentication_failed",
    "attributes_not_shared",
    "deadline_passed",
    "level_not_supported",
    "participant_fault",
    "service_withdrawn",
}
THEIRS_REGISTRY = {
    "busy",
    "cancelled_by_user",
    "no_mandate",
    "deadline_passed",
    "participant_fault",
    "service_withdrawn",
}


def test_refusals_that_are_a_participants_to_give_stay_what_they_are() -> None:
    assert {code.value for code in PROVIDER_REFUSALS} == THEIRS_PROVIDER
    assert {code.value for code in REGISTRY_REFUSALS} == THEIRS_REGISTRY


def judged_refusal(who: str, code: RefusalCode) -> Judged:
    if who == "provider":
        answer: Message = authentication_result(NotAuthenticated(code=code))
        return evidence.judge_authentication(login(), answer, network(), NOW)
    if who == "registry":
        return evidence.judge_decision(login(), mandate_decision(Deny(code=code)), network(), NOW)
    return evidence.judge_confirmation(login(), confirmation(Deny(code=code)), network(), NOW)


@pytest.mark.parametrize("code", list(RefusalCode))
@pytest.mark.parametrize(
    ("who", "theirs"),
    [
        ("provider", THEIRS_PROVIDER),
        ("registry", THEIRS_REGISTRY),
        ("second registry", THEIRS_REGISTRY),
    ],
)
def test_refusal_is_passed_on_when_it_is_the_participants_to_give(
    who: str, theirs: set[str], code: RefusalCode
) -> None:
    judged = judged_refusal(who, code)
    (finding,) = judged.findings
    given = code.value in theirs
    assert judged.code is (code if given else FAULT)
    assert (finding.rule, finding.passed) == (code if given else "refusal_not_theirs", False)
    assert who in finding.saw


def test_refusal_stands_when_the_service_was_withdrawn_too() -> None:
    answer = authentication_result(NotAuthenticated(code=RefusalCode.CANCELLED_BY_USER))
    judged = evidence.judge_authentication(login(), answer, network(catalogue=WITHDRAWN), NOW)
    assert judged.code is RefusalCode.CANCELLED_BY_USER


def test_findings_are_lean_and_name_nobody() -> None:
    saw = [finding.saw for finding in by_provider().findings]
    assert saw == [
        "before the deadline",
        "in the catalogue, version 2",
        "this login",
        "EH3; EH3 is asked",
        "EH3 by a provider admitted for EH4",
        "a registry of the directory",
        "authenticated at most 2 hours before the request",
        "EH3; the service asks EH3 now",
    ]
    unbound = by_registry(decided=permit(declaration_signature="t" * 86)).findings[-1]
    assert (unbound.saw, unbound.needed) == (
        "bound to something else",
        "bound to the provider's declaration",
    )
