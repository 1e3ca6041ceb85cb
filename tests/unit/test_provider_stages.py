"""The provider's stages: what is opened and checked, what the makelaar is told."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

import pyotp
import pytest

from pipeline.errors import WrongUse
from pipeline.keys import Keys
from pipeline.stage import Batch, Connection, Facts, Step
from providers import (
    authentication_requests,
    code_answers,
    password_answers,
    role,
    signature_answers,
)
from providers import means as means_table
from providers.answers import Checked
from providers.authentication import Authentication
from providers.credentials import password, signature
from providers.credentials.code import SharedSecret
from providers.means import MAX_FAILURES, Means
from providers.rules import START
from schemas import jose
from schemas.dialogue import (
    Answer,
    Challenge,
    CodeAnswer,
    CredentialKind,
    PasswordAnswer,
    SignatureAnswer,
)
from schemas.directory import PublicJwk
from schemas.messages import Authenticated, AuthenticationResult, NotAuthenticated
from schemas.refusals import RefusalCode
from schemas.sealed import ActingSubject, CodeSecret, PasswordSecret, SignatureSecret
from schemas.topics import AUTHENTICATION_REQUESTS, AUTHENTICATION_RESULTS, CHALLENGES, TOPICS
from schemas.values import Level, Role, Value
from tests.unit.builders import (
    AAK,
    DEADLINE,
    DUIN,
    HAVEN,
    KADE,
    LOODS,
    NO_SERVICE,
    NONCE,
    NOW,
    OTHER_NONCE,
    PIER,
    REQUEST,
    STRANGER,
    SUBJECT,
    TOTP_SECRET,
    acting_subject,
    authentication,
    authentication_request,
    fault,
    means,
    moment,
    only_message,
    provider,
    received,
    sealed_for,
    world,
)

PASSWORD, CODE, SIGNATURE = CredentialKind
RIGHT, USERNAME = "twee-molens-aan-de-vaart", "ans@molen.example"
STEP = int(NOW.timestamp()) // 30
KEY = jose.new_key()


@pytest.fixture(autouse=True)
def counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Changes to the means table that can be looked at."""
    monkeypatch.setattr(means_table, "count_failure", lambda id_: ("count", id_))
    monkeypatch.setattr(means_table, "forget_failures", lambda id_: ("forget", id_))


def told(step: Step[Authentication]) -> Authenticated | NotAuthenticated:
    """What the makelaar is told; the authentication has ended then."""
    result = only_message(step)
    assert isinstance(result, AuthenticationResult)
    assert (step.send[0].topic, step.send[0].owner) == (
        AUTHENTICATION_RESULTS,
        world().named("duin"),
    )
    if step.row is not None:
        assert (step.row.awaits, step.row.nonce) == (None, None)
    return result.result


def refused(step: Step[Authentication]) -> RefusalCode:
    result = told(step)
    assert isinstance(result, NotAuthenticated)
    assert step.send[0].also == ()
    return result.code


def asked(step: Step[Authentication]) -> CredentialKind:
    """What the user is asked for next, with a nonce of its own."""
    challenge = only_message(step)
    assert isinstance(challenge, Challenge)
    assert step.row is not None
    assert step.row.awaits is challenge.kind
    assert step.row.nonce == challenge.nonce == OTHER_NONCE
    assert challenge.deadline == DEADLINE
    assert (step.send[0].topic, step.send[0].owner.entity_id) == (CHALLENGES, challenge.provider)
    return challenge.kind


def reason_of(step: Step[Authentication]) -> str:
    """The first rule that did not hold."""
    assert step.row is not None
    return next(each.rule for each in step.row.findings if not each.passed)


# --- a makelaar's request


def requested(
    row: Authentication | None = None, name: str = "aak", **request: Any
) -> Step[Authentication]:
    message = received(authentication_request(**request), "duin")
    return authentication_requests.handle(row, message, provider(name), moment())


@pytest.mark.parametrize(("name", "kind"), [("aak", PASSWORD), ("botter", SIGNATURE)])
def test_user_is_challenged_for_what_the_provider_asks_first(
    name: str, kind: CredentialKind
) -> None:
    assert asked(requested(name=name)) is kind


def test_row_keeps_what_was_asked() -> None:
    row = requested(force_authn=True).row
    assert row is not None
    assert [each.rule for each in row.findings] == [rule.name for rule in START]
    expected = authentication(awaits=PASSWORD, nonce=OTHER_NONCE, force_authn=True)
    assert row.moved(findings=()) == expected


def test_makelaar_is_refused_when_the_authentication_cannot_start() -> None:
    assert refused(requested(level=Level.EH4)) is RefusalCode.LEVEL_NOT_SUPPORTED
    assert refused(requested(deadline=NOW)) is RefusalCode.DEADLINE_PASSED
    withdrawn = requested(service=NO_SERVICE)
    assert refused(withdrawn) is RefusalCode.SERVICE_WITHDRAWN
    assert reason_of(withdrawn) == "service_withdrawn"


def turned_away(row: Authentication | None = None, sender: str = "duin") -> Step[Authentication]:
    message = received(authentication_request(), sender)
    return authentication_requests.busy(row, message, provider(), moment(behind=4.2))


def test_makelaar_is_refused_as_busy_when_its_request_waited_too_long() -> None:
    step = turned_away()
    assert (refused(step), reason_of(step)) == (RefusalCode.BUSY, "busy")
    assert step.row is not None
    assert (step.row.awaits, step.row.nonce) == (None, None)
    assert step.row.findings[-1].saw == "logins wait 4.2 s longer than usual"


def test_busy_provider_answers_nobody_whom_it_would_not_answer_else() -> None:
    assert turned_away(authentication()) == Step(reject="asked_before")
    assert turned_away(sender="aak") == Step(reject="not_connected")


def test_authentication_is_not_started_twice() -> None:
    assert requested(authentication()) == Step(reject="asked_before")
    unsigned = received(authentication_request())
    handled = authentication_requests.handle(None, unsigned, provider(), moment())
    assert handled == Step(reject="asked_before")


def test_authentication_is_not_started_by_a_makelaar_that_the_service_is_not_connected_to() -> None:
    asked = received(authentication_request(), "aak")
    handled = authentication_requests.handle(None, asked, provider(), moment())
    assert handled == Step(reject="not_connected")


@pytest.mark.parametrize(
    ("found", "code"),
    [
        ("expired", RefusalCode.DEADLINE_PASSED),
        ("malformed", RefusalCode.PARTICIPANT_FAULT),
        ("from_the_future", RefusalCode.PARTICIPANT_FAULT),
    ],
)
def test_faulty_request_is_answered_unless_it_was_asked_before(
    found: str, code: RefusalCode
) -> None:
    step = authentication_requests.faulty(None, fault(found, "duin"), provider(), moment())
    assert refused(step) is code
    again = fault(found, "duin")
    handled = authentication_requests.faulty(authentication(), again, provider(), moment())
    assert handled == Step(reject=found)


# --- what the provider's tables say about an answer


def sealed(secret: Value | None) -> str | None:
    return None if secret is None else sealed_for("aak", secret)


def password_answer(given: str = RIGHT, username: str = USERNAME) -> PasswordAnswer:
    secret = sealed(PasswordSecret(nonce=NONCE, username=username, password=given))
    return PasswordAnswer(request_id=REQUEST, nonce=NONCE, secret=secret)


def code_answer(step: int = STEP) -> CodeAnswer:
    secret = CodeSecret(nonce=NONCE, code=pyotp.TOTP(TOTP_SECRET).generate_otp(step))
    return CodeAnswer(request_id=REQUEST, nonce=NONCE, secret=sealed(secret))


def signature_answer(key: jose.PrivateKey = KEY, at: str = AAK) -> SignatureAnswer:
    signed = jose.sign(signature.statement(NONCE, REQUEST, at), signature.TYP, key)
    secret = sealed(SignatureSecret(nonce=NONCE, signature=signed))
    return SignatureAnswer(request_id=REQUEST, nonce=NONCE, secret=secret)


def issued(**changes: Any) -> Means:
    """A means with a password, a code and a key, so that each kind can be checked."""
    fields = {
        "totp_secret": sealed(SharedSecret(secret=TOTP_SECRET)),
        "key_id": KEY.kid,
        "public_key": PublicJwk.model_validate(jose.public_jwk(KEY)),
    }
    return means(**{**fields, **changes})


Answers = Sequence[Answer]
Tables = Callable[[Iterable[Any]], Awaitable[dict[Any, Means]]]


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Lets the provider have issued these means."""

    def have(*all_: Means) -> None:
        def by(name: str) -> Callable[[Connection, Iterable[Any]], Awaitable[dict[Any, Means]]]:
            async def found(_: Connection, wanted: Iterable[Any]) -> dict[Any, Means]:
                known = {getattr(one, name): one for one in all_}
                return {value: known[value] for value in wanted if value in known}

            return found

        monkeypatch.setattr(means_table, "by_username", by("username"))
        monkeypatch.setattr(means_table, "by_key_id", by("key_id"))
        monkeypatch.setattr(means_table, "by_id", by("id"))

    return have


def awaiting(kind: CredentialKind, **changes: Any) -> Authentication:
    found = UUID(int=1) if kind is CODE else None
    return authentication(**{"awaits": kind, "means": found, **changes})


async def checked(
    facts: Callable[[Keys], Facts], row: Authentication | None, *answers: Answer, now: Any = NOW
) -> list[Checked]:
    messages = [received(answer) for answer in answers]
    connection = cast("Connection", None)
    batch = Batch(connection, messages, lambda _: row, provider(), now)
    return list(await facts(world().keys("aak"))(batch))


@pytest.fixture
def verified(monkeypatch: pytest.MonkeyPatch) -> list[str | None]:
    """The hashes that passwords were checked against, in order; only `RIGHT` holds."""
    seen: list[str | None] = []

    async def holds(stored: str | None, given: str) -> bool:
        seen.append(stored)
        return stored is not None and given == RIGHT

    monkeypatch.setattr(password, "holds", holds)
    return seen


async def test_password_is_checked_against_the_hash_of_its_user(
    tables: Callable[..., None], verified: list[str | None]
) -> None:
    mine = issued(password_hash="mine")
    tables(mine, issued(id=UUID(int=2), username="bas", password_hash="his"))
    right, wrong = await checked(
        password_answers.facts, awaiting(PASSWORD), password_answer(), password_answer("wrong")
    )
    assert (right.holds, right.means, right.claim) == (True, mine, None)
    assert (wrong.holds, wrong.means) == (False, mine)
    assert verified == ["mine", "mine"]


@pytest.mark.parametrize(
    "known",
    [
        issued(username="bas", password_hash="his"),
        issued(password_hash="mine", failures=MAX_FAILURES),
        issued(password_hash=None),
    ],
)
async def test_a_hash_is_checked_when_the_user_is_unknown_locked_or_has_no_password(
    tables: Callable[..., None], verified: list[str | None], known: Means
) -> None:
    tables(known)
    (found,) = await checked(password_answers.facts, awaiting(PASSWORD), password_answer())
    assert not found.holds
    assert verified == [None]


@pytest.mark.parametrize(
    ("row", "now"),
    [
        (None, NOW),
        (awaiting(CODE), NOW),
        (awaiting(PASSWORD, nonce=OTHER_NONCE), NOW),
        (awaiting(PASSWORD), DEADLINE),
    ],
)
async def test_nothing_is_checked_when_the_answer_is_late_or_not_awaited(
    tables: Callable[..., None],
    verified: list[str | None],
    row: Authentication | None,
    now: Any,
) -> None:
    tables(issued(password_hash="mine"))
    (found,) = await checked(password_answers.facts, row, password_answer(), now=now)
    assert (found.unusable, found.means, found.holds) == (None, None, False)
    assert verified == []


@pytest.mark.parametrize(
    ("secret", "reason"),
    [
        (PasswordSecret(nonce=OTHER_NONCE, username="a", password="b"), "nonce_refused"),
        (CodeSecret(nonce=NONCE, code="123456"), "sealed_malformed"),
        (None, None),
    ],
)
async def test_answer_is_unusable_when_what_is_sealed_is_not_for_this_challenge(
    tables: Callable[..., None],
    verified: list[str | None],
    secret: Value | None,
    reason: str | None,
) -> None:
    tables(issued())
    answer = PasswordAnswer(request_id=REQUEST, nonce=NONCE, secret=sealed(secret))
    (found,) = await checked(password_answers.facts, awaiting(PASSWORD), answer)
    assert (found.unusable, found.holds) == (reason, False)
    assert verified == []


async def test_answer_is_unusable_when_it_was_sealed_for_somebody_else(
    tables: Callable[..., None],
) -> None:
    tables(issued())
    secret = sealed_for("botter", PasswordSecret(nonce=NONCE, username="a", password="b"))
    answer = PasswordAnswer(request_id=REQUEST, nonce=NONCE, secret=secret)
    (found,) = await checked(password_answers.facts, awaiting(PASSWORD), answer)
    assert found.unusable == "not_for_us"


@pytest.mark.parametrize("step", [STEP - 1, STEP, STEP + 1])
async def test_code_claims_the_step_that_it_is_of(tables: Callable[..., None], step: int) -> None:
    tables(issued())
    (found,) = await checked(code_answers.facts, awaiting(CODE), code_answer(step))
    assert (found.holds, found.claim) == (True, f"code:{UUID(int=1)}:{step}")


@pytest.mark.parametrize(
    ("known", "row", "step"),
    [
        (issued(), awaiting(CODE), STEP + 2),
        (issued(failures=MAX_FAILURES), awaiting(CODE), STEP),
        (issued(totp_secret=None), awaiting(CODE), STEP),
        (
            issued(totp_secret=sealed_for("kade", CodeSecret(nonce=NONCE, code="123456"))),
            awaiting(CODE),
            STEP,
        ),
        (issued(id=UUID(int=2)), awaiting(CODE), STEP),
        (issued(), awaiting(CODE, means=None), STEP),
    ],
)
async def test_code_fails_when_it_is_wrong_or_its_means_is_locked_or_none(
    tables: Callable[..., None], known: Means, row: Authentication, step: int
) -> None:
    tables(known)
    (found,) = await checked(code_answers.facts, row, code_answer(step))
    assert not found.holds
    assert found.unusable is None


async def test_code_is_unusable_when_it_cannot_be_opened(tables: Callable[..., None]) -> None:
    tables(issued())
    answer = CodeAnswer(request_id=REQUEST, nonce=NONCE, secret="a.b.c.d.e")
    (found,) = await checked(code_answers.facts, awaiting(CODE), answer)
    assert found.unusable == "not_jwe"


async def test_signature_holds_when_the_key_that_it_names_made_it(
    tables: Callable[..., None],
) -> None:
    tables(issued())
    (found,) = await checked(signature_answers.facts, awaiting(SIGNATURE), signature_answer())
    assert (found.holds, found.means, found.claim) == (
        True,
        issued(totp_secret=found.means.totp_secret),
        None,
    )  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("known", "answer"),
    [
        (issued(), signature_answer(at=STRANGER)),
        (issued(), signature_answer(jose.new_key())),
        (issued(failures=MAX_FAILURES), signature_answer()),
        (issued(public_key=None), signature_answer()),
    ],
)
async def test_signature_fails_when_it_is_not_over_this_challenge_or_the_means_is_locked(
    tables: Callable[..., None], known: Means, answer: SignatureAnswer
) -> None:
    tables(known)
    (found,) = await checked(signature_answers.facts, awaiting(SIGNATURE), answer)
    assert not found.holds
    assert found.unusable is None


async def test_signature_is_unusable_when_it_is_of_another_challenge(
    tables: Callable[..., None],
) -> None:
    tables(issued())
    secret = sealed(SignatureSecret(nonce=OTHER_NONCE, signature="a.b.c"))
    answer = SignatureAnswer(request_id=REQUEST, nonce=NONCE, secret=secret)
    (found,) = await checked(signature_answers.facts, awaiting(SIGNATURE), answer)
    assert found.unusable == "nonce_refused"


# --- what follows from it


def found(**changes: Any) -> Checked:
    return Checked(**{"provider": provider(), "means": issued(), "holds": True, **changes})


CLAIM = "code:1:2"


def given_password(checked: Checked, row: Authentication | None = None, **at: Any) -> Any:
    answer = received(password_answer())
    return password_answers.handle(row or awaiting(PASSWORD), answer, checked, moment(**at))


def given_code(checked: Checked, row: Authentication | None = None) -> Step[Authentication]:
    return code_answers.handle(row or awaiting(CODE), received(code_answer()), checked, moment())


def given_signature(checked: Checked, row: Authentication | None = None) -> Any:
    answer = received(signature_answer())
    return signature_answers.handle(row or awaiting(SIGNATURE), answer, checked, moment())


def test_code_is_asked_for_when_the_password_held() -> None:
    step = given_password(found())
    assert asked(step) is CODE
    assert (step.row.means, step.row.attempts, step.changes) == (UUID(int=1), 0, ())


@pytest.mark.parametrize("given", [given_signature, given_code])
def test_user_is_declared_when_the_credential_held(
    given: Callable[[Checked], Step[Authentication]],
) -> None:
    step = given(found(means=issued(level=Level.EH4)))
    declared = told(step)
    assert isinstance(declared, Authenticated)
    row = authentication()
    assert (declared.request_digest, declared.service) == (row.request_digest, row.service)
    assert (declared.dienstverlener, declared.registry) == (HAVEN, KADE)
    assert (declared.level, declared.authenticated_at) == (Level.EH4, NOW)
    assert step.send[0].also == (HAVEN, KADE)
    assert step.changes == []


@pytest.mark.parametrize("given", [given_signature, given_code])
def test_wrong_answers_are_forgotten_when_the_credential_held(
    given: Callable[[Checked], Step[Authentication]],
) -> None:
    assert given(found(means=issued(failures=1))).changes == [("forget", UUID(int=1))]


def test_only_the_registry_can_read_who_the_user_is() -> None:
    declared = told(given_signature(found()))
    assert isinstance(declared, Authenticated)
    opened = world().keys("kade").open(declared.acting_subject, ActingSubject)
    assert opened == world().keys("kade").open(acting_subject(), ActingSubject)
    assert opened.subject == SUBJECT
    assert str(SUBJECT) not in declared.model_dump_json()


@pytest.mark.parametrize(
    ("change", "code", "reason"),
    [
        ({"level": Level.EH2PLUS}, RefusalCode.AUTHENTICATION_FAILED, "means_level_too_low"),
        ({"only_for": LOODS}, RefusalCode.AUTHENTICATION_FAILED, "means_for_another_service"),
        ({"registry": STRANGER}, RefusalCode.PARTICIPANT_FAULT, "registry_unknown"),
    ],
)
@pytest.mark.parametrize("given", ["signature", "code"])
def test_user_is_not_declared_when_the_means_does_not_do(
    given: str, change: dict[str, Any], code: RefusalCode, reason: str
) -> None:
    step = {"signature": given_signature, "code": given_code}[given](found(means=issued(**change)))
    assert refused(step) is code
    assert reason_of(step) == reason
    assert step.changes == ()


def test_means_for_one_dienstverlener_works_there() -> None:
    assert isinstance(told(given_signature(found(means=issued(only_for=HAVEN)))), Authenticated)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"holds": False}, "password_wrong"),
        ({"holds": False, "means": None}, "means_unknown"),
        ({"holds": False, "means": issued(failures=MAX_FAILURES)}, "means_locked"),
    ],
)
def test_what_was_wrong_is_kept_and_looks_the_same_outwardly(
    changes: dict[str, Any], reason: str
) -> None:
    last = authentication(attempts=2)
    step = given_password(found(**changes), last)
    right = given_password(found(holds=False), last)
    assert reason_of(step) == reason
    assert [each.message for each in step.send] == [each.message for each in right.send]


def test_code_is_good_once_and_fails_when_it_was_used() -> None:
    step = given_code(found(claim=CLAIM))
    assert step.claims == {CLAIM}
    assert isinstance(told(step), Authenticated)
    assert step.lost is not None
    lost = step.lost()
    assert asked(lost) is CODE
    assert lost.row is not None
    assert lost.row.attempts == 1
    assert reason_of(lost) == "code_used"
    assert lost.changes == [("count", UUID(int=1))]


def test_nothing_is_claimed_when_the_code_failed() -> None:
    step = given_code(found(holds=False, claim=CLAIM))
    assert (step.claims, step.lost) == (frozenset(), None)
    assert asked(step) is CODE


@pytest.mark.parametrize("known", [issued(), None])
@pytest.mark.parametrize("attempts", [0, 1])
def test_user_is_asked_once_more_when_an_attempt_is_left(
    attempts: int, known: Means | None
) -> None:
    step = given_password(found(holds=False, means=known), awaiting(PASSWORD, attempts=attempts))
    assert asked(step) is PASSWORD
    assert step.row.attempts == attempts + 1
    assert step.changes == ([("count", UUID(int=1))] if known else [])


def test_makelaar_is_told_when_no_attempt_is_left() -> None:
    step = given_password(found(holds=False), awaiting(PASSWORD, attempts=2))
    assert refused(step) is RefusalCode.AUTHENTICATION_FAILED
    assert step.changes == [("count", UUID(int=1))]


def test_attempts_of_one_login_are_counted_together() -> None:
    after = given_password(found(), awaiting(PASSWORD, attempts=2)).row
    last = after.moved(nonce=NONCE)
    assert refused(given_code(found(holds=False), last)) is RefusalCode.AUTHENTICATION_FAILED


def test_password_of_nobody_fails_though_a_hash_held() -> None:
    assert asked(given_password(found(means=None))) is PASSWORD


def test_makelaar_is_told_when_the_user_cancels() -> None:
    answer = received(PasswordAnswer(request_id=REQUEST, nonce=NONCE, secret=None))
    step = password_answers.handle(awaiting(PASSWORD), answer, found(holds=False), moment())
    assert refused(step) is RefusalCode.CANCELLED_BY_USER
    assert step.changes == ()


def test_late_answer_is_refused_though_it_held() -> None:
    assert refused(given_password(found(), now=DEADLINE)) is RefusalCode.DEADLINE_PASSED
    assert asked(given_password(found(), now=DEADLINE - timedelta(microseconds=1))) is CODE


def test_answer_changes_nothing_when_it_is_unusable_or_not_awaited() -> None:
    assert given_password(found(unusable="not_for_us")) == Step(reject="not_for_us")
    row = awaiting(PASSWORD, nonce=OTHER_NONCE)
    assert given_password(found(), row) == Step(reject="nonce_refused")
    assert given_password(found(), awaiting(CODE)) == Step(reject="nonce_refused")
    assert given_password(found(), awaiting(PASSWORD).ended()) == Step(reject="login_finished")
    nobodys = password_answers.handle(None, received(password_answer()), found(), moment())
    assert nobodys == Step(reject="login_unknown")


def test_nobody_is_told_when_the_makelaar_left_the_network() -> None:
    step = given_password(found(holds=False), awaiting(PASSWORD, attempts=2, makelaar=STRANGER))
    assert step.send == []


# --- the whole


def test_provider_reads_every_topic_that_is_written_for_it() -> None:
    stages = role.provider(world().keys("aak"), attempts=3).stages
    assert {s.topic for s in stages} == {t for t in TOPICS if t.reader is Role.PROVIDER}
    assert [s.topic for s in stages if s.faulty] == [AUTHENTICATION_REQUESTS]
    assert all(s.facts for s in stages if s.topic is not AUTHENTICATION_REQUESTS)
    assert {s.batch for s in stages if s.topic.message is PasswordAnswer} == {role.PASSWORD_BATCH}


def test_provider_locks_what_it_relies_on() -> None:
    assert role.provider(world().keys("aak"), attempts=3).kept == ("sessions", "consents")


def test_provider_knows_itself_and_can_seal() -> None:
    known = role.provider(world().keys("aak"), attempts=5).known()
    assert known.catalogue is world().catalogue
    assert (known.me, known.attempts, known.first_challenge) == (world().named("aak"), 5, PASSWORD)
    opened = (
        world()
        .keys("pier")
        .open(known.seal(ActingSubject(subject=SUBJECT), world().named("pier")), ActingSubject)
    )
    assert opened.subject == SUBJECT
    assert {DUIN, PIER} <= {p.entity_id for p in known.directory.participants}


def test_provider_is_refused_when_its_secrets_do_not_say_what_it_asks_first() -> None:
    with pytest.raises(WrongUse, match="first_challenge"):
        role.provider(world().keys("kade"), attempts=3)
