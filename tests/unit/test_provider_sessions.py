"""Single sign-on at the provider: when a session is enough, and what follows from it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

import pytest

from pipeline.keys import Keys
from pipeline.stage import Batch, Connection, Facts, Step
from providers import (
    answers,
    authentication_requests,
    code_answers,
    password_answers,
    session_answers,
    session_commands,
    session_rules,
    sessions,
    signature_answers,
)
from providers import consents as consents_table
from providers import means as means_table
from providers.answers import Checked
from providers.authentication import Authentication
from providers.judging import judge
from providers.means import MAX_FAILURES, Means
from providers.rules import Case
from providers.session_commands import Commanded, nonce_of
from providers.session_rules import LONGEST, SESSION
from providers.sessions import Session
from schemas.dialogue import (
    Challenge,
    CodeAnswer,
    CredentialKind,
    PasswordAnswer,
    SessionAnswer,
    SessionCommand,
    SessionCommandKind,
    SessionConfirmation,
    SignatureAnswer,
)
from schemas.messages import Authenticated, AuthenticationResult, NotAuthenticated
from schemas.refusals import RefusalCode
from schemas.sealed import CodeSecret, PasswordSecret, SessionSecret
from schemas.topics import SESSION_CONFIRMATIONS
from schemas.values import Level
from tests.unit.builders import (
    ATTEMPTS,
    BROWSER_SECRET,
    DEADLINE,
    HAVEN,
    LOODS,
    NONCE,
    NOW,
    OTHER_NONCE,
    REQUEST,
    SERVICES,
    SESSION_KEY,
    SUBJECT,
    authentication,
    authentication_request,
    catalogue,
    means,
    moment,
    only_message,
    provider,
    received,
    sealed_for,
    session,
    world,
)

PASSWORD, CODE, SIGNATURE = CredentialKind
MOMENT = timedelta(microseconds=1)
WITHOUT_SSO = catalogue([each.model_copy(update={"sso": False}) for each in SERVICES])


# --- the rules


def case(row: dict[str, Any] | None = None, **changes: Any) -> Case:
    """A session that is enough."""
    fields = {"means": means(), "holds": True, "session": session(), "level": Level.EH3}
    base = {"row": authentication(**(row or {})), "provider": provider(), "now": NOW}
    return Case(**{**base, **fields, **changes})


SESSIONS: list[tuple[dict[str, Any], str]] = [
    ({"row": {"session_attempts": 1}}, "session_refused_before"),
    ({"row": {"force_authn": True}}, "session_not_enough"),
    (
        {"row": {"level": Level.EH4}, "level": Level.EH4},
        "session_at_highest_level",
    ),
    ({"provider": provider(catalogue=WITHOUT_SSO)}, "session_not_for_service"),
    ({"provider": provider(catalogue=catalogue(SERVICES[1:]))}, "session_not_for_service"),
    ({"session": None}, "session_unknown"),
    ({"session": session(ended_at=NOW)}, "session_ended"),
    ({"session": session(authenticated_at=NOW - LONGEST)}, "session_too_old"),
    ({"means": None}, "means_unknown"),
    ({"means": means(failures=MAX_FAILURES)}, "means_locked"),
    ({"level": Level.EH2PLUS}, "session_level_too_low"),
    ({"level": None}, "session_level_too_low"),
    ({"means": means(only_for=LOODS)}, "means_for_another_service"),
]


@pytest.mark.parametrize(("change", "rule"), SESSIONS)
def test_session_is_not_enough_when_a_rule_does_not_hold(change: dict[str, Any], rule: str) -> None:
    found = judge(SESSION, case(**change))
    assert (found.code, found.findings[-1].rule) == (RefusalCode.AUTHENTICATION_FAILED, rule)


def test_every_rule_of_sessions_has_a_case_that_it_stops() -> None:
    assert {rule for _, rule in SESSIONS} == {rule.name for rule in SESSION}


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"session": session(authenticated_at=NOW - LONGEST + MOMENT)},
        {"means": means(only_for=HAVEN)},
        {"row": {"level": Level.EH2}, "level": Level.EH2},
    ],
)
def test_session_is_enough_when_every_rule_holds(change: dict[str, Any]) -> None:
    assert judge(SESSION, case(**change)).code is None


def test_session_is_of_two_hours_at_most() -> None:
    """Source: [AS]."""
    assert timedelta(hours=2) == LONGEST


@pytest.mark.parametrize(
    ("began", "now", "worth"),
    [
        (Level.EH4, Level.EH4, Level.EH3),
        (Level.EH3, Level.EH4, Level.EH3),
        (Level.EH3, Level.EH2PLUS, Level.EH2PLUS),
        (Level.EH2, Level.EH4, Level.EH2),
    ],
)
def test_session_is_worth_no_more_than_it_was_than_its_means_is_and_than_eh3(
    began: Level, now: Level, worth: Level
) -> None:
    assert session_rules.worth(session(level=began), means(level=now)) is worth


def test_session_is_worth_nothing_when_it_or_its_means_is_not_there() -> None:
    assert session_rules.worth(None, means()) is None
    assert session_rules.worth(session(), None) is None


# --- what the challenge says


def challenge(step: Step[Authentication]) -> Challenge:
    message = only_message(step)
    assert isinstance(message, Challenge)
    return message


@pytest.mark.parametrize(
    ("changes", "known", "accepted"),
    [
        ({}, provider(), True),
        ({"force_authn": True}, provider(), False),
        ({}, provider(catalogue=WITHOUT_SSO), False),
        ({}, provider("botter"), True),
        ({"level": Level.EH4}, provider("botter"), False),
    ],
)
def test_challenge_says_whether_a_session_is_accepted(
    changes: dict[str, Any], known: Any, accepted: bool
) -> None:
    request = received(authentication_request(**changes), "duin")
    step = authentication_requests.handle(None, request, known, moment())
    assert challenge(step).session_accepted is accepted


def test_session_is_not_accepted_where_a_second_credential_is_asked() -> None:
    answer = received(PasswordAnswer(request_id=REQUEST, nonce=NONCE, secret="a.b.c.d.e"))
    checked = Checked(provider(), means=means(), holds=True)
    asked = challenge(password_answers.handle(authentication(), answer, checked, moment()))
    assert (asked.kind, asked.session_accepted) == (CODE, False)


# --- where a session begins


@pytest.fixture(autouse=True)
def recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Changes that can be looked at."""
    for table, names in {
        means_table: ("count_failure", "forget_failures"),
        sessions: ("begin", "end", "end_all"),
        consents_table: ("revoke", "remember"),
    }.items():
        for name in names:
            monkeypatch.setattr(table, name, lambda *of, name=name: (name, *of))


def signed(row: Authentication, **checked: Any) -> Step[Authentication]:
    """A signature that held."""
    answer = received(SignatureAnswer(request_id=REQUEST, nonce=NONCE, secret="a.b.c.d.e"))
    found = Checked(provider(), **{"means": means(), "holds": True, **checked})
    return signature_answers.handle(row, answer, found, moment())


BEGUN = ("begin", SESSION_KEY, means(), NOW)
ENDED = ("end_all", UUID(int=1), NOW)


@pytest.mark.parametrize(
    ("row", "key", "changes"),
    [
        ({}, SESSION_KEY, [BEGUN]),
        ({"session": SESSION_KEY}, None, [BEGUN]),
        ({"session": "x" * 43}, SESSION_KEY, [BEGUN]),
        ({}, None, []),
        ({"force_authn": True}, None, [ENDED]),
        ({"force_authn": True}, SESSION_KEY, [ENDED, BEGUN]),
    ],
)
def test_session_begins_when_the_browser_wants_it_and_force_authn_ends_the_others(
    row: dict[str, Any], key: str | None, changes: list[Any]
) -> None:
    assert signed(authentication(awaits=SIGNATURE, **row), key=key).changes == changes


def test_no_session_begins_when_the_credential_failed_or_its_means_does_not_do() -> None:
    row = authentication(awaits=SIGNATURE)
    failed = signed(row, holds=False, key=SESSION_KEY)
    assert failed.changes == [("count_failure", UUID(int=1))]
    assert failed.row is not None
    assert failed.row.session is None
    assert signed(row, means=means(only_for=LOODS), key=SESSION_KEY).changes == ()


def test_password_and_code_are_of_one_browser() -> None:
    answer = received(PasswordAnswer(request_id=REQUEST, nonce=NONCE, secret="a.b.c.d.e"))
    found = Checked(provider(), means=means(), holds=True, key=SESSION_KEY)
    row = password_answers.handle(authentication(), answer, found, moment()).row
    assert row is not None
    coded = received(CodeAnswer(request_id=REQUEST, nonce=OTHER_NONCE, secret="a.b.c.d.e"))
    step = code_answers.handle(row, coded, Checked(provider(), means=means(), holds=True), moment())
    assert step.changes == [BEGUN]


@pytest.mark.parametrize("given", [BROWSER_SECRET, None])
def test_browser_is_known_by_the_digest_of_its_secret(given: str | None) -> None:
    secret = CodeSecret(nonce=NONCE, code="123456", session=given)
    assert answers.key_of(secret) == (SESSION_KEY if given else None)
    assert BROWSER_SECRET not in SESSION_KEY


# --- where a session is given for an answer


def given(row: Authentication | None = None, **changes: Any) -> Step[Authentication]:
    checked = {"means": means(), "holds": True, "session": session(), **changes}
    answer = received(session_answer())
    found = Checked(provider(), **checked)
    return session_answers.handle(row or authentication(), answer, found, moment())


def session_answer(secret: str | None = "a.b.c.d.e") -> SessionAnswer:
    return SessionAnswer(request_id=REQUEST, nonce=NONCE, secret=secret)


def told(step: Step[Authentication]) -> Any:
    message = only_message(step)
    assert isinstance(message, AuthenticationResult)
    return message.result


def test_who_is_logged_in_is_declared_as_of_when_he_proved_it() -> None:
    began = session(level=Level.EH4, authenticated_at=NOW - timedelta(minutes=7))
    step = given(session=began, means=means(level=Level.EH4))
    declared = told(step)
    assert isinstance(declared, Authenticated)
    assert declared.authenticated_at == NOW - timedelta(minutes=7)
    assert declared.level is Level.EH3
    assert step.changes == ()


def test_declaration_by_session_relies_on_its_revision() -> None:
    assert given().relies_on == {("sessions", UUID(int=7)): 3}


def test_declaration_by_a_credential_relies_on_no_session() -> None:
    assert signed(authentication(awaits=SIGNATURE), session=session()).relies_on == {}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"session": None, "means": None}, "session_unknown"),
        ({"session": session(ended_at=NOW)}, "session_ended"),
        ({"means": None}, "means_unknown"),
        ({"session": session(level=Level.EH2)}, "session_level_too_low"),
    ],
)
def test_credential_is_asked_for_when_the_session_is_not_enough(
    changes: dict[str, Any], reason: str
) -> None:
    step = given(**changes)
    asked = challenge(step)
    assert (asked.kind, asked.session_accepted, asked.nonce) == (PASSWORD, False, OTHER_NONCE)
    assert (step.changes, step.relies_on) == ((), {})
    row = step.row
    assert row is not None
    assert (row.attempts, row.session_attempts, row.awaits) == (0, 1, PASSWORD)
    assert [each.rule for each in row.findings if not each.passed] == [reason]


def test_session_is_not_looked_at_twice_in_a_login() -> None:
    step = given(authentication(session_attempts=1))
    assert challenge(step).session_accepted is False
    assert step.row is not None
    assert step.row.findings[-1].rule == "session_refused_before"


def test_login_ends_when_sessions_fail_as_often_as_credentials_may() -> None:
    step = given(authentication(session_attempts=ATTEMPTS - 1))
    assert told(step) == NotAuthenticated(code=RefusalCode.AUTHENTICATION_FAILED)
    assert step.changes == ()
    assert isinstance(only_message(given(authentication(session_attempts=ATTEMPTS - 2))), Challenge)


def test_session_that_failed_takes_no_attempt_from_credentials() -> None:
    row = given(authentication(attempts=ATTEMPTS - 1), session=None).row
    assert row is not None
    assert row.attempts == ATTEMPTS - 1


def test_answer_with_nothing_cancels() -> None:
    step = session_answers.handle(
        authentication(), received(session_answer(None)), Checked(provider()), moment()
    )
    assert told(step) == NotAuthenticated(code=RefusalCode.CANCELLED_BY_USER)


def test_late_session_is_refused_though_it_held() -> None:
    checked = Checked(provider(), means=means(), holds=True, session=session())
    answer = received(session_answer())
    step = session_answers.handle(authentication(), answer, checked, moment(now=DEADLINE))
    assert told(step) == NotAuthenticated(code=RefusalCode.DEADLINE_PASSED)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (authentication(awaits=CODE), "nonce_refused"),
        (authentication(nonce=OTHER_NONCE), "nonce_refused"),
        (authentication().ended(), "login_finished"),
    ],
)
def test_session_changes_nothing_when_it_is_not_awaited(row: Authentication, reason: str) -> None:
    assert given(row) == Step(reject=reason)


# --- what the tables say


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """One session and its means are kept. The keys that were looked for, in order."""
    sought: list[str] = []

    async def by_key(_: Connection, keys: Iterable[str]) -> dict[str, Session]:
        sought.extend(keys)
        return {key: session() for key in keys if key == SESSION_KEY}

    async def by_id(_: Connection, ids: Iterable[UUID]) -> dict[UUID, Means]:
        return {id_: means() for id_ in ids if id_ == UUID(int=1)}

    monkeypatch.setattr(sessions, "by_key", by_key)
    monkeypatch.setattr(means_table, "by_id", by_id)
    return sought


async def found_in(
    facts: Callable[[Keys], Facts], row: Authentication | None, *messages: Any
) -> list[Any]:
    batch = Batch(
        cast("Connection", None), [received(m) for m in messages], lambda _: row, provider(), NOW
    )
    return list(await facts(world().keys("aak"))(batch))


def shown(secret: str = BROWSER_SECRET, nonce: str = NONCE) -> SessionAnswer:
    return session_answer(sealed_for("aak", SessionSecret(nonce=nonce, session=secret)))


async def test_session_is_found_by_the_secret_of_its_browser(kept: list[str]) -> None:
    mine, nobodys = await found_in(
        session_answers.facts, authentication(), shown(), shown("x" * 32)
    )
    assert (mine.session, mine.means, mine.holds) == (session(), means(), True)
    assert (nobodys.session, nobodys.means, nobodys.holds) == (None, None, False)
    assert nobodys.unusable is None
    assert len(kept) == 2


@pytest.mark.parametrize(
    ("answer", "row", "reason"),
    [
        (shown(nonce=OTHER_NONCE), authentication(), "nonce_refused"),
        (session_answer("a.b.c.d.e"), authentication(), "not_jwe"),
        (
            session_answer(
                sealed_for("aak", PasswordSecret(nonce=NONCE, username="a", password="b"))
            ),
            authentication(),
            "sealed_malformed",
        ),
        (shown(), authentication(awaits=CODE), None),
        (shown(), None, None),
    ],
)
async def test_no_session_is_looked_for_when_the_answer_is_of_no_use(
    kept: list[str], answer: SessionAnswer, row: Authentication | None, reason: str | None
) -> None:
    (found,) = await found_in(session_answers.facts, row, answer)
    assert (found.unusable, found.session, found.holds) == (reason, None, False)
    assert kept == []


# --- commands


LOGOUT, REVOKE = SessionCommandKind.LOGOUT, SessionCommandKind.REVOKE_CONSENT


def command(
    kind: SessionCommandKind = LOGOUT, secret: str = "a.b.c.d.e", **changes: Any
) -> SessionCommand:
    return SessionCommand(**{"request_id": REQUEST, "command": kind, "secret": secret, **changes})


def commanded(
    message: SessionCommand, known: Session | None, **changes: Any
) -> Step[Authentication]:
    fact = Commanded(provider(), session=known, **changes)
    return session_commands.handle(None, received(message), fact, moment())


@pytest.mark.parametrize(
    ("message", "changes"),
    [
        (command(LOGOUT), [("end", SESSION_KEY, NOW)]),
        (command(REVOKE), [("revoke", SUBJECT, None)]),
        (command(REVOKE, dienstverlener=HAVEN), [("revoke", SUBJECT, HAVEN)]),
    ],
)
def test_command_is_done_and_confirmed_when_the_session_is_there(
    message: SessionCommand, changes: list[Any]
) -> None:
    step = commanded(message, session())
    assert only_message(step) == SessionConfirmation(
        request_id=REQUEST, command=message.command, done=True
    )
    assert step.send[0].topic is SESSION_CONFIRMATIONS
    assert step.changes == changes
    assert step.row is None


@pytest.mark.parametrize("kind", [LOGOUT, REVOKE])
@pytest.mark.parametrize(
    "known", [None, session(ended_at=NOW), session(authenticated_at=NOW - LONGEST)]
)
def test_command_changes_nothing_when_there_is_no_such_session(
    kind: SessionCommandKind, known: Session | None
) -> None:
    step = commanded(command(kind), known)
    assert only_message(step) == SessionConfirmation(request_id=REQUEST, command=kind, done=False)
    assert step.changes == ()


def test_command_is_dead_when_its_secret_is_unusable() -> None:
    assert commanded(command(), session(), unusable="not_jwe") == Step(reject="not_jwe")


async def test_command_is_about_the_session_in_its_secret(kept: list[str]) -> None:
    secret = SessionSecret(nonce=nonce_of(REQUEST), session=BROWSER_SECRET)
    other = secret.model_copy(update={"session": "x" * 32})
    mine, nobodys = await found_in(
        session_commands.facts,
        None,
        command(secret=sealed_for("aak", secret)),
        command(secret=sealed_for("aak", other)),
    )
    assert (mine.session, mine.unusable) == (session(), None)
    assert (nobodys.session, nobodys.unusable) == (None, None)


async def test_secret_is_good_for_its_own_command_only(kept: list[str]) -> None:
    """One that was sealed for a challenge, or for another command, is somebody else's by now."""
    secret = SessionSecret(nonce=NONCE, session=BROWSER_SECRET)
    (found,) = await found_in(
        session_commands.facts, None, command(secret=sealed_for("aak", secret))
    )
    assert (found.session, found.unusable) == (None, "nonce_refused")
    assert kept == []
