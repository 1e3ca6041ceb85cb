"""What a scenario expects of a login, compared with what came of it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from dienstverlener import Assertion, Refusal
from dienstverlener.outcome import LegalSubject, Person
from sandbox.expecting import Known, differs, expected_text
from sandbox.scenario import Expected
from sandbox.scenario_file import load
from schemas.refusals import RefusalCode
from schemas.values import EntityType, Level

NOW = datetime(2026, 3, 2, tzinfo=UTC)
POLDER = load(Path(__file__).parents[2] / "scenarios" / "polder.yaml", NOW)
KNOWN = Known(POLDER, {"before": "p" * 43}, ("no_mandate", "mandate_expired"))
VESTIGING = "900002010001"


def assertion(**changes: Any) -> Assertion:
    subject = {EntityType.KVKNR: "90000201", EntityType.RSIN: "900002001"}
    fields = {
        "request_id": UUID(int=1),
        "service": "urn:etoegang:DV:00000099000000041000:services:1",
        "level": Level.EH3,
        "legal_subject": LegalSubject(subject, VESTIGING, "Tulpenkwekerij De Kas"),
        "acting_subject": "p" * 43,
        "intermediary": "90000203",
        "person": Person("Wim", None, date(1980, 2, 29)),
        "services": (POLDER.service_uuid("vergunning"),),
    }
    return Assertion(**{**fields, **changes})


def refusal(**changes: Any) -> Refusal:
    fields = {
        "request_id": UUID(int=1),
        "code": RefusalCode.NO_MANDATE,
        "top_level": "",
        "second_level": "",
        "explanation": "",
        "explanation_en": "",
        "fits": ("Sleuteldienst De Brug",),
    }
    return Refusal(**{**fields, **changes})


def expected(**fields: Any) -> Expected:
    return Expected.model_validate(fields)


WHOLE = {
    "assertion": "EH3",
    "for": "tulpenkas",
    "through": "ganzenveer",
    "vestiging": VESTIGING,
    "identifiers": ["KvKnr", "RSIN"],
    "attributes": ["FirstName", "DateOfBirth", "CompanyName"],
    "services": ["vergunning"],
    "same_pseudonym_as": "before",
}


def test_nothing_differs_when_all_is_as_expected() -> None:
    assert differs(expected(**WHOLE), assertion(), KNOWN) == []


def test_what_is_not_given_is_not_compared() -> None:
    assert differs(expected(assertion="EH3"), assertion(), KNOWN) == []


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("assertion", "EH4", "assertion EH3"),
        ("for", "kaasmakerij", "another organisation"),
        ("through", "inktpot", "another intermediary"),
        ("through", None, "another intermediary"),
        ("vestiging", "900002010002", "another vestiging"),
        ("vestiging", None, "another vestiging"),
        ("identifiers", ["KvKnr"], "identifiers KvKnr, RSIN"),
        ("attributes", ["FirstName"], "attributes CompanyName, DateOfBirth, FirstName"),
        ("services", ["parkeren"], "1 services, not these"),
        ("same_pseudonym_as", "never", "another pseudonym"),
    ],
)
def test_what_an_assertion_has_otherwise_is_said(field: str, value: Any, said: str) -> None:
    assert differs(expected(**{**WHOLE, field: value}), assertion(), KNOWN) == [said]


def test_a_direct_mandate_is_not_taken_for_a_chain() -> None:
    found = differs(expected(**WHOLE), assertion(intermediary=None), KNOWN)
    assert found == ["no intermediary"]


def test_another_pseudonym_is_expected_where_the_file_says_so() -> None:
    wanted = expected(assertion="EH3", other_pseudonym_than="before")
    assert differs(wanted, assertion(), KNOWN) == ["the same pseudonym"]
    assert differs(wanted, assertion(acting_subject="q" * 43), KNOWN) == []


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"refusal": "no_mandate"}, []),
        ({"refusal": "no_mandate", "reason": "mandate_expired"}, []),
        ({"refusal": "no_mandate", "fits": ["brug"]}, []),
        ({"refusal": "deadline_passed"}, ["refusal no_mandate"]),
        (
            {"refusal": "no_mandate", "reason": "mandate_withdrawn"},
            ["reason no_mandate and mandate_expired"],
        ),
        ({"refusal": "no_mandate", "fits": []}, ["fits Sleuteldienst De Brug"]),
        ({"assertion": "EH3"}, ["refusal no_mandate"]),
    ],
)
def test_what_a_refusal_has_otherwise_is_said(fields: dict[str, Any], said: list[str]) -> None:
    assert differs(expected(**fields), refusal(), KNOWN) == said


def test_a_refusal_is_not_taken_for_an_assertion_and_the_other_way_round() -> None:
    wanted = expected(refusal="no_mandate")
    assert differs(wanted, assertion(), KNOWN) == ["assertion EH3"]


@pytest.mark.parametrize("login", POLDER.logins, ids=lambda login: login.name)
def test_what_is_expected_is_told_without_a_number(login: Any) -> None:
    said = expected_text(login)
    assert said.startswith(("assertion EH", "refusal "))
    assert not any(part.isdigit() and len(part) > 2 for part in said.split())
