"""The registry's stages: what it trusts, what it asks, what it declares."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

import pytest

from pipeline.keys import open_sealed
from pipeline.stage import Batch, Connection, Step
from registry import (
    candidates,
    decisions,
    mandate_queries,
    representation_choices,
    rules,
)
from registry.candidates import Granted, Holder, Holding
from registry.cases import Candidate
from registry.kept import KEPT, Mandate
from registry.mandate_queries import Declared
from registry.query import Query
from registry.representation_choices import Offered
from registry.role import registry as whole_role
from schemas import jose
from schemas.commands import Scope, ScopeKind
from schemas.dialogue import RepresentationChoice, RepresentationPrompt
from schemas.messages import Authenticated, Deny, MandateDecision, Permit
from schemas.refusals import RefusalCode
from schemas.sealed import LegalSubject, PairwiseSubject, RepresentationOptions
from schemas.topics import (
    AUTHENTICATION_RESULTS,
    CONFIRMATION_QUERIES,
    MANDATE_DECISIONS,
    MANDATE_QUERIES,
    REPRESENTATION_CHOICES,
    REPRESENTATION_PROMPTS,
    TOPICS,
)
from schemas.values import Level, Role
from tests.unit.builders import (
    AAK,
    DEADLINE,
    DUIN,
    HAVEN,
    HIGH_SERVICE,
    KADE,
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
    SERVICE,
    SIGNATURE,
    STRANGER,
    SUBJECT,
    acting_subject,
    authenticated,
    authentication_result,
    candidate,
    catalogue,
    fault,
    mandate,
    mandate_query,
    moment,
    not_authenticated,
    only_message,
    organisation,
    person,
    query,
    received,
    registry,
    sealed_for,
    service,
    signed,
    world,
)

DECLARATION = f"aa.bb.{SIGNATURE}"
WERF = organisation(id=UUID(int=603), kvk="90000102", name="Scheepswerf Het Anker")
SECOND = candidate(mandate(id=UUID(int=2), organisation=WERF.id), organisation=WERF)


def told(step: Step[Query]) -> Permit | Deny:
    """What the makelaar is told; the query is closed then."""
    decision = only_message(step)
    assert isinstance(decision, MandateDecision)
    assert (step.send[0].topic, step.send[0].owner) == (MANDATE_DECISIONS, world().named("duin"))
    if step.row is not None:
        assert (step.row.is_open, step.row.nonce) == (False, None)
    return decision.result


def denied(step: Step[Query]) -> RefusalCode:
    result = told(step)
    assert isinstance(result, Deny)
    assert step.send[0].also == ()
    return result.code


def permitted(step: Step[Query]) -> Permit:
    result = told(step)
    assert isinstance(result, Permit)
    assert step.send[0].also == (HAVEN,)
    return result


def legal_kvk(permit: Permit) -> str:
    (found,) = legal(permit).identifiers
    return found.value


def legal(permit: Permit) -> LegalSubject:
    return world().keys("haven").open(permit.legal or "", LegalSubject)


def reason(step: Step[Query]) -> str:
    """The rule by which the login was refused, as its row keeps it."""
    assert step.row is not None
    return next(finding.rule for finding in step.row.findings if not finding.passed)


# --- a query


def declared(*held: Mandate | Candidate[Granted], **changes: Any) -> Declared:
    found = tuple(each if isinstance(each, Candidate) else candidate(each) for each in held)
    holding = Holding(bool(found), False, found)
    fields = {"registry": registry(), "authenticated": authenticated(), "holding": holding}
    return Declared(**{**fields, **changes})


def queried(found: Declared, row: Query | None = None, **asked: Any) -> Step[Query]:
    message = received(mandate_query(**{"declaration": DECLARATION, **asked}), "duin")
    return mandate_queries.handle(row, message, found, moment())


def test_user_is_not_asked_when_one_mandate_suffices() -> None:
    permit = permitted(queried(declared(mandate())))
    asked = mandate_query()
    assert (permit.request_digest, permit.service) == (asked.request_digest, SERVICE)
    assert (permit.dienstverlener, permit.declaration_signature) == (HAVEN, SIGNATURE)
    assert (permit.level_requested, permit.level) == (Level.EH3, Level.EH3)
    assert (permit.services, permit.obligation) == ((service().service_uuid,), None)
    assert (permit.decided_at, permit.catalogue_version) == (NOW, world().catalogue.version)


def test_permit_relies_on_mandate_person_and_organisation_as_they_were_read() -> None:
    found = candidate(
        mandate(revision=3), person=person(revision=4), organisation=organisation(revision=5)
    )
    assert queried(declared(found)).relies_on == {
        ("mandates", UUID(int=1)): 3,
        ("people", PERSON): 4,
        ("organisations", MOLEN): 5,
    }
    assert queried(declared()).relies_on == {}


def test_user_is_not_asked_when_all_that_suffice_are_for_the_same_organisation() -> None:
    high = mandate(id=UUID(int=2), level=Level.EH4)
    found = declared(mandate(), high, authenticated=authenticated(level=Level.EH4))
    step = queried(found)
    assert permitted(step).level is Level.EH4
    assert ("mandates", UUID(int=2)) in step.relies_on
    assert ("mandates", UUID(int=1)) not in step.relies_on


PORTAL = service(service_uuid=UUID(int=50), portal_for=(UUID(int=2), UUID(int=81)))
BEHIND = [
    PORTAL,
    service(HIGH_SERVICE, level=Level.EH4),
    service(LOODS_SERVICE, dienstverlener=LOODS, service_uuid=UUID(int=81)),
]


def for_one(service_: int, level: Level) -> Mandate:
    scope = Scope(kind=ScopeKind.SERVICES, services=(UUID(int=service_),))
    return mandate(id=UUID(int=service_), scope=scope, level=level)


def test_portal_is_permitted_by_several_mandates_of_one_organisation() -> None:
    found = declared(
        for_one(2, Level.EH4),
        for_one(81, Level.EH3),
        registry=registry(catalogue=catalogue(BEHIND)),
        authenticated=authenticated(level=Level.EH4),
    )
    step = queried(found)
    permit = permitted(step)
    assert permit.services == (UUID(int=2), UUID(int=81))
    assert permit.level is Level.EH3
    assert {("mandates", UUID(int=2)), ("mandates", UUID(int=81))} < step.relies_on.keys()
    assert step.row is not None
    abouts = {finding.about for finding in step.row.findings}
    assert abouts == {"", "mandate 1 of 2", "mandate 2 of 2"}


def test_mandates_of_one_vestiging_and_of_the_whole_are_two_choices() -> None:
    known = registry(catalogue=catalogue([service(restrictable=True)]))
    restricted = mandate(id=UUID(int=2), vestiging="900001010001")
    step = queried(declared(mandate(), restricted, registry=known))
    assert isinstance(only_message(step), RepresentationPrompt)


def test_findings_of_every_rule_are_kept_when_it_is_permitted() -> None:
    step = queried(declared(mandate()))
    assert step.row is not None
    assert all(finding.passed for finding in step.row.findings)
    rules = {finding.rule for finding in step.row.findings}
    assert {"service_withdrawn", "mandate_withdrawn", "mandate_level_too_low"} <= rules


@pytest.mark.parametrize(
    ("of_mandate", "reached", "used"),
    [(Level.EH4, Level.EH4, Level.EH4), (Level.EH4, Level.EH3, Level.EH3)],
)
def test_permit_says_level_requested_and_level_used(
    of_mandate: Level, reached: Level, used: Level
) -> None:
    found = declared(mandate(level=of_mandate), authenticated=authenticated(level=reached))
    permit = permitted(queried(found))
    assert (permit.level_requested, permit.level) == (Level.EH3, used)


def test_only_the_dienstverlener_can_read_for_whom_is_acted() -> None:
    permit = permitted(queried(declared(mandate())))
    assert legal_kvk(permit) == KVK
    acting = world().keys("haven").open(permit.acting, PairwiseSubject)
    assert acting.pseudonym == rules.pseudonym(b"k" * 32, PERSON, MOLEN, HAVEN)
    assert acting.intermediary is None
    assert KVK not in permit.model_dump_json()


def test_vestiging_is_told_when_the_mandate_is_for_one_only() -> None:
    known = registry(catalogue=catalogue([service(restrictable=True)]))
    found = declared(mandate(vestiging="900001010001"), registry=known)
    assert legal(permitted(queried(found))).vestiging == "900001010001"


def test_user_is_asked_when_several_mandates_suffice() -> None:
    step = queried(declared(mandate(), SECOND))
    prompt = only_message(step)
    assert isinstance(prompt, RepresentationPrompt)
    assert (prompt.nonce, prompt.registry, prompt.deadline) == (OTHER_NONCE, KADE, DEADLINE)
    assert step.send[0].topic is REPRESENTATION_PROMPTS
    assert step.send[0].owner == world().named("kade")
    assert step.row is not None
    assert (step.row.options, step.row.nonce) == (((UUID(int=1),), (UUID(int=2),)), OTHER_NONCE)
    assert step.row.is_open
    assert step.relies_on == {}


def test_only_the_registrys_front_can_read_what_is_offered() -> None:
    prompt = only_message(queried(declared(mandate(), SECOND)))
    assert isinstance(prompt, RepresentationPrompt)
    front = {world().front.kid: world().front}
    shown = open_sealed(prompt.options, RepresentationOptions, front).options
    assert [(o.option, o.kvk, o.name) for o in shown] == [
        ("0", KVK, "Korenmolen De Windvanger"),
        ("1", "90000102", "Scheepswerf Het Anker"),
    ]


def test_no_more_is_offered_than_a_prompt_can_hold() -> None:
    name = "\N{CJK UNIFIED IDEOGRAPH-6C34}" * 64
    many = [
        candidate(
            mandate(id=UUID(int=n), organisation=UUID(int=n)), organisation=organisation(name=name)
        )
        for n in range(1, 100)
    ]
    step = queried(declared(*many))
    prompt = only_message(step)
    assert isinstance(prompt, RepresentationPrompt)
    front = {world().front.kid: world().front}
    shown = open_sealed(prompt.options, RepresentationOptions, front)
    assert step.row is not None
    assert 2 <= len(shown.options) == len(step.row.options) < 99
    assert len(shown.model_dump_json().encode()) <= decisions.OPTIONS_BYTES + 50


@pytest.mark.parametrize(
    ("found", "asked", "code"),
    [
        (declared(), {}, RefusalCode.NO_MANDATE),
        (declared(mandate(level=Level.EH2)), {}, RefusalCode.NO_MANDATE),
        (declared(mandate(), authenticated=None), {}, RefusalCode.PARTICIPANT_FAULT),
        (declared(mandate()), {"deadline": NOW}, RefusalCode.DEADLINE_PASSED),
        (declared(mandate()), {"level": Level.EH4}, RefusalCode.PARTICIPANT_FAULT),
        (declared(mandate()), {"dienstverlener": STRANGER}, RefusalCode.PARTICIPANT_FAULT),
        (
            declared(mandate(), authenticated=authenticated(service=NO_SERVICE)),
            {"service": NO_SERVICE},
            RefusalCode.SERVICE_WITHDRAWN,
        ),
    ],
)
def test_makelaar_is_refused_when_the_user_may_not_act(
    found: Declared, asked: dict[str, Any], code: RefusalCode
) -> None:
    assert denied(queried(found, **asked)) is code


def test_dienstverlener_that_does_not_take_part_is_told_nothing() -> None:
    unknown = {"dienstverlener": STRANGER.replace(":AD:", ":DV:")}
    found = declared(mandate(), authenticated=authenticated(**unknown))
    assert denied(queried(found, **unknown)) is RefusalCode.PARTICIPANT_FAULT


def test_a_login_is_asked_about_once() -> None:
    assert queried(declared(mandate()), query()) == Step(reject="asked_before")
    unsigned = received(mandate_query())
    step = mandate_queries.handle(None, unsigned, declared(mandate()), moment())
    assert step == Step(reject="asked_before")


def turned_away(row: Query | None = None, sender: str | None = "duin") -> Step[Query]:
    asked = received(mandate_query(declaration=DECLARATION), sender)
    return mandate_queries.busy(row, asked, registry(), moment(behind=4.2))


def test_makelaar_is_refused_as_busy_when_its_query_waited_too_long() -> None:
    step = turned_away()
    assert denied(step) is RefusalCode.BUSY
    assert step.row is not None
    (found,) = step.row.findings
    assert (found.rule, found.passed) == ("busy", False)
    assert found.saw == "logins wait 4.2 s longer than usual"


def test_busy_registry_answers_nobody_whom_it_would_not_answer_else() -> None:
    assert turned_away(query()) == turned_away(sender=None) == Step(reject="asked_before")
    assert turned_away(sender="aak") == Step(reject="not_connected")


def test_a_login_is_not_asked_about_by_a_makelaar_that_the_service_is_not_connected_to() -> None:
    asked = received(mandate_query(), "aak")
    step = mandate_queries.handle(None, asked, declared(mandate()), moment())
    assert step == Step(reject="not_connected")


@pytest.mark.parametrize(
    ("found", "code"),
    [
        ("expired", RefusalCode.DEADLINE_PASSED),
        ("malformed", RefusalCode.PARTICIPANT_FAULT),
        ("from_the_future", RefusalCode.PARTICIPANT_FAULT),
    ],
)
def test_faulty_query_is_answered_unless_it_was_asked_before(found: str, code: RefusalCode) -> None:
    step = mandate_queries.faulty(None, fault(found, "duin"), registry(), moment())
    assert denied(step) is code
    again = mandate_queries.faulty(query(), fault(found, "duin"), registry(), moment())
    assert again == Step(reject=found)


# --- the provider's declaration inside it


def declaration(result: Any = None, sender: str = "aak", **by: Any) -> str:
    message = result or authentication_result(authenticated(acting_subject=acting_subject()))
    fields = {"audience": (DUIN, HAVEN, KADE), **by}
    return signed(AUTHENTICATION_RESULTS, "duin", message, sender, **fields).value.decode()


MINE = Holding(True, False, (candidate(),))


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> dict[Holder, Holding]:
    """What the registry has, of each holder."""
    all_: dict[Holder, Holding] = {}

    async def of_holders(_: Connection, holders: Iterable[Holder]) -> dict[Holder, Holding]:
        return {holder: all_.get(holder, Holding()) for holder in holders}

    monkeypatch.setattr(candidates, "of_holders", of_holders)
    return all_


async def verified(*declarations: str, now: Any = NOW, **asked: Any) -> list[Declared]:
    queries = [received(mandate_query(declaration=d, **asked), "duin") for d in declarations]
    batch = Batch(cast("Connection", None), queries, lambda _: None, registry(), now)
    return list(await mandate_queries.facts(world().keys("kade"))(batch))


async def test_mandates_are_those_of_whom_the_provider_declared(
    held: dict[Holder, Holding],
) -> None:
    held[AAK, SUBJECT] = MINE
    held[AAK, UUID(int=4)] = Holding(True, False, (SECOND,))
    (found,) = await verified(declaration())
    assert isinstance(found.authenticated, Authenticated)
    assert (found.holder, found.holding) == ((AAK, SUBJECT), MINE)


async def test_somebody_without_mandates_is_known_all_the_same(held: dict[Holder, Holding]) -> None:
    (found,) = await verified(declaration())
    assert found.authenticated is not None
    assert (found.holding, held) == (Holding(), {})


@pytest.mark.parametrize(
    "untrusted",
    [
        lambda: DECLARATION,
        lambda: declaration()[:-20] + "A" * 20,
        lambda: declaration(audience=(DUIN, HAVEN)),
        lambda: declaration(sender="kade"),
        lambda: declaration(now=NOW - timedelta(hours=1)),
        lambda: declaration(not_authenticated(RefusalCode.AUTHENTICATION_FAILED)),
        lambda: declaration(
            authentication_result(
                authenticated(acting_subject=acting_subject()), request_id=UUID(int=3)
            )
        ),
        lambda: declaration(authentication_result()),
        lambda: declaration(
            authentication_result(authenticated(acting_subject=acting_subject(), level=Level.EH4))
        ),
        lambda: declaration(
            authentication_result(authenticated(acting_subject=sealed_for("pier", service())))
        ),
        lambda: declaration(
            authentication_result(authenticated(acting_subject=sealed_for("kade", service())))
        ),
    ],
)
async def test_declaration_is_trusted_for_nothing_when_it_does_not_hold(
    held: dict[Holder, Holding], untrusted: Callable[[], str]
) -> None:
    held[AAK, SUBJECT] = MINE
    bad, good = await verified(untrusted(), declaration())
    assert (bad.authenticated, bad.holder, bad.holding) == (None, None, Holding())
    assert bad.fault
    assert good.holding == MINE


# --- the user's choice


def choosing(**changes: Any) -> Query:
    return query(**{"options": ((UUID(int=1),), (UUID(int=2),)), "nonce": NONCE, **changes})


def chosen(
    row: Query | None,
    *held: Candidate[Granted],
    option: str | None = "1",
    nonce: str = NONCE,
    **at: Any,
) -> Step[Query]:
    choice = RepresentationChoice(request_id=REQUEST, nonce=nonce, option=option)
    known = {one.held.id: one for one in held or (candidate(), SECOND)}
    offered = Offered(registry(), known)
    return representation_choices.handle(row, received(choice), offered, moment(**at))


@pytest.mark.parametrize(("option", "kvk"), [("0", KVK), ("1", "90000102"), ("0001", "90000102")])
def test_permit_is_by_the_mandate_chosen(option: str, kvk: str) -> None:
    assert legal_kvk(permitted(chosen(choosing(), option=option))) == kvk


def test_login_is_refused_when_the_user_chooses_none() -> None:
    assert denied(chosen(choosing(), option=None)) is RefusalCode.CANCELLED_BY_USER


def test_choice_is_refused_from_the_deadline_on() -> None:
    assert denied(chosen(choosing(), now=DEADLINE)) is RefusalCode.DEADLINE_PASSED
    late = chosen(choosing(), option=None, now=DEADLINE)
    assert denied(late) is RefusalCode.DEADLINE_PASSED
    just = DEADLINE - timedelta(microseconds=1)
    assert legal_kvk(permitted(chosen(choosing(), now=just))) == "90000102"


@pytest.mark.parametrize(
    ("now_is", "rule"),
    [
        (mandate(id=UUID(int=2), withdrawn_at=NOW), "mandate_withdrawn"),
        (mandate(id=UUID(int=2), valid_until=NOW), "mandate_expired"),
        (mandate(id=UUID(int=2), level=Level.EH2), "mandate_level_too_low"),
        (mandate(id=UUID(int=3)), "no_mandate_at_all"),
    ],
)
def test_choice_is_refused_when_the_mandate_does_not_suffice_any_more(
    now_is: Mandate, rule: str
) -> None:
    step = chosen(choosing(), candidate(), candidate(now_is))
    assert (denied(step), reason(step)) == (RefusalCode.NO_MANDATE, rule)


def test_choice_is_refused_when_the_service_left_the_catalogue() -> None:
    step = chosen(choosing(service=NO_SERVICE))
    assert (denied(step), reason(step)) == (RefusalCode.SERVICE_WITHDRAWN, "service_withdrawn")


@pytest.mark.parametrize(
    ("row", "choice", "reason"),
    [
        (None, {}, "login_unknown"),
        (choosing(is_open=False), {}, "login_finished"),
        (choosing(), {"nonce": OTHER_NONCE}, "nonce_refused"),
        (choosing(), {"option": "2"}, "not_offered"),
        (choosing(options=()), {"option": "0"}, "not_offered"),
    ],
)
def test_choice_changes_nothing_when_it_is_not_one_that_was_offered(
    row: Query | None, choice: dict[str, Any], reason: str
) -> None:
    assert chosen(row, **choice) == Step(reject=reason)


async def test_what_was_offered_is_read_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    async def by_id(_: Connection, ids: Iterable[UUID]) -> dict[UUID, Candidate[Granted]]:
        return {id_: candidate(mandate(id=id_, withdrawn_at=NOW)) for id_ in ids}

    monkeypatch.setattr(candidates, "by_id", by_id)
    choice = received(RepresentationChoice(request_id=REQUEST, nonce=NONCE, option="0"))
    batch = Batch(cast("Connection", None), [choice, choice], lambda _: choosing(), registry(), NOW)
    one, other = await representation_choices.facts(batch)
    assert one.candidates == other.candidates
    assert {each.held.id: each.held.withdrawn_at for each in one.candidates.values()} == {
        UUID(int=1): NOW,
        UUID(int=2): NOW,
    }


# --- the whole


def test_nobody_is_told_when_the_makelaar_left_the_network() -> None:
    step = chosen(choosing(makelaar=STRANGER))
    assert step.send == []


def test_registry_reads_every_topic_of_a_login_that_is_written_for_it() -> None:
    topics = {s.topic: s for s in whole_role(world().keys("kade")).stages}
    of_logins = {MANDATE_QUERIES, REPRESENTATION_CHOICES, CONFIRMATION_QUERIES}
    assert of_logins <= topics.keys() <= {t for t in TOPICS if t.reader is Role.REGISTRY}
    assert all(topics[t].faulty for t in (MANDATE_QUERIES, CONFIRMATION_QUERIES))
    assert all(topics[t].facts for t in of_logins)


def test_decisions_are_ordered_against_withdrawals() -> None:
    assert whole_role(world().keys("kade")).kept == tuple(model.TABLE for model in KEPT)


def test_registry_knows_itself_and_its_secret() -> None:
    known = whole_role(world().keys("kade")).known()
    assert (known.me, known.directory) == (world().named("kade"), world().directory)
    secret = world().secrets["kade"].pseudonym_secret
    assert jose.base64url(known.pseudonym_secret) == secret
