"""The registry's rules, as tables."""

from __future__ import annotations

import hmac
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from registry import rules
from registry.mandates import Mandate
from registry.query import Query
from schemas.jose import base64url
from schemas.messages import RepresentationChoice
from schemas.refusals import RefusalCode
from schemas.values import Level
from tests.unit.builders import (
    HAVEN,
    HIGH_SERVICE,
    KVK,
    LOODS,
    NONCE,
    NOW,
    OTHER_NONCE,
    PERSON,
    REQUEST,
    authenticated,
    mandate,
    mandate_query,
    query,
    service,
)

MOMENT, DAY = timedelta(microseconds=1), timedelta(days=1)
EH2, EH2PLUS, EH3, EH4 = Level.EH2, Level.EH2PLUS, Level.EH3, Level.EH4
SECRET = b"k" * 32


# --- a query


@pytest.mark.parametrize(
    ("asked", "declared", "code"),
    [
        ({}, {}, None),
        ({}, {"level": EH4}, None),
        ({}, {"level": EH2PLUS}, RefusalCode.PARTICIPANT_FAULT),
        ({"level": EH4}, {"level": EH3}, RefusalCode.PARTICIPANT_FAULT),
        ({}, {"request_digest": "x" * 43}, RefusalCode.PARTICIPANT_FAULT),
        ({}, {"dienstverlener": LOODS}, RefusalCode.PARTICIPANT_FAULT),
        ({}, {"service": HIGH_SERVICE}, RefusalCode.PARTICIPANT_FAULT),
        ({"deadline": NOW}, {}, RefusalCode.DEADLINE_PASSED),
        ({"deadline": NOW + MOMENT}, {}, None),
        ({"deadline": NOW}, {"level": EH2}, RefusalCode.DEADLINE_PASSED),
    ],
)
def test_query_is_decided_when_the_declaration_is_about_it_and_reaches(
    asked: dict[str, Any], declared: dict[str, Any], code: RefusalCode | None
) -> None:
    assert rules.admit(mandate_query(**asked), authenticated(**declared), NOW) is code


# --- mandates


@pytest.mark.parametrize(
    ("now", "valid"),
    [
        (NOW - MOMENT, False),
        (NOW, True),
        (NOW + DAY - MOMENT, True),
        (NOW + DAY, False),
    ],
)
def test_mandate_is_valid_from_its_first_moment_until_just_before_its_last(
    now: datetime, valid: bool
) -> None:
    assert rules.is_valid(mandate(valid_from=NOW, valid_until=NOW + DAY), now) is valid


@pytest.mark.parametrize("withdrawn_at", [NOW - DAY, NOW, NOW + DAY])
def test_mandate_is_not_valid_when_it_was_withdrawn(withdrawn_at: datetime) -> None:
    assert not rules.is_valid(mandate(withdrawn_at=withdrawn_at), NOW)


def sufficing(*mandates: Mandate, level: Level = EH3, now: datetime = NOW) -> Any:
    return rules.sufficing(mandates, service(level=EH2), level, now)


@pytest.mark.parametrize(
    ("level", "asked", "suffices"),
    [(EH2PLUS, EH3, False), (EH3, EH3, True), (EH4, EH3, True), (EH3, EH4, False)],
)
def test_mandate_suffices_when_its_level_reaches(
    level: Level, asked: Level, suffices: bool
) -> None:
    only = mandate(level=level)
    expected = [only] if suffices else RefusalCode.MANDATE_LEVEL_TOO_LOW
    assert sufficing(only, level=asked) == expected


ELSEWHERE = mandate(service=UUID(int=99))
WITHDRAWN = mandate(withdrawn_at=NOW)
ENDED = mandate(valid_until=NOW)
LATER = mandate(valid_from=NOW + MOMENT)
LOW = mandate(level=EH2PLUS)


@pytest.mark.parametrize("only", [ELSEWHERE, WITHDRAWN, ENDED, LATER])
def test_there_is_no_mandate_when_none_is_valid_for_the_service(only: Mandate) -> None:
    assert sufficing() is RefusalCode.NO_MANDATE
    assert sufficing(only) is RefusalCode.NO_MANDATE


@pytest.mark.parametrize("other", [ELSEWHERE, WITHDRAWN, ENDED, LATER])
def test_level_is_too_low_only_when_a_valid_mandate_is_there(other: Mandate) -> None:
    assert sufficing(other, LOW) is RefusalCode.MANDATE_LEVEL_TOO_LOW


def test_all_that_suffice_are_found_in_their_order() -> None:
    one, two = mandate(id=UUID(int=2)), mandate(id=UUID(int=1), level=EH4)
    assert sufficing(ELSEWHERE, one, LOW, WITHDRAWN, two, ENDED, LATER) == [one, two]


@pytest.mark.parametrize(
    ("of_mandate", "reached", "used"),
    [(EH3, EH3, EH3), (EH3, EH4, EH3), (EH4, EH3, EH3), (EH2PLUS, EH4, EH2PLUS)],
)
def test_level_used_is_that_of_the_weakest_link(
    of_mandate: Level, reached: Level, used: Level
) -> None:
    assert rules.level_used(mandate(level=of_mandate), reached) is used


# --- the user's choice


@pytest.mark.parametrize(
    ("row", "nonce", "reason"),
    [
        (query(nonce=NONCE), NONCE, None),
        (query(nonce=NONCE), OTHER_NONCE, "nonce_refused"),
        (query(nonce=None), NONCE, "nonce_refused"),
        (query(nonce=NONCE, is_open=False), NONCE, "login_finished"),
        (None, NONCE, "login_unknown"),
    ],
)
def test_choice_is_awaited_when_it_is_to_the_open_prompt(
    row: Query | None, nonce: str, reason: str | None
) -> None:
    choice = RepresentationChoice(request_id=REQUEST, nonce=nonce, option="0")
    assert rules.is_awaited(row, choice) == reason


# --- pseudonyms


def pseudonym(dienstverlener: str = HAVEN, secret: bytes = SECRET, **changes: Any) -> str:
    return rules.pseudonym(secret, mandate(**changes), dienstverlener)


def test_pseudonym_is_hmac_sha_256_over_person_organisation_and_dienstverlener() -> None:
    text = f"{PERSON}\n{KVK}\n{HAVEN}"
    assert pseudonym() == base64url(hmac.new(SECRET, text.encode(), "sha256").digest())


@pytest.mark.parametrize(
    "same",
    [
        {},
        {"id": UUID(int=9)},
        {"subject": UUID(int=9), "provider": HAVEN},
        {"service": UUID(int=9)},
        {"level": EH4},
        {"vestiging": "900001010001"},
        {"valid_from": NOW - 900 * DAY, "valid_until": NOW + 900 * DAY},
        {"organisation": "Een andere naam"},
    ],
)
def test_pseudonym_is_the_same_for_a_person_and_organisation_always(same: dict[str, Any]) -> None:
    assert pseudonym(**same) == pseudonym()


@pytest.mark.parametrize(
    "other",
    [
        {"dienstverlener": LOODS},
        {"person": UUID(int=9)},
        {"kvk": "90000102"},
        {"secret": b"l" * 32},
    ],
)
def test_pseudonym_is_another_for_whom_it_may_not_be_linked_to(other: dict[str, Any]) -> None:
    assert pseudonym(**other) != pseudonym()


def test_pseudonym_shows_neither_person_nor_organisation() -> None:
    assert not {str(PERSON), KVK} & {pseudonym()}
    assert len(pseudonym()) == 43


def test_query_survives_its_own_json() -> None:
    row = query(options=(UUID(int=1), UUID(int=2)), nonce=NONCE)
    assert Query.model_validate_json(row.model_dump_json()) == row
    assert row.moved(is_open=False, nonce=None) == query(options=row.options, is_open=False)
