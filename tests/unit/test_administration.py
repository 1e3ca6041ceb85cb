"""The stages of administration: whose commands are heard, and what is told, sealed and written."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from dienstverlener.outcome import Assertion, Refusal
from dienstverlener.verify import verify_kept
from pipeline.stage import Step
from registry import chain_information, chain_information_queries, events, mandate_commands
from registry.administration import lines
from registry.administration.actors import As
from registry.administration.awaiting import Awaiting
from registry.administration.choices import Choices
from registry.administration.situation import Situation
from registry.chain_information import Informed
from registry.chain_information_queries import MOST_LINKS, Asked
from registry.events import Recorded
from registry.kept import Kept
from registry.mandate_commands import Commanded, judge_authority
from registry.role import registry as whole_role
from registry.tables import resting_on
from schemas import codec
from schemas.administration import (
    ChargeKind,
    CommandRefusal,
    EventKind,
    MandateCommand,
    MandateEvent,
    Shown,
)
from schemas.chains import ChainInformation, ChainInformationQuery, ChainLink, ChainLinks
from schemas.codec import Faulty, Received, Untrusted
from schemas.commands import Accept, List, Withdraw
from schemas.message import Message
from schemas.refusals import RefusalCode
from schemas.topics import (
    CHAIN_INFORMATION,
    CHAIN_INFORMATION_QUERIES,
    CHARGES,
    MANDATE_COMMANDS,
    MANDATE_EVENTS,
)
from tests.unit.administering import (
    ABROAD,
    ACCOUNTANT,
    COMMAND,
    DAY,
    EH3,
    EMPLOYEE,
    GENERAL,
    KANTOOR_KVK,
    MANAGES,
    MOLEN,
    MOLEN_KVK,
    NONE_AT_ALL,
    actor,
    appoint,
    assign,
    assignment,
    kvk,
    link,
    login,
    mandate,
    named,
    outcome,
    pseudonym,
    register,
    registry,
    sealed_for,
    situation,
    without_chains,
    world,
)
from tests.unit.builders import (
    INPUT,
    JWS,
    KADE,
    LOODS,
    NOW,
    PIER,
    SEALED,
    moment,
    signed,
)

R = CommandRefusal
CLAIMS = (f"command:{COMMAND}", f"command:{COMMAND}:digest")
EARLIER = UUID(int=5)


def received(message: Message, sender: str | None) -> Received[Any]:
    by = named(sender) if sender else None
    return Received(message=message, sender=by, id=INPUT, text=JWS)


def commanded(content: Any = None, found: Situation | None = None, **changes: Any) -> Commanded:
    fields = {"registry": registry(), "choices": Choices(), "claims": CLAIMS}
    judged = {"content": content or register(), "situation": found or situation()}
    return Commanded(**{**fields, **judged, **changes})


def handled(found: Commanded, sender: str | None = "loods") -> Step[Any]:
    message = MandateCommand(request_id=COMMAND, outcome=JWS, command=SEALED)
    return mandate_commands.handle(None, received(message, sender), found, moment())


def told(step: Step[Any]) -> list[MandateEvent]:
    sent = [out for out in step.send if out.topic is MANDATE_EVENTS]
    assert all((out.owner.entity_id, out.also) == (KADE, (LOODS,)) for out in sent)
    return [out.message for out in sent]  # type: ignore[misc]


def reason(step: Step[Any]) -> CommandRefusal | None:
    """Of the one event of a refused command, which changes nothing."""
    (event,) = told(step)
    assert (event.kind, event.object, event.recorded) == (EventKind.REFUSED, None, None)
    assert len(step.send) == 1
    assert not step.changes
    assert not step.relies_on
    return event.reason


# --- whose commands are heard


@pytest.mark.parametrize("sender", ["haven", None])
def test_command_is_dead_lettered_when_it_is_not_of_the_own_portal(sender: str | None) -> None:
    assert handled(commanded(), sender).reject == "not_the_own_portal"


def test_command_is_dead_lettered_when_the_registry_has_no_portal() -> None:
    alone = registry(me=named("kade").model_copy(update={"portal": None}))
    assert handled(commanded(registry=alone)).reject == "not_the_own_portal"


def test_portal_is_answered_when_its_command_does_not_hold() -> None:
    fault = Faulty("malformed", COMMAND, named("loods"), INPUT, JWS)
    assert reason(mandate_commands.faulty(None, fault, registry(), moment())) is R.COMMAND_MALFORMED
    stranger = replace(fault, sender=named("haven"))
    assert mandate_commands.faulty(None, stranger, registry(), moment()).reject is not None


def test_same_command_says_the_same_again_and_changes_nothing() -> None:
    step = handled(commanded(before=dict.fromkeys(CLAIMS, EARLIER)))
    assert step == Step(repeat=EARLIER)


def test_other_command_is_refused_when_it_has_the_id_of_an_earlier_one() -> None:
    step = handled(commanded(before={CLAIMS[0]: EARLIER}))
    assert reason(step) is R.COMMAND_ID_REUSED
    assert step.claims == frozenset()


def test_id_is_taken_by_what_is_done_and_by_what_is_refused() -> None:
    assert handled(commanded()).claims == frozenset(CLAIMS)
    refused = handled(commanded(refusal=R.NOT_AUTHORISED))
    assert reason(refused) is R.NOT_AUTHORISED
    assert refused.claims == frozenset(CLAIMS)
    unread = handled(commanded(refusal=R.ASSERTION_REFUSED, claims=()))
    assert unread.claims == frozenset()


@pytest.mark.parametrize("lacking", ["content", "situation"])
def test_command_is_refused_when_nothing_could_be_read(lacking: str) -> None:
    found = replace(commanded(), **{lacking: None})
    assert reason(handled(found)) is R.COMMAND_MALFORMED


def test_command_is_refused_for_the_reason_that_its_rules_give() -> None:
    assert reason(handled(commanded(found=situation(person=None)))) is R.PERSON_UNKNOWN


@pytest.mark.parametrize(
    ("content", "by", "decider", "expected"),
    [
        (register(), actor(), KADE, None),
        (register(), actor(authority=()), KADE, R.NOT_AUTHORISED),
        (Accept(link=link().id), actor(authority=()), KADE, R.NOT_AUTHORISED),
        (register(), ABROAD, PIER, R.NOT_AUTHORISED),
        (List(), ABROAD, PIER, R.NOT_AUTHORISED),
        (register(), actor(), PIER, R.NOT_AUTHORISED),
        (Accept(link=link().id), ABROAD, PIER, None),
        (Withdraw(what=link().id), ABROAD, PIER, None),
        (Withdraw(what=link().id), replace(ABROAD, as_=As.REPRESENTATIVE), PIER, R.NOT_AUTHORISED),
    ],
)
def test_authority_is_still_registered_here_or_another_registrys_word_for_an_intermediary(
    content: Any, by: Any, decider: str, expected: CommandRefusal | None
) -> None:
    found = judge_authority(content, by, login(registry=decider), registry())
    assert found is expected


def test_what_a_command_rests_on_must_be_as_it_was_read() -> None:
    step = handled(commanded())
    assert step.relies_on == resting_on(MOLEN, EMPLOYEE, MANAGES)


def test_what_a_command_writes_has_the_guard_of_its_own_revision() -> None:
    step = handled(commanded(Withdraw(what=MANAGES.id), situation(things=[MANAGES])))
    assert step.relies_on == {}
    assert [event.kind for event in told(step)] == [EventKind.MANDATE_WITHDRAWN]


# --- what is told


def test_event_records_the_object_for_the_registry_and_shows_it_to_the_portal() -> None:
    (event,) = told(handled(commanded()))
    assert (event.request_id, event.number, event.total, event.at) == (COMMAND, 1, 1, NOW)
    recorded = world().keys("kade").open(event.recorded or "", Recorded)
    made = situation().new_id(type(mandate()))
    assert (event.object, event.revision, recorded.table, recorded.by) == (
        made,
        1,
        "mandates",
        "manager",
    )
    kept = type(mandate()).model_validate_json(recorded.thing)
    assert (kept.id, kept.person) == (made, EMPLOYEE.id)
    shown = world().keys("loods").open(event.shown or "", Shown)
    assert [line.id for line in shown.lines] == [made]


def test_event_says_nothing_about_anybody_outside_what_is_sealed() -> None:
    (event,) = told(handled(commanded()))
    text = event.model_copy(update={"recorded": None, "shown": None}).model_dump_json()
    whose = (MOLEN_KVK, EMPLOYEE.name, MOLEN.name, str(EMPLOYEE.id), pseudonym(MANAGES))
    assert not any(each in text for each in whose)


def test_events_of_one_command_are_counted() -> None:
    here = situation(
        actor(organisation=situation().found.organisation, kvk=KANTOOR_KVK),
        person=ACCOUNTANT.model_copy(update={"organisation": MOLEN.id}),
        links=[link(accepted_at=NOW)],
    )
    step = handled(commanded(assign(principal=kvk(KANTOOR_KVK)), here))
    assert [(event.number, event.total) for event in told(step)] == [(1, 2), (2, 2)]
    assert len(step.changes) == 4


def test_registration_is_charged_once_for_its_cause() -> None:
    first, again = (
        [out.message for out in handled(commanded()).send if out.topic is CHARGES] for _ in range(2)
    )
    assert [(one.kind, one.request_id) for one in first] == [  # type: ignore[attr-defined]
        (ChargeKind.REGISTRATION, again[0].request_id)
    ]


def test_price_is_the_registrys_own_choice() -> None:
    dear = registry(prices=dict.fromkeys(ChargeKind, 7))
    (charge,) = [
        out.message for out in handled(commanded(registry=dear)).send if out.topic is CHARGES
    ]
    assert charge.cents == 7  # type: ignore[attr-defined]


def test_other_registries_are_asked_with_the_assignments_id() -> None:
    kantoor = actor(organisation=situation().found.organisation, kvk=KANTOOR_KVK)
    person = ACCOUNTANT.model_copy(update={"organisation": MOLEN.id})
    step = handled(commanded(assign(principal=kvk(KANTOOR_KVK)), situation(kantoor, person=person)))
    (event,) = told(step)
    asked = [out for out in step.send if out.topic is CHAIN_INFORMATION_QUERIES]
    assert [(out.owner.name, out.message.request_id) for out in asked] == [("pier", event.object)]


def test_list_is_told_in_as_many_events_as_it_needs() -> None:
    many = [mandate(number) for number in range(20)]
    events_ = told(handled(commanded(List(), situation(things=many, more=True))))
    assert len(events_) > 1
    assert [event.number for event in events_] == list(range(1, len(events_) + 1))
    assert {(event.total, event.kind) for event in events_} == {(len(events_), EventKind.SHOWN)}
    pages = [world().keys("loods").open(event.shown or "", Shown) for event in events_]
    assert [line.id for page in pages for line in page.lines] == [one.id for one in many]
    assert [page.more for page in pages] == [False] * (len(pages) - 1) + [True]


def test_empty_list_is_told_too() -> None:
    (event,) = told(handled(commanded(List(), situation(things=[]))))
    assert world().keys("loods").open(event.shown or "", Shown) == Shown(lines=())


def test_page_is_no_larger_than_an_event_can_hold_whatever_the_names() -> None:
    wide = assignment(principal_name="€" * 64)
    found = lines.pages([lines.line(wide, situation())] * 30, more=False)
    sizes = [len(sealed_for("loods", page)) for page in found]
    assert max(sizes) < 8_192
    assert sum(len(page.lines) for page in found) == 30


# --- the form of an event


def test_event_has_the_attributes_of_the_nl_gov_profile() -> None:
    (event,) = told(handled(commanded()))
    record = signed(MANDATE_EVENTS, "kade", event, "kade", audience=(KADE, LOODS))
    headers = {name: value.decode() for name, value in record.headers}
    oin = KADE.split(":")[3]
    assert headers["ce_source"] == f"urn:nld:oin:{oin}:systeem:mr-9001"
    assert headers["ce_type"] == "nl.herken.mandate-event.v1"
    assert headers["ce_subject"] == str(event.object)
    assert headers["ce_dataschema"] == "urn:herken:schema:mandate-event.v1"
    found = codec.decode(record, MANDATE_EVENTS, named("loods"), world().directory, NOW)
    assert isinstance(found, Received)


def test_event_is_not_read_when_its_source_is_not_its_signers() -> None:
    (event,) = told(handled(commanded()))
    record = signed(MANDATE_EVENTS, "kade", event, "kade", audience=(KADE, LOODS))
    forged = {**dict(record.headers), "ce_source": PIER.encode()}
    wrong = replace(record, headers=tuple(forged.items()))
    with pytest.raises(Untrusted, match="headers_refused"):
        codec.decode(wrong, MANDATE_EVENTS, named("loods"), world().directory, NOW)


# --- chains

OF_OTHER_SERVICES = ChainLink(link=UUID(int=1), services=(NONE_AT_ALL,), level=EH3)


def informed(**changes: Any) -> Informed:
    offered = ChainLinks(links=(ChainLink(link=link().id, services=(GENERAL,), level=EH3),))
    fields = {"registry": registry(), "links": offered, "assignment": assignment()}
    return Informed(**{**fields, "person": ACCOUNTANT, **changes})


def answered(found: Informed, sender: str = "pier") -> Step[Any]:
    message = ChainInformation(request_id=assignment().id, links=SEALED)
    return chain_information.handle(None, received(message, sender), found, moment())


def test_answer_locates_an_assignment() -> None:
    step = answered(informed())
    (event,) = told(step)
    assert (event.kind, event.request_id) == (EventKind.ASSIGNMENT_LOCATED, assignment().id)
    recorded = world().keys("kade").open(event.recorded or "", Recorded)
    after = assignment(revision=2, registry=PIER, link=link().id)
    assert type(after).model_validate_json(recorded.thing) == after
    shown = world().keys("loods").open(event.shown or "", Shown)
    assert [(line.who, line.state) for line in shown.lines] == [(ACCOUNTANT.name, "located")]
    assert len(step.changes) == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"links": ChainLinks()},
        {
            "links": ChainLinks(
                links=(ChainLink(link=UUID(int=1), services=(NONE_AT_ALL,), level=EH3),)
            )
        },
        {"assignment": assignment(registry=KADE, link=UUID(int=1))},
        {"assignment": assignment(withdrawn_at=NOW)},
    ],
)
def test_answer_changes_nothing_when_it_is_too_late_or_fits_nothing(
    changes: dict[str, Any],
) -> None:
    assert answered(informed(**changes)) == Step()


@pytest.mark.parametrize(
    ("changes", "sender", "why"),
    [
        ({}, "kade", "not_asked"),
        ({}, "haven", "not_asked"),
        ({"assignment": None}, "pier", "assignment_unknown"),
        ({"links": None}, "pier", "answer_unreadable"),
    ],
)
def test_answer_is_dead_lettered_when_it_was_not_asked_for(
    changes: dict[str, Any], sender: str, why: str
) -> None:
    assert answered(informed(**changes), sender).reject == why


def test_answer_is_dead_lettered_when_its_registry_offers_no_chains() -> None:
    others = [
        each.model_copy(update={"chains": each.name == "kade"})
        for each in world().directory.participants
    ]
    directory = world().directory.model_copy(update={"participants": tuple(others)})
    changed = registry(directory=type(directory).model_validate(directory.model_dump()))
    assert answered(informed(registry=changed)).reject == "not_asked"


def queried(links: Any, sender: str = "pier", **changes: Any) -> Step[Any]:
    message = ChainInformationQuery(request_id=assignment().id, question=SEALED)
    asked = Asked(changes.get("registry", registry()), links)
    return chain_information_queries.handle(None, received(message, sender), asked, moment())


def test_registry_tells_another_which_links_hold_now() -> None:
    holding = link(1, accepted_at=NOW)
    others = [
        link(2),
        link(3, accepted_at=NOW, withdrawn_at=NOW),
        link(4, accepted_at=NOW, valid_until=NOW),
        link(5, accepted_at=NOW, valid_from=NOW + DAY),
    ]
    (out,) = queried([*others, holding]).send
    assert (out.topic, out.owner.name) == (CHAIN_INFORMATION, "pier")
    assert isinstance(out.message, ChainInformation)
    assert out.message.request_id == assignment().id
    offered = ChainLink(link=holding.id, services=(GENERAL,), level=EH3)
    found = world().keys("pier").open(out.message.links, ChainLinks)
    assert found == ChainLinks(links=(offered,))


def test_registry_tells_the_newest_links_when_there_are_many() -> None:
    many = [link(n, accepted_at=NOW, registered_at=NOW - timedelta(hours=n)) for n in range(30)]
    (out,) = queried(many).send
    found = world().keys("pier").open(out.message.links, ChainLinks)  # type: ignore[attr-defined]
    assert [one.link for one in found.links] == [one.id for one in many[:MOST_LINKS]]


@pytest.mark.parametrize(
    ("links", "sender", "found", "why"),
    [
        (None, "pier", registry(), "question_unreadable"),
        ([], "haven", registry(), "chains_not_offered"),
        ([], "pier", without_chains(), "chains_not_offered"),
    ],
)
def test_question_is_dead_lettered_when_it_is_no_registry_of_chains_that_asks(
    links: Any, sender: str, found: Any, why: str
) -> None:
    assert queried(links, sender, registry=found).reject == why


# --- the portal's login, handed on


def verified(text: str) -> Assertion:
    found = verify_kept(text, world().keys("loods"))
    assert isinstance(found, Assertion), found
    return found


def test_outcome_that_is_handed_on_says_who_and_when_however_long_ago() -> None:
    text = outcome(As.MANAGER, MANAGES, kvk(MOLEN_KVK), now=NOW - DAY)
    found = verified(text)
    assert (found.registry, found.level, found.acting_subject) == (KADE, EH3, pseudonym(MANAGES))
    assert (found.authenticated_at, found.decided_at) == (NOW - DAY, NOW - DAY)
    assert found.legal_subject.kvk == MOLEN_KVK
    assert found.outcome == text
    assert text not in repr(found)


def test_outcome_that_is_handed_on_is_not_believed_when_it_is_anothers() -> None:
    text = outcome(As.MANAGER, MANAGES, kvk(MOLEN_KVK))
    with pytest.raises(Untrusted, match="audience_refused"):
        verify_kept(text, world().keys("haven"))
    with pytest.raises(Untrusted):
        verify_kept(
            outcome(As.MANAGER, MANAGES, kvk(MOLEN_KVK), portal="haven"), world().keys("loods")
        )


def test_outcome_that_is_handed_on_is_refused_when_its_evidence_is_of_another_registry() -> None:
    wrong = outcome(
        As.MANAGER, MANAGES, kvk(MOLEN_KVK), decider="pier", authenticated={"registry": KADE}
    )
    found = verify_kept(wrong, world().keys("loods"))
    assert isinstance(found, Refusal)
    assert found.code is RefusalCode.PARTICIPANT_FAULT


# --- what is there from the start


def test_seed_is_told_in_the_order_of_reference_with_the_same_ids_again() -> None:
    things: list[Kept] = [assignment(), link(), mandate(), EMPLOYEE, MOLEN]
    seeded, again = (
        [one.record for one in events.of_seed(things, world().keys("kade"), registry(), NOW)]
        for _ in range(2)
    )
    found = [
        codec.decode(record, MANDATE_EVENTS, named("kade"), world().directory, NOW)
        for record in seeded
    ]
    assert all(isinstance(each, Received) for each in found)
    assert [each.message.kind for each in found if isinstance(each, Received)] == [
        EventKind.ORGANISATION_REGISTERED,
        EventKind.PERSON_REGISTERED,
        EventKind.MANDATE_REGISTERED,
        EventKind.LINK_REGISTERED,
        EventKind.ASSIGNMENT_REGISTERED,
    ]
    ids = [[dict(record.headers)["ce_id"] for record in each] for each in (seeded, again)]
    assert ids[0] == ids[1]


@pytest.mark.parametrize(
    ("thing", "kind"),
    [
        (mandate(withdrawn_at=NOW), EventKind.MANDATE_WITHDRAWN),
        (link(accepted_at=NOW), EventKind.LINK_ACCEPTED),
        (link(accepted_at=NOW, withdrawn_at=NOW), EventKind.LINK_WITHDRAWN),
        (assignment(registry=PIER, link=link().id), EventKind.ASSIGNMENT_LOCATED),
        (assignment(withdrawn_at=NOW), EventKind.ASSIGNMENT_WITHDRAWN),
    ],
)
def test_seed_says_what_had_happened_to_a_thing(thing: Kept, kind: EventKind) -> None:
    assert events.kind_at_seed(thing) is kind


def test_awaiting_command_comes_back_as_it_was() -> None:
    kept = Awaiting(
        id=COMMAND,
        content=appoint().model_dump_json(),
        organisation=MOLEN.id,
        approved_by=(),
        registered_at=NOW,
    )
    assert kept.command == appoint()


# --- the role


def test_commands_are_handled_one_at_a_time() -> None:
    role = whole_role(world().keys("kade"))
    (stage,) = [each for each in role.stages if each.topic is MANDATE_COMMANDS]
    assert stage.batch == 1
    assert stage.faulty is not None
    read = {each.topic for each in role.stages}
    assert {CHAIN_INFORMATION_QUERIES, CHAIN_INFORMATION} <= read
    assert role.kept
