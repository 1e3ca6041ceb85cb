"""The rules of each command: what is done, and every reason why it is not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from registry.administration import actors, validity
from registry.administration.actors import As
from registry.administration.awaiting import APPROVED_WITHIN, Awaiting
from registry.administration.commands import decide
from registry.administration.done import Done, Judged
from registry.administration.situation import Situation
from registry.administration.texts import TEXTS
from registry.events import By, Past, Recorded
from registry.kept import Kept
from schemas.administration import (
    MANAGEMENT,
    REPRESENTATION,
    Accept,
    Approve,
    Change,
    ChargeKind,
    CommandContent,
    CommandRefusal,
    EventKind,
    History,
    List,
    Period,
    Scope,
    ScopeKind,
    ShownLine,
    Withdraw,
    WithdrawPerson,
    operation_of,
)
from schemas.chains import ChainInformationQuery, ChainQuestion
from schemas.codec import CLOCK_SKEW_SECONDS
from schemas.sealed import Identifier
from schemas.topics import CHAIN_INFORMATION_QUERIES
from schemas.values import EntityType
from tests.unit.administering import (
    ABROAD,
    ACCOUNTANT,
    APPROVED,
    BOOKKEEPING,
    COMMAND,
    COMPANY,
    DAY,
    EH2PLUS,
    EH3,
    EH4,
    EMPLOYEE,
    GENERAL,
    KANTOOR,
    KANTOOR_KVK,
    MANAGER,
    MANAGES,
    MATE_REPRESENTS,
    MOLEN,
    MOLEN_KVK,
    NOBODY_OFFERS,
    NONE_AT_ALL,
    OPERATES,
    OPERATES_TOO,
    OPERATING,
    OPERATION,
    REPRESENTING,
    REPRESENTS,
    SKIPPER,
    SKIPPER_REPRESENTS,
    VESTIGING,
    WERF,
    YEAR,
    actor,
    appoint,
    assign,
    assignment,
    in_writing,
    kvk,
    link,
    login,
    mandate,
    named_mandate,
    pseudonym,
    register,
    register_link,
    registry,
    services_scope,
    situation,
    without_chains,
    world,
)
from tests.unit.builders import HAVEN, LOODS, NOW, PIER

R = CommandRefusal
FIVE_YEARS = datetime(2031, 3, 2, 9, 30, tzinfo=UTC)
MOMENT = timedelta(microseconds=1)
WITHIN = timedelta(minutes=15)


def refused(content: CommandContent, found: Situation) -> CommandRefusal | None:
    """Why not; None where it is done."""
    judged = decide(content, found)
    return judged if isinstance(judged, CommandRefusal) else None


def done(content: CommandContent, found: Situation) -> Done:
    judged = decide(content, found)
    assert isinstance(judged, Done), judged
    return judged


def only(judged: Done) -> tuple[EventKind, Any]:
    (told,) = judged.told
    return told.kind, told.thing


def kinds(judged: Done) -> list[EventKind]:
    return [told.kind for told in judged.told]


# --- who commands


@pytest.mark.parametrize("as_", As)
def test_login_to_a_service_of_the_portal_says_as_what_somebody_commands(as_: As) -> None:
    assert actors.judge_login(login(as_), registry(), NOW, WITHIN) is as_


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"services": (GENERAL,)}, R.NOT_AUTHORISED),
        ({"services": (operation_of(PIER),)}, R.NOT_AUTHORISED),
        ({"services": (MANAGEMENT, REPRESENTATION)}, R.NOT_AUTHORISED),
        ({"intermediary": KANTOOR_KVK}, R.NOT_AUTHORISED),
        ({"authenticated_at": None}, R.ASSERTION_REFUSED),
        ({"authenticated_at": NOW - WITHIN}, As.MANAGER),
        ({"authenticated_at": NOW - WITHIN - MOMENT}, R.ASSERTION_REFUSED),
        ({"authenticated_at": NOW + timedelta(seconds=CLOCK_SKEW_SECONDS)}, As.MANAGER),
        ({"authenticated_at": NOW + timedelta(seconds=31)}, R.ASSERTION_REFUSED),
    ],
)
def test_login_is_worth_nothing_when_it_is_old_or_of_something_else(
    changes: dict[str, Any], reason: object
) -> None:
    assert actors.judge_login(login(**changes), registry(), NOW, WITHIN) is reason


def test_login_is_worth_nothing_when_it_is_for_one_vestiging() -> None:
    subject = login().legal_subject
    restricted = login(legal_subject=type(subject)(subject.identifiers, vestiging=VESTIGING))
    assert actors.judge_login(restricted, registry(), NOW, WITHIN) is R.NOT_AUTHORISED


@pytest.mark.parametrize(
    ("changes", "holds"),
    [
        ({}, True),
        ({"level": EH4}, True),
        ({"level": EH2PLUS}, False),
        ({"withdrawn_at": NOW}, False),
        ({"valid_until": NOW}, False),
        ({"valid_from": NOW + MOMENT}, False),
        ({"vestiging": VESTIGING}, False),
        ({"person": EMPLOYEE.id}, False),
    ],
)
def test_authority_is_a_mandate_of_who_logged_in_that_holds_now(
    changes: dict[str, Any], holds: bool
) -> None:
    held = MANAGES.model_copy(update={"revision": 3, **changes})
    found = actors.authority_of(login(), [held], registry(), NOW)
    assert found == ((held,) if holds else ())


# --- validity


@pytest.mark.parametrize(
    ("valid_from", "valid_until", "holds"),
    [
        (None, None, True),
        (None, FIVE_YEARS, True),
        (None, FIVE_YEARS + MOMENT, False),
        (None, NOW, False),
        (None, NOW + MOMENT, True),
        (NOW - DAY, NOW, False),
        (NOW + DAY, NOW + DAY, False),
        (NOW + DAY, NOW + DAY + MOMENT, True),
        (NOW + DAY, FIVE_YEARS + DAY, True),
        (NOW + DAY, FIVE_YEARS + DAY + MOMENT, False),
    ],
)
def test_period_is_refused_when_it_is_empty_over_or_longer_than_five_years(
    valid_from: datetime | None, valid_until: datetime | None, holds: bool
) -> None:
    asked = Period(valid_from=valid_from, valid_until=valid_until)
    found = validity.period(asked, NOW)
    expected = (valid_from or NOW, valid_until or FIVE_YEARS)
    assert found == (expected if holds else R.VALIDITY_REFUSED)


def test_five_years_end_on_the_28th_when_they_begin_on_29_february() -> None:
    began = datetime(2028, 2, 29, tzinfo=UTC)
    assert validity.latest_end(began) == datetime(2033, 2, 28, tzinfo=UTC)


@pytest.mark.parametrize(
    ("valid_until", "expected"),
    [
        (NOW + YEAR, (NOW - DAY, NOW + YEAR)),
        (FIVE_YEARS, (NOW, FIVE_YEARS)),
        (FIVE_YEARS + MOMENT, R.VALIDITY_REFUSED),
        (NOW, R.VALIDITY_REFUSED),
    ],
)
def test_renewal_starts_anew_when_it_ends_more_than_five_years_after_the_start(
    valid_until: datetime, expected: object
) -> None:
    assert validity.renewed(NOW - DAY, valid_until, NOW) == expected


# --- register

REGISTERED = [
    ({}, None),
    ({"scope": Scope(kind=ScopeKind.EVERYTHING)}, None),
    ({"scope": Scope(kind=ScopeKind.DIENSTVERLENER, dienstverlener=HAVEN)}, None),
    ({"scope": Scope(kind=ScopeKind.DIENSTVERLENER, dienstverlener=PIER)}, R.SERVICE_UNKNOWN),
    ({"scope": services_scope(GENERAL, NOBODY_OFFERS)}, R.SERVICE_UNKNOWN),
    ({"scope": services_scope(GENERAL, MANAGEMENT)}, R.NOT_AUTHORISED),
    ({"scope": services_scope(REPRESENTATION)}, R.NOT_AUTHORISED),
    ({"scope": services_scope(OPERATION)}, R.NOT_AUTHORISED),
    ({"level": EH2PLUS}, None),
    ({"level": EH4}, R.LEVEL_ABOVE_OWN),
    ({"vestiging": VESTIGING}, None),
    ({"vestiging": "900001010009"}, R.VESTIGING_UNKNOWN),
    ({"valid_until": FIVE_YEARS + DAY}, R.VALIDITY_REFUSED),
]


@pytest.mark.parametrize(("changes", "reason"), REGISTERED)
def test_manager_registers_what_the_rules_allow(
    changes: dict[str, Any], reason: CommandRefusal | None
) -> None:
    assert refused(register(**changes), situation()) is reason


def test_mandate_that_is_registered_is_the_one_asked_for_and_costs_something() -> None:
    judged = done(register(vestiging=VESTIGING), situation())
    kind, made = only(judged)
    assert kind is EventKind.MANDATE_REGISTERED
    assert (made.person, made.organisation, made.level) == (EMPLOYEE.id, MOLEN.id, EH3)
    assert (made.vestiging, made.revision, made.document) == (VESTIGING, 1, None)
    assert (made.valid_from, made.valid_until, made.registered_at) == (NOW, FIVE_YEARS, NOW)
    assert judged.relies_on == [MOLEN, EMPLOYEE]
    (cost,) = judged.costs
    assert (cost.kind, cost.organisation) == (ChargeKind.REGISTRATION, MOLEN)
    assert cost.cause == f"{made.id}@1"


def test_id_of_a_mandate_cannot_be_chosen_and_is_the_same_for_the_same_command() -> None:
    first, again = (only(done(register(), situation()))[1].id for _ in range(2))
    other = only(done(register(), situation(command=UUID(int=7))))[1].id
    assert first == again not in (COMMAND, other)


def test_person_must_be_known_when_a_mandate_is_registered() -> None:
    assert refused(register(), situation(person=None)) is R.PERSON_UNKNOWN


@pytest.mark.parametrize(
    ("content", "by", "reason"),
    [
        (register(), BOOKKEEPING, R.NOT_AUTHORISED),
        (register(), REPRESENTING, R.NOT_AUTHORISED),
        (register(document="BRIEF-1"), actor(), R.NOT_AUTHORISED),
        (register(), OPERATING, R.DOCUMENT_NEEDED),
        (register(document="BRIEF-1"), OPERATING, R.DOCUMENT_NEEDED),
        (register(organisation=kvk(MOLEN_KVK)), OPERATING, R.DOCUMENT_NEEDED),
        (in_writing(), OPERATING, None),
        (register_link(), BOOKKEEPING, R.NOT_AUTHORISED),
        (register_link(), REPRESENTING, R.NOT_AUTHORISED),
        (register_link(), OPERATING, R.DOCUMENT_NEEDED),
        (
            register_link(document="BRIEF-1", organisation=kvk(MOLEN_KVK)),
            OPERATING,
            None,
        ),
    ],
)
def test_organisation_is_the_managers_own_or_named_in_writing_by_an_operator(
    content: CommandContent, by: Any, reason: CommandRefusal | None
) -> None:
    assert refused(content, situation(by, organisation=MOLEN)) is reason


@pytest.mark.parametrize("content", [in_writing(), in_writing().model_copy(update={})])
def test_organisation_in_writing_must_be_registered_here(content: CommandContent) -> None:
    assert refused(content, situation(OPERATING, organisation=None)) is R.NOT_FOUND
    assert refused(content, situation(organisation=None)) is R.NOT_AUTHORISED


# --- change


@pytest.mark.parametrize(
    ("before", "asked", "reason"),
    [
        ({}, {"level": EH2PLUS}, None),
        ({}, {"level": EH4}, R.LEVEL_ABOVE_OWN),
        ({"level": EH4}, {"level": EH3}, R.LEVEL_ABOVE_OWN),
        ({"organisation": KANTOOR.id}, {"level": EH3}, R.NOT_FOUND),
        ({"withdrawn_at": NOW}, {"level": EH3}, R.ALREADY_WITHDRAWN),
        ({"valid_until": NOW}, {"valid_until": NOW + YEAR}, R.VALIDITY_REFUSED),
        ({"scope": services_scope(MANAGEMENT)}, {"level": EH2PLUS}, R.NOT_AUTHORISED),
        ({"scope": services_scope(REPRESENTATION)}, {"level": EH2PLUS}, R.NOT_AUTHORISED),
        ({}, {"valid_until": FIVE_YEARS + DAY}, R.VALIDITY_REFUSED),
    ],
)
def test_manager_changes_what_the_rules_allow(
    before: dict[str, Any], asked: dict[str, Any], reason: CommandRefusal | None
) -> None:
    found = situation(things=[mandate(**before)])
    assert refused(Change(mandate=mandate().id, **asked), found) is reason


@pytest.mark.parametrize("things", [[], [link()], [assignment()]])
def test_change_finds_nothing_when_it_names_no_mandate(things: Sequence[Kept]) -> None:
    assert refused(Change(mandate=mandate().id), situation(things=things)) is R.NOT_FOUND


def test_representative_changes_no_mandate() -> None:
    found = situation(REPRESENTING, things=[mandate()])
    assert refused(Change(mandate=mandate().id), found) is R.NOT_AUTHORISED


@pytest.mark.parametrize(
    ("asked", "costs"),
    [
        ({"valid_until": NOW + YEAR + MOMENT}, [ChargeKind.RENEWAL]),
        ({"valid_until": NOW + YEAR}, []),
        ({"valid_until": NOW + DAY}, []),
        ({"level": EH2PLUS}, []),
    ],
)
def test_change_costs_something_when_the_end_is_later(
    asked: dict[str, Any], costs: list[ChargeKind]
) -> None:
    judged = done(Change(mandate=mandate().id, **asked), situation(things=[mandate()]))
    kind, after = only(judged)
    assert kind is EventKind.MANDATE_CHANGED
    assert after == mandate(revision=2, **asked)
    assert [cost.kind for cost in judged.costs] == costs


# --- links


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"services": (APPROVED,)}, None),
        ({"services": (GENERAL, NONE_AT_ALL)}, R.INTERMEDIATION_REFUSED),
        ({"services": (APPROVED,), "intermediary": "90000109"}, R.INTERMEDIATION_REFUSED),
        ({"services": (NOBODY_OFFERS,)}, R.SERVICE_UNKNOWN),
        ({"services": (MANAGEMENT,)}, R.NOT_AUTHORISED),
        ({"intermediary": MOLEN_KVK}, R.SAME_ORGANISATION),
        ({"level": EH4}, R.LEVEL_ABOVE_OWN),
        ({"vestiging": VESTIGING}, None),
        ({"vestiging": "900001010009"}, R.VESTIGING_UNKNOWN),
        ({"valid_until": NOW}, R.VALIDITY_REFUSED),
    ],
)
def test_link_is_registered_when_the_rules_allow_it(
    changes: dict[str, Any], reason: CommandRefusal | None
) -> None:
    assert refused(register_link(**changes), situation()) is reason


def test_link_is_not_accepted_yet_and_costs_the_principal_something() -> None:
    judged = done(register_link(), situation())
    kind, made = only(judged)
    assert kind is EventKind.LINK_REGISTERED
    assert (made.organisation, made.intermediary, made.accepted_at) == (MOLEN.id, KANTOOR_KVK, None)
    (cost,) = judged.costs
    assert (cost.kind, cost.organisation) == (ChargeKind.CHAIN_REGISTRATION, MOLEN)
    assert judged.relies_on == [MOLEN]


@pytest.mark.parametrize("content", [register_link(), assign()])
def test_chain_is_refused_when_the_registry_offers_none(content: CommandContent) -> None:
    found = situation(BOOKKEEPING, person=ACCOUNTANT, registry=without_chains())
    by_its_own = situation(registry=without_chains())
    judged = by_its_own if content.kind == "register-link" else found
    assert refused(content, judged) is R.CHAINS_NOT_OFFERED


@pytest.mark.parametrize("by", [BOOKKEEPING, ABROAD])
def test_link_is_accepted_by_a_manager_of_the_intermediary(by: Any) -> None:
    kind, after = only(done(Accept(link=link().id), situation(by, things=[link()])))
    assert kind is EventKind.LINK_ACCEPTED
    assert after == link(revision=2, accepted_at=NOW)


@pytest.mark.parametrize(
    ("before", "by", "reason"),
    [
        ({}, actor(), R.NOT_FOUND),
        ({}, actor(As.REPRESENTATIVE, organisation=KANTOOR, kvk=KANTOOR_KVK), R.NOT_AUTHORISED),
        ({"withdrawn_at": NOW}, BOOKKEEPING, R.ALREADY_WITHDRAWN),
        ({"level": EH4}, BOOKKEEPING, R.LEVEL_ABOVE_OWN),
        ({"valid_until": NOW}, BOOKKEEPING, R.VALIDITY_REFUSED),
    ],
)
def test_link_is_not_accepted_when_the_rules_do_not_allow_it(
    before: dict[str, Any], by: Any, reason: CommandRefusal
) -> None:
    assert refused(Accept(link=link().id), situation(by, things=[link(**before)])) is reason


def test_nothing_changes_when_a_link_is_accepted_twice() -> None:
    before = link(revision=2, accepted_at=NOW - DAY)
    judged = done(Accept(link=link().id), situation(BOOKKEEPING, things=[before]))
    assert not judged.told
    assert judged.shown is not None
    assert [line.state for line in judged.shown] == ["accepted"]


# --- assign


def assigned(**changes: Any) -> Situation:
    return situation(BOOKKEEPING, **{"person": ACCOUNTANT, **changes})


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"principal": kvk(KANTOOR_KVK)}, R.SAME_ORGANISATION),
        ({"services": (NOBODY_OFFERS,)}, R.SERVICE_UNKNOWN),
        ({"services": (MANAGEMENT,)}, R.NOT_AUTHORISED),
        ({"services": (NONE_AT_ALL,)}, R.INTERMEDIATION_REFUSED),
        ({"level": EH4}, R.LEVEL_ABOVE_OWN),
        ({"valid_until": NOW}, R.VALIDITY_REFUSED),
    ],
)
def test_assignment_is_registered_when_the_rules_allow_it(
    changes: dict[str, Any], reason: CommandRefusal | None
) -> None:
    assert refused(assign(**changes), assigned()) is reason


@pytest.mark.parametrize("person", [None, EMPLOYEE])
def test_assignment_is_for_an_employee_of_the_intermediary_only(person: Any) -> None:
    assert refused(assign(), assigned(person=person)) is R.PERSON_UNKNOWN


@pytest.mark.parametrize("as_", [As.REPRESENTATIVE, As.OPERATOR])
def test_assignment_is_by_a_manager_only(as_: As) -> None:
    by = actor(as_, organisation=KANTOOR, kvk=KANTOOR_KVK)
    assert refused(assign(), situation(by, person=ACCOUNTANT)) is R.NOT_AUTHORISED


def test_intermediary_without_kvk_number_assigns_nobody() -> None:
    own = KANTOOR.model_copy(update={"kvk": None, "rsin": "123456782"})
    found = situation(actor(organisation=own, kvk=None), person=ACCOUNTANT)
    assert refused(assign(), found) is R.INTERMEDIATION_REFUSED


def test_other_registries_with_chains_are_asked_where_the_link_is() -> None:
    judged = done(assign(), assigned())
    kind, made = only(judged)
    assert kind is EventKind.ASSIGNMENT_REGISTERED
    assert (made.registry, made.link) == (None, None)
    assert judged.relies_on == [KANTOOR, ACCOUNTANT]
    (asked,) = judged.asks
    assert (asked.topic, asked.owner.entity_id) == (CHAIN_INFORMATION_QUERIES, PIER)
    assert isinstance(asked.message, ChainInformationQuery)
    assert asked.message.request_id == made.id
    question = world().keys("pier").open(asked.message.question, ChainQuestion)
    assert question == ChainQuestion(principal=kvk(MOLEN_KVK), intermediary=KANTOOR_KVK)


def test_nobody_is_asked_when_the_registry_has_a_fitting_link_itself() -> None:
    best = link(2, services=(GENERAL, APPROVED), accepted_at=NOW)
    others = [link(1, level=EH2PLUS), link(3), link(4, services=(NONE_AT_ALL,), level=EH4)]
    asked = assign(services=(GENERAL, APPROVED))
    judged = done(asked, assigned(links=[*others, best]))
    assert kinds(judged) == [EventKind.ASSIGNMENT_REGISTERED, EventKind.ASSIGNMENT_LOCATED]
    before, after = (told.thing for told in judged.told)
    assert after == before.model_copy(
        update={"revision": 2, "registry": registry().me.entity_id, "link": best.id}
    )
    assert not judged.asks


# --- withdraw


@pytest.mark.parametrize(
    ("thing", "by", "kind"),
    [
        (mandate(), actor(), EventKind.MANDATE_WITHDRAWN),
        (MANAGES, actor(), EventKind.MANDATE_WITHDRAWN),
        (MANAGES, REPRESENTING, EventKind.MANDATE_WITHDRAWN),
        (link(), actor(), EventKind.LINK_WITHDRAWN),
        (link(), BOOKKEEPING, EventKind.LINK_WITHDRAWN),
        (link(), ABROAD, EventKind.LINK_WITHDRAWN),
        (assignment(), BOOKKEEPING, EventKind.ASSIGNMENT_WITHDRAWN),
    ],
)
def test_either_side_withdraws_at_once(thing: Kept, by: Any, kind: EventKind) -> None:
    judged = done(Withdraw(what=thing.id), situation(by, things=[thing]))
    after = thing.model_copy(update={"revision": 2, "withdrawn_at": NOW})
    assert only(judged) == (kind, after)
    assert not judged.costs


@pytest.mark.parametrize(
    ("thing", "by", "reason"),
    [
        (mandate(), BOOKKEEPING, R.NOT_FOUND),
        (mandate(), ABROAD, R.NOT_FOUND),
        (assignment(), actor(), R.NOT_FOUND),
        (mandate(level=EH4), actor(), R.LEVEL_ABOVE_OWN),
        (mandate(withdrawn_at=NOW - DAY), actor(), R.ALREADY_WITHDRAWN),
        (link(withdrawn_at=NOW - DAY), BOOKKEEPING, R.ALREADY_WITHDRAWN),
        (REPRESENTS, actor(), R.NOT_AUTHORISED),
        (mandate(scope=services_scope(OPERATION)), actor(), R.NOT_AUTHORISED),
        (REPRESENTS, REPRESENTING, R.NOT_AUTHORISED),
        (mandate(), REPRESENTING, R.NOT_AUTHORISED),
        (OPERATES, OPERATING, R.NOT_AUTHORISED),
    ],
)
def test_withdrawal_is_refused_when_the_rules_do_not_allow_it(
    thing: Kept, by: Any, reason: CommandRefusal
) -> None:
    assert refused(Withdraw(what=thing.id), situation(by, things=[thing])) is reason


def test_withdrawal_finds_nothing_when_there_is_nothing() -> None:
    assert refused(Withdraw(what=UUID(int=1)), situation()) is R.NOT_FOUND


ALL_OF_ONE = (
    mandate(1),
    mandate(2, withdrawn_at=NOW - DAY),
    mandate(3, organisation=WERF.id),
    named_mandate(4, EMPLOYEE, MOLEN, MANAGEMENT),
    named_mandate(5, EMPLOYEE, MOLEN, REPRESENTATION),
    assignment(6, person=EMPLOYEE.id, organisation=MOLEN.id),
)


def test_all_of_a_person_ends_but_what_the_registry_itself_registered() -> None:
    judged = done(WithdrawPerson(person=EMPLOYEE.id), situation(things=ALL_OF_ONE))
    ended = [ALL_OF_ONE[0].id, ALL_OF_ONE[3].id, ALL_OF_ONE[5].id]
    assert [told.thing.id for told in judged.told] == ended
    assert all(told.thing.withdrawn_at == NOW for told in judged.told)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (situation(things=[mandate(1), mandate(2, level=EH4)]), R.LEVEL_ABOVE_OWN),
        (situation(things=ALL_OF_ONE[1:3]), R.NOT_FOUND),
        (situation(things=[mandate()], person=None), R.NOT_FOUND),
        (situation(REPRESENTING, things=[mandate()]), R.NOT_AUTHORISED),
    ],
)
def test_all_of_a_person_stays_when_the_rules_do_not_allow_it(
    found: Situation, reason: CommandRefusal
) -> None:
    assert refused(WithdrawPerson(person=EMPLOYEE.id), found) is reason


# --- appoint, approve


def test_representative_appoints_a_manager() -> None:
    judged = done(appoint(), situation(REPRESENTING))
    kind, made = only(judged)
    assert kind is EventKind.MANDATE_REGISTERED
    assert (made.scope, made.person) == (services_scope(MANAGEMENT), EMPLOYEE.id)
    assert (made.organisation, made.level) == (MOLEN.id, EH3)
    assert not judged.costs


@pytest.mark.parametrize(
    ("changes", "found", "reason"),
    [
        ({}, situation(), R.NOT_AUTHORISED),
        ({}, situation(OPERATING), R.NOT_AUTHORISED),
        ({}, situation(REPRESENTING, organisation=KANTOOR), R.NOT_AUTHORISED),
        ({"level": EH4}, situation(REPRESENTING), R.LEVEL_ABOVE_OWN),
        ({}, situation(REPRESENTING, person=None), R.PERSON_UNKNOWN),
        ({"valid_until": NOW}, situation(REPRESENTING), R.VALIDITY_REFUSED),
    ],
)
def test_nobody_is_appointed_when_the_rules_do_not_allow_it(
    changes: dict[str, Any], found: Situation, reason: CommandRefusal
) -> None:
    assert refused(appoint(**changes), found) is reason


FIRST, SECOND = (actor(As.REPRESENTATIVE, m) for m in (SKIPPER_REPRESENTS, MATE_REPRESENTS))
BOTH = (SKIPPER_REPRESENTS, MATE_REPRESENTS)
WRITER, CHECKER = (actor(As.OPERATOR, m) for m in (OPERATES, OPERATES_TOO))


def waiting(content: CommandContent, by: Any = FIRST, **changes: Any) -> Awaiting:
    fields = {"organisation": WERF.id, "approved_by": (by.pseudonym,), "registered_at": NOW - DAY}
    fields |= {"id": UUID(int=77), "content": content.model_dump_json()}
    return Awaiting(**{**fields, **changes})


def joint(by: Any, **changes: Any) -> Situation:
    fields = {"organisation": WERF, "representatives": BOTH, "person": SKIPPER}
    return situation(by, **{**fields, **changes})


def test_appointment_waits_when_authority_is_joint() -> None:
    kind, kept = only(done(appoint(), joint(FIRST)))
    assert kind is EventKind.APPROVAL_AWAITED
    assert (kept.id, kept.organisation) == (COMMAND, WERF.id)
    assert kept.approved_by == (pseudonym(SKIPPER_REPRESENTS),)
    assert kept.command == appoint()


@pytest.mark.parametrize(
    "representatives",
    [
        (SKIPPER_REPRESENTS,),
        (SKIPPER_REPRESENTS, MATE_REPRESENTS.model_copy(update={"withdrawn_at": NOW})),
        (SKIPPER_REPRESENTS, MATE_REPRESENTS.model_copy(update={"valid_until": NOW})),
    ],
)
def test_appointment_does_not_wait_when_nobody_else_represents(representatives: Any) -> None:
    judged = done(appoint(), joint(FIRST, representatives=representatives))
    assert kinds(judged) == [EventKind.MANDATE_REGISTERED]
    assert all(each in judged.relies_on for each in (*representatives, WERF))


def test_appointment_does_not_wait_when_authority_is_not_joint() -> None:
    alone = WERF.model_copy(update={"joint": False})
    assert kinds(done(appoint(), joint(FIRST, organisation=alone))) == [
        EventKind.MANDATE_REGISTERED
    ]


def test_command_is_done_when_the_last_representative_approves() -> None:
    kept = waiting(appoint())
    judged = done(Approve(command=kept.id), joint(SECOND, awaiting=kept))
    assert kinds(judged) == [EventKind.MANDATE_REGISTERED, EventKind.APPROVED]
    made, after = (told.thing for told in judged.told)
    assert isinstance(after, Awaiting)
    assert (after.done_at, after.revision) == (NOW, 2)
    assert after.approved_by == (FIRST.pseudonym, SECOND.pseudonym)
    assert all(each in judged.relies_on for each in (*BOTH, WERF, SKIPPER))
    alone = only(done(appoint(), joint(FIRST, representatives=BOTH[:1], command=kept.id)))
    assert made.id == alone[1].id


def test_command_waits_on_when_somebody_else_has_to_approve_as_well() -> None:
    third = named_mandate(18, MANAGER, WERF, REPRESENTATION)
    kept = waiting(appoint())
    found = joint(SECOND, awaiting=kept, representatives=(*BOTH, third))
    kind, after = only(done(Approve(command=kept.id), found))
    assert (kind, after.done_at) == (EventKind.APPROVAL_AWAITED, None)
    assert after.approved_by == (FIRST.pseudonym, SECOND.pseudonym)


OTHERS_WAIT = waiting(appoint())
WRITTEN = waiting(in_writing(), WRITER, organisation=MOLEN.id)
WRITTEN_LINK = waiting(
    register_link(document="BRIEF-2", organisation=kvk(MOLEN_KVK)), WRITER, organisation=MOLEN.id
)


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (joint(SECOND, awaiting=None), R.NOT_FOUND),
        (joint(FIRST, awaiting=OTHERS_WAIT), R.SECOND_OPERATOR_NEEDED),
        (joint(REPRESENTING, awaiting=OTHERS_WAIT), R.NOT_FOUND),
        (joint(CHECKER, awaiting=OTHERS_WAIT), R.NOT_FOUND),
        (joint(actor(held=SKIPPER_REPRESENTS), awaiting=OTHERS_WAIT), R.NOT_FOUND),
        (joint(SECOND, awaiting=waiting(appoint(), done_at=NOW)), R.NOT_FOUND),
        (
            joint(SECOND, awaiting=waiting(appoint(), registered_at=NOW - APPROVED_WITHIN)),
            R.NOT_FOUND,
        ),
        (joint(SECOND, awaiting=OTHERS_WAIT, person=None), R.PERSON_UNKNOWN),
        (joint(SECOND, awaiting=waiting(appoint(level=EH4))), R.LEVEL_ABOVE_OWN),
        (situation(WRITER, awaiting=WRITTEN, organisation=MOLEN), R.SECOND_OPERATOR_NEEDED),
        (situation(actor(), awaiting=WRITTEN, organisation=MOLEN), R.NOT_FOUND),
        (
            situation(
                CHECKER,
                awaiting=waiting(in_writing(scope=services_scope(NOBODY_OFFERS)), WRITER),
                organisation=MOLEN,
            ),
            R.SERVICE_UNKNOWN,
        ),
    ],
)
def test_approval_is_refused_when_the_rules_do_not_allow_it(
    found: Situation, reason: CommandRefusal
) -> None:
    assert refused(Approve(command=UUID(int=77)), found) is reason


@pytest.mark.parametrize(
    ("content", "kept", "kind"),
    [
        (in_writing(), WRITTEN, EventKind.MANDATE_REGISTERED),
        (
            register_link(document="BRIEF-2", organisation=kvk(MOLEN_KVK)),
            WRITTEN_LINK,
            EventKind.LINK_REGISTERED,
        ),
    ],
)
def test_writing_is_registered_when_a_second_operator_approves(
    content: CommandContent, kept: Awaiting, kind: EventKind
) -> None:
    first = done(content, situation(WRITER, organisation=MOLEN))
    assert kinds(first) == [EventKind.APPROVAL_AWAITED]
    assert not first.costs
    judged = done(Approve(command=kept.id), situation(CHECKER, awaiting=kept, organisation=MOLEN))
    assert kinds(judged) == [kind, EventKind.APPROVED]
    assert judged.told[0].thing.document == content.document  # type: ignore[attr-defined,union-attr]
    assert len(judged.costs) == 1


# --- list, history


def lines(judged: Judged) -> list[ShownLine]:
    assert isinstance(judged, Done)
    assert judged.shown is not None
    assert not judged.told
    return list(judged.shown)


@pytest.mark.parametrize(
    ("thing", "state"),
    [
        (mandate(), "valid"),
        (mandate(withdrawn_at=NOW), "withdrawn"),
        (mandate(valid_until=NOW), "expired"),
        (mandate(valid_from=NOW + MOMENT), "future"),
        (link(), "registered"),
        (link(accepted_at=NOW), "accepted"),
        (assignment(), "registered"),
        (assignment(registry=PIER, link=link().id), "located"),
    ],
)
def test_list_says_in_one_word_how_a_thing_is(thing: Kept, state: str) -> None:
    (line,) = lines(decide(List(), situation(things=[thing])))
    assert (line.id, line.state, line.level) == (thing.id, state, EH3)


@pytest.mark.parametrize(
    ("scope", "text"),
    [
        (services_scope(GENERAL, NOBODY_OFFERS), "Ligplaats aanvragen, withdrawn service"),
        (Scope(kind=ScopeKind.EVERYTHING), "everything"),
        (Scope(kind=ScopeKind.DIENSTVERLENER, dienstverlener=LOODS), "all of Gemeente Waterdam"),
    ],
)
def test_list_says_what_a_mandate_is_for(scope: Scope, text: str) -> None:
    (line,) = lines(decide(List(), situation(things=[mandate(scope=scope)])))
    assert line.scope == text


def test_list_is_of_an_organisation_and_not_for_operators() -> None:
    assert refused(List(), situation(OPERATING)) is R.NOT_AUTHORISED
    assert refused(List(), situation(ABROAD)) is R.NOT_AUTHORISED
    judged = done(List(), situation(things=[mandate()], more=True))
    assert judged.more


def past(kind: EventKind, thing: Kept, at: datetime) -> Past:
    recorded = Recorded(table=thing.TABLE, by=By.MANAGER, thing=thing.model_dump_json())
    return Past(kind, thing.revision, recorded, at)


def test_history_shows_every_revision_with_what_happened() -> None:
    after = mandate(revision=2, level=EH2PLUS)
    happened = [
        past(EventKind.MANDATE_REGISTERED, mandate(), NOW - DAY),
        past(EventKind.MANDATE_CHANGED, after, NOW),
    ]
    shown = lines(decide(History(what=after.id), situation(things=[after], past=happened)))
    assert [(line.revision, line.state, line.level, line.at) for line in shown] == [
        (1, "registered", EH3, NOW - DAY),
        (2, "changed", EH2PLUS, NOW),
    ]


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (situation(BOOKKEEPING, things=[mandate()]), R.NOT_FOUND),
        (situation(), R.NOT_FOUND),
        (situation(actor(As.OPERATOR), things=[mandate()]), R.NOT_AUTHORISED),
    ],
)
def test_history_is_for_either_side_only(found: Situation, reason: CommandRefusal) -> None:
    assert refused(History(what=mandate().id), found) is reason


# --- texts


def test_every_refusal_says_in_two_languages_what_to_do() -> None:
    assert TEXTS.keys() == set(CommandRefusal)
    said = [text for each in TEXTS.values() for text in (each.nl, each.en)]
    assert all(text.count(".") >= 2 or ":" in text for text in said)
    assert len(set(said)) == len(said)


def test_operators_company_is_an_organisation_like_any_other() -> None:
    number = Identifier(type=EntityType.KVKNR, value=COMPANY.kvk or "")
    found = situation(OPERATING, organisation=COMPANY)
    assert refused(in_writing(organisation=number), found) is None
