"""The provider's rules, as tables."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from pipeline.findings import Finding
from providers import rules
from providers.authentication import CONSENT, Authentication, Awaited, Proven
from providers.judging import Judged, judge
from providers.means import MAX_FAILURES
from providers.rules import MEANS, START, Case, Provider, Start
from providers.session_rules import SESSION
from providers.sharing import AGREED, KNOWN
from schemas.dialogue import CodeAnswer, CredentialKind
from schemas.refusals import RefusalCode
from schemas.values import AttributeName, Level
from tests.unit.builders import (
    ATTEMPTS,
    DEADLINE,
    DUIN,
    HAVEN,
    HIGH_SERVICE,
    LOODS,
    LOODS_SERVICE,
    NO_SERVICE,
    NONCE,
    NOW,
    OTHER_NONCE,
    REQUEST,
    SESSION_KEY,
    STRANGER,
    authentication,
    authentication_request,
    catalogue,
    means,
    participant,
    provider,
    service,
)

MOMENT = timedelta(microseconds=1)
PASSWORD, CODE, SIGNATURE = CredentialKind


# --- whether an authentication can start


def started(known: Provider | None = None, **change: Any) -> Judged:
    case = Start(authentication_request(**change), known or provider("aak"), NOW)
    return judge(START, case)


@pytest.mark.parametrize(
    "change",
    [{}, {"level": Level.EH2}, {"deadline": NOW + MOMENT}, {"service": HIGH_SERVICE}],
)
def test_authentication_starts_when_every_rule_holds(change: dict[str, Any]) -> None:
    found = started(**change)
    assert found.code is None
    assert [each.rule for each in found.findings] == [rule.name for rule in START]


STARTS = [
    ({"deadline": NOW}, "deadline_passed", RefusalCode.DEADLINE_PASSED),
    ({"dienstverlener": STRANGER}, "dienstverlener_unknown", RefusalCode.PARTICIPANT_FAULT),
    ({"dienstverlener": DUIN}, "dienstverlener_unknown", RefusalCode.PARTICIPANT_FAULT),
    ({"service": NO_SERVICE}, "service_withdrawn", RefusalCode.SERVICE_WITHDRAWN),
    ({"service": LOODS_SERVICE}, "service_of_another", RefusalCode.PARTICIPANT_FAULT),
    ({"level": Level.EH4}, "level_not_supported", RefusalCode.LEVEL_NOT_SUPPORTED),
    (
        {"deadline": NOW, "level": Level.EH4},
        "deadline_passed",
        RefusalCode.DEADLINE_PASSED,
    ),
]


@pytest.mark.parametrize(("change", "rule", "code"), STARTS)
def test_authentication_does_not_start_when_a_rule_does_not_hold(
    change: dict[str, Any], rule: str, code: RefusalCode
) -> None:
    found = started(**change)
    assert (found.code, found.findings[-1].rule) == (code, rule)
    assert [each.passed for each in found.findings[:-1]] == [True] * (len(found.findings) - 1)
    assert not found.findings[-1].passed


def test_every_rule_of_a_start_has_a_case_that_it_stops() -> None:
    assert {rule for _, rule, _ in STARTS} == {rule.name for rule in START}


def test_authentication_is_refused_when_the_provider_has_no_level() -> None:
    found = started(provider(me=participant("ster", STRANGER)), level=Level.EH2)
    assert found.code is RefusalCode.LEVEL_NOT_SUPPORTED


# --- whether a credential holds, and its means does


def case(row: dict[str, Any] | None = None, **changes: Any) -> Case:
    """A credential that held, of a means that does."""
    fields = {"means": means(), "holds": True, "level": Level.EH3, "now": NOW}
    base = {"row": authentication(**(row or {})), "provider": provider()}
    return Case(**{**base, **fields, **changes})


CREDENTIALS = [
    (PASSWORD, {"means": None}, "means_unknown"),
    (PASSWORD, {"means": means(failures=MAX_FAILURES)}, "means_locked"),
    (PASSWORD, {"holds": False}, "password_wrong"),
    (CODE, {"holds": False}, "code_wrong"),
    (SIGNATURE, {"holds": False}, "signature_wrong"),
]


@pytest.mark.parametrize(("kind", "change", "rule"), CREDENTIALS)
def test_credential_fails_when_a_rule_does_not_hold(
    kind: CredentialKind, change: dict[str, Any], rule: str
) -> None:
    found = judge(rules.credential(kind), case(**change))
    assert (found.code, found.findings[-1].rule) == (RefusalCode.AUTHENTICATION_FAILED, rule)


@pytest.mark.parametrize("kind", CredentialKind)
def test_credential_holds_when_every_rule_does(kind: CredentialKind) -> None:
    found = judge(rules.credential(kind), case(means=means(failures=MAX_FAILURES - 1)))
    assert found.code is None
    names = {rule for of, _, rule in CREDENTIALS if rule.startswith("means") or of is kind}
    assert {each.rule for each in found.findings} == names


WITHDRAWN = catalogue([service(HIGH_SERVICE)])
ELSEWHERE_ONLY = means(only_for=LOODS)
BY_MEANS: list[tuple[dict[str, Any], str, RefusalCode]] = [
    (
        {"row": {"dienstverlener": STRANGER}},
        "dienstverlener_unknown",
        RefusalCode.PARTICIPANT_FAULT,
    ),
    (
        {"provider": provider(catalogue=WITHDRAWN)},
        "service_withdrawn",
        RefusalCode.SERVICE_WITHDRAWN,
    ),
    ({"means": means(registry=STRANGER)}, "registry_unknown", RefusalCode.PARTICIPANT_FAULT),
    ({"means": means(registry=HAVEN)}, "registry_unknown", RefusalCode.PARTICIPANT_FAULT),
    ({"level": Level.EH2PLUS}, "means_level_too_low", RefusalCode.AUTHENTICATION_FAILED),
    (
        {"level": Level.EH3, "row": {"level": Level.EH4}},
        "means_level_too_low",
        RefusalCode.AUTHENTICATION_FAILED,
    ),
    ({"means": ELSEWHERE_ONLY}, "means_for_another_service", RefusalCode.AUTHENTICATION_FAILED),
]


@pytest.mark.parametrize(("change", "rule", "code"), BY_MEANS)
def test_means_does_not_do_when_a_rule_does_not_hold(
    change: dict[str, Any], rule: str, code: RefusalCode
) -> None:
    found = judge(MEANS, case(**change))
    assert (found.code, found.findings[-1].rule) == (code, rule)


def test_every_rule_of_a_means_has_a_case_that_it_stops() -> None:
    assert {rule for _, rule, _ in BY_MEANS} == {rule.name for rule in MEANS}


@pytest.mark.parametrize(
    "change",
    [{}, {"means": means(only_for=HAVEN)}, {"level": Level.EH4}, {"row": {"level": Level.EH2}}],
)
def test_means_does_when_every_rule_holds(change: dict[str, Any]) -> None:
    assert judge(MEANS, case(**change)).code is None


def test_no_refusal_tells_that_a_means_exists() -> None:
    """A means of too low a level, or of another service, looks like a wrong credential."""
    inward = {"means_unknown", "means_locked", "means_level_too_low", "means_for_another_service"}
    all_rules = [*MEANS, *rules.credential(PASSWORD), rules.CODE_USED, *SESSION]
    codes = {r.code for r in all_rules if r.name in inward or r.name.startswith("session")}
    assert codes == {RefusalCode.AUTHENTICATION_FAILED}


def test_every_rule_says_where_it_comes_from_and_what_would_have_done() -> None:
    tables = [*START, *MEANS, *SESSION, *KNOWN, *AGREED, rules.CODE_USED]
    assert all(rule.source and rule.needed for rule in tables)


# --- what is kept of it


def test_finding_takes_the_place_of_an_older_one_of_its_rule() -> None:
    row = authentication().found([finding("a"), finding("b", saw="1")]).found([finding("b")])
    assert row.findings == (finding("a"), finding("b"))


def test_finding_that_did_not_end_the_login_is_left_out() -> None:
    row = authentication().found([finding("a"), finding("b", passed=False)]).found([finding("c")])
    assert row.findings == (finding("a"), finding("c"))


def finding(rule: str, **changes: Any) -> Finding:
    return Finding(**{"rule": rule, "saw": "", "passed": True, **changes})


# --- whether an answer is awaited


def awaited(row: Authentication | None, nonce: str = NONCE, kind: Awaited = CODE) -> Any:
    return rules.is_awaited(row, CodeAnswer(request_id=REQUEST, nonce=nonce, secret=None), kind)


@pytest.mark.parametrize(
    ("row", "nonce", "kind", "reason"),
    [
        (authentication(awaits=CODE), NONCE, CODE, None),
        (authentication(awaits=CODE), OTHER_NONCE, CODE, "nonce_refused"),
        (authentication(awaits=CODE), NONCE, PASSWORD, "nonce_refused"),
        (authentication(awaits=CODE, nonce=None), NONCE, CODE, "nonce_refused"),
        (authentication(awaits=CONSENT), NONCE, CODE, "nonce_refused"),
        (authentication(awaits=CONSENT), NONCE, CONSENT, None),
        (authentication(awaits=CODE), NONCE, CONSENT, "nonce_refused"),
        (authentication(awaits=None), NONCE, CODE, "login_finished"),
        (None, NONCE, CODE, "login_unknown"),
    ],
)
def test_answer_is_awaited_when_it_is_to_the_open_challenge(
    row: Authentication | None, nonce: str, kind: Awaited, reason: str | None
) -> None:
    assert awaited(row, nonce, kind) == reason


@pytest.mark.parametrize(
    ("now", "late"), [(NOW, False), (DEADLINE - MOMENT, False), (DEADLINE, True)]
)
def test_answer_is_late_from_the_deadline_on(now: Any, late: bool) -> None:
    assert rules.is_late(authentication(), now) is late


@pytest.mark.parametrize(
    ("attempts", "allowed", "again"),
    [(0, 3, True), (1, 3, True), (2, 3, False), (3, 3, False), (0, 1, False), (0, 2, True)],
)
def test_user_may_try_again_when_an_attempt_is_left(
    attempts: int, allowed: int, again: bool
) -> None:
    assert rules.may_try_again(attempts, provider(attempts=allowed)) is again


def test_user_has_three_attempts_unless_the_provider_says_otherwise() -> None:
    again = [rules.may_try_again(attempts, provider()) for attempts in range(ATTEMPTS)]
    assert again == [True, True, False]


@pytest.mark.parametrize(
    ("failures", "locked"),
    [(0, False), (MAX_FAILURES - 1, False), (MAX_FAILURES, True), (MAX_FAILURES + 1, True)],
)
def test_means_is_locked_after_so_many_failures(failures: int, locked: bool) -> None:
    assert means(failures=failures).is_locked is locked


def test_means_is_locked_no_later_than_nist_says() -> None:
    """Source: NIST SP 800-63B-4, 3.2.2: no more than 100 consecutive failed attempts."""
    assert MAX_FAILURES <= 100


def test_authentication_survives_its_own_json() -> None:
    proven = Proven(level=Level.EH3, at=NOW, session=SESSION_KEY)
    row = authentication(means=uuid4(), attempts=2, proven=proven, awaits=CONSENT)
    row = row.found([finding("a")]).moved(asked=(AttributeName.FIRST_NAME,))
    assert Authentication.model_validate_json(row.model_dump_json()) == row
    assert (row.ended().awaits, row.ended().nonce, row.ended().attempts) == (None, None, 2)
