"""Refusals: each code has a status of the scheme's, and tells the user what to do."""

from __future__ import annotations

import pytest

from schemas.refusals import EXPLANATIONS, RefusalCode, SecondLevel, TopLevel

FAILED = (TopLevel.RESPONDER, SecondLevel.AUTHN_FAILED)
UNSUPPORTED = (TopLevel.REQUESTER, SecondLevel.REQUEST_UNSUPPORTED)
STATUS = {
    "cancelled_by_user": FAILED,
    "cancelled_by_dienstverlener": FAILED,
    "deadline_passed": FAILED,
    "authentication_failed": FAILED,
    "no_mandate": FAILED,
    "attributes_not_shared": FAILED,
    "level_ended": UNSUPPORTED,
    "attributes_not_supported": UNSUPPORTED,
    "service_withdrawn": UNSUPPORTED,
    "level_not_supported": UNSUPPORTED,
    "provider_does_not_fit": UNSUPPORTED,
    "service_unknown": UNSUPPORTED,
    "request_malformed": UNSUPPORTED,
    "request_expired": UNSUPPORTED,
    "request_from_the_future": UNSUPPORTED,
    "request_id_reused": UNSUPPORTED,
    "busy": FAILED,
    "participant_fault": FAILED,
    "assertion_expired": FAILED,
}


def test_codes_stay_what_they_are() -> None:
    assert {code.value for code in RefusalCode} == STATUS.keys()


@pytest.mark.parametrize("code", list(RefusalCode))
def test_status_says_whose_side_the_cause_is_on(code: RefusalCode) -> None:
    told = EXPLANATIONS[code]
    assert (told.top_level, told.second_level) == STATUS[code]


def test_status_has_the_names_of_saml() -> None:
    saml = "urn:oasis:names:tc:SAML:2.0:status:"
    assert {level.removeprefix(saml) for level in TopLevel} == {"Requester", "Responder"}
    assert {level.removeprefix(saml) for level in SecondLevel} == {
        "AuthnFailed",
        "RequestUnsupported",
    }


@pytest.mark.parametrize("code", list(RefusalCode))
def test_refusal_tells_the_user_what_to_do(code: RefusalCode) -> None:
    for text in (EXPLANATIONS[code].nl, EXPLANATIONS[code].en):
        assert text.endswith(".")
        assert text.count(".") >= 2  # what happened, and what to do
        assert code.value not in text


@pytest.mark.parametrize("code", list(RefusalCode))
def test_refusal_says_who_decides_it_and_what_the_dienstverlener_can_do(code: RefusalCode) -> None:
    told = EXPLANATIONS[code]
    assert told.decided_by
    assert set(told.decided_by) <= {"makelaar", "provider", "registry", "dienstverlener"}
    assert told.to_do.endswith(".")


def test_registry_tells_nobody_why_it_has_no_mandate() -> None:
    registry = {code for code, told in EXPLANATIONS.items() if told.decided_by == ("registry",)}
    assert registry == {RefusalCode.NO_MANDATE}


def test_no_two_refusals_read_the_same() -> None:
    for texts in (
        [told.nl for told in EXPLANATIONS.values()],
        [t.en for t in EXPLANATIONS.values()],
    ):
        assert len(set(texts)) == len(RefusalCode)
