"""Why a login ended as it did: a tree over all participants, that tells nobody's name."""

from __future__ import annotations

import json
from typing import Any

import pytest

from herken.explain import Known, Row, nearest, reason, report, roles_with_rows, told, tree
from pipeline.findings import Finding
from schemas.messages import Asserted, Outcome, Refused
from schemas.refusals import EXPLANATIONS, RefusalCode
from schemas.values import Level
from tests.unit.builders import (
    AAK,
    DUIN,
    JWS,
    KADE,
    KVK,
    KWELDER,
    NOW,
    PIER,
    REQUEST,
    SERVICE,
    login,
    world,
)

DIRECTORY = world().directory


def found(rule: str, *, passed: bool = True, needed: str = "", about: str = "") -> Finding:
    return Finding(rule=rule, saw="EH3", passed=passed, needed=needed, about=about)


REACHED = found("level_not_supported")
TOO_LOW = found("mandate_level_too_low", passed=False, needed="a mandate of EH4", about="mandate 1")
EXPIRED = found("mandate_expired", passed=False, needed="a renewal", about="mandate 1")
COVERS = found("service_outside_scope", about="mandate 2")
ASKED = Row(findings=(REACHED,), provider=AAK, registry=KADE, confirmer=PIER)


def refused(code: RefusalCode) -> Outcome:
    why = EXPLANATIONS[code]
    texts = {"top_level": why.top_level, "second_level": why.second_level}
    result = Refused(code=code, nl=why.nl, en=why.en, **texts)
    return Outcome(request_id=REQUEST, request=JWS, result=result)


GRANTED = Outcome(
    request_id=REQUEST,
    request=JWS,
    result=Asserted(
        service=SERVICE,
        level=Level.EH3,
        not_on_or_after=NOW,
        declaration=JWS,
        decision=JWS,
        catalogue_version=1,
    ),
)


def text(known: Known) -> str:
    return told(REQUEST, tree(DIRECTORY, known), known, DIRECTORY)


# --- the tree


def test_tree_goes_from_makelaar_to_provider_to_registry_to_second_registry() -> None:
    known = Known({DUIN: ASKED, AAK: Row(), KADE: Row(), PIER: Row()})
    (root,) = tree(DIRECTORY, known)
    path = [root]
    while path[-1].asked:
        path += path[-1].asked
    assert [node.participant.name for node in path] == ["duin", "aak", "kade", "pier"]
    assert [node.row for node in path] == [ASKED, Row(), Row(), Row()]


def test_who_was_not_reached_is_told_and_who_was_not_asked_is_not() -> None:
    known = Known({DUIN: Row(provider=AAK)})
    assert "provider aak: was not reached" in text(known)
    assert "registry" not in text(known)


def test_row_stands_by_itself_when_its_makelaar_cannot_be_read() -> None:
    known = Known({KADE: Row(findings=(TOO_LOW,))}, unreadable=frozenset({DUIN, AAK}))
    (root,) = tree(DIRECTORY, known)
    assert root.participant.name == "kade"
    assert text(known).endswith("Not readable here, their secrets are elsewhere: duin, aak")


def test_participant_is_named_when_its_rows_cannot_be_read() -> None:
    known = Known({DUIN: ASKED}, unreadable=frozenset({KADE}))
    assert "registry kade: its rows cannot be read here" in text(known)


def test_two_makelaars_of_one_request_id_both_have_their_tree() -> None:
    roots = tree(DIRECTORY, Known({DUIN: ASKED, KWELDER: Row()}))
    assert {root.participant.name for root in roots} == {"duin", "kwelder"}


def test_nobody_but_the_roles_keeps_rows() -> None:
    assert [p.name for p in roles_with_rows(DIRECTORY)] == [
        *("duin", "kwelder"),
        *("aak", "botter"),
        *("golf", "kade", "pier"),
    ]


# --- as text


def test_text_tells_every_rule_and_the_outcome_below() -> None:
    kade = Row(findings=(found("declaration_refused"), TOO_LOW, EXPIRED, COVERS))
    outcomes = (refused(RefusalCode.NO_MANDATE),)
    known = Known({DUIN: Row(findings=(REACHED,), registry=KADE), KADE: kade}, outcomes=outcomes)
    assert text(known).splitlines() == [
        f"request {REQUEST}",
        "└─ makelaar duin",
        "   ├─ holds  level_not_supported: EH3",
        "   └─ registry kade",
        "      ├─ holds  declaration_refused: EH3",
        "      ├─ mandate 1",
        "      │     fails  mandate_level_too_low: EH3",
        "      │            needs: a mandate of EH4",
        "      │     fails  mandate_expired: EH3",
        "      └─ mandate 2",
        "            holds  service_outside_scope: EH3",
        "",
        "The dienstverlener and the user see:",
        "   no_mandate",
        f"   {EXPLANATIONS[RefusalCode.NO_MANDATE].nl}",
        f"   {EXPLANATIONS[RefusalCode.NO_MANDATE].en}",
    ]


def test_what_would_have_passed_is_told_below_its_rule_when_there_are_no_candidates() -> None:
    wrong = found("password_wrong", passed=False, needed="the right password")
    known = Known({KADE: Row(findings=(REACHED, wrong))})
    assert text(known).splitlines()[1:] == [
        "└─ registry kade",
        "   ├─ holds  level_not_supported: EH3",
        "   └─ fails  password_wrong: EH3",
        "             needs: the right password",
    ]


def test_what_would_have_passed_is_told_of_the_first_failure_only() -> None:
    assert [each.needed for each in nearest([REACHED, TOO_LOW, EXPIRED])] == [
        "",
        "a mandate of EH4",
        "",
    ]


def test_assertion_is_told_by_its_level() -> None:
    known = Known({DUIN: ASKED}, outcomes=(GRANTED,))
    assert text(known).endswith("The dienstverlener and the user see:\n   an assertion at EH3")


# --- the reason


@pytest.mark.parametrize(
    ("findings", "rule"),
    [
        ([], None),
        ([REACHED], None),
        ([TOO_LOW], "mandate_level_too_low"),
        ([TOO_LOW, EXPIRED], "mandate_level_too_low"),
        ([TOO_LOW, COVERS], None),
        ([TOO_LOW, COVERS, found("cancelled_by_user", passed=False)], "cancelled_by_user"),
    ],
)
def test_reason_is_the_first_rule_that_fails_unless_a_candidate_holds(
    findings: list[Finding], rule: str | None
) -> None:
    assert reason(findings) == rule


# --- as JSON


def test_report_says_what_the_text_says() -> None:
    outcomes = (refused(RefusalCode.NO_MANDATE),)
    known = Known({DUIN: ASKED, KADE: Row(findings=(TOO_LOW,))}, frozenset({PIER}), outcomes)
    found_ = report(REQUEST, tree(DIRECTORY, known), known, DIRECTORY)
    assert json.loads(json.dumps(found_)) == found_
    assert found_["request_id"] == str(REQUEST)
    assert found_["not_readable"] == ["pier"]
    assert found_["outcomes"][0]["code"] == "no_mandate"
    (makelaar,) = found_["tree"]
    (provider,) = makelaar["asked"]
    (registry,) = provider["asked"]
    (second,) = registry["asked"]
    assert (provider["reached"], registry["reached"]) == (False, True)
    assert registry["reason"] == "mandate_level_too_low"
    assert registry["findings"] == [TOO_LOW.model_dump()]
    assert (second["participant"], second["readable"]) == ("pier", False)


# --- privacy

SUBJECT_OF_A_ROW: dict[str, Any] = {
    "kvk": KVK,
    "username": "ans@molen.example",
    "organisation": "Korenmolen De Windvanger",
    "pseudonym": "p" * 43,
}


def test_nothing_of_a_row_is_told_but_its_findings_and_whom_it_asked() -> None:
    body = json.dumps({**json.loads(login().model_dump_json()), **SUBJECT_OF_A_ROW})
    known = Known({DUIN: Row.model_validate_json(body)}, outcomes=(GRANTED,))
    shown = text(known) + json.dumps(report(REQUEST, tree(DIRECTORY, known), known, DIRECTORY))
    assert not [told_ for told_ in SUBJECT_OF_A_ROW.values() if told_ in shown]
    assert JWS not in shown
