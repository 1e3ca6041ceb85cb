"""The registry's rules about a query, a mandate and who is represented, as tables."""

from __future__ import annotations

import hmac
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from pipeline.findings import Finding
from registry import judging, legal_subjects, rules, selection
from registry.candidates import Holding
from registry.cases import Asked, Case, asked_by, level_used, services_held
from registry.judging import Refusal
from registry.kept import Mandate, OrganisationKind
from registry.query import Query
from registry.rules import CHOICE_RULES, QUERY_RULES, Question
from schemas.administration import MANAGEMENT, REPRESENTATION, operation_of
from schemas.catalogue import EntityTypeSet, RequestedAttribute, Service
from schemas.commands import Scope, ScopeKind
from schemas.dialogue import RepresentationChoice
from schemas.jose import base64url
from schemas.refusals import RefusalCode
from schemas.sealed import LegalSubject
from schemas.values import AttributeName, EntityType, Level
from tests.unit.builders import (
    HAVEN,
    HIGH_SERVICE,
    KVK,
    LOODS,
    LOODS_SERVICE,
    MOLEN,
    NO_SERVICE,
    NONCE,
    NOW,
    OTHER_NONCE,
    PERSON,
    REQUEST,
    STRANGER,
    asked,
    assignment,
    authenticated,
    candidate,
    case,
    catalogue,
    mandate,
    mandate_query,
    organisation,
    query,
    registry,
    service,
)

MOMENT, DAY = timedelta(microseconds=1), timedelta(days=1)
EH2, EH2PLUS, EH3, EH4 = Level.EH2, Level.EH2PLUS, Level.EH3, Level.EH4
KVKNR, RSIN, BSN, PSEUDO = EntityType.KVKNR, EntityType.RSIN, EntityType.BSN, EntityType.PSEUDO
SECRET = b"k" * 32
VESTIGING = "900001010001"


def failed(findings: tuple[Finding, ...]) -> list[str]:
    """The names of the rules that did not hold."""
    return [finding.rule for finding in findings if not finding.passed]


# --- a query


def question(found: dict[str, Any], **changes: Any) -> Question:
    declared = authenticated(**found)
    fields = {"asked": mandate_query(), "reached": declared.level, "declared": declared}
    return Question(**{**fields, "now": NOW, "registry": registry(), **changes})


STRANGE = {"dienstverlener": STRANGER.replace(":AD:", ":DV:")}
FAULTS: tuple[tuple[str, RefusalCode, Question], ...] = (
    (
        "declaration_not_trusted",
        RefusalCode.PARTICIPANT_FAULT,
        question({}, declared=None, reached=Level.LOA1, fault="signature_invalid"),
    ),
    (
        "deadline_passed",
        RefusalCode.DEADLINE_PASSED,
        question({}, asked=mandate_query(deadline=NOW)),
    ),
    (
        "declaration_of_another_login",
        RefusalCode.PARTICIPANT_FAULT,
        question({"request_digest": "x" * 43}),
    ),
    (
        "declaration_of_another_login",
        RefusalCode.PARTICIPANT_FAULT,
        question({"dienstverlener": LOODS}),
    ),
    (
        "declaration_of_another_login",
        RefusalCode.PARTICIPANT_FAULT,
        question({"service": HIGH_SERVICE}),
    ),
    ("level_not_reached", RefusalCode.PARTICIPANT_FAULT, question({"level": EH2PLUS})),
    (
        "level_not_reached",
        RefusalCode.PARTICIPANT_FAULT,
        question({"level": EH3}, asked=mandate_query(level=EH4)),
    ),
    (
        "dienstverlener_unknown",
        RefusalCode.PARTICIPANT_FAULT,
        question(STRANGE, asked=mandate_query(**STRANGE)),
    ),
    (
        "dienstverlener_unknown",
        RefusalCode.PARTICIPANT_FAULT,
        question(
            {"dienstverlener": registry().me.entity_id},
            asked=mandate_query(dienstverlener=registry().me.entity_id),
        ),
    ),
    (
        "service_withdrawn",
        RefusalCode.SERVICE_WITHDRAWN,
        question({"service": NO_SERVICE}, asked=mandate_query(service=NO_SERVICE)),
    ),
    (
        "service_withdrawn",
        RefusalCode.SERVICE_WITHDRAWN,
        question({"service": LOODS_SERVICE}, asked=mandate_query(service=LOODS_SERVICE)),
    ),
    (
        "level_below_service",
        RefusalCode.PARTICIPANT_FAULT,
        question({"service": HIGH_SERVICE}, asked=mandate_query(service=HIGH_SERVICE)),
    ),
)


@pytest.mark.parametrize(("rule", "code", "wrong"), FAULTS)
def test_query_is_refused_by_the_first_rule_that_does_not_hold(
    rule: str, code: RefusalCode, wrong: Question
) -> None:
    found = judging.admit(QUERY_RULES, wrong)
    assert isinstance(found, Refusal)
    assert (found.code, failed(found.findings)) == (code, [rule])
    assert found.findings[-1].rule == rule


@pytest.mark.parametrize(
    "right", [question({}), question({"level": EH4}), question({}, now=NOW - DAY)]
)
def test_query_is_decided_when_every_rule_holds(right: Question) -> None:
    found = judging.admit(QUERY_RULES, right)
    assert isinstance(found, tuple)
    assert [finding.rule for finding in found] == [rule.name for rule in QUERY_RULES]
    assert failed(found) == []


def test_every_rule_about_a_query_is_shown_to_refuse() -> None:
    assert {rule for rule, _, _ in FAULTS} == {rule.name for rule in QUERY_RULES}
    assert set(CHOICE_RULES) < set(QUERY_RULES)


def test_finding_says_why_a_declaration_is_not_trusted() -> None:
    found = judging.admit(QUERY_RULES, FAULTS[0][2])
    assert isinstance(found, Refusal)
    assert found.findings[0].saw == "signature_invalid"


@pytest.mark.parametrize(
    ("level", "of_service", "needed"), [(EH3, EH3, EH3), (EH4, EH3, EH4), (EH2PLUS, EH3, EH3)]
)
def test_level_needed_is_never_below_that_of_the_service(
    level: Level, of_service: Level, needed: Level
) -> None:
    known = registry(catalogue=catalogue([service(level=of_service)]))
    wanted = asked_by(question({}, asked=mandate_query(level=level), registry=known))
    assert (wanted.level, wanted.services) == (needed, (service().service_uuid,))


def test_nothing_is_asked_of_a_service_that_is_not_in_the_catalogue() -> None:
    with pytest.raises(LookupError):
        asked_by(question({}, asked=mandate_query(service=NO_SERVICE)))


# --- mandates


def scoped(kind: ScopeKind, **which: Any) -> Mandate:
    return mandate(scope=Scope(kind=kind, **which))


def wanting(**changes: Any) -> Asked:
    return asked(service=service(**changes))


BY_NUMBERS = (EntityTypeSet(number=1, types=(KVKNR, RSIN)), EntityTypeSet(number=2, types=(RSIN,)))
NEEDS_KVK = (RequestedAttribute(name=AttributeName.KVK_NUMBER, required=True, purpose="Zaak"),)
WITHOUT_KVK = organisation(kind=OrganisationKind.RSIN_ONLY, kvk=None, rsin="123456782")
PORTAL = service(portal_for=(UUID(int=2), UUID(int=99)), level=EH3)
"""It stands for a service at EH4, and for one that is not in the catalogue any more."""
FOR_BOTH = Scope(kind=ScopeKind.SERVICES, services=PORTAL.portal_for)

REFUSED: tuple[tuple[str, Case[Any]], ...] = (
    ("service_outside_scope", case(scoped(ScopeKind.SERVICES, services=(UUID(int=99),)))),
    ("service_outside_scope", case(scoped(ScopeKind.DIENSTVERLENER, dienstverlener=LOODS))),
    ("mandate_withdrawn", case(mandate(withdrawn_at=NOW))),
    ("mandate_withdrawn", case(mandate(withdrawn_at=NOW + DAY))),
    ("mandate_not_yet_valid", case(mandate(valid_from=NOW + MOMENT))),
    ("mandate_expired", case(mandate(valid_until=NOW))),
    ("mandate_level_too_low", case(mandate(level=EH2PLUS))),
    ("mandate_level_too_low", case(asked=asked(level=EH4))),
    ("portal_level_too_low", case(mandate(scope=FOR_BOTH), asked=asked(service=PORTAL))),
    (
        "portal_level_too_low",
        case(mandate(scope=FOR_BOTH, level=EH4), asked=asked(service=PORTAL, reached=EH3)),
    ),
    ("restriction_not_allowed", case(mandate(vestiging=VESTIGING))),
    ("entity_type_not_available", case(asked=wanting(entity_types=BY_NUMBERS))),
    (
        "attribute_not_available",
        case(
            organisation=WITHOUT_KVK,
            asked=wanting(attributes=NEEDS_KVK, entity_types=BY_NUMBERS),
        ),
    ),
)


@pytest.mark.parametrize(("rule", "wrong"), REFUSED)
def test_mandate_does_not_suffice_when_a_rule_does_not_hold(rule: str, wrong: Case[Any]) -> None:
    assert not selection.suffices(wrong)
    found = selection.findings(wrong, "mandate 1 of 1")
    assert failed(found) == [rule]
    assert {finding.about for finding in found} == {"mandate 1 of 1"}


def test_every_rule_about_a_mandate_is_shown_to_refuse() -> None:
    assert {rule for rule, _ in REFUSED} == {rule.name for rule in selection.RULES[Mandate]}


@pytest.mark.parametrize(
    "right",
    [
        case(),
        case(scoped(ScopeKind.EVERYTHING)),
        case(scoped(ScopeKind.DIENSTVERLENER, dienstverlener=HAVEN)),
        case(scoped(ScopeKind.SERVICES, services=(UUID(int=99), UUID(int=1)))),
        case(mandate(valid_from=NOW, valid_until=NOW + MOMENT)),
        case(mandate(level=EH4), asked=asked(level=EH4)),
        case(mandate(vestiging=VESTIGING), asked=wanting(restrictable=True)),
        case(organisation=WITHOUT_KVK, asked=wanting(entity_types=BY_NUMBERS)),
        case(mandate(scope=FOR_BOTH, level=EH4), asked=asked(service=PORTAL)),
    ],
)
def test_mandate_suffices_when_every_rule_holds(right: Case[Any]) -> None:
    assert selection.suffices(right)
    assert failed(selection.findings(right, "")) == []


@pytest.mark.parametrize("kind", [ScopeKind.EVERYTHING, ScopeKind.DIENSTVERLENER])
@pytest.mark.parametrize("which", [MANAGEMENT, REPRESENTATION, operation_of(HAVEN)])
def test_administration_is_covered_only_by_a_scope_that_names_it(
    kind: ScopeKind, which: UUID
) -> None:
    named = {"dienstverlener": HAVEN} if kind is ScopeKind.DIENSTVERLENER else {}
    wanted = wanting(service_uuid=which)
    assert failed(selection.findings(case(scoped(kind, **named), asked=wanted), "")) == [
        "service_outside_scope"
    ]
    assert selection.suffices(case(scoped(ScopeKind.SERVICES, services=(which,)), asked=wanted))


def test_finding_says_what_would_have_passed() -> None:
    (found,) = (f for f in selection.findings(case(mandate(level=EH2)), "") if not f.passed)
    assert (found.saw, found.needed) == (
        "EH2",
        "a mandate of EH3; this one is EH2: ask the machtigingenbeheerder",
    )


@pytest.mark.parametrize("wrong", [wrong for _, wrong in REFUSED])
def test_findings_name_nobody(wrong: Case[Any]) -> None:
    text = " ".join(f"{f.saw} {f.needed} {f.about}" for f in selection.findings(wrong, ""))
    known = {KVK, VESTIGING, "123456782", "Windvanger", "Ans", str(PERSON), str(MOLEN)}
    assert not [one for one in known if one in text]


# --- portals


SEVERAL = service(portal_for=(UUID(int=1), UUID(int=2), UUID(int=81), UUID(int=99)))
"""At EH3; of haven at EH3 and EH4, of loods at EH3, and one that is withdrawn."""


@pytest.mark.parametrize(
    ("held", "reached", "services"),
    [
        (scoped(ScopeKind.EVERYTHING), EH3, [1, 81]),
        (mandate(scope=Scope(kind=ScopeKind.EVERYTHING), level=EH4), EH4, [1, 2, 81]),
        (mandate(scope=Scope(kind=ScopeKind.EVERYTHING), level=EH4), EH3, [1, 81]),
        (scoped(ScopeKind.DIENSTVERLENER, dienstverlener=LOODS), EH4, [81]),
        (scoped(ScopeKind.SERVICES, services=(UUID(int=81), UUID(int=99))), EH4, [81]),
    ],
)
def test_portal_is_permitted_for_each_of_its_services_that_holds(
    held: Mandate, reached: Level, services: list[int]
) -> None:
    found = services_held(case(held, asked=asked(service=SEVERAL, reached=reached)))
    assert [each.int for each in found] == services


@pytest.mark.parametrize(
    ("of_mandate", "reached", "used"),
    [(EH3, EH3, EH3), (EH3, EH4, EH3), (EH4, EH3, EH3), (EH2PLUS, EH4, EH2PLUS)],
)
def test_level_used_is_that_of_the_weakest_link(
    of_mandate: Level, reached: Level, used: Level
) -> None:
    assert level_used(case(mandate(level=of_mandate), asked=asked(reached=reached))) is used


# --- why none suffices


def about(holding: Holding) -> list[tuple[str, str]]:
    found = selection.refusal(holding, asked())
    assert found.code is RefusalCode.NO_MANDATE
    return [(f.rule, f.about) for f in found.findings if not f.passed]


def test_nearest_candidate_comes_first_when_none_suffices() -> None:
    far = candidate(
        scoped(ScopeKind.SERVICES, services=(UUID(int=99),)).model_copy(
            update={"withdrawn_at": NOW}
        )
    )
    near = candidate(mandate(level=EH2))
    assert about(Holding(True, False, (far, near))) == [
        ("mandate_level_too_low", "mandate 2 of 2"),
        ("service_outside_scope", "mandate 1 of 2"),
        ("mandate_withdrawn", "mandate 1 of 2"),
    ]


def test_candidates_are_numbered_among_their_kind() -> None:
    some = (
        candidate(mandate(level=EH2)),
        candidate(assignment(level=EH2)),
        candidate(mandate(level=EH2)),
    )
    assert [of for _, of in about(Holding(True, True, some))] == [
        "mandate 1 of 2",
        "assignment 1 of 1",
        "mandate 2 of 2",
    ]


def test_findings_are_kept_of_twenty_candidates_at_most() -> None:
    many = tuple(candidate(mandate(level=EH2)) for _ in range(25))
    assert len(about(Holding(True, False, many))) == 20


@pytest.mark.parametrize(
    ("holding", "rule", "saw"),
    [
        (Holding(), "no_mandate_at_all", "nobody that this registry knows"),
        (Holding(known=True), "no_mandate_at_all", "a person without any mandate"),
        (Holding(known=True, acts_for_others=True), "employee_not_assigned", "the organisation"),
    ],
)
def test_there_is_a_reason_when_there_is_nothing_to_judge(
    holding: Holding, rule: str, saw: str
) -> None:
    (found,) = selection.refusal(holding, asked()).findings
    assert (found.rule, found.passed) == (rule, False)
    assert found.saw.startswith(saw)


@pytest.mark.parametrize(
    ("held", "rules_"),
    [
        (mandate(level=EH2), ["mandate_level_too_low", "employee_not_assigned"]),
        (assignment(level=EH2), ["assignment_level_too_low"]),
    ],
)
def test_employee_is_not_assigned_when_he_has_no_assignment(held: Any, rules_: list[str]) -> None:
    found = about(Holding(True, True, (candidate(held),)))
    assert [rule for rule, _ in found] == rules_


def test_all_that_suffice_are_found_in_their_order() -> None:
    one, two = candidate(mandate(id=UUID(int=2))), candidate(mandate(level=EH4))
    low = candidate(mandate(level=EH2))
    assert selection.fitting([low, one, low, two], asked()) == [one, two]


# --- who is represented


def sets(*types: tuple[EntityType, ...]) -> tuple[EntityTypeSet, ...]:
    """Numbered sets, the highest number first: the order in the catalogue says nothing."""
    numbered = [EntityTypeSet(number=n, types=each) for n, each in enumerate(types, start=1)]
    return tuple(reversed(numbered))


EENMANSZAAK = organisation(kind=OrganisationKind.EENMANSZAAK, bsn="123456782")
COMPANY = organisation(rsin="123456782")
NUMBERLESS = organisation(kind=OrganisationKind.PSEUDONYM_ONLY, kvk=None)


@pytest.mark.parametrize(
    ("of", "allowed", "level", "used"),
    [
        (COMPANY, sets((KVKNR,)), EH2, (KVKNR,)),
        (COMPANY, sets((RSIN,), (KVKNR,)), EH2, (RSIN,)),
        (COMPANY, sets((KVKNR, RSIN), (KVKNR,)), EH2, (KVKNR, RSIN)),
        (EENMANSZAAK, sets((KVKNR, RSIN), (KVKNR,)), EH2, (KVKNR,)),
        (EENMANSZAAK, sets((RSIN,), (BSN,), (KVKNR,)), EH3, (BSN,)),
        (EENMANSZAAK, sets((RSIN,), (BSN,), (KVKNR,)), EH2PLUS, (KVKNR,)),
        (WITHOUT_KVK, sets((KVKNR,), (RSIN,)), EH2, (RSIN,)),
        (NUMBERLESS, sets((KVKNR,), (RSIN,), (PSEUDO,)), EH2, (PSEUDO,)),
        (NUMBERLESS, sets((KVKNR,), (RSIN,)), EH2, None),
        (COMPANY, sets((PSEUDO, KVKNR), (KVKNR,)), EH2, (PSEUDO, KVKNR)),
        (WITHOUT_KVK, sets((PSEUDO, KVKNR)), EH2, None),
    ],
)
def test_numbers_are_those_of_the_lowest_set_that_can_be_met(
    of: Any, allowed: tuple[EntityTypeSet, ...], level: Level, used: Any
) -> None:
    wanted = Service.model_construct(entity_types=allowed)
    assert legal_subjects.types_used(of, wanted, level) == used


def test_numbers_in_a_legal_subject_are_the_organisations_own() -> None:
    of_both = wanting(entity_types=sets((KVKNR, RSIN)))
    found = legal_subjects.legal_subject(case(organisation=COMPANY, asked=of_both))
    assert [(each.type, each.value) for each in found.identifiers] == [
        (KVKNR, KVK),
        (RSIN, "123456782"),
    ]


def test_pseudonym_of_an_organisation_is_hmac_over_itself_and_the_dienstverlener() -> None:
    found = legal_subjects.legal_subject(
        case(organisation=NUMBERLESS, asked=wanting(entity_types=sets((PSEUDO,))))
    )
    text = f"organisation\n{MOLEN}\n{HAVEN}"
    expected = base64url(hmac.new(SECRET, text.encode(), "sha256").digest())
    assert [each.value for each in found.identifiers] == [expected]


def test_nobody_is_represented_by_a_number_that_he_has_not() -> None:
    with pytest.raises(LookupError):
        legal_subjects.legal_subject(case(organisation=NUMBERLESS))


def requesting(*names: AttributeName, required: bool = False) -> Asked:
    wanted = tuple(RequestedAttribute(name=n, required=required, purpose="Zaak") for n in names)
    return wanting(attributes=wanted, entity_types=BY_NUMBERS)


NAME, NUMBER = AttributeName.COMPANY_NAME, AttributeName.KVK_NUMBER


@pytest.mark.parametrize(
    ("of", "wanted", "told"),
    [
        (COMPANY, requesting(), (None, None)),
        (COMPANY, requesting(NAME), ("Korenmolen De Windvanger", None)),
        (COMPANY, requesting(NAME, NUMBER), ("Korenmolen De Windvanger", KVK)),
        (COMPANY, requesting(NUMBER, required=True), (None, KVK)),
        (WITHOUT_KVK, requesting(NUMBER), (None, None)),
        (COMPANY, requesting(AttributeName.FIRST_NAME, required=True), (None, None)),
    ],
)
def test_attributes_of_the_represented_are_told_when_the_service_asks(
    of: Any, wanted: Asked, told: tuple[str | None, str | None]
) -> None:
    judged = case(organisation=of, asked=wanted)
    found: LegalSubject = legal_subjects.legal_subject(judged)
    assert (found.company_name, found.kvk_number) == told
    assert selection.suffices(judged)


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


def pseudonym(**changes: Any) -> str:
    fields = {"secret": SECRET, "person": PERSON, "organisation": MOLEN, "dienstverlener": HAVEN}
    return rules.pseudonym(**{**fields, **changes})


def test_pseudonym_is_hmac_sha_256_over_person_organisation_and_dienstverlener() -> None:
    text = f"{PERSON}\n{MOLEN}\n{HAVEN}"
    assert pseudonym() == base64url(hmac.new(SECRET, text.encode(), "sha256").digest())


@pytest.mark.parametrize(
    "other",
    [
        {"dienstverlener": LOODS},
        {"person": UUID(int=9)},
        {"organisation": UUID(int=9)},
        {"secret": b"l" * 32},
    ],
)
def test_pseudonym_is_another_for_whom_it_may_not_be_linked_to(other: dict[str, Any]) -> None:
    assert pseudonym(**other) != pseudonym()


def test_pseudonym_shows_neither_person_nor_organisation() -> None:
    assert not {str(PERSON), str(MOLEN)} & {pseudonym()}
    assert len(pseudonym()) == 43


def test_query_survives_its_own_json() -> None:
    found = selection.findings(case(), "mandate")
    row = query(options=((UUID(int=1),), (UUID(int=2),)), nonce=NONCE, findings=found)
    assert Query.model_validate_json(row.model_dump_json()) == row
    changed = row.moved(is_open=False, nonce=None)
    assert changed == query(options=row.options, is_open=False, findings=found)


# --- how the rules are written


def test_finding_needs_nothing_when_its_rule_holds() -> None:
    found = selection.findings(case(mandate(level=EH2)), "")
    assert all(bool(f.needed) is not f.passed for f in found)


def test_every_rule_has_a_source_and_no_two_of_a_table_the_same_name() -> None:
    for table in (QUERY_RULES, *selection.RULES.values()):
        assert len({rule.name for rule in table}) == len(table)
        assert all("[AS]" in rule.source or "CHOICE" in rule.source for rule in table)


def test_dates_in_findings_are_days() -> None:
    at = datetime(2027, 5, 6, 7, 8, tzinfo=NOW.tzinfo)
    (found,) = (
        f
        for f in selection.findings(case(mandate(valid_from=at, valid_until=at + DAY)), "")
        if not f.passed
    )
    assert found.saw == "valid from 2027-05-06"
