"""How the load is put on: nobody waits for anybody, and who is late is known to be."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from aiokafka.errors import KafkaConnectionError

from dienstverlener import Assertion, Refusal
from dienstverlener.outcome import held_back
from loadtest.book import Book
from loadtest.driving import Driving
from loadtest.hops import Hops
from loadtest.judging import invalid
from loadtest.mix import LoginKind
from loadtest.pool import Entry, behaviour
from loadtest.record import LAG, Ended
from loadtest.schedule import Arrival, Load
from sandbox.founding import Wallet
from schemas.codec import Record
from schemas.refusals import RefusalCode
from schemas.topics import CHALLENGES, OUTCOMES
from tests.unit.test_load_judging import KNOWN, POOL, SCENARIO, assertion, counted, refusal

DIRECT = POOL.entries[LoginKind.DIRECT][0]
BY_USER, BY_DIENSTVERLENER = POOL.entries[LoginKind.CANCEL][:2]


@dataclass
class Asking:
    """A dienstverlener whose outcomes come to what the test says."""

    comes_to: Assertion | Refusal | str = field(default_factory=assertion)

    def request(self, entry: Entry, request_id: UUID, within: int, now: Any) -> Record:
        return Record("authn-requests.polder", str(request_id).encode(), b"request")

    def cancellation(self, entry: Entry, request_id: UUID, now: Any) -> Record:
        return Record("cancellations.polder", str(request_id).encode(), b"cancellation")

    def verified(self, raw: Any, now: Any) -> Assertion | Refusal | str:
        return self.comes_to


class Crowd:
    """People who answer whatever they are shown."""

    def who(self, entry: Entry, person: str) -> Any:
        return behaviour(entry, SCENARIO, Wallet(person=person, means=()))

    async def answer(self, topic: str, value: bytes, who: Any) -> Record | None:
        return Record("signature-answers.sluis", b"", b"answer")


@dataclass
class Sent:
    """What was sent; `takes` says how Kafka takes it."""

    takes: Callable[[], None] = lambda: None
    records: list[Record] = field(default_factory=list)

    async def __call__(self, record: Record) -> asyncio.Future[Any]:
        self.takes()
        self.records.append(record)
        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done

    def to(self, kind: str) -> list[Record]:
        return [record for record in self.records if record.topic.startswith(kind)]


def driving(sent: Sent, comes_to: Assertion | Refusal | str | None = None) -> Driving:
    book, began = Book(), asyncio.get_running_loop().time()
    asking: Any = Asking(comes_to or assertion())
    crowd: Any = Crowd()
    return Driving(
        load=Load(rate=100, seconds=1),
        book=book,
        hops=Hops(book.latencies, 1),
        crowd=crowd,
        asking={"zuiveringsschap": asking, "waterdam": asking},
        known=KNOWN,
        send=sent,
        clock=lambda: asyncio.get_running_loop().time() - began,
    )


def arrivals(count: int, entry: Entry = DIRECT, apart: float = 0.002) -> Iterator[Arrival]:
    kind = LoginKind.CANCEL if entry is not DIRECT else LoginKind.DIRECT
    return (Arrival(n * apart, n, kind, entry, "ans") for n in range(count))


def message(topic: str, key: bytes | None, value: bytes = b"value") -> Any:
    return SimpleNamespace(topic=topic, key=key, value=value, timestamp=1000, headers=())


async def judged(run: Driving) -> None:
    """Until all outcomes were verified, and everything beside has had its turn."""
    task = asyncio.create_task(run.keep_verifying())
    async with asyncio.timeout(5):
        while run._verifying or run._tasks:
            await asyncio.sleep(0.001)
    task.cancel()


async def test_everybody_arrives_though_no_outcome_ever_comes() -> None:
    sent = Sent()
    run = driving(sent)
    await run.keep_arriving(arrivals(50))
    await judged(run)
    assert len(sent.to("authn-requests")) == 50
    assert (run.book.in_flight, run.is_idle) == (50, False)


async def test_generator_that_is_held_up_makes_the_run_invalid() -> None:
    """The loop is blocked on purpose, as by a machine that is too slow."""
    sent = Sent(takes=lambda: time.sleep(0.02))
    run = driving(sent)
    await run.keep_arriving(arrivals(40))
    await judged(run)
    lag = run.book.latencies.of(lambda tag: tag == LAG)
    share = run.book.latencies.share_above(lambda tag: tag == LAG, 250)
    assert lag.count == 40
    assert lag.p99 > 250
    assert "fell behind" in invalid(lag, share, 40, 40, Ended.ON_TIME)[0]


async def test_outcome_is_counted_as_what_the_client_library_makes_of_it() -> None:
    for comes_to, verdict in (
        (assertion(), "as_expected"),
        (refusal(RefusalCode.NO_MANDATE), "wrong"),
        (assertion(kvk="90000102"), "wrong"),
        ("signature_invalid", "wrong"),
    ):
        sent = Sent()
        run = driving(sent, comes_to)
        await run.keep_arriving(arrivals(1))
        await judged(run)
        run.take([message(OUTCOMES.of("zuiveringsschap"), sent.records[0].key)])
        await judged(run)
        assert (counted(run.book), run.is_idle) == ({verdict: 1}, True)


async def test_second_outcome_is_doubled_and_the_same_bytes_are_not() -> None:
    sent = Sent()
    run = driving(sent)
    await run.keep_arriving(arrivals(1))
    await judged(run)
    topic, key = OUTCOMES.of("zuiveringsschap"), sent.records[0].key
    run.take([message(topic, key), message(topic, key), message(topic, key, b"other")])
    await judged(run)
    assert counted(run.book) == {"as_expected": 1, "doubled": 1}


async def storm(run: Driving, sent: Sent) -> None:
    """A login that the network refuses as busy, and fifty more at once."""
    await run.keep_arriving(arrivals(1))
    await judged(run)
    run.take([message(OUTCOMES.of("zuiveringsschap"), sent.records[0].key)])
    await judged(run)
    await run.keep_arriving(arrivals(50, apart=0))
    await judged(run)


def busy() -> Refusal:
    return held_back(UUID(int=1), 60)


async def test_dienstverlener_holds_back_once_it_was_refused_as_busy() -> None:
    sent = Sent()
    run = driving(sent, busy())
    await storm(run, sent)
    published = len(sent.to("authn-requests"))
    assert published < 10
    assert run.book.counts[LoginKind.DIRECT] == {"turned_away": 1 + 51 - published}
    assert (run.book.in_flight, run.book.scheduled.total()) == (published - 1, 51)


async def test_load_that_insists_publishes_everything() -> None:
    sent = Sent()
    run = driving(sent, busy())
    run.load = replace(run.load, insist=True)
    await storm(run, sent)
    assert len(sent.to("authn-requests")) == 51


async def test_rush_of_arrivals_lets_others_have_their_turn() -> None:
    run, turns = driving(Sent()), 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    await run.keep_arriving(arrivals(200, apart=0))
    task.cancel()
    assert turns >= 9


async def test_what_is_of_somebody_elses_logins_is_passed_over() -> None:
    sent = Sent()
    run = driving(sent)
    run.take([message(OUTCOMES.of("waterdam"), b"k"), message(CHALLENGES.of("sluis"), None)])
    await judged(run)
    assert (sent.records, run.book.counts) == ([], {})


async def test_prompt_is_answered_by_the_person_of_that_login() -> None:
    sent = Sent()
    run = driving(sent)
    await run.keep_arriving(arrivals(1))
    await judged(run)
    run.take([message(CHALLENGES.of("sluis"), sent.records[0].key)])
    await judged(run)
    assert len(sent.to("signature-answers")) == 1


async def test_flood_of_prompts_is_answered_a_few_at_a_time() -> None:
    """Between two turns of the event loop, in which arrivals have theirs."""
    sent, most = Sent(), 0
    run = driving(sent)
    await run.keep_arriving(arrivals(1))
    await judged(run)
    run.take([message(CHALLENGES.of("sluis"), sent.records[0].key)] * 500)
    while len(answered := sent.to("signature-answers")) < 500:
        await asyncio.sleep(0)
        most = max(most, len(sent.to("signature-answers")) - len(answered))
    assert 0 < most <= 40


async def test_dienstverlener_cancels_once_when_the_user_is_asked() -> None:
    sent = Sent()
    run = driving(sent, refusal(RefusalCode.CANCELLED_BY_DIENSTVERLENER))
    await run.keep_arriving(arrivals(1, BY_DIENSTVERLENER))
    await judged(run)
    key = sent.records[0].key
    assert sent.to("cancellations") == []
    run.take([message(CHALLENGES.of("sluis"), key)] * 2)
    await judged(run)
    assert [record.key for record in sent.to("cancellations")] == [key]
    run.take([message(OUTCOMES.of("zuiveringsschap"), key)])
    await judged(run)
    assert run.book.counts[LoginKind.CANCEL] == {"as_expected": 1}


async def test_user_who_cancels_answers_so_himself() -> None:
    sent = Sent()
    run = driving(sent)
    await run.keep_arriving(arrivals(1, BY_USER))
    await judged(run)
    run.take([message(CHALLENGES.of("sluis"), sent.records[0].key)])
    await judged(run)
    assert (len(sent.to("signature-answers")), sent.to("cancellations")) == (1, [])


async def test_request_that_kafka_refuses_waits_to_be_told_as_not_published() -> None:
    def refuses() -> None:
        raise KafkaConnectionError

    run = driving(Sent(takes=refuses))
    await run.keep_arriving(arrivals(3))
    await judged(run)
    run.book.give_up_waiting(1.0)
    assert counted(run.book) == {"not_published": 3}


async def test_fault_of_our_own_is_kept_to_be_raised() -> None:
    def breaks() -> None:
        raise LookupError("a bug")

    run = driving(Sent(takes=breaks))
    await run.keep_arriving(arrivals(1))
    await judged(run)
    with pytest.raises(LookupError, match="a bug"):
        raise run.fault or AssertionError
