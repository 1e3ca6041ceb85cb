"""The highest rate that holds: where the search looks, when it ends, and what it answers. The
network here is a rate above which a run fails; the search is what is tried."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtest import limits, quantities
from loadtest.limits import Came, Goal, Limit, Trial, find, next_rate
from loadtest.record import Ended, Latency, Run
from loadtest.reporting import terminal
from pipeline.errors import WrongUse
from tests.support.load_runs import drawn

ANY = drawn(seconds=1, rate=5).run
GOAL = Goal(p99_ms=250, lowest=10, highest=2000, precision=0.05)


def run(p99: float = 100, **changes: object) -> Run:
    latency = Latency.model_validate({**ANY.latency.model_dump(), "p99": p99})
    return ANY.model_copy(update={"latency": latency, **changes})


def trials(*came: tuple[float, Came]) -> list[Trial]:
    return [Trial(rate, each, "", Ended.ON_TIME, rate, 1, 1, 1) for rate, each in came]


async def searched(
    answers: Callable[[float, int], Run], goal: Goal = GOAL, settled: list[Run] | None = None
) -> Limit:
    async def run_at(rate: float, number: int) -> Run:
        return answers(rate, number)

    async def settle(done: Run) -> None:
        (settled if settled is not None else []).append(done)

    return await find(goal, run_at, settle, lambda trial: None)


def bears(capacity: float) -> Callable[[float, int], Run]:
    return lambda rate, number: run(p99=100 if rate <= capacity else 900)


# --- where it looks

HELD, FAILED, INVALID = Came.HELD, Came.FAILED, Came.INVALID


@pytest.mark.parametrize(
    ("tried", "rate"),
    [
        ([], 10),
        ([(10, HELD)], 20),
        ([(10, HELD), (20, HELD)], 40),
        ([(10, HELD), (20, FAILED)], 20),
        ([(10, HELD), (20, FAILED), (20, HELD)], 40),
        ([(10, HELD), (20, FAILED), (20, FAILED)], 14.14),
        ([(10, HELD), (20, INVALID), (20, FAILED)], 14.14),
        ([(10, HELD), (10.6, FAILED), (10.6, FAILED)], 10.3),
        ([(10, HELD), (10.5, FAILED), (10.5, FAILED)], None),
        ([(1500, HELD)], 2000),
        ([(2000, HELD)], None),
        ([(10, FAILED)], 10),
        ([(10, FAILED), (10, FAILED)], None),
        ([(10, HELD), (20, Came.BROKEN_OFF)], None),
    ],
)
def test_the_next_rate(tried: list[tuple[float, Came]], rate: float | None) -> None:
    assert next_rate(trials(*tried), GOAL) == rate


@given(
    capacity=st.floats(10, 1999),
    lowest=st.floats(0.5, 10),
    precision=st.floats(0.01, 0.5),
)
@settings(max_examples=200, deadline=None)
async def test_the_limit_is_found_as_closely_as_asked(
    capacity: float, lowest: float, precision: float
) -> None:
    goal = Goal(p99_ms=250, lowest=lowest, highest=2000, precision=precision)
    found = await searched(bears(capacity), goal)
    assert found.rate is not None
    assert found.rate <= capacity <= found.rate * (1 + precision) * 1.0001
    assert len(found.trials) <= 40


async def test_one_bad_moment_at_a_rate_does_not_count() -> None:
    """Every second trial is spoilt; the first at a rate and the one after it are never both."""
    turns = count()

    def spoilt(rate: float, number: int) -> Run:
        return run(p99=999 if rate > 300 or next(turns) % 2 else 100)

    found = await searched(spoilt)
    assert found.rate is not None
    assert 285 <= found.rate <= 300
    assert Came.FAILED in {trial.came for trial in found.trials if trial.rate <= 300}


async def test_the_network_settles_before_each_trial_and_not_after_the_last() -> None:
    settled: list[Run] = []
    found = await searched(bears(15), settled=settled)
    assert len(settled) == len(found.trials) > 2


async def test_trials_are_numbered_from_1_after_a_warm_up_that_is_none() -> None:
    numbers: list[int] = []

    def noted(rate: float, number: int) -> Run:
        numbers.append(number)
        return bears(25)(rate, number)

    found = await searched(noted)
    assert numbers == list(range(len(found.trials) + 1))


async def test_a_warm_up_that_failed_is_no_trial_and_one_broken_off_ends_the_search() -> None:
    def cold(rate: float, number: int) -> Run:
        return bears(25)(rate, number) if number else run(p99=900)

    def broken(rate: float, number: int) -> Run:
        return run(ended=Ended.INTERRUPTED)

    assert (await searched(cold)).rate == (await searched(bears(25))).rate
    found = await searched(broken)
    assert (found.rate, found.ended, found.says) == (None, Ended.INTERRUPTED, "broken off")


# --- what a trial came to


@pytest.mark.parametrize(
    ("found", "came", "why"),
    [
        (run(p99=250), Came.HELD, ""),
        (run(p99=251), Came.FAILED, "p99 is 251 ms"),
        (run(failed=("3 direct missing",)), Came.FAILED, "3 direct missing"),
        (run(kinds=()), Came.FAILED, "nothing finished"),
        (run(invalid=("fell behind",), failed=("x",)), Came.INVALID, "fell behind"),
        (run(ended=Ended.TOO_MANY_ERRORS, failed=("many",)), Came.FAILED, "many"),
        (run(ended=Ended.INTERRUPTED), Came.BROKEN_OFF, "interrupted"),
        (run(ended=Ended.NETWORK_LOST, failed=("x",)), Came.BROKEN_OFF, "network lost"),
    ],
)
def test_what_a_trial_came_to(found: Run, came: Came, why: str) -> None:
    trial = limits.judge(found, 10, GOAL)
    assert (trial.came, trial.why, trial.ended) == (came, why, found.ended)


# --- the answer


@pytest.mark.parametrize(
    ("tried", "rate", "says"),
    [
        (
            [(10, HELD), (10.5, FAILED), (10.5, FAILED)],
            10,
            "10 logins a second is the limit, with p99 at most 250 ms: 10.5 do not hold",
        ),
        (
            [(2000, HELD)],
            2000,
            "2000 logins a second hold, with p99 at most 250 ms: the limit is above --to",
        ),
        (
            [(10, HELD), (10.5, FAILED), (10.5, INVALID)],
            10,
            "10 logins a second hold, with p99 at most 250 ms; at 10.5 the generator came to its"
            " own limit, and that says nothing of the network's",
        ),
        (
            [(10, FAILED)] * 2,
            None,
            "not even 10 logins a second hold, with p99 at most 250 ms: give a lower --from",
        ),
        (
            [(10, INVALID)] * 2,
            None,
            "the generator itself cannot do 10 logins a second: give a lower --from",
        ),
        (
            [(10, HELD), (20, Came.BROKEN_OFF)],
            10,
            "broken off: 10 logins a second held, with p99 at most 250 ms",
        ),
        ([(10, Came.BROKEN_OFF)], None, "broken off"),
    ],
)
def test_the_answer(tried: list[tuple[float, Came]], rate: float | None, says: str) -> None:
    found = limits.answer(trials(*tried), GOAL)
    assert (found.rate, found.says) == (rate, says)


async def test_the_answer_as_a_document_and_as_a_table() -> None:
    found = await searched(bears(15))
    document = json.loads(json.dumps(found.document()))
    assert document["rate"] == found.rate
    assert document["goal"]["p99_ms"] == 250
    assert [trial["came"] for trial in document["trials"]][:3] == ["held", "failed", "failed"]
    lines = [*terminal.limit(found)]
    assert len(lines) == len(found.trials) + 2
    assert lines[2].split()[0] == "20"
    assert lines[2].endswith("failed  p99 is 900 ms")
    assert lines[-1] == found.says


@pytest.mark.parametrize(
    ("lowest", "highest"),
    [(0, 10), (-1, 10), (20, 10), (1, 1e9), (float("nan"), 10), (1, float("nan"))],
)
def test_rates_that_cannot_be_searched_are_refused(lowest: float, highest: float) -> None:
    with pytest.raises(WrongUse, match="--from and --to"):
        Goal(p99_ms=250, lowest=lowest, highest=highest, precision=0.05)


# --- quantities


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [("250ms", 250), ("2s", 2000), ("0.3s", 300), ("1.5ms", 1.5), ("1m", 60_000), (" 2s ", 2000)],
)
def test_a_duration(text: str, milliseconds: float) -> None:
    assert quantities.milliseconds(text, "--p99") == pytest.approx(milliseconds)


@pytest.mark.parametrize(
    "text",
    ["", "250", "ms", "-2s", "0s", "2 s", "2sec", "1e3ms", "2h", "nan", "1.ms", "9999m", "٣s"],
)
def test_what_is_no_duration_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(WrongUse, match="--p99 takes a duration, as 250ms"):
        quantities.milliseconds(text, "--p99")


@pytest.mark.parametrize(
    ("text", "part"), [("5%", 0.05), ("1%", 0.01), ("12.5%", 0.125), ("50%", 0.5)]
)
def test_a_percentage(text: str, part: float) -> None:
    assert quantities.fraction(text, "--precision") == pytest.approx(part)


@pytest.mark.parametrize("text", ["", "5", "0.05", "0%", "0.5%", "51%", "-5%", "five%", "5 %"])
def test_what_is_no_percentage_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(WrongUse, match="--precision takes a percentage from 1% to 50%, as 5%"):
        quantities.fraction(text, "--precision")
