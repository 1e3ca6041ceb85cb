"""What came of each login, counted: each thing that can be wrong is seen, once, as what it is."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from aiokafka import TopicPartition

from dienstverlener import Assertion, Refusal
from dienstverlener.outcome import LegalSubject, own_refusal
from loadtest.arrivals import Profile
from loadtest.book import KEPT_SECONDS, Book, Login
from loadtest.hops import Hops, every, steps
from loadtest.judging import FAILURES, GRACE_SECONDS, Verdict, failed, invalid, judged, turned_away
from loadtest.lag import behind
from loadtest.latencies import Latencies, summary
from loadtest.mix import LoginKind
from loadtest.pool import behaviour, pool
from loadtest.record import LAG, Ended, Happened, Latency
from loadtest.results import Result, run_of
from loadtest.schedule import Arrival, Load
from loadtest.watching import Look
from sandbox.expecting import Known
from sandbox.founding import Wallet
from sandbox.scenario import Expected
from sandbox.scenario_file import load
from schemas.refusals import RefusalCode
from schemas.values import EntityType, Level

NOW = datetime(2026, 3, 2, tzinfo=UTC)
SCENARIO = load(Path(__file__).parents[2] / "scenarios" / "first-login.yaml", NOW)
POOL = pool(SCENARIO)
DIRECT = POOL.entries[LoginKind.DIRECT][0]
KNOWN = Known(SCENARIO)
WITHIN = 30.0


def assertion(kvk: str = "90000101", level: Level = Level.EH4) -> Assertion:
    return Assertion(UUID(int=1), DIRECT.service, level, LegalSubject({EntityType.KVKNR: kvk}), "p")


def refusal(code: RefusalCode) -> Refusal:
    return own_refusal(UUID(int=1), code, "")


@pytest.mark.parametrize(
    ("found", "late_by", "verdict", "why"),
    [
        (assertion(), -1, Verdict.AS_EXPECTED, ""),
        (assertion(), GRACE_SECONDS, Verdict.AS_EXPECTED, ""),
        (assertion(), GRACE_SECONDS + 0.1, Verdict.LATE, "5.1 s after its deadline"),
        (assertion(kvk="90000102"), -1, Verdict.WRONG, "another organisation"),
        (refusal(RefusalCode.BUSY), -1, Verdict.TURNED_AWAY, "the network was busy"),
        (refusal(RefusalCode.BUSY), 99, Verdict.TURNED_AWAY, "the network was busy"),
        (assertion(level=Level.EH3), -1, Verdict.WRONG, "assertion EH3"),
        (assertion(level=Level.EH3), 99, Verdict.WRONG, "assertion EH3"),
        (refusal(RefusalCode.NO_MANDATE), -1, Verdict.WRONG, "refusal no_mandate"),
        (refusal(RefusalCode.DEADLINE_PASSED), -1, Verdict.WRONG, "refusal deadline_passed"),
        ("signature_invalid", -1, Verdict.WRONG, "it does not verify: signature_invalid"),
    ],
)
def test_outcome_is_judged_by_what_is_expected(
    found: Assertion | Refusal | str, late_by: float, verdict: Verdict, why: str
) -> None:
    assert judged(DIRECT.expect, found, late_by, KNOWN) == (verdict, why)


def test_refusal_is_as_expected_where_it_is_the_one() -> None:
    expect = Expected(refusal=RefusalCode.NO_MANDATE)
    assert judged(expect, refusal(RefusalCode.NO_MANDATE), 0, KNOWN)[0] is Verdict.AS_EXPECTED
    assert judged(expect, assertion(), 0, KNOWN) == (Verdict.WRONG, "assertion EH4")


# --- the book


def begun(book: Book, number: int = 0, at: float = 1.0, *, published: bool = True) -> Login:
    """A login that was handed over when it was due."""
    arrival = Arrival(at, number, LoginKind.DIRECT, DIRECT, "ans")
    who = behaviour(DIRECT, SCENARIO, Wallet(person="ans", means=()))
    login = book.arrive(str(number).encode(), arrival, who)
    book.handed(login, at, WITHIN)
    if published:
        book.taken(login, at)
    return login


def ended(book: Book, login: Login, at: float, verdict: Verdict = Verdict.AS_EXPECTED) -> None:
    """Its outcome came, and was judged."""
    assert book.received(login, b"one", at)
    book.settle(login, verdict, "why", at)


def counted(book: Book) -> dict[str, int]:
    return {str(v): n for v, n in book.counts[LoginKind.DIRECT].items() if n}


def test_login_counts_from_when_it_was_due_whenever_it_was_handed_over() -> None:
    book = Book()
    login = book.arrive(b"1", Arrival(1, 0, LoginKind.DIRECT, DIRECT, "ans"), begun(Book()).who)
    book.handed(login, 3.0, WITHIN)
    book.taken(login, 3.1)
    ended(book, login, 3.5)
    assert book.latencies.of(lambda tag: tag == "login.direct").max == pytest.approx(2500, rel=1e-3)
    assert book.latencies.of(lambda tag: tag == LAG).max == pytest.approx(2000, rel=1e-3)
    assert (book.seconds[1].scheduled, book.seconds[3].published) == (1, 1)
    assert (book.seconds[3].finished, book.in_flight) == (1, 0)


@pytest.mark.parametrize("verdict", [Verdict.WRONG, Verdict.LATE])
def test_outcome_that_is_not_as_expected_counts_as_what_it_is(verdict: Verdict) -> None:
    book = Book()
    ended(book, begun(book), 2.0, verdict)
    assert counted(book) == {str(verdict): 1}
    assert (book.failed, book.finished, book.in_flight, book.seconds[2].failed) == (1, 0, 0, 1)
    assert not book.latencies.of(lambda tag: tag == "login.direct").count


def test_login_without_an_outcome_is_missing_once_deadline_and_grace_have_passed() -> None:
    book = Book()
    begun(book)
    book.pass_time(1 + WITHIN + GRACE_SECONDS - 0.1)
    assert (counted(book), book.in_flight) == ({}, 1)
    book.pass_time(1 + WITHIN + GRACE_SECONDS + 0.1)
    book.pass_time(99)
    assert (counted(book), book.in_flight, book.failed) == ({"missing": 1}, 0, 1)


def test_missing_login_whose_outcome_comes_at_last_is_late_and_failed_once() -> None:
    book = Book()
    login = begun(book)
    book.pass_time(50)
    ended(book, login, 51, Verdict.LATE)
    assert (counted(book), book.failed, book.in_flight) == ({"late": 1}, 1, 0)
    assert sum(second.failed for second in book.seconds.values()) == 1


def test_login_that_is_turned_away_has_neither_failed_nor_finished() -> None:
    book = Book()
    ended(book, begun(book), 2.0, Verdict.TURNED_AWAY)
    book.held_back(Arrival(3.0, 1, LoginKind.DIRECT, DIRECT, "ans"))
    assert counted(book) == {"turned_away": 2}
    assert (book.failed, book.finished, book.in_flight) == (0, 0, 0)
    assert (book.seconds[2].turned_away, book.seconds[3].turned_away) == (1, 1)
    assert (book.scheduled[LoginKind.DIRECT], book.published[LoginKind.DIRECT]) == (2, 1)
    assert not book.latencies.of(lambda tag: tag == "login.direct").count


def test_missing_login_that_is_turned_away_at_last_is_late() -> None:
    book = Book()
    login = begun(book)
    book.pass_time(50)
    ended(book, login, 51, Verdict.TURNED_AWAY)
    assert counted(book) == {"late": 1}


def test_outcome_that_waits_to_be_verified_is_not_missing() -> None:
    book = Book()
    login = begun(book)
    assert book.received(login, b"one", 30)
    book.pass_time(99)
    book.settle(login, Verdict.AS_EXPECTED, "", 30)
    assert (counted(book), book.seconds[30].finished) == ({"as_expected": 1}, 1)


def test_same_outcome_again_is_nothing_and_another_one_is_doubled() -> None:
    book = Book()
    login = begun(book)
    ended(book, login, 2)
    assert not book.received(login, b"one", 3)
    assert counted(book) == {"as_expected": 1}
    assert not book.received(login, b"two", 4)
    assert counted(book) == {"as_expected": 1, "doubled": 1}
    assert (book.failed, book.seconds[4].failed) == (1, 1)


def test_second_outcome_is_known_for_a_while_and_then_forgotten() -> None:
    book = Book()
    login = begun(book)
    ended(book, login, 2)
    book.pass_time(2 + KEPT_SECONDS - 1)
    assert book.find(login.key) is login
    book.pass_time(2 + KEPT_SECONDS + 1)
    assert book.find(login.key) is None


def test_request_that_kafka_does_not_take_is_not_published_and_not_missing() -> None:
    book = Book()
    begun(book, published=False)
    begun(book, 1, at=5)
    book.pass_time(60)
    assert book.waited(60) == 59
    assert counted(book) == {"missing": 1}
    book.give_up_waiting(60)
    assert counted(book) == {"missing": 1, "not_published": 1}
    assert (book.waited(99), book.in_flight, book.published[LoginKind.DIRECT]) == (0, 0, 1)


def test_key_of_somebody_elses_login_is_not_found() -> None:
    assert Book().find(b"another") is None
    assert Book().find(None) is None


# --- the run


NOTHING = summary(())


@pytest.mark.parametrize(
    ("values", "valid"),
    [
        ([0.001] * 1000, True),
        ([0.001] * 985 + [0.2] * 15, False),  # 1 of 100 by more than 100 ms
        ([0.001] * 995 + [0.2] * 5, True),
        ([0.001] * 991 + [0.9] * 9, True),
        ([0.09] * 989 + [0.3] * 11, False),  # more than 1 % by more than 250 ms
    ],
)
def test_run_whose_generator_fell_behind_says_nothing(values: list[float], valid: bool) -> None:
    latencies = Latencies()
    for value in values:
        latencies.add(LAG, 0, value)
    lag = latencies.of(lambda _: True)
    share = latencies.share_above(lambda _: True, 250)
    told = invalid(lag, share, 1000, 1000, Ended.ON_TIME)
    assert (not told) is valid
    assert all("fell behind" in why for why in told)


def test_run_in_which_nobody_came_or_nothing_ended_well_says_nothing() -> None:
    assert "nobody came" in invalid(NOTHING, 0, 0, 0, Ended.ON_TIME)[0]
    assert "nothing to measure" in invalid(NOTHING, 0, 9, 0, Ended.ON_TIME)[0]
    assert invalid(NOTHING, 0, 9, 0, Ended.INTERRUPTED) == []


@pytest.mark.parametrize("verdict", FAILURES)
def test_anything_wrong_fails_the_run_with_how_many_and_the_first(verdict: Verdict) -> None:
    counts = {LoginKind.CHAIN: Counter({verdict: 3, Verdict.AS_EXPECTED: 100})}
    (told,) = failed(counts, {(LoginKind.CHAIN, verdict): "the first one"})
    assert told.startswith("3 chain: ")
    assert "the first one" in told


@pytest.mark.parametrize("profile", Profile)
def test_turned_away_fails_a_run_unless_it_is_meant_to_be_too_much(profile: Profile) -> None:
    counts = {LoginKind.CHAIN: Counter({Verdict.TURNED_AWAY: 3, Verdict.AS_EXPECTED: 100})}
    told = turned_away(counts, profile)
    assert failed(counts, {}) == []
    if profile in (Profile.SPIKE, Profile.STORM):
        assert told == []
    else:
        assert told == ["3 turned away, because the network was busy: ask for less"]
    assert turned_away({LoginKind.CHAIN: Counter({Verdict.AS_EXPECTED: 100})}, profile) == []


def test_nothing_wrong_does_not_fail_it() -> None:
    assert failed({LoginKind.CHAIN: Counter({Verdict.AS_EXPECTED: 100})}, {}) == []


def result(book: Book, ended: Ended = Ended.ON_TIME, **changes: Any) -> Result:
    looks = [Look(n, {"polder.authn-requests": n}, {"polder": 10.0}) for n in (2, 1, 0)]
    fields = {
        "began": NOW,
        "load": Load(rate=1, seconds=3, mix={LoginKind.DIRECT: 1.0}),
        "versions": {"herken": "0"},
        "seconds": 3.0,
        "ended": ended,
        "book": book,
        "looks": looks,
        "processes": (),
        "happened": [Happened(at=1, what="polder ended")],
    }
    return Result(**{**fields, **changes})


def test_run_has_what_was_counted_and_seen() -> None:
    book = Book()
    ended(book, begun(book, 1, at=0.5), 0.7)
    ended(book, begun(book, 2, at=1.5), 1.9)
    ended(book, begun(book, 3, at=1.6), 1.7, Verdict.WRONG)
    run = run_of(result(book))
    (kind,) = run.kinds
    assert (kind.scheduled, kind.published, kind.as_expected, kind.wrong) == (3, 3, 2, 1)
    assert run.failed == ("1 direct: wrong (why)",)
    assert (run.latency.count, run.latency.max) == (2, pytest.approx(400, rel=1e-3))
    assert [s.finished for s in run.series] == [1, 1, 0]
    assert [s.failed for s in run.series] == [0, 1, 0]
    assert [s.p50 for s in run.series] == [pytest.approx(200), pytest.approx(400), None]
    assert (run.series[1].lag, run.series[1].cpu_ms) == (
        {"polder.authn-requests": 1},
        {"polder": 10.0},
    )
    assert run.throughput == pytest.approx(2 / 3)


def test_unanswered_logins_are_no_part_of_the_latency_of_all() -> None:
    book = Book()
    book.latencies.add("login.timeout", 0, 3.0)
    book.latencies.add("login.direct", 0, 0.1)
    run = run_of(result(book))
    assert (run.latency.count, run.series[0].p99) == (1, pytest.approx(100))


@pytest.mark.parametrize(
    ("how", "told"),
    [
        (Ended.NETWORK_LOST, "Kafka did not answer any more"),
        (Ended.TOO_MANY_ERRORS, "it was broken off after"),
    ],
)
def test_run_that_was_broken_off_by_the_network_failed(how: Ended, told: str) -> None:
    assert any(told in why for why in run_of(result(Book(), how)).failed)


def test_interrupted_run_tells_what_it_left_under_way_and_fails_nothing() -> None:
    book = Book()
    ended(book, begun(book, 1), 2)
    begun(book, 2)
    run = run_of(result(book, Ended.INTERRUPTED))
    assert (run.failed, run.invalid) == ((), ())
    assert run.happened[-1].what == "the run ended with 1 logins under way"


# --- hops and lag


def test_hop_is_counted_from_the_message_before_it_whatever_order_they_are_read_in() -> None:
    seen = [(1030, "outcomes"), (1000, "authn-requests"), (1010, "challenges")]
    assert list(steps(seen)) == [("challenges", 0.01), ("outcomes", pytest.approx(0.02))]


def test_only_so_many_logins_are_followed() -> None:
    assert [every(rate) for rate in (1, 50, 100, 1000)] == [1, 1, 2, 20]
    latencies = Latencies()
    hops = Hops(latencies, 2)
    for number in range(4):
        key = str(number).encode()
        hops.begin(key, number)
        hops.saw(key, 1000, "authn-requests.polder")
        hops.saw(key, 1000 + number, "outcomes.waterdam")
        hops.ended(key, 1.0)
    hops.add_up(3.0)
    assert latencies.tags() == []
    hops.add_up(9.0)
    assert latencies.tags() == ["hop.outcomes"]
    assert latencies.of(lambda _: True).count == 2


def test_lag_is_what_is_before_the_end_and_not_committed() -> None:
    one, two, other = (TopicPartition(*p) for p in (("t", 0), ("t", 1), ("u", 0)))
    ends = {one: 10, two: 7, other: 100}
    assert behind("t", ends, {one: 4, two: 7}) == 6
    assert behind("t", ends, {one: 4}) == 6
    assert behind("t", ends, {one: 12, two: 0}) == 7


def test_latency_of_nothing_is_nothing() -> None:
    assert Latency(count=0, mean=0, p50=0, p90=0, p95=0, p99=0, p999=0, p9999=0, max=0) == NOTHING
