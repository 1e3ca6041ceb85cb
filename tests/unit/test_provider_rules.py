"""The provider's rules, as tables."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from providers import rules
from providers.authentication import Authentication
from providers.means import MAX_FAILURES
from schemas.messages import CodeAnswer, CredentialKind
from schemas.refusals import RefusalCode
from schemas.values import Level
from tests.unit.builders import (
    ATTEMPTS,
    DEADLINE,
    DUIN,
    NONCE,
    NOW,
    OTHER_NONCE,
    REQUEST,
    STRANGER,
    authentication,
    authentication_request,
    means,
    participant,
    provider,
)

MOMENT = timedelta(microseconds=1)
PASSWORD, CODE, SIGNATURE = CredentialKind


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({}, None),
        ({"level": Level.EH2}, None),
        ({"level": Level.EH4}, RefusalCode.LEVEL_NOT_SUPPORTED),
        ({"dienstverlener": STRANGER}, RefusalCode.PARTICIPANT_FAULT),
        ({"dienstverlener": DUIN}, RefusalCode.PARTICIPANT_FAULT),
        ({"deadline": NOW}, RefusalCode.DEADLINE_PASSED),
        ({"deadline": NOW + MOMENT}, None),
        ({"deadline": NOW, "level": Level.EH4}, RefusalCode.DEADLINE_PASSED),
    ],
)
def test_authentication_starts_unless_it_is_late_too_high_or_for_nobody(
    change: dict[str, Any], code: RefusalCode | None
) -> None:
    assert rules.admit(authentication_request(**change), provider("aak"), NOW) is code


def test_authentication_is_refused_when_the_provider_has_no_level() -> None:
    known = provider(me=participant("ster", STRANGER))
    found = rules.admit(authentication_request(level=Level.EH2), known, NOW)
    assert found is RefusalCode.LEVEL_NOT_SUPPORTED


def awaited(row: Authentication | None, nonce: str = NONCE, kind: CredentialKind = CODE) -> Any:
    return rules.is_awaited(row, CodeAnswer(request_id=REQUEST, nonce=nonce, secret=None), kind)


@pytest.mark.parametrize(
    ("row", "nonce", "kind", "reason"),
    [
        (authentication(awaits=CODE), NONCE, CODE, None),
        (authentication(awaits=CODE), OTHER_NONCE, CODE, "nonce_refused"),
        (authentication(awaits=CODE), NONCE, PASSWORD, "nonce_refused"),
        (authentication(awaits=CODE, nonce=None), NONCE, CODE, "nonce_refused"),
        (authentication(awaits=None), NONCE, CODE, "login_finished"),
        (None, NONCE, CODE, "login_unknown"),
    ],
)
def test_answer_is_awaited_when_it_is_to_the_open_challenge(
    row: Authentication | None, nonce: str, kind: CredentialKind, reason: str | None
) -> None:
    assert awaited(row, nonce, kind) == reason


@pytest.mark.parametrize(
    ("now", "late"), [(NOW, False), (DEADLINE - MOMENT, False), (DEADLINE, True)]
)
def test_answer_is_late_from_the_deadline_on(now: Any, late: bool) -> None:
    assert rules.is_late(authentication(), now) is late


@pytest.mark.parametrize(
    ("level", "holds"),
    [(Level.EH2, False), (Level.EH2PLUS, False), (Level.EH3, True), (Level.EH4, True)],
)
def test_level_is_a_minimum(level: Level, holds: bool) -> None:
    assert rules.reaches(level, authentication(level=Level.EH3)) is holds


@pytest.mark.parametrize(
    ("attempts", "allowed", "again"),
    [(0, 3, True), (1, 3, True), (2, 3, False), (3, 3, False), (0, 1, False), (0, 2, True)],
)
def test_user_may_try_again_when_an_attempt_is_left(
    attempts: int, allowed: int, again: bool
) -> None:
    row = authentication(attempts=attempts)
    assert rules.may_try_again(row, provider(attempts=allowed)) is again


def test_user_has_three_attempts_unless_the_provider_says_otherwise() -> None:
    rows = [authentication(attempts=n) for n in range(ATTEMPTS)]
    assert [rules.may_try_again(row, provider()) for row in rows] == [True, True, False]


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
    row = authentication(means=uuid4(), attempts=2)
    assert Authentication.model_validate_json(row.model_dump_json()) == row
    assert (row.ended().awaits, row.ended().nonce, row.ended().attempts) == (None, None, 2)
