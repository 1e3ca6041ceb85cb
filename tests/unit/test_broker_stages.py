"""The makelaar's stages: which message leads to which, and what changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from brokers import (
    authentication_results,
    authn_requests,
    cancellations,
    confirmations,
    deadlines,
    faults,
    mandate_decisions,
    means_choices,
    rules,
)
from brokers.admission import ADMISSION
from brokers.login import Login, Phase
from brokers.remembered import Remember
from brokers.role import makelaar
from brokers.rules import LONGEST_SECONDS, RETRY_SECONDS, Network
from pipeline.stage import Batch, Step
from schemas.codec import CLOCK_SKEW_SECONDS, Faulty, request_digest
from schemas.dialogue import MeansChoice, MeansPrompt
from schemas.jose import signature_of
from schemas.message import Message
from schemas.messages import (
    Asserted,
    AuthenticationRequest,
    Cancellation,
    Confirmation,
    ConfirmationQuery,
    Deny,
    MandateQuery,
    Outcome,
    Refused,
)
from schemas.refusals import EXPLANATIONS, RefusalCode
from schemas.topics import (
    AUTHENTICATION_REQUESTS,
    AUTHENTICATION_RESULTS,
    AUTHN_REQUESTS,
    CONFIRMATION_QUERIES,
    CONFIRMATIONS,
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
    DEADLINE_SECONDS,
    GOLF,
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
    SERVICES,
    SIGNATURE,
    STRANGER,
    arrival,
    authenticated,
    authentication_result,
    authn_request,
    catalogue,
    confirmation,
    confirmed,
    denied,
    directory,
    fault,
    login,
    mandate_decision,
    moment,
    network,
    not_authenticated,
    obliging,
    only_message,
    permit,
    received,
    service,
    signed,
    world,
)

ANSWERED_BY = UUID(int=7)
DECLARATION = f"aa.bb.{SIGNATURE}"
WITHDRAWN = network(catalogue=catalogue([each for each in SERVICES if each.service_id != SERVICE]))
UNDER_WAY = [each for each in Phase if each is not Phase.DONE]


def asked(
    row: Login | None = None,
    sender: str = "haven",
    remembered: str | None = None,
    **request: Any,
) -> Step[Login]:
    message = authn_request(**request)
    return authn_requests.handle(row, received(message, sender), arrival(remembered), moment())


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


def reason(step: Step[Login]) -> str:
    """The rule that the row says did not hold, the only one and the last."""
    *before, failed = row_of(step).findings
    assert all(each.passed for each in before)
    assert not failed.passed
    return failed.rule


def is_nothing_but(step: Step[Login], reason: str) -> bool:
    return step == Step(reject=reason)


# --- a request that waited too long


def turned_away(row: Login | None = None, by: UUID = INPUT, **moment_: Any) -> Step[Login]:
    request = received(authn_request(), "haven", id=by)
    return authn_requests.busy(row, request, network(), moment(**moment_))


def lost(step: Step[Login]) -> Step[Login]:
    assert step.lost is not None
    return step.lost()


def retry_after(step: Step[Login]) -> int:
    outcome = only_message(step)
    assert isinstance(outcome, Outcome)
    assert isinstance(outcome.result, Refused)
    assert outcome.result.retry_after_seconds is not None
    return outcome.result.retry_after_seconds


def test_request_is_refused_as_busy_when_it_waited_too_long() -> None:
    step = turned_away(behind=4.2, waited=9.0)
    assert (ended(step), reason(step)) == (RefusalCode.BUSY, "busy")
    assert row_of(step).findings[-1].saw == "logins wait 4.2 s longer than usual"
    assert ended(lost(lost(step))) is RefusalCode.CANCELLED_BY_DIENSTVERLENER


def test_same_request_again_has_its_outcome_however_long_it_waited() -> None:
    row = row_of(turned_away())
    assert turned_away(row) == Step(repeat=INPUT)
    assert asked(row) == Step(repeat=INPUT)
    assert refused(turned_away(login(digest="d" * 43))) is RefusalCode.REQUEST_ID_REUSED


@pytest.mark.parametrize("within", [30, DEADLINE_SECONDS])
def test_request_is_refused_when_it_lay_there_for_as_long_as_its_login_may_take(
    within: int,
) -> None:
    def handled(waited: float) -> Step[Login]:
        request = received(authn_request(answer_within_seconds=within), "haven")
        return authn_requests.handle(None, request, arrival(), moment(waited=waited))

    too_long = within + CLOCK_SKEW_SECONDS
    assert ended(handled(too_long)) is RefusalCode.BUSY
    assert isinstance(only_message(handled(too_long - 0.1)), MeansPrompt)


@pytest.mark.parametrize("behind", [0, 1, 10, 600, 86_400])
def test_clients_are_told_to_come_back_later_the_further_behind_we_are(behind: float) -> None:
    first = RETRY_SECONDS + 2 * min(behind, LONGEST_SECONDS)
    told = {retry_after(turned_away(by=UUID(int=n), behind=behind)) for n in range(600)}
    assert (min(told), max(told)) == (first, 2 * first)


def test_clients_are_not_told_to_come_back_all_at_once() -> None:
    told = [rules.retry_after(uuid4(), 2) for _ in range(200)]
    assert len(set(told)) > 5
    assert rules.retry_after(INPUT, 2) == rules.retry_after(INPUT, 2)


def test_busy_provider_or_registry_ends_the_login_with_when_to_come_back() -> None:
    answer = not_authenticated(RefusalCode.BUSY)
    by_provider = authentication_results.handle(
        login(), received(answer, "aak"), network(), moment()
    )
    asked_of = login(Phase.QUERYING, registry=KADE)
    decision = received(denied(RefusalCode.BUSY), "kade")
    by_registry = mandate_decisions.handle(asked_of, decision, network(), moment())
    for step in (by_provider, by_registry):
        assert ended(step) is RefusalCode.BUSY
        assert RETRY_SECONDS <= retry_after(step) <= 2 * RETRY_SECONDS


def test_other_refusals_say_nothing_of_when_to_come_back() -> None:
    outcome = only_message(asked(service=NO_SERVICE))
    assert isinstance(outcome, Outcome)
    assert isinstance(outcome.result, Refused)
    assert outcome.result.retry_after_seconds is None


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
        ({"declared": (AAK, STRANGER)}, "aak"),
        ({"remembered": AAK}, "aak"),
        ({"remembered": AAK, "level": Level.EH4}, "botter"),
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


@pytest.mark.parametrize(
    "request_", [{"declared": (AAK, BOTTER)}, {"declared": (AAK,), "remembered": BOTTER}]
)
def test_user_is_asked_with_all_that_fit_when_he_declared_several(request_: dict[str, Any]) -> None:
    prompt = only_message(asked(**request_))
    assert isinstance(prompt, MeansPrompt)
    assert [option.provider for option in prompt.options] == [AAK, BOTTER]


async def test_remembered_is_looked_up_for_this_dienstverlener_and_browser_only() -> None:
    rows = [{"dienstverlener": HAVEN, "browser": NONCE, "provider": BOTTER}]
    asking = [
        received(authn_request(browser=NONCE), "haven"),
        received(authn_request(browser=OTHER_NONCE), "haven"),
        received(authn_request(), "haven"),
        received(authn_request(browser=NONCE), "loods"),
    ]
    connection = Connection(rows)
    batch = Batch(connection, asking, lambda _: None, network(), NOW)  # type: ignore[arg-type]
    found = await authn_requests.facts(batch)
    assert found == [arrival(BOTTER), arrival(), arrival(), arrival()]
    assert set(zip(*connection.asked, strict=True)) == {
        (HAVEN, NONCE),
        (HAVEN, OTHER_NONCE),
        (world().named("loods").entity_id, NONCE),
    }


async def test_nothing_is_looked_up_when_no_request_names_a_browser() -> None:
    connection, asking = Connection([]), [received(authn_request(), "haven")]
    batch = Batch(connection, asking, lambda _: None, network(), NOW)  # type: ignore[arg-type]
    assert await authn_requests.facts(batch) == [arrival()]
    assert connection.asked == ()


class Connection:
    """A database that answers one query, and keeps what it was asked."""

    def __init__(self, rows: list[dict[str, str]]) -> None:
        self.rows, self.asked = rows, ()  # type: ignore[var-annotated]

    async def fetch(self, _: str, *values: Any) -> list[dict[str, str]]:
        self.asked = values
        return self.rows


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
    assert (row.level, row.force_authn, row.requested_at) == (Level.EH3, False, NOW)
    assert row.deadline == step.due_at == DEADLINE
    assert all(each.passed for each in row.findings)
    assert [each.rule for each in row.findings] == [rule.name for rule in ADMISSION]


@pytest.mark.parametrize("request_", [{}, {"provider": AAK}])
def test_start_is_claimed_and_a_lost_one_was_a_cancellations_or_a_forgotten_requests(
    request_: dict[str, Any],
) -> None:
    step = asked(**request_)
    assert step.claims == {rules.start_claim(HAVEN, REQUEST)}
    used = lost(step)
    assert ended(used) is RefusalCode.REQUEST_ID_REUSED
    assert used.claims == {rules.overtaken_claim(HAVEN, REQUEST)}
    assert ended(lost(used)) is RefusalCode.CANCELLED_BY_DIENSTVERLENER
    assert not lost(used).claims


@pytest.mark.parametrize("level", [None, Level.EH3])
def test_request_is_refused_at_once_when_it_is_not_admitted(level: Level | None) -> None:
    step = asked(service=NO_SERVICE, level=level)
    assert (ended(step), reason(step)) == (RefusalCode.SERVICE_UNKNOWN, "service_unknown")
    assert row_of(step).level is (level or Level.EH2)


def test_refusal_names_the_providers_that_fit_when_the_one_asked_for_does_not() -> None:
    outcome = only_message(asked(provider=AAK, level=Level.EH4))
    assert isinstance(outcome, Outcome)
    assert isinstance(outcome.result, Refused)
    assert outcome.result.code is RefusalCode.PROVIDER_DOES_NOT_FIT
    assert outcome.result.fits == ("Botter",)


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


def request_text(sender: str = "haven", **changes: Any) -> str:
    """A request as its dienstverlener signed it."""
    message = authn_request(**changes)
    return signed(AUTHN_REQUESTS, "duin", message, sender).value.decode()


@pytest.mark.parametrize("found", ["expired", "from_the_future"])
def test_request_known_already_keeps_its_outcome_though_it_comes_too_late(found: str) -> None:
    done = login(Phase.DONE, answered_by=ANSWERED_BY)
    for row, repeat in ((done, ANSWERED_BY), (login(), None)):
        late = fault(found, "haven", text=request_text())
        step = authn_requests.faulty(row, late, network(), moment())
        assert step == Step(repeat=repeat)


@pytest.mark.parametrize(
    ("found", "sender", "changes"),
    [
        ("malformed", "haven", None),
        ("expired", "loods", {}),
        ("expired", "haven", {"force_authn": True}),
        ("from_the_future", "haven", {"force_authn": True}),
    ],
)
def test_faulty_request_is_answered_when_it_cannot_be_the_one_known(
    found: str, sender: str, changes: dict[str, Any] | None
) -> None:
    text = JWS if changes is None else request_text(sender, **changes)
    for row in (login(Phase.DONE, answered_by=ANSWERED_BY), login()):
        late = fault(found, sender, text=text)
        step = authn_requests.faulty(row, late, network(), moment())
        assert step.send[0].owner == world().named(sender)
        assert (step.row, step.repeat) == (None, None)


def test_faulty_request_is_answered_when_what_was_signed_is_no_request() -> None:
    done = login(Phase.DONE, answered_by=ANSWERED_BY)
    step = authn_requests.faulty(
        done, fault("expired", "haven", text="aa.YQ.cc"), network(), moment()
    )
    assert step.send[0].owner == world().named("haven")


# --- a choice


def chosen(row: Login | None = None, known: Network | None = None, **choice: Any) -> Step[Login]:
    fields = {"request_id": REQUEST, "nonce": NONCE, "provider": BOTTER, **choice}
    message = received(MeansChoice(**fields))
    return means_choices.handle(row, message, known or network(), moment())


def choosing(**changes: Any) -> Login:
    fields = {"nonce": NONCE, "options": (AAK, BOTTER), "provider": None}
    return login(Phase.CHOOSING, **{**fields, **changes})


def test_chosen_provider_is_asked() -> None:
    step = chosen(choosing())
    assert isinstance(only_message(step), AuthenticationRequest)
    assert step.send[0].owner == world().named("botter")
    row = row_of(step)
    assert (row.phase, row.provider, row.nonce) == (Phase.AUTHENTICATING, BOTTER, None)
    assert (row.options, row.browser) == ((), None)
    assert (step.due_at, step.changes) == (DEADLINE, [])


REMEMBERED = [Remember((HAVEN, NONCE), BOTTER, NOW)]


@pytest.mark.parametrize(
    ("browser", "remember", "changes"),
    [(NONCE, True, REMEMBERED), (NONCE, False, []), (None, True, [])],
)
def test_choice_is_remembered_when_the_user_wants_it_and_the_browser_has_a_name(
    browser: str | None, remember: bool, changes: list[Remember]
) -> None:
    row = row_of(asked(browser=browser)).moved(Phase.CHOOSING, nonce=NONCE)
    assert chosen(row, remember=remember).changes == changes


def test_login_is_cancelled_when_the_user_chooses_none() -> None:
    step = chosen(choosing(browser=NONCE), provider=None, remember=True)
    assert (ended(step), reason(step)) == (RefusalCode.CANCELLED_BY_USER, "cancelled_by_user")
    assert step.changes == ()


def test_login_ends_when_the_service_was_withdrawn_while_the_user_chose() -> None:
    step = chosen(choosing(browser=NONCE), WITHDRAWN, remember=True)
    assert (ended(step), reason(step)) == (RefusalCode.SERVICE_WITHDRAWN, "service_withdrawn")
    assert step.changes == ()


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
    row: Login | None = None,
    message: Message | None = None,
    sender: str | None = "aak",
    known: Network | None = None,
) -> Step[Login]:
    result = received(message or authentication_result(), sender, text=DECLARATION)
    return authentication_results.handle(row, result, known or network(), moment())


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
    assert (row.reached, step.due_at) == (Level.EH3, DEADLINE)
    assert "registry_unknown" in [each.rule for each in row.findings if each.passed]


def test_login_is_refused_when_the_provider_refuses() -> None:
    step = answered(login(), not_authenticated(RefusalCode.AUTHENTICATION_FAILED))
    assert ended(step) is RefusalCode.AUTHENTICATION_FAILED


def test_login_is_refused_when_the_declaration_does_not_hold() -> None:
    step = answered(login(), authentication_result(authenticated(level=Level.EH2PLUS)))
    assert (ended(step), reason(step)) == (RefusalCode.PARTICIPANT_FAULT, "declared_level_too_low")


def test_login_ends_when_the_service_was_withdrawn_while_the_user_was_authenticated() -> None:
    step = answered(login(), known=WITHDRAWN)
    assert (ended(step), reason(step)) == (RefusalCode.SERVICE_WITHDRAWN, "service_withdrawn")


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
    row: Login | None = None,
    message: Message | None = None,
    sender: str | None = "kade",
    known: Network | None = None,
) -> Step[Login]:
    decision = received(message or mandate_decision(), sender, text="dd.ee.ff")
    return mandate_decisions.handle(row, decision, known or network(), moment())


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
        catalogue_version=2,
    )
    assert (step.send[0].topic, step.send[0].owner) == (OUTCOMES, world().named("haven"))
    assert (row_of(step).phase, row_of(step).answered_by) == (Phase.DONE, INPUT)
    assert (step.due_at, row_of(step).declaration) == (None, None)
    assert "decision_not_bound" in [each.rule for each in row_of(step).findings if each.passed]


def asserted(step: Step[Login]) -> Asserted:
    outcome = only_message(step)
    assert isinstance(outcome, Outcome)
    assert isinstance(outcome.result, Asserted)
    return outcome.result


@pytest.mark.parametrize(
    ("reached", "used", "level"),
    [
        (Level.EH4, Level.EH4, Level.EH4),
        (Level.EH4, Level.EH3, Level.EH3),
        (Level.EH3, Level.EH4, Level.EH3),
    ],
)
def test_assertion_says_the_lowest_level_that_was_declared(
    reached: Level, used: Level, level: Level
) -> None:
    result = authentication_result(authenticated(level=reached))
    row = answered(login(provider=BOTTER), result, "botter").row
    assert asserted(decided(row, mandate_decision(permit(level=used)))).level is level


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


def test_login_ends_when_the_service_was_withdrawn_while_the_registry_decided() -> None:
    step = decided(querying(), known=WITHDRAWN)
    assert (ended(step), reason(step)) == (RefusalCode.SERVICE_WITHDRAWN, "service_withdrawn")


def test_second_registry_is_asked_when_the_permit_obliges_to() -> None:
    step = decided(querying(), mandate_decision(obliging(PIER)))
    assert only_message(step) == ConfirmationQuery(
        request_id=REQUEST,
        request_digest=login().digest,
        dienstverlener=HAVEN,
        service=SERVICE,
        level=Level.EH3,
        decision="dd.ee.ff",
        deadline=DEADLINE,
    )
    assert (step.send[0].topic, step.send[0].owner) == (CONFIRMATION_QUERIES, world().named("pier"))
    row = row_of(step)
    assert (row.phase, row.confirmer, row.decision) == (Phase.CONFIRMING, PIER, "dd.ee.ff")
    assert (row.declaration, row.permitted) == (DECLARATION, (service().service_uuid,))
    assert (row.reached, step.due_at) == (Level.EH3, DEADLINE)
    assert "obligation_refused" in [each.rule for each in row.findings if each.passed]


def test_nobody_is_asked_when_the_obligation_names_a_registry_without_chains() -> None:
    step = decided(querying(), mandate_decision(obliging(GOLF)))
    assert (ended(step), reason(step)) == (RefusalCode.PARTICIPANT_FAULT, "obligation_refused")


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


# --- a second registry's answer

DECISION = signed(MANDATE_DECISIONS, "duin", mandate_decision(obliging()), "kade").value.decode()


def confirming(**changes: Any) -> Login:
    fields = {"registry": KADE, "declaration": DECLARATION, "decision": DECISION}
    rest = {"confirmer": PIER, "reached": Level.EH4, "permitted": (service().service_uuid,)}
    return login(Phase.CONFIRMING, **{**fields, **rest, **changes})


def bound(**changes: Any) -> Confirmation:
    signature = signature_of(DECISION)
    return confirmation(confirmed(**{"decision_signature": signature, **changes}))


def confirms(
    row: Login | None = None,
    message: Message | None = None,
    sender: str | None = "pier",
    known: Network | None = None,
) -> Step[Login]:
    found = received(message or bound(), sender, text="gg.hh.ii")
    return confirmations.handle(row, found, known or network(), moment())


def test_login_is_asserted_with_all_three_declarations_when_the_second_registry_confirms() -> None:
    step = confirms(confirming())
    assert asserted(step) == Asserted(
        service=SERVICE,
        level=Level.EH3,
        not_on_or_after=NOW + timedelta(minutes=2),
        declaration=DECLARATION,
        decision=DECISION,
        confirmation="gg.hh.ii",
        catalogue_version=2,
    )
    assert (step.send[0].topic, step.send[0].owner) == (OUTCOMES, world().named("haven"))
    row = row_of(step)
    assert (row.phase, row.answered_by, step.due_at) == (Phase.DONE, INPUT, None)
    assert (row.declaration, row.decision) == (None, None)
    assert "confirmation_not_bound" in [each.rule for each in row.findings if each.passed]


@pytest.mark.parametrize(
    ("reached", "link", "level"),
    [
        (Level.EH4, Level.EH4, Level.EH4),
        (Level.EH3, Level.EH4, Level.EH3),
        (Level.EH4, Level.EH3, Level.EH3),
    ],
)
def test_assertion_of_a_chain_says_the_lowest_level_of_all(
    reached: Level, link: Level, level: Level
) -> None:
    assert asserted(confirms(confirming(reached=reached), bound(level=link))).level is level


@pytest.mark.parametrize(
    ("reached", "used", "lowest"),
    [
        (Level.EH4, Level.EH3, Level.EH3),
        (Level.EH3, Level.EH4, Level.EH3),
        (Level.EH4, Level.EH4, Level.EH4),
    ],
)
def test_assertion_of_a_chain_is_no_higher_than_its_permit(
    reached: Level, used: Level, lowest: Level
) -> None:
    text = f"dd.ee.{SIGNATURE}"
    permitted = received(mandate_decision(obliging(level=used)), "kade", text=text)
    row = row_of(
        mandate_decisions.handle(querying(reached=reached), permitted, network(), moment())
    )
    assert row.reached is lowest
    answer = bound(level=Level.EH4, decision_signature=SIGNATURE)
    assert asserted(confirms(row, answer)).level is lowest


@pytest.mark.parametrize("code", [RefusalCode.NO_MANDATE, RefusalCode.SERVICE_WITHDRAWN])
def test_login_is_refused_when_the_second_registry_refuses(code: RefusalCode) -> None:
    assert ended(confirms(confirming(), confirmation(Deny(code=code)))) is code


def test_login_is_refused_when_the_second_registry_refuses_what_is_not_its_to_refuse() -> None:
    step = confirms(confirming(), confirmation(Deny(code=RefusalCode.AUTHENTICATION_FAILED)))
    assert (ended(step), reason(step)) == (RefusalCode.PARTICIPANT_FAULT, "refusal_not_theirs")


def test_login_is_refused_when_the_confirmation_is_of_another_permit() -> None:
    step = confirms(confirming(), confirmation())
    assert (ended(step), reason(step)) == (RefusalCode.PARTICIPANT_FAULT, "confirmation_not_bound")


def test_login_ends_when_the_service_was_withdrawn_while_the_second_registry_decided() -> None:
    step = confirms(confirming(), known=WITHDRAWN)
    assert (ended(step), reason(step)) == (RefusalCode.SERVICE_WITHDRAWN, "service_withdrawn")


@pytest.mark.parametrize(
    ("row", "sender", "reason"),
    [
        (None, "pier", "login_unknown"),
        (confirming(), "kade", "not_asked"),  # not even the first registry
        (confirming(), None, "not_asked"),
        (querying(), "kade", "not_asked"),
        (login(Phase.DONE, confirmer=PIER), "pier", "login_finished"),
    ],
)
def test_second_registry_changes_nothing_when_it_was_not_asked(
    row: Login | None, sender: str | None, reason: str
) -> None:
    assert is_nothing_but(confirms(row, sender=sender), reason)


def test_first_registry_changes_nothing_when_it_decides_once_more() -> None:
    assert is_nothing_but(decided(confirming()), "not_asked")


# --- what they signed, but does not hold

Handler = Callable[[Login | None, Faulty, Any, Any], Step[Login]]
ASKED: list[tuple[Handler, Login, str]] = [
    (faults.provider_fault, login(), "aak"),
    (faults.registry_fault, querying(), "kade"),
    (faults.confirmer_fault, confirming(), "pier"),
]


@pytest.mark.parametrize(("handle", "row", "sender"), ASKED)
def test_fault_ends_the_login_when_its_answer_was_awaited(
    handle: Handler, row: Login, sender: str
) -> None:
    step = handle(row, fault("malformed", sender), network(), moment())
    assert (ended(step), reason(step)) == (RefusalCode.PARTICIPANT_FAULT, "answer_malformed")


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
        (faults.registry_fault, confirming(), "kade"),
        (faults.confirmer_fault, None, "pier"),
        (faults.confirmer_fault, confirming(), "kade"),
        (faults.confirmer_fault, querying(), "kade"),
        (faults.confirmer_fault, login(Phase.DONE, confirmer=PIER), "pier"),
    ],
)
def test_fault_changes_nothing_when_no_answer_was_awaited(
    handle: Handler, row: Login | None, sender: str
) -> None:
    step = handle(row, fault("expired", sender), network(), moment())
    has_ended = row is not None and row.phase is Phase.DONE
    assert is_nothing_but(step, "login_finished" if has_ended else "expired")


# --- cancelling, and the deadline


def cancelled(row: Login | None, sender: str | None = "haven") -> Step[Login]:
    message = received(Cancellation(request_id=REQUEST), sender)
    return cancellations.handle(row, message, network(), moment())


@pytest.mark.parametrize("phase", UNDER_WAY)
def test_cancellation_ends_a_login_that_has_not_ended(phase: Phase) -> None:
    step, code = cancelled(login(phase)), RefusalCode.CANCELLED_BY_DIENSTVERLENER
    assert (ended(step), reason(step)) == (code, "cancelled_by_dienstverlener")


def test_cancellation_repeats_the_outcome_when_there_is_one() -> None:
    assert cancelled(login(Phase.DONE, answered_by=ANSWERED_BY)) == Step(repeat=ANSWERED_BY)


def test_cancellation_claims_the_start_when_it_overtook_its_request() -> None:
    step = cancelled(None)
    claims = {rules.start_claim(HAVEN, REQUEST), rules.overtaken_claim(HAVEN, REQUEST)}
    assert step == Step(claims=frozenset(claims))
    assert asked().claims < step.claims


@pytest.mark.parametrize(("row", "sender"), [(login(), "loods"), (login(), None), (None, None)])
def test_cancellation_changes_nothing_when_it_is_somebody_elses(
    row: Login | None, sender: str | None
) -> None:
    assert is_nothing_but(cancelled(row, sender), "login_unknown")


def test_cancellation_of_another_dienstverlener_claims_nothing_of_ours() -> None:
    assert not cancelled(None, "loods").claims & asked().claims


@pytest.mark.parametrize("phase", UNDER_WAY)
def test_login_is_refused_when_its_deadline_passed(phase: Phase) -> None:
    step = deadlines.handle(login(phase), network(), moment())
    assert (ended(step), reason(step)) == (RefusalCode.DEADLINE_PASSED, "deadline_passed")
    assert step.row is not None
    assert step.row.findings[-1].needed == "an answer before the deadline"


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
    assert answers == {AUTHN_REQUESTS, AUTHENTICATION_RESULTS, MANDATE_DECISIONS, CONFIRMATIONS}
    assert (role.row, role.due) == (Login, deadlines.handle)
    assert role.known() == network()
