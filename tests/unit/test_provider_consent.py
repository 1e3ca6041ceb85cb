"""Consent at the provider: what is asked, what is shared, what is remembered."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any, cast
from uuid import UUID

import pytest

from pipeline.stage import Batch, Connection, Step
from providers import answers, consent_choices, session_answers, sessions, signature_answers
from providers import attributes as attributes_table
from providers import consents as consents_table
from providers import means as means_table
from providers.answers import Checked
from providers.authentication import CONSENT, Authentication, Proven
from providers.consents import Consent
from providers.judging import judge
from providers.means import MAX_FAILURES
from providers.rules import Provider
from providers.session_rules import LONGEST
from providers.sessions import Session
from providers.sharing import AGREED, KNOWN, Person, Sharing, needs_asking
from schemas.catalogue import RequestedAttribute
from schemas.dialogue import (
    Challenge,
    ConsentChoice,
    ConsentPrompt,
    CredentialKind,
    SessionAnswer,
    SignatureAnswer,
)
from schemas.messages import Authenticated, AuthenticationResult, NotAuthenticated
from schemas.refusals import RefusalCode
from schemas.sealed import PersonAttributes
from schemas.topics import CONSENT_PROMPTS
from schemas.values import AttributeName, Level
from tests.unit.builders import (
    AAK,
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
    asking,
    authentication,
    catalogue,
    means,
    moment,
    only_message,
    provider,
    received,
    session,
    world,
)

FIRST, FAMILY, BIRTH, COMPANY, _ = AttributeName
EVERYTHING = PersonAttributes(
    first_name="Ans", family_name="Molenaar", date_of_birth=date(1980, 2, 29)
)
NAMES = frozenset({FIRST, FAMILY, BIRTH})
SIGNATURE = CredentialKind.SIGNATURE


@pytest.fixture(autouse=True)
def recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Changes that can be looked at."""
    monkeypatch.setattr(consents_table, "remember", lambda *of: ("remember", *of))
    monkeypatch.setattr(means_table, "forget_failures", lambda id_: ("forget", id_))
    monkeypatch.setattr(sessions, "begin", lambda *of: ("begin", *of))


# --- the rules


def wanting(name: AttributeName, required: bool = True) -> RequestedAttribute:
    return RequestedAttribute(name=name, required=required, purpose="Om u aan te spreken")


def sharing(**changes: Any) -> Sharing:
    fields = {"requested": (wanting(FIRST), wanting(BIRTH, required=False)), "known": NAMES}
    return Sharing(**{**fields, **changes})


@pytest.mark.parametrize(
    ("known", "holds"),
    [(NAMES, True), (frozenset({FIRST}), True), (frozenset({BIRTH}), False), (frozenset(), False)],
)
def test_what_is_required_has_to_be_known(known: frozenset[AttributeName], holds: bool) -> None:
    found = judge(KNOWN, sharing(known=known))
    assert found.code is (None if holds else RefusalCode.ATTRIBUTES_NOT_SHARED)
    assert found.findings[-1].rule == "attributes_not_known"


@pytest.mark.parametrize(
    ("agreed", "holds"),
    [
        (NAMES, True),
        (frozenset({FIRST}), True),
        (frozenset({BIRTH}), False),
        (frozenset(), False),
        (None, False),
    ],
)
def test_what_is_required_has_to_be_shared(
    agreed: frozenset[AttributeName] | None, holds: bool
) -> None:
    found = judge(AGREED, sharing(agreed=agreed))
    assert found.code is (None if holds else RefusalCode.ATTRIBUTES_NOT_SHARED)
    assert found.findings[-1].rule == "attributes_not_shared"


def test_what_is_known_and_agreed_to_and_requested_is_shared_and_nothing_else() -> None:
    assert sharing(agreed=NAMES).shared == {FIRST, BIRTH}
    assert sharing(agreed=frozenset({FIRST})).shared == {FIRST}
    assert sharing(agreed=NAMES, known=frozenset({BIRTH, FAMILY})).shared == {BIRTH}


@pytest.mark.parametrize(
    ("known", "agreed", "asked"),
    [
        (NAMES, None, True),
        (NAMES, frozenset({FIRST}), True),
        (NAMES, frozenset({FIRST, BIRTH}), False),
        (frozenset({FIRST}), frozenset({FIRST}), False),
        (frozenset(), None, False),
    ],
)
def test_user_is_asked_unless_he_agreed_to_all_that_is_known(
    known: frozenset[AttributeName], agreed: frozenset[AttributeName] | None, asked: bool
) -> None:
    assert needs_asking(sharing(known=known, agreed=agreed)) is asked


def test_findings_tell_what_is_lacking_and_nothing_that_is_known() -> None:
    (finding,) = judge(KNOWN, sharing(known=frozenset({BIRTH}))).findings
    assert finding.saw == "required: FirstName; not known: FirstName"


# --- once a credential held


ASKING = provider(catalogue=asking(FIRST, FAMILY))


def proved(
    known: Provider = ASKING, person: PersonAttributes = EVERYTHING, **changes: Any
) -> Step[Authentication]:
    """A signature that held."""
    consent = changes.pop("consent", None)
    row = authentication(awaits=SIGNATURE, **changes)
    checked = Checked(known, means=means(), holds=True, person=Person(person, consent))
    answer = received(SignatureAnswer(request_id=REQUEST, nonce=NONCE, secret="a.b.c.d.e"))
    return signature_answers.handle(row, answer, checked, moment())


def consent(*names: AttributeName) -> Consent:
    return Consent(UUID(int=9), 4, frozenset(names))


def told(step: Step[Authentication]) -> Any:
    message = only_message(step)
    assert isinstance(message, AuthenticationResult)
    assert step.row is not None
    assert step.row.awaits is None
    return message.result


def shared(step: Step[Authentication]) -> PersonAttributes | None:
    """What the dienstverlener can read, and nobody else."""
    declared = told(step)
    assert isinstance(declared, Authenticated)
    if declared.attributes is None:
        return None
    return world().keys("haven").open(declared.attributes, PersonAttributes)


def test_user_is_asked_before_anything_is_shared() -> None:
    step = proved()
    prompt = only_message(step)
    assert isinstance(prompt, ConsentPrompt)
    assert (step.send[0].topic, step.send[0].owner) == (CONSENT_PROMPTS, world().named("aak"))
    assert (prompt.nonce, prompt.provider, prompt.dienstverlener) == (OTHER_NONCE, AAK, HAVEN)
    assert (prompt.service_name, prompt.deadline) == ("Ligplaats aanvragen", DEADLINE)
    assert [each.name for each in prompt.attributes] == [FIRST, FAMILY]
    assert step.changes == []


def test_row_keeps_what_held_while_the_user_is_asked() -> None:
    row = proved().row
    assert row is not None
    assert (row.awaits, row.nonce, row.means) == (CONSENT, OTHER_NONCE, UUID(int=1))
    assert row.proven == Proven(level=Level.EH3, at=NOW)
    assert row.asked == (FIRST, FAMILY)


def test_session_begins_when_the_credential_held_and_not_after_the_consent() -> None:
    assert ("begin", SESSION_KEY, means(), NOW) in proved(session=SESSION_KEY).changes


def test_nobody_is_asked_for_what_is_not_known_of_him() -> None:
    known = provider(catalogue=asking(FIRST, FAMILY, required=False))
    prompt = only_message(proved(known, PersonAttributes(first_name="Ans")))
    assert isinstance(prompt, ConsentPrompt)
    assert [each.name for each in prompt.attributes] == [FIRST]
    assert shared(proved(known, PersonAttributes())) is None


def test_login_is_refused_at_once_when_a_required_attribute_is_not_known() -> None:
    step = proved(person=PersonAttributes(first_name="Ans"))
    assert told(step) == NotAuthenticated(code=RefusalCode.ATTRIBUTES_NOT_SHARED)
    assert step.row is not None
    assert step.row.findings[-1].rule == "attributes_not_known"


@pytest.mark.parametrize("known", [provider(), provider(catalogue=asking(COMPANY))])
def test_nobody_is_asked_when_nothing_of_the_person_is_requested(known: Provider) -> None:
    assert shared(proved(known)) is None


def test_nobody_is_asked_again_for_what_he_agreed_to() -> None:
    step = proved(consent=consent(FIRST, FAMILY, BIRTH))
    assert shared(step) == PersonAttributes(first_name="Ans", family_name="Molenaar")
    assert step.relies_on == {("consents", UUID(int=9)): 4}


def test_user_is_asked_for_everything_when_he_did_not_agree_to_all_of_it() -> None:
    step = proved(consent=consent(FIRST))
    prompt = only_message(step)
    assert isinstance(prompt, ConsentPrompt)
    assert [each.name for each in prompt.attributes] == [FIRST, FAMILY]
    assert step.relies_on == {}


def test_session_is_relied_on_beside_the_consent() -> None:
    checked = Checked(
        ASKING,
        means=means(),
        holds=True,
        session=session(),
        person=Person(EVERYTHING, consent(FIRST, FAMILY)),
    )
    answer = received(SessionAnswer(request_id=REQUEST, nonce=NONCE, secret="a.b.c.d.e"))
    step = session_answers.handle(authentication(), answer, checked, moment())
    assert step.relies_on == {("sessions", UUID(int=7)): 3, ("consents", UUID(int=9)): 4}


def test_session_is_kept_while_its_user_is_asked() -> None:
    checked = Checked(
        ASKING, means=means(), holds=True, session=session(), person=Person(EVERYTHING)
    )
    answer = received(SessionAnswer(request_id=REQUEST, nonce=NONCE, secret="a.b.c.d.e"))
    step = session_answers.handle(authentication(), answer, checked, moment())
    assert step.row is not None
    began = session().authenticated_at
    assert step.row.proven == Proven(level=Level.EH3, at=began, session=SESSION_KEY)
    assert step.relies_on == {("sessions", UUID(int=7)): 3}
    assert step.changes == ()


# --- the user's answer

PROVEN = Proven(level=Level.EH3, at=NOW - timedelta(seconds=30))
BY_SESSION = Proven(level=Level.EH3, at=session().authenticated_at, session=SESSION_KEY)


def waiting(**changes: Any) -> Authentication:
    fields = {"awaits": CONSENT, "means": UUID(int=1), "proven": PROVEN, "asked": (FIRST, FAMILY)}
    return authentication(**{**fields, **changes})


def choose(
    *names: AttributeName,
    row: Authentication | None = None,
    known: Provider = ASKING,
    remember: bool = False,
    at: Any = NOW,
    **checked: Any,
) -> Step[Authentication]:
    choice = ConsentChoice(request_id=REQUEST, nonce=NONCE, shared=names, remember=remember)
    fields = {"means": means(), "holds": True, "person": Person(EVERYTHING)}
    found = Checked(known, **{**fields, **checked})
    return consent_choices.handle(row or waiting(), received(choice), found, moment(now=at))


def test_what_the_user_agrees_to_is_shared_with_the_dienstverlener_only() -> None:
    step = choose(FIRST, FAMILY)
    assert shared(step) == PersonAttributes(first_name="Ans", family_name="Molenaar")
    declared = told(step)
    assert (declared.level, declared.authenticated_at) == (Level.EH3, PROVEN.at)
    assert "Molenaar" not in declared.model_dump_json()
    assert (step.changes, step.relies_on) == ([], {})


@pytest.mark.parametrize("names", [(FAMILY,), ()])
def test_login_is_refused_when_a_required_attribute_is_not_shared(
    names: tuple[AttributeName, ...],
) -> None:
    step = choose(*names)
    assert told(step) == NotAuthenticated(code=RefusalCode.ATTRIBUTES_NOT_SHARED)
    assert step.row is not None
    assert step.row.findings[-1].rule == "attributes_not_shared"


def test_optional_attribute_is_left_out_when_it_is_not_shared() -> None:
    optional = provider(catalogue=asking(FIRST, FAMILY, required=False))
    assert shared(choose(FAMILY, known=optional)) == PersonAttributes(family_name="Molenaar")
    assert shared(choose(known=optional)) is None


def test_choice_changes_nothing_when_it_was_not_offered() -> None:
    assert choose(FIRST, FAMILY, BIRTH) == Step(reject="not_offered")
    assert choose(FIRST, row=waiting(asked=())) == Step(reject="not_offered")


def test_choice_of_nothing_cancels() -> None:
    choice = received(ConsentChoice(request_id=REQUEST, nonce=NONCE, shared=None))
    found = Checked(ASKING, means=means(), holds=True, person=Person(EVERYTHING))
    step = consent_choices.handle(waiting(), choice, found, moment())
    assert told(step) == NotAuthenticated(code=RefusalCode.CANCELLED_BY_USER)


def test_late_choice_is_refused() -> None:
    step = choose(FIRST, FAMILY, at=DEADLINE)
    assert told(step) == NotAuthenticated(code=RefusalCode.DEADLINE_PASSED)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (authentication(), "nonce_refused"),
        (waiting(nonce=OTHER_NONCE), "nonce_refused"),
        (waiting().ended(), "login_finished"),
    ],
)
def test_choice_changes_nothing_when_it_is_not_awaited(row: Authentication, reason: str) -> None:
    assert choose(FIRST, FAMILY, row=row) == Step(reject=reason)


@pytest.mark.parametrize(
    ("names", "changes"),
    [
        ((FIRST, FAMILY), [("remember", SUBJECT, HAVEN, (FIRST, FAMILY), {FIRST, FAMILY})]),
        ((), []),
    ],
)
def test_consent_is_remembered_when_the_user_says_so(
    names: tuple[AttributeName, ...], changes: list[Any]
) -> None:
    optional = provider(catalogue=asking(FIRST, FAMILY, required=False))
    assert choose(*names, known=optional, remember=True).changes == changes


def test_consent_is_not_remembered_when_the_user_does_not_say_so() -> None:
    optional = provider(catalogue=asking(FIRST, FAMILY, required=False))
    assert not choose(FIRST, FAMILY, known=optional).changes


def test_what_the_service_asks_no_longer_is_not_shared() -> None:
    now = provider(catalogue=asking(FIRST))
    assert shared(choose(FIRST, FAMILY, known=now)) == PersonAttributes(first_name="Ans")


@pytest.mark.parametrize(
    ("changes", "code", "reason"),
    [
        (
            {"known": provider(catalogue=catalogue(SERVICES[1:]))},
            RefusalCode.SERVICE_WITHDRAWN,
            "service_withdrawn",
        ),
        ({"means": None}, RefusalCode.AUTHENTICATION_FAILED, "means_unknown"),
        (
            {"means": means(failures=MAX_FAILURES)},
            RefusalCode.AUTHENTICATION_FAILED,
            "means_locked",
        ),
        (
            {"means": means(only_for=LOODS)},
            RefusalCode.AUTHENTICATION_FAILED,
            "means_for_another_service",
        ),
    ],
)
def test_login_is_refused_when_what_held_does_so_no_longer(
    changes: dict[str, Any], code: RefusalCode, reason: str
) -> None:
    step = choose(FIRST, FAMILY, **changes)
    assert told(step) == NotAuthenticated(code=code)
    assert step.row is not None
    assert step.row.findings[-1].rule == reason


def test_session_is_relied_on_until_the_user_has_answered() -> None:
    step = choose(FIRST, FAMILY, row=waiting(proven=BY_SESSION), session=session())
    assert isinstance(told(step), Authenticated)
    assert step.relies_on == {("sessions", UUID(int=7)): 3}


@pytest.mark.parametrize(
    "known", [None, session(ended_at=NOW), session(authenticated_at=NOW - LONGEST)]
)
def test_credential_is_asked_for_when_the_session_ended_before_the_user_answered(
    known: Session | None,
) -> None:
    step = choose(FIRST, FAMILY, row=waiting(proven=BY_SESSION), session=known)
    assert isinstance(only_message(step), Challenge)
    row = step.row
    assert row is not None
    assert (row.means, row.proven, row.asked, row.session_attempts) == (None, None, (), 1)
    assert row.awaits is CredentialKind.PASSWORD


# --- what the tables say


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """A means, a session, a person and his consent are kept. What was looked for, in order."""
    sought: list[Any] = []

    def table(known: dict[Any, Any]) -> Any:
        async def of(_: Connection, wanted: Iterable[Any]) -> dict[Any, Any]:
            names = set(wanted)
            sought.append(names)
            return {name: value for name, value in known.items() if name in names}

        return of

    monkeypatch.setattr(means_table, "by_id", table({UUID(int=1): means()}))
    monkeypatch.setattr(sessions, "by_key", table({SESSION_KEY: session()}))
    monkeypatch.setattr(attributes_table, "of", table({SUBJECT: EVERYTHING}))
    monkeypatch.setattr(consents_table, "of", table({(SUBJECT, HAVEN): consent(FIRST)}))
    return sought


def batch(row: Authentication | None, known: Provider = ASKING, times: int = 1) -> Batch[Provider]:
    choice = ConsentChoice(request_id=REQUEST, nonce=NONCE, shared=())
    messages = [received(choice)] * times
    return Batch(cast("Connection", None), messages, lambda _: row, known, NOW)


async def test_what_held_is_looked_up_again(kept: list[Any]) -> None:
    (found,) = await consent_choices.check(batch(waiting(proven=BY_SESSION)))
    assert (found.means, found.holds, found.session) == (means(), True, session())
    assert found.person == Person(EVERYTHING, consent(FIRST))


async def test_session_does_not_hold_when_its_browser_is_of_another_by_now(
    kept: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def by_key(_: Connection, keys: Iterable[str]) -> dict[str, Session]:
        return dict.fromkeys(keys, session(means=UUID(int=2)))

    monkeypatch.setattr(sessions, "by_key", by_key)
    (found,) = await consent_choices.check(batch(waiting(proven=BY_SESSION)))
    assert (found.means, found.session) == (means(), None)


@pytest.mark.parametrize("row", [None, authentication(), waiting(means=UUID(int=2))])
async def test_nothing_is_known_when_nothing_held(
    kept: list[Any], row: Authentication | None
) -> None:
    (found,) = await consent_choices.check(batch(row))
    assert found == Checked(ASKING)


async def test_person_is_looked_up_in_two_queries_however_many_messages(kept: list[Any]) -> None:
    checked = [Checked(ASKING, means=means(), holds=True)] * 5
    found = await answers.with_persons(batch(authentication(), times=5), checked)
    assert {each.person for each in found} == {Person(EVERYTHING, consent(FIRST))}
    assert kept == [{SUBJECT}, {(SUBJECT, HAVEN)}]


@pytest.mark.parametrize(
    ("row", "known", "checked"),
    [
        (authentication(), provider(), {"means": means(), "holds": True}),
        (authentication(), ASKING, {"means": means(), "holds": False}),
        (authentication(), ASKING, {}),
        (None, ASKING, {"means": means(), "holds": True}),
    ],
)
async def test_nobody_is_looked_up_when_he_did_not_prove_who_he_is_or_nothing_is_asked(
    kept: list[Any], row: Authentication | None, known: Provider, checked: dict[str, Any]
) -> None:
    before = [Checked(known, **checked)]
    assert await answers.with_persons(batch(row, known), before) == before
    assert kept == []


def test_attributes_are_known_by_what_is_kept_of_somebody() -> None:
    assert attributes_table.names_of(EVERYTHING) == NAMES
    assert attributes_table.names_of(PersonAttributes(date_of_birth=date(1980, 2, 29))) == {BIRTH}
    assert attributes_table.names_of(attributes_table.NOTHING) == frozenset()


def test_no_other_attributes_travel_than_those_named() -> None:
    assert attributes_table.only(EVERYTHING, {BIRTH}) == PersonAttributes(
        date_of_birth=date(1980, 2, 29)
    )


def test_every_personal_attribute_of_the_scheme_has_a_place() -> None:
    personal = {name for name in AttributeName if name.is_personal}
    assert set(attributes_table.FIELDS) == personal
    assert set(attributes_table.FIELDS.values()) == set(PersonAttributes.model_fields)
