"""The person at the browser: what he answers where he is known already, or asked for consent."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from providers.session_commands import nonce_of
from sandbox.founding import Held, Wallet
from sandbox.person import Answering, Behaviour, Reply, _is_wanted
from sandbox.scenario import Does
from sandbox.visits import Visits
from schemas import jose
from schemas.catalogue import RequestedAttribute
from schemas.messages import (
    Challenge,
    ConsentChoice,
    ConsentPrompt,
    CredentialKind,
    MeansChoice,
    MeansOption,
    MeansPrompt,
    SessionAnswer,
    SessionCommand,
    SessionCommandKind,
    SignatureAnswer,
)
from schemas.sealed import RepresentationOption, SessionSecret, SignatureSecret
from schemas.topics import CONSENT_CHOICES, SESSION_ANSWERS, SESSION_COMMANDS
from schemas.values import AttributeName, Level
from tests.unit.builders import BOTTER, DEADLINE, HAVEN, NONCE, REQUEST, world

FIRST, FAMILY, *_ = AttributeName
ANS = Wallet(
    person="ans",
    means=(
        Held(
            provider="botter",
            registry="kade",
            level=Level.EH4,
            private_key=jose.private_jwk(jose.new_key()),
        ),
    ),
)


@pytest.fixture
def answering(tmp_path: Path) -> Answering:
    return Answering(world().directory, tmp_path)


def who(**changes: Any) -> Behaviour:
    return Behaviour(**{"wallet": ANS, "uses_session": True, **changes})


def challenge(request_id: UUID | None = None, *, accepted: bool = True) -> Challenge:
    return Challenge(
        request_id=request_id or uuid4(),
        nonce=NONCE,
        provider=BOTTER,
        kind=CredentialKind.SIGNATURE,
        deadline=DEADLINE,
        session_accepted=accepted,
    )


async def reply(answering: Answering, prompt: Any, behaviour: Behaviour) -> Reply:
    found = await answering.answer(prompt, world().named("botter"), behaviour)
    assert found is not None
    return found


def session_in(found: Reply) -> str | None:
    """By what the browser is known, or wants to be."""
    sealed = found.message.secret  # type: ignore[attr-defined]
    model = SignatureSecret if isinstance(found.message, SignatureAnswer) else SessionSecret
    secret: str | None = world().keys("botter").open(sealed, model).session  # type: ignore[attr-defined]
    return secret


async def test_browser_is_known_from_its_second_login_on(answering: Answering) -> None:
    first = await reply(answering, challenge(), who())
    second = await reply(answering, challenge(), who())
    assert isinstance(first.message, SignatureAnswer)
    assert (second.topic, type(second.message)) == (SESSION_ANSWERS, SessionAnswer)
    assert session_in(first) == session_in(second)
    assert session_in(first) is not None


@pytest.mark.parametrize(
    ("behaviour", "accepted"),
    [
        (who(uses_session=False), True),
        (who(), False),
        (who(browser="elders"), True),
    ],
)
async def test_credential_is_given_where_the_browser_is_not_known_or_not_accepted(
    answering: Answering, behaviour: Behaviour, accepted: bool
) -> None:
    await reply(answering, challenge(), who())
    found = await reply(answering, challenge(accepted=accepted), behaviour)
    assert isinstance(found.message, SignatureAnswer)


async def test_browser_is_not_known_by_what_it_said_in_the_same_login(answering: Answering) -> None:
    await reply(answering, challenge(REQUEST), who())
    again = await reply(answering, challenge(REQUEST), who())
    assert isinstance(again.message, SignatureAnswer)


async def test_nobody_is_known_who_does_not_want_to_be(answering: Answering) -> None:
    assert session_in(await reply(answering, challenge(), who(uses_session=False))) is None


async def test_who_cancels_gives_no_session_either(answering: Answering) -> None:
    await reply(answering, challenge(), who())
    found = await reply(answering, challenge(), who(does=Does.CANCEL))
    assert found.message.secret is None  # type: ignore[attr-defined]


def test_browser_has_a_secret_for_each_provider() -> None:
    visits = Visits()
    secrets = {visits.secret(b, p, REQUEST) for b in ("one", "other") for p in ("aak", "botter")}
    assert len(secrets) == 4
    assert visits.earlier("one", "aak", uuid4()) == visits.secret("one", "aak", uuid4())
    assert visits.earlier("third", "aak", uuid4()) is None


# --- commands


async def test_command_is_of_the_browser_that_is_known(answering: Answering) -> None:
    first = await reply(answering, challenge(), who())
    found = answering.command(
        SessionCommandKind.REVOKE_CONSENT, world().named("botter"), who(), HAVEN
    )
    command = found.message
    assert isinstance(command, SessionCommand)
    assert (found.topic, command.dienstverlener) == (SESSION_COMMANDS, HAVEN)
    secret = world().keys("botter").open(command.secret, SessionSecret)
    assert secret.nonce == nonce_of(command.request_id)
    assert secret.session == session_in(first)


def test_command_of_an_unknown_browser_looks_the_same(answering: Answering) -> None:
    command = answering.command(SessionCommandKind.LOGOUT, world().named("botter"), who()).message
    assert isinstance(command, SessionCommand)
    assert world().keys("botter").open(command.secret, SessionSecret).session


# --- choices


@pytest.mark.parametrize(
    ("behaviour", "shared"),
    [
        (who(), (FIRST, FAMILY)),
        (who(shares=(FAMILY,)), (FAMILY,)),
        (who(shares=()), ()),
        (who(shares=(AttributeName.DATE_OF_BIRTH,)), ()),
        (who(does=Does.CANCEL), None),
    ],
)
async def test_person_shares_what_he_agrees_to_of_what_is_asked(
    answering: Answering, behaviour: Behaviour, shared: tuple[AttributeName, ...] | None
) -> None:
    prompt = ConsentPrompt(
        request_id=REQUEST,
        nonce=NONCE,
        provider=BOTTER,
        dienstverlener=HAVEN,
        service_name="Ligplaats aanvragen",
        attributes=tuple(
            RequestedAttribute(name=name, purpose="Om u aan te spreken") for name in (FIRST, FAMILY)
        ),
        deadline=DEADLINE,
    )
    found = await reply(answering, prompt, behaviour)
    expected = ConsentChoice(request_id=REQUEST, nonce=NONCE, shared=shared)
    assert (found.topic, found.message) == (CONSENT_CHOICES, expected)


@pytest.mark.parametrize("remembers", [True, False])
async def test_person_says_whether_his_choice_is_to_be_remembered(
    answering: Answering, remembers: bool
) -> None:
    option = MeansOption(provider=BOTTER, name="Botter")
    prompt = MeansPrompt(
        request_id=REQUEST,
        nonce=NONCE,
        service_name="Ligplaats aanvragen",
        minimum_level=Level.EH3,
        options=(option,),
    )
    message = (await reply(answering, prompt, who(remembers=remembers))).message
    assert isinstance(message, MeansChoice)
    assert (message.provider, message.remember) == (BOTTER, remembers)


@pytest.mark.parametrize(
    ("wanted", "chosen"),
    [
        ({}, ["0", "1", "2"]),
        ({"kvk": "90000101"}, ["0", "2"]),
        ({"organisation": "Het Duinfonds"}, ["1"]),
        ({"kvk": "90000101", "through": "De Veer"}, ["2"]),
        ({"kvk": "90000102"}, []),
    ],
)
def test_an_organisation_is_wanted_by_its_number_or_name_and_who_is_between(
    wanted: dict[str, Any], chosen: list[str]
) -> None:
    options = [
        RepresentationOption(option="0", name="De Molen", kvk="90000101"),
        RepresentationOption(option="1", name="Het Duinfonds"),
        RepresentationOption(option="2", name="De Molen", kvk="90000101", through="De Veer"),
    ]
    assert [each.option for each in options if _is_wanted(each, who(**wanted))] == chosen
