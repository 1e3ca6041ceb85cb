"""How a run is told, while it goes on and when it is over."""

from __future__ import annotations

from loadtest.judging import Verdict
from loadtest.record import Ended, Process, Run
from loadtest.results import run_of
from loadtest.telling import so_far, summary
from tests.unit.test_load_judging import Book, begun, ended, result

ROLE = Process(name="polder", cpu_ms=40, rss_start=50, rss_end=60, rss_max=70)


def run(*verdicts: Verdict, how: Ended = Ended.ON_TIME) -> Run:
    """A run of one login for each of these, each of 200 ms."""
    book = Book()
    for number, verdict in enumerate(verdicts):
        ended(book, begun(book, number, at=0.5), 0.7, verdict)
    return run_of(result(book, how, processes=(ROLE,)))


def test_run_that_passed_says_so_with_its_figures() -> None:
    told = summary(run(*[Verdict.AS_EXPECTED] * 6))
    assert (
        "PASSED: 6 logins, every one verified, 2.0 a second; "
        "half took 200 ms or less, 99 of 100 200 ms" in told
    )
    assert "6.67" in told  # 40 ms of the role, of each login
    assert "1.0 s  polder ended" in told


def test_run_that_failed_says_why_and_not_that_it_passed() -> None:
    told = summary(run(Verdict.AS_EXPECTED, Verdict.WRONG))
    assert "FAILED: 1 direct: wrong (why)" in told
    assert "PASSED" not in told


def test_run_that_says_nothing_is_told_as_invalid() -> None:
    told = summary(run())
    assert "INVALID: nobody came" in told
    assert "PASSED" not in told


def test_interrupted_run_is_told_as_such() -> None:
    told = summary(run(Verdict.AS_EXPECTED, how=Ended.INTERRUPTED))
    assert "It was interrupted." in told


def test_running_run_is_one_line() -> None:
    first, second, _ = run(Verdict.AS_EXPECTED).series
    assert so_far(first, 1, 0) == (
        "elapsed 1 s, began 1, finished 1, turned away 0, under way 2, p50 200 ms, p99 200 ms, "
        "lag 2, finished in all 1, failed in all 0"
    )
    assert "p50 -, p99 -" in so_far(second, 1, 0)
