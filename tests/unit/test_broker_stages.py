"""The makelaar's stages: which message leads to which, and what changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from brokers import (
    authentication_results,
    authn_requests,
    cancellations,
    deadlines,
    faults,
    mandate_decisions,
    means_choices,
    rules,
)
from brokers.login import Login, Phase
from brokers.role import makelaar
from pipeline.stage import Step
from schemas.codec import Faulty, request_digest
from schemas.message import Message
from schemas.messages import (
    Asserted,
    AuthenticationRequest,
    Cancellation,
    MandateQuery,
    MeansChoice,
    MeansPrompt,
    Outcome,
    Refused,
)
from schemas.refusals import EXPLANATIONS, RefusalCode
from schemas.topics import (
    AUTHENTICATION_REQUESTS,
    AUTHENTICATION_RESULTS,
    AUTHN_REQUESTS,
    MANDATE_DECISIONS,
    MANDATE_QUERIES,
    MEANS_PROMPTS,
    OUTCOMES,
    TOPICS,
)
from schemas.values import Level, Role
from tests.unit.builders import (
    AAK,
    BOTTER,
    DEADLINE,
    HAVEN,
    INPUT,
    JWS,
    KADE,
    NO_SERVICE,
    NONCE,
    NOW,
    OTHER_NONCE,
    PIER,
    REQUEST,
    SERVICE,
    SIGNATURE,
    STRANGER,
    authenticated,
    authentication_result,
    authn_request,
    denied,
    directory,
    fault,
    login,
    mandate_decision,
    moment,
    network,
    not_authenticated,
    only_message,
    permit,
    received,
    service,
    world,
)

ANSWERED_BY = UUID(int=7)
DECLARATION = f"aa.bb.{SIGNATURE}"


def asked(row: Login | None = None, sender: str = "haven", **request: Any) -> Step[Login]:
    message = authn_request(**request)
    return authn_requests.handle(row, received(message, sender), network(), moment())


def refused(step: Step[Login]) -> RefusalCode:
    """The code of the refusal that a step ends in."""
    outcome = only_message(step)
    assert isinstance(outcome, Outcome)
    assert isinstance(outcome.result, Refused)
    assert outcome.request_id == REQUEST
    return outcome.result.code


def row_of(step: Step[Login]) -> Login:
    assert step.row is not None
    return step.row


def ended(step: Step[Login]) -> RefusalCode:
    """The code of the refusal, where the row says the same: answered, and never due again."""
    row = row_of(step)
    assert (row.phase, row.answered_by, step.due_at) == (Phase.DONE, INPUT, None)
    assert step.send[0].topic is OUTCOMES
    assert step.send[0].owner == world().named("haven")
    return refused(step)


def is_nothing_but(step: Step[Login], reason: str) -> bool:
    return step == Step(reject=reason)


# --- a request


def test_user_is_asked_when_several_means_fit() -> None:
    step = asked()
    prompt = only_message(step)
    assert isinstance(prompt, MeansPrompt)
    assert [(o.provider, o.name) for o in prompt.options] == [(AAK, "Aak"), (BOTTER, "Botter")]
    assert (prompt.nonce, prompt.minimum_level) == (OTHER_NONCE, Level.EH3)
    assert prompt.service_name == service().name
    assert (step.send[0].topic, step.send[0].owner) == (MEANS_PROMPTS, world().named("duin"))
    row = row_of(step)
    assert (row.phase, row.nonce, row.options) == (Phase.CHOOSING, OTHER_NONCE, (AAK, BOTTER))


@pytest.mark.parametrize(
    ("request_", "provider"),
    [
        ({"level": Level.EH4}, "botter"),
        ({"provider": AAK}, "aak"),
        ({"provider": BOTTER}, "botter"),
    ],
)
def test_user_is_not_asked_when_one_means_fits(request_: dict[str, Any], provider: str) -> None:
    step = asked(**request_)
    assert isinstance(only_message(step), AuthenticationRequest)
    assert (step.send[0].topic, step.send[0].owner) == (
        AUTHENTICATION_REQUESTS,
        world().named(provider),
    )
    assert (row_of(step).phase, row_of(step).nonce) == (Phase.AUTHENTICATING, None)
    assert row_of(step).provider == world().named(provider).entity_id


def test_provider_is_told_what_is_asked_and_nothing_more() -> None:
    message = only_message(asked(provider=AAK, force_authn=True, answer_within_seconds=60))
    request = authn_request(provider=AAK, force_authn=True, answer_within_seconds=60)
    assert message == AuthenticationRequest(
        request_id=REQUEST,
        request_digest=request_digest(HAVEN, request),
        dienstverlener=HAVEN,
        service=SERVICE,
        level=Level.EH3,
        force_authn=True,
        deadline=NOW + timedelta(seconds=60),
    )


def test_ledger_keeps_what_was_accepted() -> None:
    step = asked()
    row = row_of(step)
    assert (row.request_id, row.dienstverlener, row.service) == (REQUEST, HAVEN, SERVICE)
    assert (row.request, row.digest) == (JWS, request_digest(HAVEN, authn_request()))
    assert (row.level, row.force_authn) == (Level.EH3, False)
    assert row.deadline == step.due_at == DEADLINE


@pytest.mark.parametrize("request_", [{}, {"provider": AAK}])
def test_start_is_claimed_and_cancelled_when_a_cancellation_was_first(
    request_: dict[str, Any],
) -> None:
    step = asked(**request_)
    assert step.claims == {rules.start_claim(HAVEN, REQUEST)}
    assert step.lost is not None
    assert ended(step.lost) is RefusalCode.CANCELLED_BY_DIENSTVERLENER


@pytest.mark.parametrize("level", [None, Level.EH3])
def test_request_is_refused_at_once_when_it_is_not_admitted(level: Level | None) -> None:
    step = asked(service=NO_SERVICE, level=level)
    assert ended(step) is RefusalCode.SERVICE_UNKNOWN
    assert row_of(step).level is (level or Level.EH2)


def test_refusal_carries_the_request_its_status_and_its_texts() -> None:
    outcome = only_message(asked(service=NO_SERVICE))
    told = EXPLANATIONS[RefusalCode.SERVICE_UNKNOWN]
    assert isinstance(outcome, Outcome)
    assert outcome.request == JWS
    assert outcome.result == Refused(
        code=RefusalCode.SERVICE_UNKNOWN,
        top_level=told.top_level,
        second_level=told.second_level,
        nl=told.nl,
        en=told.en,
    )


def test_same_request_again_repeats_the_outcome_when_there_is_one() -> None:
    assert asked(login(Phase.DONE, answered_by=ANSWERED_BY)) == Step(repeat=ANSWERED_BY)
    assert asked(login()) == Step(repeat=None)


@pytest.mark.parametrize(
    "again", [{"force_authn": True}, {"level": Level.EH4}, {"sender": "loods"}]
)
@pytest.mark.parametrize("phase", [Phase.CHOOSING, Phase.DONE])
def test_request_id_is_refused_when_another_request_had_it(
    phase: Phase, again: dict[str, Any]
) -> None:
    step = asked(login(phase, answered_by=ANSWERED_BY), **again)
    assert refused(step) is RefusalCode.REQUEST_ID_REUSED
    assert step.send[0].owner == world().named(again.get("sender", "haven"))
    assert (step.row, step.claims, step.repeat) == (None, frozenset(), None)


@pytest.mark.parametrize(
    ("found", "code"),
    [
        ("expired", RefusalCode.REQUEST_EXPIRED),
        ("from_the_future", RefusalCode.REQUEST_FROM_THE_FUTURE),
        ("malformed", RefusalCode.REQUEST_MALFORMED),
    ],
)
def test_faulty_request_is_answered(found: str, code: RefusalCode) -> None:
    step = authn_requests.faulty(None, fault(found, "haven"), network(), moment())
    assert refused(step) is code
    assert step.send[0].owner == world().named("haven")
    assert step.row is None


@pytest.mark.parametrize("found", ["expired", "from_the_future"])
def test_request_known_already_keeps_its_outcome_though_it_comes_too_late(found: str) -> None:
    done = login(Phase.DONE, answered_by=ANSWERED_BY)
    for row, repeat in ((done, ANSWERED_BY), (login(), None)):
        step = authn_requests.faulty(row, fault(found, "haven"), network(), moment())
        assert step == Step(repeat=repeat)


@pytest.mark.parametrize(("found", "sender"), [("malformed", "haven"), ("expired", "loods")])
def test_faulty_request_is_answered_when_it_cannot_be_the_one_known(
    found: str, sender: str
) -> None:
    done = login(Phase.DONE, answered_by=ANSWERED_BY)
    step = authn_requests.faulty(done, fault(found, sender), network(), moment())
    assert step.send[0].owner == world().named(sender)
    assert (step.row, step.repeat) == (None, None)


# --- a choice


def chosen(row: Login | None = None, **choice: Any) -> Step[Login]:
    fields = {"request_id": REQUEST, "nonce": NONCE, "provider": BOTTER, **choice}
    message = received(MeansChoice(**fields))
    return means_choices.handle(row, message, network(), moment())


def choosing(**changes: Any) -> Login:
    fields = {"nonce": NONCE, "options": (AAK, BOTTER), "provider": None}
    return login(Phase.CHOOSING, **{**fields, **changes})


def test_chosen_provider_is_asked() -> None:
    step = chosen(choosing())
    assert isinstance(only_message(step), AuthenticationRequest)
    assert step.send[0].owner == world().named("botter")
    row = row_of(step)
    assert (row.phase, row.provider, row.nonce) == (Phase.AUTHENTICATING, BOTTER, None)
    assert step.due_at == DEADLINE


def test_login_is_cancelled_when_the_user_chooses_none() -> None:
    assert ended(chosen(choosing(), provider=None)) is RefusalCode.CANCELLED_BY_USER


@pytest.mark.parametrize(
    ("row", "choice", "reason"),
    [
        (None, {}, "login_unknown"),
        (choosing(), {"nonce": OTHER_NONCE}, "nonce_refused"),
        (choosing(), {"nonce": OTHER_NONCE, "provider": None}, "nonce_refused"),
        (choosing(nonce=None), {}, "nonce_refused"),
        (choosing(options=(AAK,)), {}, "not_offered"),
        (choosing(), {"provider": KADE}, "not_offered"),
        (choosing(options=(STRANGER,)), {"provider": STRANGER}, "not_offered"),
        (login(Phase.AUTHENTICATING, nonce=NONCE), {}, "not_asked"),
        (login(Phase.DONE, nonce=NONCE), {}, "login_finished"),
    ],
)
def test_choice_changes_nothing_when_it_is_not_the_one_awaited(
    row: Login | None, choice: dict[str, Any], reason: str
) -> None:
    assert is_nothing_but(chosen(row, **choice), reason)


# --- a provider's answer


def answered(
    row: Login | None = None, message: Message | None = None, sender: str | None = "aak"
) -> Step[Login]:
    result = received(message or authentication_result(), sender, text=DECLARATION)
    return authentication_results.handle(row, result, network(), moment())


def test_registry_that_the_provider_named_is_asked() -> None:
    step = answered(login(), authentication_result(authenticated(registry=PIER)))
    assert only_message(step) == MandateQuery(
        request_id=REQUEST,
        request_digest=login().digest,
        dienstverlener=HAVEN,
        service=SERVICE,
        level=Level.EH3,
        declaration=DECLARATION,
        deadline=DEADLINE,
    )
    assert (step.send[0].topic, step.send[0].owner) == (MANDATE_QUERIES, world().named("pier"))
    row = row_of(step)
    assert (row.phase, row.registry, row.declaration) == (Phase.QUERYING, PIER, DECLARATION)
    assert step.due_at == DEADLINE


def test_login_is_refused_when_the_provider_refuses() -> None:
    step = answered(login(), not_authenticated(RefusalCode.AUTHENTICATION_FAILED))
    assert ended(step) is RefusalCode.AUTHENTICATION_FAILED


def test_login_is_refused_when_the_declaration_does_not_hold() -> None:
    step = answered(login(), authentication_result(authenticated(level=Level.EH2PLUS)))
    assert ended(step) is RefusalCode.PARTICIPANT_FAULT


@pytest.mark.parametrize(
    ("row", "sender", "reason"),
    [
        (None, "aak", "login_unknown"),
        (login(), "botter", "not_asked"),
        (login(), None, "not_asked"),
        (login(Phase.CHOOSING), "aak", "not_asked"),
        (login(Phase.QUERYING), "aak", "not_asked"),
        (login(Phase.DONE), "aak", "login_finished"),
    ],
)
def test_provider_changes_nothing_when_it_was_not_asked(
    row: Login | None, sender: str | None, reason: str
) -> None:
    assert is_nothing_but(answered(row, sender=sender), reason)


# --- a registry's answer


def querying(**changes: Any) -> Login:
    return login(Phase.QUERYING, **{"registry": KADE, "declaration": DECLARATION, **changes})


def decided(
    row: Login | None = None, message: Message | None = None, sender: str | None = "kade"
) -> Step[Login]:
    decision = received(message or mandate_decision(), sender, text="dd.ee.ff")
    return mandate_decisions.handle(row, decision, network(), moment())


def test_login_is_asserted_with_both_declarations_when_the_registry_permits() -> None:
    step = decided(querying())
    outcome = only_message(step)
    assert isinstance(outcome, Outcome)
    assert outcome.request == JWS
    assert outcome.result == Asserted(
        service=SERVICE,
        level=Level.EH3,
        not_on_or_after=NOW + timedelta(minutes=2),
        declaration=DECLARATION,
        decision="dd.ee.ff",
    )
    assert (step.send[0].topic, step.send[0].owner) == (OUTCOMES, world().named("haven"))
    assert (row_of(step).phase, row_of(step).answered_by) == (Phase.DONE, INPUT)
    assert step.due_at is None


def test_assertion_says_the_level_that_the_registry_used() -> None:
    result = authentication_result(authenticated(level=Level.EH4))
    row = answered(login(provider=BOTTER), result, "botter").row
    outcome = only_message(decided(row, mandate_decision(permit(level=Level.EH4))))
    assert isinstance(outcome, Outcome)
    assert isinstance(outcome.result, Asserted)
    assert outcome.result.level is Level.EH4


def test_login_is_refused_when_the_registry_refuses() -> None:
    assert ended(decided(querying(), denied(RefusalCode.NO_MANDATE))) is RefusalCode.NO_MANDATE


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (querying(), mandate_decision(permit(level=Level.EH2PLUS))),
        (querying(), mandate_decision(permit(declaration_signature="t" * 86))),
        (querying(declaration=None), mandate_decision()),
    ],
)
def test_login_is_refused_when_the_permit_does_not_hold(row: Login, message: Message) -> None:
    assert ended(decided(row, message)) is RefusalCode.PARTICIPANT_FAULT


@pytest.mark.parametrize(
    ("row", "sender", "reason"),
    [
        (None, "kade", "login_unknown"),
        (querying(), "pier", "not_asked"),
        (querying(), None, "not_asked"),
        (login(registry=KADE), "kade", "not_asked"),
        (login(Phase.DONE, registry=KADE), "kade", "login_finished"),
    ],
)
def test_registry_changes_nothing_when_it_was_not_asked(
    row: Login | None, sender: str | None, reason: str
) -> None:
    assert is_nothing_but(decided(row, sender=sender), reason)


# --- what they signed, but does not hold

Handler = Callable[[Login | None, Faulty, Any, Any], Step[Login]]
ASKED: list[tuple[Handler, Login, str]] = [
    (faults.provider_fault, login(), "aak"),
    (faults.registry_fault, querying(), "kade"),
]


@pytest.mark.parametrize(("handle", "row", "sender"), ASKED)
def test_fault_ends_the_login_when_its_answer_was_awaited(
    handle: Handler, row: Login, sender: str
) -> None:
    step = handle(row, fault("malformed", sender), network(), moment())
    assert ended(step) is RefusalCode.PARTICIPANT_FAULT


@pytest.mark.parametrize(
    ("handle", "row", "sender"),
    [
        (faults.provider_fault, None, "aak"),
        (faults.provider_fault, login(), "botter"),
        (faults.provider_fault, querying(), "aak"),
        (faults.provider_fault, login(Phase.DONE), "aak"),
        (faults.registry_fault, None, "kade"),
        (faults.registry_fault, querying(), "pier"),
        (faults.registry_fault, login(registry=KADE), "kade"),
        (faults.registry_fault, login(Phase.DONE, registry=KADE), "kade"),
    ],
)
def test_fault_changes_nothing_when_no_answer_was_awaited(
    handle: Handler, row: Login | None, sender: str
) -> None:
    step = handle(row, fault("expired", sender), network(), moment())
    assert is_nothing_but(step, "expired")


# --- cancelling, and the deadline


def cancelled(row: Login | None, sender: str | None = "haven") -> Step[Login]:
    message = received(Cancellation(request_id=REQUEST), sender)
    return cancellations.handle(row, message, network(), moment())


@pytest.mark.parametrize("phase", [Phase.CHOOSING, Phase.AUTHENTICATING, Phase.QUERYING])
def test_cancellation_ends_a_login_that_has_not_ended(phase: Phase) -> None:
    assert ended(cancelled(login(phase))) is RefusalCode.CANCELLED_BY_DIENSTVERLENER


def test_cancellation_repeats_the_outcome_when_there_is_one() -> None:
    assert cancelled(login(Phase.DONE, answered_by=ANSWERED_BY)) == Step(repeat=ANSWERED_BY)


def test_cancellation_claims_the_start_when_it_overtook_its_request() -> None:
    step = cancelled(None)
    assert step == Step(claims=frozenset({rules.start_claim(HAVEN, REQUEST)}), lost=Step())
    assert step.claims == asked().claims


@pytest.mark.parametrize(("row", "sender"), [(login(), "loods"), (login(), None), (None, None)])
def test_cancellation_changes_nothing_when_it_is_somebody_elses(
    row: Login | None, sender: str | None
) -> None:
    assert is_nothing_but(cancelled(row, sender), "login_unknown")


def test_cancellation_of_another_dienstverlener_claims_nothing_of_ours() -> None:
    assert not cancelled(None, "loods").claims & asked().claims


@pytest.mark.parametrize("phase", [Phase.CHOOSING, Phase.AUTHENTICATING, Phase.QUERYING])
def test_login_is_refused_when_its_deadline_passed(phase: Phase) -> None:
    step = deadlines.handle(login(phase), network(), moment())
    assert ended(step) is RefusalCode.DEADLINE_PASSED


def test_row_is_never_due_again_when_its_login_had_ended() -> None:
    done = login(Phase.DONE, answered_by=ANSWERED_BY)
    assert deadlines.handle(done, network(), moment()) == Step(done)


def test_nobody_is_told_when_the_dienstverlener_left_the_network() -> None:
    known = replace(network(), directory=directory([world().named("duin")]))
    step = deadlines.handle(login(), known, moment())
    assert (row_of(step).phase, step.send, step.due_at) == (Phase.DONE, (), None)


# --- the whole


def test_makelaar_reads_every_topic_that_is_written_for_him() -> None:
    role = makelaar(world().keys("duin"), 300)
    read = {topic for topic in TOPICS if topic.reader is Role.MAKELAAR}
    assert {stage.topic for stage in role.stages} == read
    answers = {stage.topic for stage in role.stages if stage.faulty}
    assert answers == {AUTHN_REQUESTS, AUTHENTICATION_RESULTS, MANDATE_DECISIONS}
    assert (role.row, role.due) == (Login, deadlines.handle)
    assert role.known() == network()
