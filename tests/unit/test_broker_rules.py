"""What all of the makelaar's rules build on, as tables."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from brokers import judging, rules
from brokers.judging import Judged, Rule, Seen
from brokers.login import Login, Phase
from pipeline.findings import Finding
from schemas.refusals import RefusalCode
from schemas.values import Level
from tests.unit.builders import (
    AAK,
    BOTTER,
    HAVEN,
    JWS,
    KADE,
    LOODS,
    NO_SERVICE,
    NONCE,
    NOW,
    PIER,
    REQUEST,
    authn_request,
    catalogue,
    login,
    network,
    service,
)

EH2, EH2PLUS, EH3, EH4 = Level.EH2, Level.EH2PLUS, Level.EH3, Level.EH4
FINDING = Finding(rule="level_ended", saw="EH3 asked for", passed=True)


# --- the level


@pytest.mark.parametrize(
    ("asked", "of_service", "required"),
    [
        (None, EH2PLUS, EH2PLUS),
        (None, EH4, EH4),
        (EH3, EH3, EH3),
        (EH4, EH3, EH4),
        (EH2PLUS, EH3, EH3),
        (EH2, EH2PLUS, EH2PLUS),
        (Level.LOA1, EH3, EH3),
    ],
)
def test_level_is_the_one_asked_for_and_never_below_the_services(
    asked: Level | None, of_service: Level, required: Level
) -> None:
    assert rules.required_level(authn_request(level=asked), service(level=of_service)) is required


# --- the deadline


@pytest.mark.parametrize(
    ("asked", "own", "seconds"),
    [(None, 300, 300), (60, 300, 60), (1, 300, 1), (300, 300, 300), (301, 300, 300), (3600, 5, 5)],
)
def test_deadline_is_shorter_when_asked_and_never_longer(
    asked: int | None, own: int, seconds: int
) -> None:
    request, known = authn_request(answer_within_seconds=asked), network(deadline_seconds=own)
    assert rules.deadline(request, known, NOW) == NOW + timedelta(seconds=seconds)


# --- claims and phases


def test_start_is_one_claim_a_request_of_one_dienstverlener() -> None:
    claim = rules.start_claim(HAVEN, REQUEST)
    assert claim == rules.start_claim(HAVEN, REQUEST)
    assert claim not in (rules.start_claim(LOODS, REQUEST), rules.start_claim(HAVEN, uuid4()))


@pytest.mark.parametrize("awaited", [each for each in Phase if each is not Phase.DONE])
@pytest.mark.parametrize("phase", list(Phase))
def test_answer_is_awaited_in_its_own_phase_only(phase: Phase, awaited: Phase) -> None:
    expected = None if phase is awaited else "not_asked"
    if phase is Phase.DONE:
        expected = "login_finished"
    assert rules.is_awaited(login(phase), awaited) == expected


def test_answer_is_not_awaited_when_there_is_no_login() -> None:
    assert rules.is_awaited(None, Phase.CHOOSING) == "login_unknown"


# --- the catalogue


def test_service_is_offered_while_the_catalogue_has_it_for_the_same_dienstverlener() -> None:
    assert rules.offered(login(), network()) == service()
    assert rules.offered(login(service=NO_SERVICE), network()) is None
    assert rules.offered(login(dienstverlener=LOODS), network()) is None
    elsewhere = network(catalogue=catalogue([service(level=EH4)]))
    assert rules.offered(login(), elsewhere) == service(level=EH4)


# --- judging

NUMBERS: tuple[Rule[int], ...] = (
    Rule("odd", "us", lambda n: Seen(n % 2 == 0, f"{n}", "an even one"), RefusalCode.NO_MANDATE),
    Rule("large", "us", lambda n: Seen(n < 10, f"{n} of 10", "less than 10")),
)


@pytest.mark.parametrize(
    ("number", "found", "code"),
    [
        (2, [("odd", True, ""), ("large", True, "")], None),
        (3, [("odd", False, "an even one")], RefusalCode.NO_MANDATE),
        (
            12,
            [("odd", True, ""), ("large", False, "less than 10")],
            RefusalCode.PARTICIPANT_FAULT,
        ),
    ],
)
def test_rules_are_judged_in_order_up_to_the_first_that_does_not_hold(
    number: int, found: list[tuple[str, bool, str]], code: RefusalCode | None
) -> None:
    judged = judging.judge(NUMBERS, number)
    assert [(each.rule, each.passed, each.needed) for each in judged.findings] == found
    assert judged.code is code
    assert judged.findings[0].saw == str(number)


def test_nothing_is_found_when_there_are_no_rules() -> None:
    assert judging.judge((), 1) == Judged()


def test_end_is_a_finding_that_did_not_pass() -> None:
    found = judging.ended("deadline_passed", "still choosing", "an answer")
    expected = {"rule": "deadline_passed", "saw": "still choosing", "needed": "an answer"}
    assert found == Finding(**expected, passed=False)


# --- the row


def test_login_survives_its_own_json() -> None:
    row = login(options=(AAK, BOTTER), registry=KADE, answered_by=uuid4(), findings=(FINDING,))
    assert Login.model_validate_json(row.model_dump_json()) == row
    assert row.moved(Phase.DONE, nonce=None) == login(
        Phase.DONE,
        options=row.options,
        registry=KADE,
        answered_by=row.answered_by,
        findings=(FINDING,),
    )


def test_findings_are_kept_in_the_order_of_the_login() -> None:
    later = FINDING.model_copy(update={"rule": "level_raised"})
    assert login().found(FINDING).found(later).findings == (FINDING, later)


def test_login_that_is_done_keeps_what_explains_it_and_no_more() -> None:
    row = login(
        Phase.CONFIRMING,
        nonce=NONCE,
        browser=NONCE,
        options=(AAK,),
        registry=KADE,
        declaration=JWS,
        reached=EH3,
        decision=JWS,
        permitted=(UUID(int=1),),
        confirmer=PIER,
        findings=(FINDING,),
    )
    assert row.done(UUID(int=7)) == login(
        Phase.DONE,
        registry=KADE,
        reached=EH3,
        confirmer=PIER,
        findings=(FINDING,),
        answered_by=UUID(int=7),
    )
