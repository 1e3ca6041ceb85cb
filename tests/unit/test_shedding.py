"""What a stage refuses because it is behind: only what waits too long, while it becomes no less."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest

from pipeline.shedding import CALM_SECONDS, FRESH, INTERVAL_SECONDS, UNHINDERED, Shedding, Wait
from schemas.codec import Record
from schemas.records import Queued

BOUND = 2.0
STAMPS = 1_795_000_000.0
"""Kafka's clock where a process's own is at 0: nobody compares the two."""


def record(taken_at: float, left: int = 0, partition: int = 0, topic: str = "door") -> Record:
    position = f"{partition}:7"
    return Record(topic, b"", b"", position=position, queued=Queued(STAMPS + taken_at, left))


def waits(shedding: Shedding, at: float, *records: Record) -> list[float]:
    return [round(wait.seconds, 2) for wait in shedding.look(records, at)]


def refused(shedding: Shedding, at: float, *records: Record) -> list[bool]:
    return [wait.is_refused for wait in shedding.look(records, at)]


def standing(*lefts: int, behind: float = BOUND + 0.1) -> Shedding:
    """A stage that read a record at once, and an interval apart others that had all waited so long,
    with so many left behind them."""
    shedding = Shedding(BOUND)
    shedding.look([record(95)], 95)
    for number, left in enumerate(lefts):
        at = 100 + number * INTERVAL_SECONDS
        shedding.look([record(at - behind, left)], at)
    return shedding


def test_record_waits_longer_by_the_time_that_passed_less_what_kafkas_stamps_went_on() -> None:
    shedding = Shedding(BOUND)
    assert waits(shedding, 10, record(10)) == [0]
    assert waits(shedding, 20, record(20), record(20.5)) == [0, 0]
    assert waits(shedding, 23, record(21.5), record(22)) == [1.5, 1]
    assert waits(shedding, 24, record(24)) == [0]


@pytest.mark.parametrize("behind", [0, 1.9, BOUND])
def test_nothing_is_refused_up_to_the_bound_however_long_it_lasts(behind: float) -> None:
    shedding = standing(0, 0, 0, behind=behind)
    assert refused(shedding, 110, record(110 - behind)) == [False]


def test_what_waits_longer_than_the_bound_for_an_interval_is_refused() -> None:
    assert refused(standing(5), 100.9, record(98.7, 5)) == [False]
    assert refused(standing(5), 101, record(98.8, 5)) == [True]


@pytest.mark.parametrize("left", [5, 6])
def test_stage_refuses_only_while_what_waits_becomes_no_less(left: int) -> None:
    assert refused(standing(5), 101, record(98.8, left)) == [True]
    assert refused(standing(5), 101, record(98.8, 4)) == [False]


def test_who_catches_up_refuses_nothing_of_what_piled_up() -> None:
    """Its database was away for ten seconds, say; it reads faster than records come."""
    shedding = Shedding(BOUND)
    shedding.look([record(0)], 0)
    for second in range(10):
        at, left = 10.0 + second, 800 - 80 * second
        assert refused(shedding, at, record(2.0 * second, left)) == [False]


def test_what_lay_there_before_a_process_began_to_read_is_not_refused() -> None:
    shedding = Shedding(BOUND)
    for at in range(5):
        assert refused(shedding, at, record(at - 3600.0, 9)) == [False]


def test_once_it_refuses_it_takes_what_is_fresh_and_nothing_else() -> None:
    shedding, fresh = standing(5, 5), BOUND * FRESH
    found = refused(shedding, 102, record(99), record(102 - fresh - 0.2), record(102 - fresh + 0.2))
    assert found == [True, True, False]


def test_it_takes_everything_again_after_nothing_was_too_old_for_a_while() -> None:
    shedding = standing(5, 5)
    assert refused(shedding, 108, record(108)) == [False]
    assert refused(shedding, 110, record(108.5)) == [True]
    assert refused(shedding, 110 + CALM_SECONDS - 0.1, record(119.7)) == [False]
    assert refused(shedding, 110 + CALM_SECONDS, record(120)) == [False]
    assert refused(shedding, 122, record(120.5)) == [False]


def test_partition_that_comes_from_another_process_is_not_behind_by_what_lies_in_it() -> None:
    shedding = Shedding(BOUND)
    shedding.look([record(100, partition=0)], 100)
    for at in (101.0, 102.0, 103.0):
        read = record(at, partition=0), record(at - 9, 9, partition=1)
        assert refused(shedding, at, *read) == [False, False]


def test_what_is_left_is_that_of_all_partitions() -> None:
    def looked(shedding: Shedding, at: float, one: int, other: int) -> list[bool]:
        return refused(shedding, at, record(at - 3, one, 0), record(at - 3, other, 1))

    for other, is_refused in ((4, False), (5, True)):
        shedding = Shedding(BOUND)
        shedding.look([record(95, partition=0), record(95, partition=1)], 95)
        looked(shedding, 100, 5, 5)
        assert looked(shedding, 101, 5, other) == [is_refused] * 2


@pytest.mark.parametrize("step", [-60, 60])
def test_kafkas_clock_that_is_set_is_no_wait(step: float) -> None:
    shedding = Shedding(BOUND)
    shedding.look([record(100)], 100)
    for at in range(101, 120):
        assert refused(shedding, at, record(at + step, 1)) == [False]


def test_clocks_that_go_apart_slowly_are_no_wait() -> None:
    """By a second in twenty minutes, for a day: each record is taken up at once."""
    shedding = Shedding(BOUND)
    for minute in range(24 * 60):
        at = 60.0 * minute
        assert shedding.look([record(at * (1 - 1 / 1200), 1)], at)[0].seconds < 0.1


def test_record_of_which_nothing_is_known_waits_for_nothing() -> None:
    bare = Record("t", b"", b"")
    assert standing(5, 5).look([bare], 102) == [UNHINDERED] == [Wait(0, False)]


# --- what waits elsewhere


def also_elsewhere(at: float, *waits: float) -> Shedding:
    """A process that took up at once what came to its door; in its other topics, looked at now,
    records waited so long, and none were left."""
    shedding = Shedding(BOUND)
    for moment in (95.0, at - 1, at):
        for number, waited in enumerate(waits):
            taken_at = moment - (waited if moment > 95 else 0)
            shedding.look([record(taken_at, topic=f"inside {number}")], moment)
    return shedding


def test_whoever_comes_to_the_door_is_refused_for_what_waits_inside() -> None:
    assert refused(also_elsewhere(100, 1.5), 100, record(100)) == [False]
    assert refused(also_elsewhere(100, 2.5), 100, record(100)) == [True]


def test_waits_of_all_topics_add_up_because_a_login_has_them_all() -> None:
    shedding = also_elsewhere(100, 1.2, 1.3)
    assert [round(wait.seconds, 1) for wait in shedding.look([record(100)], 100)] == [2.5]
    assert refused(shedding, 100, record(100)) == [True]


@pytest.mark.parametrize(("waited", "later", "still"), [(0.5, 0.9, True), (0.5, 1.1, False)])
def test_wait_elsewhere_counts_for_about_as_long_as_it_was(
    waited: float, later: float, still: bool
) -> None:
    shedding = also_elsewhere(100, waited)
    found = shedding.look([record(100 + later)], 100 + later)[0].seconds
    assert (found > 0) == still
    longer = also_elsewhere(100, 3)
    assert longer.look([record(102.9)], 102.9)[0].seconds > 2
    assert longer.look([record(103.1)], 103.1)[0].seconds < 1


# --- what is left


def rushed(left: int, pace: int, topics: int = 1, waited: float = BOUND * FRESH + 0.1) -> Shedding:
    """A process that has read so many records a second for long, in each of so many topics; what it
    read in the last second had waited so long, and so much was left in each."""
    shedding = Shedding(BOUND)
    for second in range(80, 101):
        took, stays = (waited, left) if second >= 99 else (0.0, 0)
        for topic in range(topics):
            records = [record(second - took, stays, topic=f"topic {topic}")] * pace
            shedding.look(records, second)
    return shedding


@pytest.mark.parametrize(("left", "refuses"), [(170, False), (260, True)])
def test_what_will_wait_longer_than_the_bound_is_behind_at_once(left: int, refuses: bool) -> None:
    """100 a second for long count as 127 at the end of one of these batches of 100."""
    shedding = rushed(left, 100)
    assert refused(shedding, 100.1, record(99, left, topic="topic 0")) == [refuses]


def test_what_will_wait_in_one_topic_after_the_other_adds_up() -> None:
    assert refused(rushed(150, 100, topics=1), 100, record(100)) == [False]
    assert rushed(150, 100, topics=2).look([record(99, topic="topic 0")], 100.1)[0].is_refused


def test_what_is_left_is_no_reason_as_long_as_nothing_waits() -> None:
    shedding = rushed(100_000, 1, waited=BOUND * FRESH - 0.1)
    for at in range(101, 110):
        read = record(at - BOUND * FRESH + 0.1, 100_000, topic="topic 0")
        assert refused(shedding, at, read) == [False]
    late = record(110 - BOUND * FRESH - 0.1, 100_000, topic="topic 0")
    assert refused(shedding, 110, late) == [False]


def test_what_is_left_where_nothing_is_read_any_more_says_nothing() -> None:
    """Another process has that partition now."""
    shedding = Shedding(BOUND)
    shedding.look([record(95, 0), record(95, 100_000, partition=1)], 95)
    for at in range(97, 110):
        assert refused(shedding, at, record(at - BOUND + 0.1)) == [False]


# --- a rush, minute by minute


Read = tuple[float, int, int]
"""When, and how many were taken up and refused."""


def reading(arrivals: Iterable[float], pace: float, until: float) -> Iterator[Read]:
    """What a stage does with these arrivals that does so many a second, and refuses ten times as
    many."""
    shedding, waiting, at = Shedding(BOUND), list(arrivals), 0.0
    while at < until:
        there = [each for each in waiting if each <= at][:50]
        if not there:
            at += 0.01
            continue
        left = sum(each <= at for each in waiting) - len(there)
        found = refused(shedding, at, *(record(each, left) for each in there))
        waiting = waiting[len(there) :]
        yield at, found.count(False), found.count(True)
        at += found.count(False) / pace + found.count(True) / pace / 10


def read(arrivals: Iterable[float], pace: float, until: float) -> tuple[int, int]:
    """How many were taken up in all, and how many refused."""
    found = list(reading(arrivals, pace, until))
    return sum(taken for _, taken, _ in found), sum(refused_ for _, _, refused_ in found)


def test_burst_that_comes_at_once_is_served_though_the_last_waits_longer_than_the_bound() -> None:
    assert read([1.0] * 400, pace=100, until=7) == (400, 0)


def test_storm_is_known_before_anybody_in_it_waited_for_the_bound() -> None:
    """By the wait alone it would be known then, and something refused an interval later."""
    storm = (n / 1000 for n in range(5000))
    first = next(at for at, _, refused_ in reading(storm, 100, 10) if refused_)
    assert first < BOUND + INTERVAL_SECONDS


def test_storm_is_served_as_fast_as_can_be_and_the_rest_refused() -> None:
    taken, refused_ = read((n / 300 for n in range(6000)), pace=100, until=30)
    assert taken > 0.75 * 20 * 100
    assert taken + refused_ == 6000
