"""The makelaar's rules, as tables."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from brokers import rules
from brokers.login import Login, Phase
from brokers.rules import PROVIDER_REFUSALS, REGISTRY_REFUSALS, Admitted
from schemas.directory import Directory
from schemas.refusals import RefusalCode
from schemas.values import Level, Role
from tests.unit.builders import (
    AAK,
    BOTTER,
    ELSEWHERE,
    HAVEN,
    HIGH_SERVICE,
    KADE,
    LOODS,
    LOODS_SERVICE,
    NO_SERVICE,
    NOW,
    PIER,
    REQUEST,
    SIGNATURE,
    STRANGER,
    authenticated,
    authentication_result,
    authn_request,
    denied,
    directory,
    entity_id,
    login,
    mandate_decision,
    network,
    not_authenticated,
    participant,
    permit,
    service,
    world,
)

EH2, EH2PLUS, EH3, EH4 = Level.EH2, Level.EH2PLUS, Level.EH3, Level.EH4
OTHER_DIGEST = "x" * 43


def admit(sender: str = "haven", **request: Any) -> Admitted | RefusalCode:
    return rules.admit(authn_request(**request), world().named(sender), network())


def admitted(**request: Any) -> list[str]:
    """The names of the providers that a request can go on with."""
    found = admit(**request)
    assert isinstance(found, Admitted)
    return [provider.name for provider in found.providers]


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


def test_admitted_level_is_the_services_when_a_lower_one_is_asked_for() -> None:
    found = admit(service=HIGH_SERVICE, level=EH2)
    assert isinstance(found, Admitted)
    assert (found.level, found.service.service_id) == (EH4, HIGH_SERVICE)


# --- providers


def of_providers(**highest: Level | None) -> Directory:
    """A directory with these providers, each shown by its name with a capital."""
    return directory(
        participant(name, entity_id(Role.PROVIDER, 20 + number), highest_level=level)
        for number, (name, level) in enumerate(highest.items())
    )


@pytest.mark.parametrize(
    ("level", "fitting"),
    [
        (EH2PLUS, ["dijk", "sluis", "terp"]),
        (EH3, ["dijk", "terp"]),
        (EH4, ["terp"]),
    ],
)
def test_provider_fits_when_its_highest_level_reaches(level: Level, fitting: list[str]) -> None:
    found = of_providers(terp=EH4, sluis=EH2PLUS, dijk=EH3, bodem=None)
    assert [p.name for p in rules.fitting_providers(found, level)] == fitting


def test_no_other_role_fits() -> None:
    assert rules.fitting_providers(directory([participant("kade", KADE)]), EH2) == ()


def test_providers_are_alphabetical_by_the_name_that_users_see() -> None:
    shown = [("aak", AAK, "zeilmakerij"), ("botter", BOTTER, "Boeg"), ("ster", STRANGER, "anker")]
    found = directory(
        participant(name, entity, display_name=display, highest_level=EH4)
        for name, entity, display in shown
    )
    assert [p.name for p in rules.fitting_providers(found, EH3)] == ["ster", "botter", "aak"]


@pytest.mark.parametrize(
    ("request_", "providers"),
    [
        ({}, ["aak", "botter"]),
        ({"level": EH4}, ["botter"]),
        ({"provider": AAK}, ["aak"]),
        ({"provider": BOTTER}, ["botter"]),
        ({"service": HIGH_SERVICE}, ["botter"]),
    ],
)
def test_request_is_admitted_with_every_provider_that_fits(
    request_: dict[str, Any], providers: list[str]
) -> None:
    assert admitted(**request_) == providers


# --- what is not admitted


@pytest.mark.parametrize(
    ("code", "given"),
    [
        (RefusalCode.SERVICE_UNKNOWN, {"service": NO_SERVICE}),
        (RefusalCode.SERVICE_UNKNOWN, {"service": ELSEWHERE}),
        (RefusalCode.SERVICE_UNKNOWN, {"service": LOODS_SERVICE}),
        (RefusalCode.SERVICE_UNKNOWN, {"sender": "loods"}),
        (RefusalCode.SERVICE_UNKNOWN, {"service": NO_SERVICE, "level": Level.LOA1}),
        (RefusalCode.LEVEL_NOT_SUPPORTED, {"level": Level.LOA1}),
        (RefusalCode.LEVEL_NOT_SUPPORTED, {"level": Level.LOA1, "provider": AAK}),
        (RefusalCode.PROVIDER_DOES_NOT_FIT, {"provider": AAK, "level": EH4}),
        (RefusalCode.PROVIDER_DOES_NOT_FIT, {"provider": STRANGER}),
        (RefusalCode.PROVIDER_DOES_NOT_FIT, {"provider": KADE}),
    ],
)
def test_request_is_refused_when_it_cannot_go_on(code: RefusalCode, given: dict[str, Any]) -> None:
    assert admit(**given) is code


def test_request_is_refused_when_no_provider_reaches_the_level() -> None:
    people = [world().named(name) for name in ("duin", "haven", "aak")]
    known = directory(people, [service(level=EH4)])
    found = rules.admit(authn_request(), world().named("haven"), network(directory=known))
    assert found is RefusalCode.LEVEL_NOT_SUPPORTED


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


@pytest.mark.parametrize("awaited", [Phase.CHOOSING, Phase.AUTHENTICATING, Phase.QUERYING])
@pytest.mark.parametrize("phase", list(Phase))
def test_answer_is_awaited_in_its_own_phase_only(phase: Phase, awaited: Phase) -> None:
    expected = None if phase is awaited else "not_asked"
    if phase is Phase.DONE:
        expected = "login_finished"
    assert rules.is_awaited(login(phase), awaited) == expected


def test_answer_is_not_awaited_when_there_is_no_login() -> None:
    assert rules.is_awaited(None, Phase.CHOOSING) == "login_unknown"


# --- what a provider says


@pytest.mark.parametrize(
    ("change", "holds"),
    [
        ({}, True),
        ({"level": EH4}, True),
        ({"level": EH2PLUS}, False),
        ({"request_digest": OTHER_DIGEST}, False),
        ({"dienstverlener": LOODS}, False),
        ({"service": HIGH_SERVICE}, False),
        ({"registry": PIER}, True),
        ({"registry": STRANGER}, False),
        ({"registry": AAK}, False),
        ({"registry": HAVEN}, False),
    ],
)
def test_declaration_holds_when_it_is_about_this_login_and_reaches(
    change: dict[str, Any], holds: bool
) -> None:
    answer = authentication_result(authenticated(**change))
    judged = rules.judge_authentication(login(provider=BOTTER), answer, world().directory)
    assert judged == (None if holds else RefusalCode.PARTICIPANT_FAULT)


@pytest.mark.parametrize(
    ("provider", "level", "holds"),
    [(AAK, EH3, True), (AAK, EH4, False), (BOTTER, EH4, True), (STRANGER, EH3, False)],
)
def test_declaration_holds_when_the_scheme_admitted_its_provider_for_the_level(
    provider: str, level: Level, holds: bool
) -> None:
    answer = authentication_result(authenticated(level=level))
    judged = rules.judge_authentication(login(provider=provider), answer, world().directory)
    assert judged == (None if holds else RefusalCode.PARTICIPANT_FAULT)


def test_declaration_does_not_hold_when_no_provider_was_asked() -> None:
    row, answer = login(provider=None), authentication_result()
    judged = rules.judge_authentication(row, answer, world().directory)
    assert judged is RefusalCode.PARTICIPANT_FAULT


@pytest.mark.parametrize(
    ("change", "holds"),
    [
        ({}, True),
        ({"level": EH4}, True),
        ({"level": EH2PLUS}, False),
        ({"level_requested": EH4}, False),
        ({"level_requested": EH2PLUS}, False),
        ({"request_digest": OTHER_DIGEST}, False),
        ({"dienstverlener": LOODS}, False),
        ({"service": HIGH_SERVICE}, False),
        ({"declaration_signature": "t" * 86}, False),
    ],
)
def test_permit_holds_when_it_is_about_this_login_bound_and_reaches(
    change: dict[str, Any], holds: bool
) -> None:
    answer = mandate_decision(permit(**change))
    judged = rules.judge_decision(login(Phase.QUERYING), answer, SIGNATURE)
    assert judged == (None if holds else RefusalCode.PARTICIPANT_FAULT)


THEIRS_PROVIDER = {
    "cancelled_by_user",
    "authentication_failed",
    "deadline_passed",
    "level_not_supported",
    "participant_fault",
}
THEIRS_REGISTRY = {
    "cancelled_by_user",
    "no_mandate",
    "mandate_level_too_low",
    "deadline_passed",
    "participant_fault",
}


def test_refusals_that_are_a_participants_to_give_stay_what_they_are() -> None:
    assert {code.value for code in PROVIDER_REFUSALS} == THEIRS_PROVIDER
    assert {code.value for code in REGISTRY_REFUSALS} == THEIRS_REGISTRY


@pytest.mark.parametrize("code", list(RefusalCode))
def test_refusal_is_passed_on_when_it_is_the_participants_to_give(code: RefusalCode) -> None:
    fault, row, known = RefusalCode.PARTICIPANT_FAULT, login(), world().directory
    by_provider = rules.judge_authentication(row, not_authenticated(code), known)
    by_registry = rules.judge_decision(row, denied(code), SIGNATURE)
    assert by_provider is (code if code.value in THEIRS_PROVIDER else fault)
    assert by_registry is (code if code.value in THEIRS_REGISTRY else fault)


@pytest.mark.parametrize(
    "other", [{"digest": OTHER_DIGEST}, {"dienstverlener": LOODS}, {"service": HIGH_SERVICE}]
)
def test_declaration_is_about_a_login_when_all_three_agree(other: dict[str, Any]) -> None:
    assert rules.is_about(login(), authenticated())
    assert rules.is_about(login(), permit())
    assert not rules.is_about(login(**other), authenticated())
    assert not rules.is_about(login(**other), permit())


def test_login_survives_its_own_json() -> None:
    row = login(options=(AAK, BOTTER), registry=KADE, answered_by=uuid4())
    assert Login.model_validate_json(row.model_dump_json()) == row
    assert row.moved(Phase.DONE, nonce=None) == login(
        Phase.DONE, options=row.options, registry=KADE, answered_by=row.answered_by
    )
