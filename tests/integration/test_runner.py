"""The one runner on real Postgres: whatever crashes, races or is delivered twice, one outcome.

Kafka is played by the tests: what `process` returns is what would be published, and dropping it is
a crash before that.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pyotp
import pytest
from pydantic import BaseModel
from structlog.testing import capture_logs

from brokers.role import makelaar
from dienstverlener.outcome import Assertion
from dienstverlener.verify import verify
from pipeline import runner as runner_module
from pipeline.dead_letters import exhume
from pipeline.errors import WrongUse
from pipeline.keys import seal, utc_now
from pipeline.runner import Runner
from pipeline.stage import Batch, Outgoing, RoleStages, Stage, Step
from pipeline.store import PostgresSession, Store
from providers import means as means_table
from providers.credentials.argon2id import hash_password
from providers.credentials.code import SharedSecret
from providers.role import provider
from registry import tables
from registry.role import registry
from sandbox.servers import Servers
from schemas import codec, jose, topics
from schemas.codec import Record
from schemas.dialogue import (
    Answer,
    Challenge,
    CodeAnswer,
    CredentialKind,
    MeansChoice,
    MeansPrompt,
    PasswordAnswer,
)
from schemas.message import Message
from schemas.messages import AuthnRequest, Cancellation, Outcome, Refused
from schemas.refusals import RefusalCode
from schemas.sealed import CodeSecret, PasswordSecret
from schemas.topics import AUTHN_REQUESTS, CANCELLATIONS, MEANS_CHOICES
from schemas.values import Value
from tests.unit.builders import (
    AAK,
    DEADLINE_SECONDS,
    HAVEN,
    KVK,
    LOODS,
    NO_SERVICE,
    NOW,
    TOTP_SECRET,
    authentication_request,
    authn_request,
    databases,
    mandate,
    means,
    organisation,
    signed,
    unsigned,
    world,
)
from tests.unit.builders import person as registered

LATER = NOW + timedelta(seconds=DEADLINE_SECONDS)
PASSWORD = "twee-molens-aan-de-vaart"
WORKERS = 2
Pools = dict[str, asyncpg.Pool]
Clock = Callable[[], datetime]
ROLES: dict[str, Callable[[], RoleStages[Any]]] = {
    "duin": lambda: makelaar(world().keys("duin"), DEADLINE_SECONDS),
    "aak": lambda: provider(world().keys("aak"), attempts=3),
    "kade": lambda: registry(world().keys("kade")),
}


@pytest.fixture(scope="module")
async def pools(herken_servers: Servers) -> AsyncIterator[Pools]:
    async with databases(herken_servers.postgres, *ROLES) as found:
        yield found


@pytest.fixture(autouse=True)
async def clean(pools: Pools, monkeypatch: pytest.MonkeyPatch) -> None:
    """Empty tables, and no waiting for servers that answer again at once."""
    monkeypatch.setattr(runner_module, "_FIRST_WAIT_SECONDS", 0.0)
    for pool in pools.values():
        await pool.execute("TRUNCATE logins, inputs, claims")


class Worker:
    """One process of a participant: its runner, and the stages by their topics."""

    def __init__(
        self,
        pools: Pools,
        name: str = "duin",
        role: RoleStages[Any] | None = None,
        clock: Clock = lambda: NOW,
    ) -> None:
        self.role = role or ROLES[name]()
        self.runner = Runner(self.role, world().keys(name), Store(pools[name]), clock)
        self._stages = {stage.topic.name: stage for stage in self.role.stages}

    async def process(self, *records: Record) -> list[Record]:
        """A batch of one topic."""
        kind, _ = topics.find(records[0].topic)
        return await self.runner.process(self._stages[kind.name], records)


def request(request_id: UUID | None = None, **changes: Any) -> Record:
    message = authn_request(**{"request_id": request_id or uuid4(), **changes})
    return signed(AUTHN_REQUESTS, "duin", message, "haven", jti=uuid4())


def cancellation(request_id: UUID) -> Record:
    message = Cancellation(request_id=request_id)
    return signed(CANCELLATIONS, "duin", message, "haven", jti=uuid4())


def choice(prompt: Record, provider_: str | None = AAK) -> Record:
    asked = read(prompt, MeansPrompt)
    fields = {"request_id": asked.request_id, "nonce": asked.nonce, "provider": provider_}
    return unsigned(MEANS_CHOICES, "duin", MeansChoice(**fields))


def read(record: Record, message: type[Message]) -> Any:
    return codec.unverified(record.value.decode(), message)


def request_id_of(record: Record) -> UUID:
    return UUID(record.key.decode())


def refusal(record: Record) -> RefusalCode:
    outcome = read(record, Outcome)
    assert isinstance(outcome.result, Refused)
    return outcome.result.code


def reasons(records: Sequence[Record]) -> list[str]:
    """Why records were dead-lettered, and None of those that were not."""
    return [exhume(r).reason for r in records if r.topic.endswith(topics.DLQ_SUFFIX)]


async def version_of(pools: Pools, request_id: UUID, name: str = "duin") -> int | None:
    query = "SELECT version FROM logins WHERE request_id = $1"
    found: int | None = await pools[name].fetchval(query, request_id)
    return found


def both_first(calls: int = WORKERS) -> Callable[[Batch[Any]], Any]:
    """Facts that let so many workers read the rows before any of them writes."""
    barrier, seen = asyncio.Barrier(calls), [0]

    async def facts(batch: Batch[Any]) -> Any:
        seen[0] += 1
        if seen[0] <= calls:
            await barrier.wait()
        return [batch.known for _ in batch.received]

    return facts


def racing(role: RoleStages[Any]) -> RoleStages[Any]:
    """The same role, whose first two batches meet with their rows read and nothing written."""
    meeting = both_first()

    def met(own: Callable[[Batch[Any]], Any] | None) -> Callable[[Batch[Any]], Any]:
        async def facts(batch: Batch[Any]) -> Any:
            known = await meeting(batch)
            return await own(batch) if own else known

        return facts

    return replace(role, stages=[replace(stage, facts=met(stage.facts)) for stage in role.stages])


# --- what this process knows of a login


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many logins Postgres was asked for, each time."""
    read, times = PostgresSession.read, list[int]()

    async def counted(self: PostgresSession, ids: Any, request_ids: Any) -> Any:
        times.append(len(set(request_ids)))
        return await read(self, ids, request_ids)

    monkeypatch.setattr(PostgresSession, "read", counted)
    return times


async def test_login_goes_on_in_its_process_and_postgres_is_not_asked_for_it(
    pools: Pools, asked: list[int]
) -> None:
    worker, record = Worker(pools), request()
    (prompt,) = await worker.process(record)
    (sent,) = await worker.process(choice(prompt))
    assert (sent.topic, asked) == ("authentication-requests.aak", [])
    assert await version_of(pools, request_id_of(record)) == 2


async def test_login_that_went_on_elsewhere_is_asked_for(pools: Pools, asked: list[int]) -> None:
    here, elsewhere, record = Worker(pools), Worker(pools), request()
    (prompt,) = await here.process(record)
    await elsewhere.process(cancellation(request_id_of(record)))
    assert asked == [1]
    assert reasons(await here.process(choice(prompt))) == ["login_finished"]
    assert asked == [1, 1]


async def test_batch_with_a_login_of_another_process_is_asked_for(
    pools: Pools, asked: list[int]
) -> None:
    here, first, second = Worker(pools), request(), request()
    prompts = [*await here.process(first), *await Worker(pools).process(second)]
    sent = await here.process(*map(choice, prompts))
    assert {r.topic for r in sent} == {"authentication-requests.aak"}
    assert (len(sent), asked) == (2, [2])


# --- delivered twice


async def test_redelivered_request_gives_the_same_bytes_and_is_not_decided_anew(
    pools: Pools,
) -> None:
    record = request()
    first = await Worker(pools).process(record)
    again = await Worker(pools).process(record)
    assert [r.topic for r in first] == ["means-prompts.duin"]
    assert again == first
    assert await version_of(pools, request_id_of(record)) == 1


async def test_redelivered_request_gives_the_same_bytes_when_it_has_expired_since(
    pools: Pools,
) -> None:
    record = request()
    first = await Worker(pools).process(record)
    tomorrow = Worker(pools, clock=lambda: NOW + timedelta(days=1))
    assert await tomorrow.process(record) == first


async def test_crash_before_publishing_loses_nothing(pools: Pools) -> None:
    records = [
        request(),
        request(provider=AAK),
        request(service=NO_SERVICE),
    ]
    await Worker(pools).process(*records)  # and the process is killed
    stored = await Worker(pools).process(*records)
    kinds = {"means-prompts.duin", "authentication-requests.aak", "outcomes.haven"}
    assert {r.topic for r in stored} == kinds
    assert set(await Worker(pools).process(*records[::-1])) == set(stored)


async def test_same_bytes_at_another_place_are_dropped_and_a_redelivery_is_not(
    pools: Pools,
) -> None:
    """Of a record that is at two places, only the first may have been cut off by a crash."""
    first = replace(request(), position="0:7")
    sent = await Worker(pools).process(first)
    assert len(sent) == 1
    assert await Worker(pools).process(replace(first, position="0:8")) == []
    assert await Worker(pools).process(replace(first, position="1:7")) == []
    assert await Worker(pools).process(first, replace(first, position="0:8")) == sent


async def test_input_of_an_unknown_place_is_sent_again(pools: Pools) -> None:
    """Those that were handled before their places were kept."""
    record = request()
    sent = await Worker(pools).process(record)
    await pools["duin"].execute("UPDATE inputs SET position = NULL")
    assert await Worker(pools).process(replace(record, position="3:1")) == sent


async def test_same_bytes_twice_in_a_batch_are_handled_once(pools: Pools) -> None:
    record = request()
    assert len(await Worker(pools).process(record, record)) == 1
    assert await version_of(pools, request_id_of(record)) == 1


async def test_same_request_signed_again_repeats_the_outcome(pools: Pools) -> None:
    id_ = uuid4()
    worker = Worker(pools)
    assert len(await worker.process(request(id_))) == 1
    assert await worker.process(request(id_)) == []  # nothing to repeat yet
    (outcome,) = await worker.process(cancellation(id_))
    assert await worker.process(request(id_)) == [outcome]
    assert await worker.process(cancellation(id_)) == [outcome]


async def test_batch_of_old_and_new_gives_both(pools: Pools) -> None:
    old, new = request(), request()
    (before,) = await Worker(pools).process(old)
    found = await Worker(pools).process(new, old)
    assert len(found) == 2
    assert before in found


# --- two workers at once


async def test_one_input_at_two_workers_at_once_gives_the_same_bytes(pools: Pools) -> None:
    role = racing(ROLES["duin"]())
    record = request()
    one, other = await asyncio.gather(
        *(Worker(pools, role=role).process(record) for _ in range(WORKERS))
    )
    assert len(one) == 1
    assert one == other
    assert await version_of(pools, request_id_of(record)) == 1


async def test_two_ends_of_one_login_at_once_give_one_outcome(pools: Pools) -> None:
    """The dienstverlener and the user cancel at the same moment."""
    for _ in range(4):
        record = request()
        (prompt,) = await Worker(pools).process(record)
        role = racing(ROLES["duin"]())
        by_user, by_dv = await asyncio.gather(
            Worker(pools, role=role).process(choice(prompt, None)),
            Worker(pools, role=role).process(cancellation(request_id_of(record))),
        )
        found = [r for r in by_user + by_dv if r.topic == "outcomes.haven"]
        assert len(set(found)) == 1
        assert by_dv == found[:1]  # the loser repeats what was decided
        assert reasons(by_user) in ([], ["login_finished"])


async def test_request_and_overtaking_cancellation_at_once_give_one_outcome(pools: Pools) -> None:
    for _ in range(4):
        record, role = request(), racing(ROLES["duin"]())
        started, cancelled = await asyncio.gather(
            Worker(pools, role=role).process(record),
            Worker(pools, role=role).process(cancellation(request_id_of(record))),
        )
        found = [r for r in started + cancelled if r.topic == "outcomes.haven"]
        assert [refusal(r) for r in found] == [RefusalCode.CANCELLED_BY_DIENSTVERLENER]


async def test_cancellation_that_overtook_its_request_lets_nothing_start(pools: Pools) -> None:
    record = request()
    assert await Worker(pools).process(cancellation(request_id_of(record))) == []
    (outcome,) = await Worker(pools).process(record)
    assert refusal(outcome) is RefusalCode.CANCELLED_BY_DIENSTVERLENER
    assert await Worker(pools).process(record) == [outcome]


# --- a role that counts


class Count(BaseModel):
    """How often something was said in a login."""

    times: int
    text: str = ""


def said(times: int, request_id: UUID) -> Outgoing:
    message = Cancellation(request_id=request_id)
    return Outgoing(CANCELLATIONS, world().named("duin"), message, also=(f"{AAK[:-4]}{times:04}",))


def count(row: Count | None, received: Any, _: Any, __: Any) -> Step[Count]:
    times = row.times + 1 if row else 1
    return Step(Count(times=times), send=[said(times, received.message.request_id)])


def counting(handle: Any = count, **stage: Any) -> RoleStages[Count]:
    return RoleStages(Count, lambda: None, [Stage(AUTHN_REQUESTS, handle, **stage)])


def times(records: Sequence[Record]) -> list[int]:
    """What each message says that was sent by `count`."""
    found = [
        codec._claims(codec._unverified_payload(record.value.decode())).aud[1] for record in records
    ]
    return [int(audience[-4:]) for audience in found]


async def test_version_conflict_is_handled_again_with_what_is_there(pools: Pools) -> None:
    id_, role = uuid4(), counting(facts=both_first())
    records = request(id_), request(id_, force_authn=True)
    workers = [Worker(pools, role=role).process(record) for record in records]
    one, other = await asyncio.gather(*workers)
    assert sorted(times(one) + times(other)) == [1, 2]
    assert await version_of(pools, id_) == 2


async def test_messages_of_one_login_in_one_batch_fold(pools: Pools) -> None:
    id_ = uuid4()
    records = [request(id_), request(), request(id_, force_authn=True)]
    assert times(await Worker(pools, role=counting()).process(*records)) == [1, 1, 2]
    assert await version_of(pools, id_) == 1
    (later,) = await Worker(pools, role=counting()).process(request(id_))
    assert times([later]) == [3]


def once(row: Count | None, received: Any, _: Any, __: Any) -> Step[Count]:
    """Only one login may ever say 1; every other says 0."""
    request_id = received.message.request_id
    lost = Step(Count(times=0), send=[said(0, request_id)])
    won = Count(times=1)
    return Step(won, send=[said(1, request_id)], claims=frozenset({"once"}), lost=lambda: lost)


async def test_claim_is_lost_to_another_worker_with_the_step_for_that(pools: Pools) -> None:
    role = counting(once, facts=both_first())
    records = request(), request()
    workers = [Worker(pools, role=role).process(record) for record in records]
    outputs = await asyncio.gather(*workers)
    assert sorted(times(outputs[0] + outputs[1])) == [0, 1]
    again = [await Worker(pools, role=counting(once)).process(record) for record in records]
    assert again == list(outputs)


async def test_claim_is_lost_when_it_was_made_long_ago_or_in_the_same_batch(pools: Pools) -> None:
    worker = Worker(pools, role=counting(once))
    assert times(await worker.process(request(), request())) == [1, 0]
    assert times(await worker.process(request())) == [0]


# --- one signature for a batch


def roots(records: Sequence[Record]) -> list[bytes]:
    """The first 64 bytes of each signature: those of one tree have the same."""
    texts = [record.value.decode() for record in records]
    return [jose.decode_base64url(jose.signature_of(text))[:64] for text in texts]


def in_tree(record: Record) -> bool:
    header = json.loads(jose.decode_base64url(record.value.decode().split(".")[0]))
    assert header["alg"] in jose.ALGORITHMS
    return bool(header["alg"] == jose.TREE_ALGORITHM)


def holds(record: Record, sender: str = "duin") -> bool:
    """Whether a message verifies by itself, whatever else was signed with it."""
    jwk = world().named(sender).keys[0].jwk
    return bool(jose.verified_payload(record.value.decode(), jwk.x, jwk.y))


async def test_messages_of_one_batch_have_one_signature_and_each_holds_by_itself(
    pools: Pools,
) -> None:
    outputs = await Worker(pools).process(*(request() for _ in range(5)))
    assert [in_tree(r) for r in outputs] == [True] * 5
    assert len(set(roots(outputs))) == 1
    assert all(holds(r) for r in outputs)
    other = await Worker(pools).process(request(), request())
    assert set(roots(other)).isdisjoint(roots(outputs))


async def test_message_that_is_alone_in_its_batch_is_signed_by_itself(pools: Pools) -> None:
    (alone,) = await Worker(pools).process(request())
    assert (in_tree(alone), holds(alone)) == (False, True)


async def test_message_of_a_batch_is_redelivered_with_the_same_bytes(pools: Pools) -> None:
    """Beside others than the first time, or beside none: it was signed once."""
    one, two = request(), request()
    first = await Worker(pools).process(one, two)
    assert await Worker(pools).process(two) == first[1:]
    again, new = await Worker(pools).process(one, request())
    assert again == first[0]
    assert (in_tree(again), in_tree(new)) == (True, False)


async def test_due_logins_are_refused_by_one_signature(pools: Pools) -> None:
    await started(pools, 3)
    due = (await Worker(pools, clock=lambda: LATER).runner.due()).values()
    outcomes = [record for records in due for record in records]
    assert [in_tree(r) for r in outcomes] == [True] * 3
    assert len(set(roots(outcomes))) == 1
    assert all(holds(r) for r in outcomes)


def read_by(plain: UUID) -> Any:
    """A handler whose message for one login may be read by who wants plain signatures."""

    def handle(_: Any, received: Any, __: Any, ___: Any) -> Step[Count]:
        request_id = received.message.request_id
        also = (HAVEN, LOODS) if request_id == plain else (HAVEN,)
        return Step(Count(times=1), send=[replace(said(1, request_id), also=also)])

    return handle


async def test_whatever_a_plain_participant_may_read_is_signed_by_itself(pools: Pools) -> None:
    """Evidence too: its `also` are who may read it in an outcome."""
    records = [request() for _ in range(3)]
    role = counting(read_by(request_id_of(records[1])))
    outputs = await Worker(pools, role=role).process(*records)
    assert [in_tree(r) for r in outputs] == [True, False, True]
    assert [request_id_of(r) for r in outputs] == [request_id_of(r) for r in records]
    assert all(holds(r) for r in outputs)


async def test_outcomes_of_a_plain_participant_are_signed_by_themselves(pools: Pools) -> None:
    theirs = [
        signed(AUTHN_REQUESTS, "duin", authn_request(request_id=uuid4(), service=NO_SERVICE), by)
        for by in ("haven", "loods", "haven", "loods")
    ]
    outputs = await Worker(pools).process(*theirs)
    assert [r.topic for r in outputs] == ["outcomes.haven", "outcomes.loods"] * 2
    assert [in_tree(r) for r in outputs] == [True, False] * 2
    assert all(holds(r) for r in outputs)


# --- what cannot be handled


async def test_untrusted_message_is_dead_lettered_and_the_rest_handled(pools: Pools) -> None:
    good, bad = request(), replace(request(), value=b"nothing", position="2:17")
    outputs = await Worker(pools).process(bad, good)
    assert [r.topic for r in outputs] == ["means-prompts.duin", "authn-requests.duin.dlq"]
    letter = exhume(outputs[1])
    assert (letter.reason, letter.origin) == ("not_jws", "authn-requests.duin:2:17")
    assert letter.record == replace(bad, position="")


async def test_rejected_message_is_dead_lettered_and_not_remembered(pools: Pools) -> None:
    worker, record = Worker(pools), request()
    (prompt,) = await worker.process(record)
    chosen = choice(prompt)
    guessed = replace(chosen, value=chosen.value.replace(b'"nonce":"', b'"nonce":"x'))
    outputs = await worker.process(guessed, chosen)
    assert [r.topic for r in outputs] == ["authentication-requests.aak", "means-choices.duin.dlq"]
    assert reasons(outputs) == ["nonce_refused"]
    assert reasons(await worker.process(guessed)) == ["not_asked"]
    assert await pools["duin"].fetchval("SELECT count(*) FROM inputs") == 2


async def challenged(pools: Pools, number: int) -> list[Challenge]:
    """The challenges of so many logins at aak."""
    requests = [
        signed(
            topics.AUTHENTICATION_REQUESTS,
            "aak",
            authentication_request(request_id=uuid4()),
            "duin",
            jti=uuid4(),
        )
        for _ in range(number)
    ]
    return [read(r, Challenge) for r in await Worker(pools, "aak").process(*requests)]


def answer(challenge: Challenge, kind: type[Answer], secret: Value | None) -> Record:
    sealed = seal(secret, world().named("aak"), NOW) if secret else None
    fields = {"request_id": challenge.request_id, "nonce": challenge.nonce, "secret": sealed}
    topic = next(t for t in topics.TOPICS if t.message is kind)
    return unsigned(topic, "aak", kind(**fields))


def password_answer(challenge: Challenge, username: str = "ans@molen.example") -> Record:
    secret = PasswordSecret(nonce=challenge.nonce, username=username, password=PASSWORD)
    return answer(challenge, PasswordAnswer, secret)


async def test_message_that_postgres_refuses_is_dead_lettered_alone(pools: Pools) -> None:
    one, two, three = await challenged(pools, 3)
    answers = password_answer(one), password_answer(two, "ans\0"), password_answer(three)
    outputs = await Worker(pools, "aak").process(*answers)
    assert [r.topic for r in outputs[:-1]] == ["challenges.aak"] * 2
    letter = exhume(outputs[-1])
    assert (letter.reason, letter.record) == ("data_refused", answers[1])
    assert await version_of(pools, two.request_id, "aak") == 1
    assert await version_of(pools, three.request_id, "aak") == 2


async def test_row_that_postgres_refuses_is_dead_lettered_alone(pools: Pools) -> None:
    bad, good = request(), request()

    def handle(row: Count | None, received: Any, *rest: Any) -> Step[Count]:
        step = count(row, received, *rest)
        text = "\0" if received.message.request_id == request_id_of(bad) else ""
        return replace(step, row=Count(times=1, text=text))

    outputs = await Worker(pools, role=counting(handle)).process(bad, good)
    assert times(outputs[:1]) == [1]
    assert reasons(outputs) == ["data_refused"]
    assert await version_of(pools, request_id_of(bad)) is None


def failing(at: UUID) -> Any:
    """A handler that raises for one login, saying who it is."""

    def handle(row: Count | None, received: Any, *rest: Any) -> Step[Count]:
        if received.message.request_id == at:
            raise ValueError(f"KvK {KVK} is not known")
        return count(row, received, *rest)

    return handle


async def test_message_whose_handler_raises_is_dead_lettered_alone(pools: Pools) -> None:
    bad, good = request(), request()
    worker = Worker(pools, role=counting(failing(request_id_of(bad))))
    outputs = await worker.process(good, bad)
    assert times(outputs[:1]) == [1]
    letter = exhume(outputs[1])
    assert (letter.reason, letter.record) == ("handler_failed", bad)


async def test_message_whose_facts_raise_is_dead_lettered(pools: Pools) -> None:
    async def facts(_: Batch[Any]) -> list[Any]:
        raise KeyError(KVK)

    outputs = await Worker(pools, role=counting(facts=facts)).process(request(), request())
    assert reasons(outputs) == ["handler_failed"] * 2


async def test_log_says_where_it_failed_and_nothing_of_what_was_said(pools: Pools) -> None:
    bad = request()
    with capture_logs() as logs:
        await Worker(pools, role=counting(failing(request_id_of(bad)))).process(bad)
    (line,) = [one for one in logs if one["event"] == "message_not_handled"]
    assert (line["reason"], line["error"]) == ("handler_failed", "ValueError")
    assert line["where"].startswith("handle:")
    assert line["request_id"] == bad.key.decode()
    assert KVK not in str(logs)


@pytest.mark.parametrize("error", [WrongUse("set up wrongly"), asyncpg.UndefinedTableError("no")])
async def test_nothing_is_dead_lettered_when_we_are_set_up_wrongly(
    pools: Pools, error: Exception
) -> None:
    def handle(*_: Any) -> Step[Count]:
        raise error

    with pytest.raises(type(error)):
        await Worker(pools, role=counting(handle)).process(request(), request())


async def test_nothing_is_dead_lettered_when_our_tables_are_closed_to_us(pools: Pools) -> None:
    record = request()
    await pools["duin"].execute("REVOKE INSERT ON inputs FROM duin")
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await Worker(pools).process(record)
    finally:
        await pools["duin"].execute("GRANT ALL ON inputs TO duin")
    assert len(await Worker(pools).process(record)) == 1


# --- servers that go away


async def killed(pools: Pools, connection: Any) -> None:
    """End the server's side of a connection, and return when our side has noticed."""
    pid = await connection.fetchval("SELECT pg_backend_pid()")
    await pools["duin"].execute("SELECT pg_terminate_backend($1)", pid)
    async with asyncio.timeout(5):
        while not connection.is_closed():
            await asyncio.sleep(0)


def losing(pools: Pools, when: str) -> RoleStages[Count]:
    """A role whose connection is lost once: while facts are read, or in the transaction."""
    lost = [False]

    async def lose(connection: Any) -> None:
        if not lost[0]:
            lost[0] = True
            await killed(pools, connection)

    async def facts(batch: Batch[Any]) -> list[Any]:
        if when == "reading":
            await lose(batch.connection)
        return [batch.known for _ in batch.received]

    def handle(*given: Any) -> Step[Count]:
        changes = [lose] if when == "writing" else []
        return replace(count(*given), changes=changes)

    return counting(handle, facts=facts)


@pytest.mark.parametrize("when", ["reading", "writing"])
async def test_batch_is_tried_again_when_the_connection_was_lost(pools: Pools, when: str) -> None:
    record = request()
    with capture_logs() as logs:
        outputs = await Worker(pools, role=losing(pools, when)).process(record)
    assert reasons(outputs) == []
    assert times(outputs) == [1]
    assert await version_of(pools, request_id_of(record)) == 1
    assert "retry" in [line["event"] for line in logs]


# --- what is due


async def started(pools: Pools, number: int) -> list[Record]:
    """So many requests, each waiting for its user."""
    records = [request() for _ in range(number)]
    assert len(await Worker(pools).process(*records)) == number
    return records


async def swept(runner: Runner) -> list[Record]:
    """Everything that one sweeper finds, a little at a time."""
    found: list[Record] = []
    while due := await runner.due(limit=3):
        found += [record for records in due.values() for record in records]
    return found


async def test_login_is_refused_when_its_deadline_passed_and_not_before(pools: Pools) -> None:
    (record,) = await started(pools, 1)
    just = Worker(pools, clock=lambda: LATER - timedelta(microseconds=1))
    assert await just.runner.due() == {}
    late = Worker(pools, clock=lambda: LATER)
    ((outcome,),) = (await late.runner.due()).values()
    assert refusal(outcome) is RefusalCode.DEADLINE_PASSED
    assert outcome.key == record.key
    assert await late.runner.due() == {}


async def test_due_logins_are_refused_once_by_two_sweepers_at_a_time(pools: Pools) -> None:
    records = await started(pools, 20)
    sweepers = [Worker(pools, clock=lambda: LATER).runner for _ in range(WORKERS)]
    one, other = await asyncio.gather(*(swept(sweeper) for sweeper in sweepers))
    assert sorted(r.key for r in one + other) == sorted(r.key for r in records)
    assert {refusal(r) for r in one + other} == {RefusalCode.DEADLINE_PASSED}


async def test_refusal_of_a_sweep_is_given_again_until_it_is_confirmed(pools: Pools) -> None:
    await started(pools, 3)
    due = await Worker(pools, clock=lambda: LATER).runner.due()
    at_once = Worker(pools, clock=utc_now).runner
    later = Worker(pools, clock=lambda: utc_now() + timedelta(seconds=6)).runner
    assert await at_once.unconfirmed() == {}  # whoever swept may be publishing it
    assert await later.unconfirmed() == due
    confirmed, *rest = due
    await later.confirm([confirmed])
    assert (await later.unconfirmed()).keys() == set(rest)
    await later.confirm(rest)
    assert await later.unconfirmed() == {}


async def test_refusal_of_a_sweep_stands_when_the_answer_comes_after_all(pools: Pools) -> None:
    record = request()
    (prompt,) = await Worker(pools).process(record)
    ((outcome,),) = (await Worker(pools, clock=lambda: LATER).runner.due()).values()
    worker = Worker(pools)
    assert reasons(await worker.process(choice(prompt))) == ["login_finished"]
    assert await worker.process(cancellation(request_id_of(record))) == [outcome]


async def test_login_that_ended_is_not_due(pools: Pools) -> None:
    (record,) = await started(pools, 1)
    await Worker(pools).process(cancellation(request_id_of(record)))
    assert await Worker(pools, clock=lambda: LATER).runner.due() == {}


async def test_answer_and_sweep_at_once_give_one_outcome(pools: Pools) -> None:
    (record,) = await started(pools, 1)
    end = cancellation(request_id_of(record))
    by_dv, by_sweep = await asyncio.gather(
        Worker(pools, role=ROLES["duin"]()).process(end),
        Worker(pools, clock=lambda: LATER).runner.due(),
    )
    found = set(by_dv) | {r for records in by_sweep.values() for r in records}
    assert len(found) == 1


async def test_role_without_deadlines_has_nothing_due(pools: Pools) -> None:
    assert await Worker(pools, "aak", clock=lambda: LATER).runner.due() == {}


# --- all three roles


class Person:
    """Somebody with a means at aak and a mandate at kade, who answers what is asked."""

    def __init__(self, pools: Pools) -> None:
        self._workers = {name: Worker(pools, name, clock=utc_now) for name in ROLES}
        self.now = utc_now()
        self.code_step = int(self.now.timestamp()) // 30

    async def log_in(self) -> Record:
        """From a request to its outcome."""
        records = [signed(AUTHN_REQUESTS, "duin", self._request(), "haven", self.now)]
        while not records[0].topic.startswith("outcomes."):
            kind, owner = topics.find(records[0].topic)
            if kind is topics.CHALLENGES:
                records = [self._answer(read(records[0], Challenge))]
            else:
                records = await self._workers[owner].process(*records)
        (outcome,) = records
        return outcome

    def _request(self) -> AuthnRequest:
        return authn_request(request_id=uuid4(), provider=AAK)

    def _answer(self, challenge: Challenge) -> Record:
        if challenge.kind is CredentialKind.PASSWORD:
            return password_answer(challenge)
        code = pyotp.TOTP(TOTP_SECRET).generate_otp(self.code_step)
        return answer(challenge, CodeAnswer, CodeSecret(nonce=challenge.nonce, code=code))


@pytest.fixture
async def person(pools: Pools) -> AsyncIterator[Person]:
    found = Person(pools)
    secret = seal(SharedSecret(secret=TOTP_SECRET), world().named("aak"), found.now)
    issued = means(password_hash=hash_password(PASSWORD), totp_secret=secret)
    day = timedelta(days=1)
    held = mandate(valid_from=found.now - day, valid_until=found.now + day)
    async with pools["aak"].acquire() as connection:
        await means_table.add(connection, issued)
    async with pools["kade"].acquire() as connection:
        for thing in (organisation(), registered(), held):
            await tables.put(connection, thing)
    yield found
    await pools["aak"].execute("TRUNCATE means")
    await pools["kade"].execute("TRUNCATE organisations, people, holders, mandates CASCADE")


async def test_login_is_asserted_when_all_three_roles_agree(person: Person) -> None:
    found = verify(await person.log_in(), world().keys("haven"), utc_now())
    assert isinstance(found, Assertion)
    assert found.legal_subject.kvk == KVK


async def test_code_is_good_for_one_login_only_when_two_use_it_at_once(person: Person) -> None:
    """The other one has its attempts used up by the same code."""
    outcomes = await asyncio.gather(person.log_in(), person.log_in())
    found = [read(outcome, Outcome).result for outcome in outcomes]
    refused = [r.code for r in found if isinstance(r, Refused)]
    assert refused == [RefusalCode.AUTHENTICATION_FAILED]


async def test_nothing_is_granted_after_the_mandate_was_withdrawn(
    person: Person, pools: Pools
) -> None:
    await pools["kade"].execute("UPDATE mandates SET withdrawn_at = now()")
    assert refusal(await person.log_in()) is RefusalCode.NO_MANDATE


async def test_failures_of_a_means_are_counted_and_forgotten(person: Person, pools: Pools) -> None:
    await person.log_in()
    await person.log_in()  # three times with a code that was used
    failures = "SELECT failures FROM means"
    assert await pools["aak"].fetchval(failures) == 3
    person.code_step += 1
    await person.log_in()
    assert await pools["aak"].fetchval(failures) == 0


# --- forgotten

KEEP, CLAIMS = timedelta(hours=48), timedelta(days=366)


async def forget(pools: Pools, name: str = "duin", claims: timedelta = CLAIMS) -> None:
    """Three days pass, and what is old by then goes."""
    for table, column in (("inputs", "handled_at"), ("logins", "settled_at")):
        await pools[name].execute(f"UPDATE {table} SET {column} = {column} - interval '3 days'")
    later = Worker(pools, name, clock=utc_now).runner
    assert not await later.prune(KEEP, claims)


async def test_login_that_is_under_way_is_not_forgotten_and_goes_on(pools: Pools) -> None:
    worker = Worker(pools)
    (prompt,) = await worker.process(request())
    await forget(pools)
    outputs = await worker.process(choice(prompt))
    assert [r.topic for r in outputs] == ["authentication-requests.aak"]


async def test_late_message_of_a_forgotten_login_is_a_dead_letter(pools: Pools) -> None:
    worker = Worker(pools)
    (prompt,) = await worker.process(request())
    record = cancellation(request_id_of(prompt))
    assert len(await worker.process(record)) == 1
    assert reasons(await worker.process(choice(prompt))) == ["login_finished"]
    await forget(pools)
    assert await version_of(pools, request_id_of(prompt)) is None
    assert reasons(await worker.process(choice(prompt))) == ["login_unknown"]
    assert await worker.process(cancellation(request_id_of(prompt))) == []


async def test_late_answer_to_a_forgotten_challenge_is_a_dead_letter(pools: Pools) -> None:
    (challenge,) = await challenged(pools, 1)
    await forget(pools, "aak")
    answer = unsigned(
        topics.CODE_ANSWERS,
        "aak",
        CodeAnswer(request_id=challenge.request_id, nonce=challenge.nonce, secret=None),
    )
    assert reasons(await Worker(pools, "aak").process(answer)) == ["login_unknown"]


async def test_request_id_is_used_when_its_login_is_forgotten_and_free_when_its_claim_is(
    pools: Pools,
) -> None:
    id_ = uuid4()
    worker = Worker(pools)
    (prompt,) = await worker.process(request(id_))
    (told,) = await worker.process(cancellation(id_))
    await forget(pools)
    (outcome,) = await worker.process(request(id_))
    assert refusal(outcome) is RefusalCode.REQUEST_ID_REUSED
    assert refusal(told) is RefusalCode.CANCELLED_BY_DIENSTVERLENER
    await forget(pools, claims=timedelta(0))
    assert [r.topic for r in await worker.process(request(id_))] == [prompt.topic]
