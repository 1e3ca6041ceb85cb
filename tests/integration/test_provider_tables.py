"""The provider's tables on real Postgres, and logins by session and by consent against whoever ends
them: from the moment that is confirmed, nothing is declared by them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from pipeline.fold import Fold
from pipeline.keys import Keys, seal
from pipeline.ledger import Conflict, Writes
from pipeline.runner import Runner
from pipeline.stage import Batch, Key, RoleStages
from pipeline.store import PostgresSession, Store
from providers import attributes as attributes_table
from providers import consents as consents_table
from providers import means as means_table
from providers import sessions
from providers.credentials import signature
from providers.role import provider
from providers.session_commands import nonce_of
from providers.sessions import Session
from sandbox.servers import Servers
from schemas import codec, jose, topics
from schemas.codec import Record
from schemas.dialogue import (
    Challenge,
    ConsentChoice,
    ConsentPrompt,
    SessionAnswer,
    SessionCommand,
    SessionCommandKind,
    SessionConfirmation,
    SignatureAnswer,
)
from schemas.directory import PublicJwk
from schemas.message import Message
from schemas.messages import Authenticated, AuthenticationResult, NotAuthenticated
from schemas.sealed import PersonAttributes, SessionSecret, SignatureSecret
from schemas.topics import (
    AUTHENTICATION_REQUESTS,
    CONSENT_CHOICES,
    SESSION_ANSWERS,
    SESSION_COMMANDS,
    SIGNATURE_ANSWERS,
    Topic,
)
from schemas.values import AttributeName, Level
from tests.unit.builders import (
    BOTTER,
    BROWSER_SECRET,
    HAVEN,
    LOODS,
    NOW,
    SESSION_KEY,
    SUBJECT,
    asking,
    authentication_request,
    databases,
    means,
    signed,
    unsigned,
    world,
)

FIRST, FAMILY, BIRTH, *_ = AttributeName
KEY = jose.new_key()
ANS = PersonAttributes(first_name="Ans", family_name="Molenaar", date_of_birth=date(1980, 2, 29))
MEANS = means(
    id=UUID(int=1),
    username=None,
    key_id=KEY.kid,
    public_key=PublicJwk.model_validate(jose.public_jwk(KEY)),
    registry=world().named("kade").entity_id,
)
OTHERS = means(id=UUID(int=2), username="bas@molen.example", only_for=HAVEN)


@pytest.fixture(scope="module")
async def pool(herken_servers: Servers) -> AsyncIterator[asyncpg.Pool]:
    async with databases(herken_servers.postgres, "botter") as found:
        yield found["botter"]


@pytest.fixture
async def connection(pool: asyncpg.Pool) -> AsyncIterator[Any]:
    async with Store(pool).connection() as found:
        yield found


@pytest.fixture
async def other(pool: asyncpg.Pool) -> AsyncIterator[Any]:
    async with Store(pool).connection() as found:
        yield found


@pytest.fixture(autouse=True)
async def clean(pool: asyncpg.Pool) -> None:
    await pool.execute("TRUNCATE logins, inputs, claims, means, persons, sessions, consents")
    async with Store(pool).connection() as connection:
        await means_table.add(connection, MEANS)
        await means_table.add(connection, OTHERS)
        await attributes_table.add(connection, SUBJECT, ANS)


# --- what is kept comes back


async def test_means_comes_back_with_whom_it_works_for(connection: Any) -> None:
    found = await means_table.by_id(connection, [UUID(int=1), UUID(int=2)])
    assert found == {UUID(int=1): MEANS, UUID(int=2): OTHERS}


async def test_what_is_known_of_somebody_is_what_was_kept_last(connection: Any) -> None:
    married = PersonAttributes(first_name="Ans", family_name="De Vries")
    await attributes_table.add(connection, SUBJECT, married)
    assert await attributes_table.of(connection, [SUBJECT, uuid4()]) == {SUBJECT: married}
    assert await attributes_table.of(connection, []) == {}


async def _session(connection: Any, key: str = SESSION_KEY) -> Session | None:
    return (await sessions.by_key(connection, [key])).get(key)


async def test_session_comes_back_as_it_began(connection: Any) -> None:
    assert await _session(connection) is None
    await sessions.begin(SESSION_KEY, MEANS, NOW)(connection)
    found = await _session(connection)
    assert found is not None
    assert (found.means, found.subject, found.level) == (MEANS.id, SUBJECT, Level.EH3)
    assert (found.authenticated_at, found.ended_at, found.revision) == (NOW, None, 1)


async def test_session_ends_once_and_begins_anew_when_its_user_proves_who_he_is(
    connection: Any,
) -> None:
    later = NOW + timedelta(minutes=1)
    await sessions.begin(SESSION_KEY, MEANS, NOW)(connection)
    await sessions.end(SESSION_KEY, later)(connection)
    await sessions.end(SESSION_KEY, later + timedelta(minutes=1))(connection)
    ended = await _session(connection)
    assert ended is not None
    assert (ended.ended_at, ended.revision) == (later, 2)
    await sessions.begin(SESSION_KEY, OTHERS, later)(connection)
    again = await _session(connection)
    assert again is not None
    assert (again.means, again.ended_at, again.revision) == (OTHERS.id, None, 3)
    assert (again.authenticated_at, again.id) == (later, ended.id)


async def test_all_sessions_of_a_means_end_and_no_others(connection: Any) -> None:
    await sessions.begin("a" * 43, MEANS, NOW)(connection)
    await sessions.begin("b" * 43, MEANS, NOW)(connection)
    await sessions.begin("c" * 43, OTHERS, NOW)(connection)
    await sessions.end_all(MEANS.id, NOW)(connection)
    found = await sessions.by_key(connection, ["a" * 43, "b" * 43, "c" * 43])
    ended = {key[0]: each.ended_at is not None for key, each in found.items()}
    assert ended == {"a": True, "b": True, "c": False}


async def _agreed(connection: Any, dienstverlener: str = HAVEN) -> frozenset[AttributeName]:
    pair = (SUBJECT, dienstverlener)
    found = (await consents_table.of(connection, [pair])).get(pair)
    return found.attributes if found else frozenset()


async def test_consent_is_kept_for_each_dienstverlener(connection: Any) -> None:
    await consents_table.remember(SUBJECT, HAVEN, [FIRST], frozenset({FIRST}))(connection)
    await consents_table.remember(SUBJECT, LOODS, [BIRTH], frozenset({BIRTH}))(connection)
    assert await _agreed(connection) == {FIRST}
    assert await _agreed(connection, LOODS) == {BIRTH}
    assert await consents_table.of(connection, [(uuid4(), HAVEN)]) == {}
    assert await consents_table.of(connection, []) == {}


async def test_later_answer_replaces_what_it_is_about_and_leaves_the_rest(connection: Any) -> None:
    first, last = [FIRST, FAMILY], [FAMILY, BIRTH]
    await consents_table.remember(SUBJECT, HAVEN, first, frozenset(first))(connection)
    await consents_table.remember(SUBJECT, HAVEN, last, frozenset({BIRTH}))(connection)
    found = (await consents_table.of(connection, [(SUBJECT, HAVEN)]))[SUBJECT, HAVEN]
    assert (found.attributes, found.revision) == ({FIRST, BIRTH}, 2)


@pytest.mark.parametrize(("revoked", "left"), [(HAVEN, {LOODS}), (None, set())])
async def test_consent_is_revoked_for_one_dienstverlener_or_for_all(
    connection: Any, revoked: str | None, left: set[str]
) -> None:
    for each in (HAVEN, LOODS):
        await consents_table.remember(SUBJECT, each, [FIRST], frozenset({FIRST}))(connection)
    nobodys = uuid4()
    await consents_table.remember(nobodys, HAVEN, [FIRST], frozenset({FIRST}))(connection)
    await consents_table.revoke(SUBJECT, revoked)(connection)
    assert {each for each in (HAVEN, LOODS) if await _agreed(connection, each)} == left
    assert (nobodys, HAVEN) in await consents_table.of(connection, [(nobodys, HAVEN)])


# --- the lock


async def _kept(connection: Any) -> tuple[Session, consents_table.Consent]:
    await sessions.begin(SESSION_KEY, MEANS, NOW)(connection)
    await consents_table.remember(SUBJECT, HAVEN, [FIRST], frozenset({FIRST}))(connection)
    session = await _session(connection)
    assert session is not None
    return session, (await consents_table.of(connection, [(SUBJECT, HAVEN)]))[SUBJECT, HAVEN]


async def _rests(connection: Any, relied_on: dict[Key, int]) -> bool:
    """Whether something may be written that rests on this; it is locked until the transaction
    ends."""
    kept = (sessions.TABLE, consents_table.TABLE)
    try:
        await PostgresSession(connection).write(Writes(relied_on=relied_on), kept=kept)
    except Conflict:
        return False
    return True


async def test_what_is_relied_on_holds_at_the_revision_that_was_read(connection: Any) -> None:
    session, consent = await _kept(connection)
    mine, agreed = (sessions.TABLE, session.id), (consents_table.TABLE, consent.id)
    right = {mine: 1, agreed: 1}
    assert await _rests(connection, right)
    assert not await _rests(connection, {**right, mine: 2})
    assert not await _rests(connection, {**right, agreed: 2})
    assert not await _rests(connection, {**right, (sessions.TABLE, uuid4()): 1})


@pytest.mark.parametrize(
    "change",
    [
        sessions.end(SESSION_KEY, NOW),
        sessions.end_all(MEANS.id, NOW),
        consents_table.revoke(SUBJECT, HAVEN),
    ],
)
async def test_whoever_takes_it_away_waits_until_what_rests_on_it_is_written(
    connection: Any, other: Any, change: Any
) -> None:
    session, consent = await _kept(connection)
    relied = {(sessions.TABLE, session.id): 1, (consents_table.TABLE, consent.id): 1}
    async with connection.transaction():
        assert await _rests(connection, relied)
        taking = asyncio.create_task(change(other))
        await asyncio.sleep(0.2)
        assert not taking.done()
    await taking
    assert not await _rests(connection, relied)


# --- whole logins, on the provider alone


class Botter:
    """A provider whose users sign, one worker of it."""

    def __init__(self, pool: asyncpg.Pool, *asked: AttributeName) -> None:
        base = world().keys("botter")
        catalogue = asking(*asked)
        self.keys = Keys(base.secrets, base.current, lambda: catalogue)
        self.role = provider(self.keys, attempts=3)
        self.now = NOW
        self._pool = pool

    async def process(
        self, topic: Topic, message: Message, role: RoleStages[Any] | None = None
    ) -> Any:
        """The message that one leads to; None: it is a dead letter."""
        stages = {stage.topic: stage for stage in (role or self.role).stages}
        by_makelaar = topic is AUTHENTICATION_REQUESTS
        record = (
            signed(topic, "botter", message, "duin", self.now, jti=uuid4())
            if by_makelaar
            else unsigned(topic, "botter", message)
        )
        runner = Runner(role or self.role, self.keys, Store(self._pool), lambda: self.now)
        (output,) = await runner.process(stages[topic], [record])
        return None if output.topic.endswith(topics.DLQ_SUFFIX) else _read(output)

    async def asks(self, **changes: Any) -> Challenge:
        fields = {"request_id": uuid4(), "deadline": self.now + timedelta(minutes=5), **changes}
        challenge = await self.process(AUTHENTICATION_REQUESTS, authentication_request(**fields))
        assert isinstance(challenge, Challenge)
        return challenge

    async def signs(self, to: Challenge, session: str | None = BROWSER_SECRET) -> Any:
        statement = signature.statement(to.nonce, to.request_id, BOTTER)
        signed_ = jose.sign(statement, signature.TYP, KEY)
        secret = SignatureSecret(nonce=to.nonce, session=session, signature=signed_)
        answer = SignatureAnswer(
            request_id=to.request_id, nonce=to.nonce, secret=self.sealed(secret)
        )
        return await self.process(SIGNATURE_ANSWERS, answer)

    def by_session(self, to: Challenge) -> SessionAnswer:
        secret = SessionSecret(nonce=to.nonce, session=BROWSER_SECRET)
        return SessionAnswer(request_id=to.request_id, nonce=to.nonce, secret=self.sealed(secret))

    async def is_known(self, to: Challenge) -> Any:
        return await self.process(SESSION_ANSWERS, self.by_session(to))

    async def chooses(
        self, to: ConsentPrompt, *names: AttributeName, remember: bool = False
    ) -> Any:
        choice = ConsentChoice(
            request_id=to.request_id, nonce=to.nonce, shared=names, remember=remember
        )
        return await self.process(CONSENT_CHOICES, choice)

    async def commands(self, kind: SessionCommandKind = SessionCommandKind.LOGOUT) -> bool:
        id_ = uuid4()
        secret = self.sealed(SessionSecret(nonce=nonce_of(id_), session=BROWSER_SECRET))
        command = SessionCommand(request_id=id_, command=kind, secret=secret)
        confirmation = await self.process(SESSION_COMMANDS, command)
        assert isinstance(confirmation, SessionConfirmation)
        return confirmation.done

    def sealed(self, secret: Any) -> str:
        return seal(secret, world().named("botter"), NOW)


def _read(record: Record) -> Any:
    topic, _ = topics.find(record.topic)
    return codec.unverified(record.value.decode(), topic.message)


def declared(message: Any) -> Authenticated:
    assert isinstance(message, AuthenticationResult)
    assert isinstance(message.result, Authenticated)
    return message.result


def shared(message: Any) -> PersonAttributes | None:
    sealed = declared(message).attributes
    return None if sealed is None else world().keys("haven").open(sealed, PersonAttributes)


async def test_who_logged_in_is_known_for_two_hours(pool: asyncpg.Pool) -> None:
    botter = Botter(pool)
    assert declared(await botter.signs(await botter.asks())).authenticated_at == NOW
    botter.now = NOW + timedelta(hours=2) - timedelta(seconds=1)
    assert declared(await botter.is_known(await botter.asks())).authenticated_at == NOW
    botter.now += timedelta(seconds=1)
    again = await botter.is_known(await botter.asks())
    assert isinstance(again, Challenge)
    assert not again.session_accepted
    assert declared(await botter.signs(again)).authenticated_at == botter.now


async def test_forced_authentication_ends_what_other_browsers_are_known_by(
    pool: asyncpg.Pool,
) -> None:
    botter = Botter(pool)
    await botter.signs(await botter.asks())
    forced = await botter.asks(force_authn=True)
    assert not forced.session_accepted
    declared(await botter.signs(forced, "x" * 32))
    assert isinstance(await botter.is_known(await botter.asks()), Challenge)


async def test_nobody_is_known_after_he_logged_out(pool: asyncpg.Pool) -> None:
    botter = Botter(pool)
    assert not await botter.commands()
    await botter.signs(await botter.asks())
    assert await botter.commands()
    assert not await botter.commands()
    assert isinstance(await botter.is_known(await botter.asks()), Challenge)


async def test_consent_is_asked_once_when_it_is_remembered_and_again_when_revoked(
    pool: asyncpg.Pool,
) -> None:
    botter = Botter(pool, FIRST, BIRTH)
    prompt = await botter.signs(await botter.asks())
    told = PersonAttributes(first_name="Ans", date_of_birth=date(1980, 2, 29))
    assert shared(await botter.chooses(prompt, FIRST, BIRTH, remember=True)) == told
    assert shared(await botter.is_known(await botter.asks())) == told
    assert await botter.commands(SessionCommandKind.REVOKE_CONSENT)
    assert isinstance(await botter.is_known(await botter.asks()), ConsentPrompt)


async def test_nothing_is_shared_and_remembered_when_the_user_does_not_say_so(
    pool: asyncpg.Pool,
) -> None:
    botter = Botter(pool, FIRST)
    refused = await botter.chooses(await botter.signs(await botter.asks()))
    assert isinstance(refused.result, NotAuthenticated)
    await botter.chooses(await botter.signs(await botter.asks()), FIRST)
    assert isinstance(await botter.signs(await botter.asks()), ConsentPrompt)


async def test_session_that_ended_while_the_user_was_asked_is_not_enough(
    pool: asyncpg.Pool,
) -> None:
    botter = Botter(pool, FIRST)
    await botter.signs(await botter.asks())
    prompt = await botter.is_known(await botter.asks())
    assert isinstance(prompt, ConsentPrompt)
    assert await botter.commands()
    assert isinstance(await botter.chooses(prompt, FIRST), Challenge)


# --- a login in flight, and whoever ends what it rests on


def _held_back(role: RoleStages[Any], read: asyncio.Event, go: asyncio.Event) -> RoleStages[Any]:
    """A worker that stands still between what it read first and what it writes."""

    def waiting(facts: Any) -> Any:
        async def wait(batch: Batch[Any]) -> Any:
            found = await facts(batch)
            if not read.is_set():
                read.set()
                await go.wait()
            return found

        return wait

    stages = [replace(s, facts=waiting(s.facts)) if s.facts else s for s in role.stages]
    return replace(role, stages=stages)


async def _overtaken(botter: Botter, command: SessionCommandKind) -> Any:
    """What comes of a login by session when the command is confirmed after it read the tables."""
    read, go = asyncio.Event(), asyncio.Event()
    answer = botter.by_session(await botter.asks())
    role = _held_back(botter.role, read, go)
    login = asyncio.create_task(botter.process(SESSION_ANSWERS, answer, role))
    await read.wait()
    assert await botter.commands(command)
    go.set()
    return await login


async def test_nothing_is_declared_by_a_session_once_its_end_is_confirmed(
    pool: asyncpg.Pool,
) -> None:
    botter = Botter(pool)
    await botter.signs(await botter.asks())
    assert isinstance(await _overtaken(botter, SessionCommandKind.LOGOUT), Challenge)


async def test_nothing_is_shared_by_a_consent_once_its_end_is_confirmed(
    pool: asyncpg.Pool,
) -> None:
    botter = Botter(pool, FIRST)
    await botter.chooses(await botter.signs(await botter.asks()), FIRST, remember=True)
    assert isinstance(await _overtaken(botter, SessionCommandKind.REVOKE_CONSENT), ConsentPrompt)


@pytest.mark.parametrize("command", SessionCommandKind)
async def test_these_tests_fail_without_the_lock(
    pool: asyncpg.Pool, command: SessionCommandKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Fold, "_rely_on", lambda *_: None)
    botter = Botter(pool, FIRST)
    await botter.chooses(await botter.signs(await botter.asks()), FIRST, remember=True)
    assert shared(await _overtaken(botter, command)) == PersonAttributes(first_name="Ans")


WORKERS, LOGINS = 3, 12


async def test_no_login_that_begins_after_a_logout_is_declared_by_any_worker(
    pool: asyncpg.Pool,
) -> None:
    botter = Botter(pool)
    await botter.signs(await botter.asks())
    confirmed, before, after = asyncio.Event(), list[Any](), list[Any]()

    async def log_in(challenges: list[Challenge]) -> None:
        for challenge in challenges:
            found = after if confirmed.is_set() else before
            found.append(await botter.is_known(challenge))

    async def log_out() -> None:
        while len(before) < WORKERS * LOGINS / 2:
            await asyncio.sleep(0.001)
        assert await botter.commands()
        confirmed.set()

    challenges = [[await botter.asks() for _ in range(LOGINS)] for _ in range(WORKERS)]
    await asyncio.gather(log_out(), *(log_in(each) for each in challenges))
    assert {type(each) for each in after} == {Challenge}
    assert AuthenticationResult in {type(each) for each in before}
