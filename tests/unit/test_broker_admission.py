"""Whether a request can start a login, and with which providers: as tables."""

from __future__ import annotations

from typing import Any

import pytest

from brokers import admission
from brokers.admission import ADMISSION, Admitted
from brokers.judging import Judged
from schemas.catalogue import RequestedAttribute, Service
from schemas.directory import Directory
from schemas.refusals import RefusalCode
from schemas.values import AttributeName, Level, Role
from tests.unit.builders import (
    AAK,
    BOTTER,
    ELSEWHERE,
    HIGH_SERVICE,
    KADE,
    LOODS_SERVICE,
    NO_SERVICE,
    STRANGER,
    authn_request,
    catalogue,
    directory,
    entity_id,
    network,
    participant,
    service,
    world,
)

EH2, EH2PLUS, EH3, EH4 = Level.EH2, Level.EH2PLUS, Level.EH3, Level.EH4
FIRST_NAME, BIRTH = AttributeName.FIRST_NAME, AttributeName.DATE_OF_BIRTH
COMPANY_NAME = AttributeName.COMPANY_NAME


def admit(sender: str = "haven", of: Service | None = None, **request: Any) -> Admitted | Judged:
    """What becomes of a request; `of`: all that is in the catalogue."""
    known = network(catalogue=catalogue([of])) if of else network()
    return admission.admit(authn_request(**request), world().named(sender), known)


def asking(*attributes: AttributeName, required: bool = True, **changes: Any) -> Service:
    requested = [
        RequestedAttribute(name=name, required=required, purpose="Om u aan te spreken")
        for name in attributes
    ]
    return service(attributes=requested, **changes)


# --- the level


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


def fitting(found: Directory, level: Level) -> list[str]:
    known = network(directory=found)
    asked = admission.asked(authn_request(level=level), world().named("haven"), known)
    return [provider.name for provider in asked.fitting]


@pytest.mark.parametrize(("level", "names"), [(EH3, ["dijk", "terp"]), (EH4, ["terp"])])
def test_provider_fits_when_its_highest_level_reaches(level: Level, names: list[str]) -> None:
    found = of_providers(terp=EH4, sluis=EH2PLUS, dijk=EH3, bodem=None)
    assert fitting(found, level) == names


def test_no_other_role_fits() -> None:
    registry = participant("kade", KADE, highest_level=EH4)
    assert fitting(directory([registry]), EH3) == []


def test_providers_are_alphabetical_by_the_name_that_users_see() -> None:
    shown = [("aak", AAK, "zeilmakerij"), ("botter", BOTTER, "Boeg"), ("ster", STRANGER, "anker")]
    found = directory(
        participant(name, entity, display_name=display, highest_level=EH4)
        for name, entity, display in shown
    )
    assert fitting(found, EH3) == ["ster", "botter", "aak"]


@pytest.mark.parametrize(
    ("request_", "providers"),
    [
        ({}, ["aak", "botter"]),
        ({"level": EH4}, ["botter"]),
        ({"provider": AAK}, ["aak"]),
        ({"provider": BOTTER}, ["botter"]),
        ({"of": asking(FIRST_NAME)}, ["botter"]),
        ({"of": asking(FIRST_NAME, required=False)}, ["aak", "botter"]),
        ({"of": asking(BIRTH, required=False)}, ["aak", "botter"]),
        ({"of": asking(COMPANY_NAME)}, ["aak", "botter"]),
        ({"of": asking(FIRST_NAME, COMPANY_NAME)}, ["botter"]),
    ],
)
def test_request_is_admitted_with_every_provider_that_fits(
    request_: dict[str, Any], providers: list[str]
) -> None:
    found = admit(**request_)
    assert isinstance(found, Admitted)
    assert [provider.name for provider in found.providers] == providers
    assert [finding.rule for finding in found.findings] == [rule.name for rule in ADMISSION]
    assert all(finding.passed for finding in found.findings)


# --- what is not admitted

BOTH, ONLY_BOTTER = ("Aak", "Botter"), ("Botter",)
NOT_ADMITTED: list[tuple[str, RefusalCode, dict[str, Any], tuple[str, ...]]] = [
    ("service_unknown", RefusalCode.SERVICE_UNKNOWN, {"service": NO_SERVICE}, ()),
    (
        "service_unknown",
        RefusalCode.SERVICE_UNKNOWN,
        {"service": NO_SERVICE, "level": Level.LOA1},
        (),
    ),
    ("service_not_connected", RefusalCode.SERVICE_UNKNOWN, {"service": ELSEWHERE}, ()),
    ("service_not_connected", RefusalCode.SERVICE_UNKNOWN, {"service": LOODS_SERVICE}, ()),
    ("service_not_connected", RefusalCode.SERVICE_UNKNOWN, {"sender": "loods"}, ()),
    ("level_ended", RefusalCode.LEVEL_ENDED, {"level": Level.LOA1}, ()),
    ("level_ended", RefusalCode.LEVEL_ENDED, {"level": Level.LOA1, "provider": STRANGER}, ()),
    (
        "attributes_not_delivered",
        RefusalCode.ATTRIBUTES_NOT_SUPPORTED,
        {"of": asking(BIRTH)},
        (),
    ),
    (
        "attributes_not_delivered",
        RefusalCode.ATTRIBUTES_NOT_SUPPORTED,
        {"of": asking(FIRST_NAME, BIRTH), "provider": BOTTER},
        (),
    ),
    (
        "provider_does_not_fit",
        RefusalCode.PROVIDER_DOES_NOT_FIT,
        {"provider": AAK, "level": EH4},
        ONLY_BOTTER,
    ),
    (
        "provider_does_not_fit",
        RefusalCode.PROVIDER_DOES_NOT_FIT,
        {"provider": AAK, "of": asking(FIRST_NAME)},
        ONLY_BOTTER,
    ),
    ("provider_does_not_fit", RefusalCode.PROVIDER_DOES_NOT_FIT, {"provider": STRANGER}, BOTH),
    ("provider_does_not_fit", RefusalCode.PROVIDER_DOES_NOT_FIT, {"provider": KADE}, BOTH),
]


@pytest.mark.parametrize(("rule", "code", "given", "fits"), NOT_ADMITTED)
def test_request_is_refused_when_a_rule_does_not_hold(
    rule: str, code: RefusalCode, given: dict[str, Any], fits: tuple[str, ...]
) -> None:
    judged = admit(**given)
    assert isinstance(judged, Judged)
    assert (judged.code, judged.fits) == (code, fits)
    *before, failed = judged.findings
    assert (failed.rule, failed.passed, bool(failed.needed)) == (rule, False, True)
    assert all(each.passed for each in before)


@pytest.mark.parametrize(
    ("highest", "needed"),
    [
        ({"sluis": EH2PLUS, "dijk": EH2}, "at most EH2+, the highest that a provider reaches"),
        ({"bodem": None}, ""),
        ({}, ""),
    ],
)
def test_request_is_refused_when_no_provider_reaches_the_level(
    highest: dict[str, Level | None], needed: str
) -> None:
    known = network(directory=of_providers(**highest))
    judged = admission.admit(authn_request(), world().named("haven"), known)
    assert isinstance(judged, Judged)
    assert (judged.code, judged.fits) == (RefusalCode.LEVEL_NOT_SUPPORTED, ())
    assert (judged.findings[-1].rule, judged.findings[-1].needed) == ("level_not_reached", needed)


def test_every_rule_of_admission_refuses_some_request() -> None:
    refused = {rule for rule, *_ in NOT_ADMITTED} | {"level_not_reached"}
    assert {rule.name for rule in ADMISSION} == refused
    assert all(rule.source for rule in ADMISSION)


def test_findings_name_no_more_than_levels_and_participants() -> None:
    judged = admit(provider=AAK, level=EH4)
    assert isinstance(judged, Judged)
    assert [finding.saw for finding in judged.findings] == [
        "in the catalogue, version 2",
        "its own service, connected here",
        "EH4 asked for",
        "1 of 2 providers reach EH4",
        "1 of 1 providers deliver nothing of the person",
        "the provider asked for does not fit",
    ]
    assert judged.findings[-1].needed == "none, or one of: Botter"


# --- who need not be asked


@pytest.mark.parametrize(
    ("request_", "remembered", "provider"),
    [
        ({}, None, None),
        ({"level": EH4}, None, "botter"),  # only one fits
        ({"provider": AAK}, None, "aak"),
        ({"provider": AAK, "declared": (BOTTER,)}, BOTTER, "aak"),
        ({"declared": (AAK,)}, None, "aak"),
        ({"declared": (STRANGER, AAK)}, None, "aak"),
        ({"declared": (STRANGER, KADE)}, None, None),
        ({"declared": (AAK, AAK)}, None, "aak"),
        ({"declared": (AAK, BOTTER)}, None, None),  # two fit
        ({}, AAK, "aak"),
        ({}, STRANGER, None),  # remembered, but gone
        ({"declared": (AAK,)}, AAK, "aak"),
        ({"declared": (AAK,)}, BOTTER, None),  # they differ
        ({"declared": (STRANGER,)}, BOTTER, "botter"),
        ({"level": EH4}, AAK, "botter"),  # remembered, but no longer fitting
    ],
)
def test_user_is_not_asked_when_exactly_one_fits_of_what_he_declared_or_had_remembered(
    request_: dict[str, Any], remembered: str | None, provider: str | None
) -> None:
    found = admit(**request_)
    assert isinstance(found, Admitted)
    chosen = admission.without_asking(found, authn_request(**request_), remembered)
    assert (chosen and chosen.name) == provider
