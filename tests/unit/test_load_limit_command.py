"""`herken load find-limit` around the search: what it prints, writes and ends with. The runs are
test data; on a real network it is tried in tests/e2e."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import typer

from herken import load_limit
from herken.commands import load_reports
from herken.load import Wanted
from loadtest.latencies import Latencies
from loadtest.limits import LIMIT_FILE, Goal
from loadtest.record import Ended, Run
from loadtest.running import Measured
from loadtest.schedule import Load
from pipeline.errors import HerkenError, WrongUse
from tests.support.load_runs import drawn

ANY = drawn(seconds=1, rate=5).run
GOAL = Goal(p99_ms=250, lowest=10, highest=40, precision=0.2)


def bears(capacity: float) -> Callable[[float], Run]:
    def run(rate: float) -> Run:
        p99 = 100.0 if rate <= capacity else 900.0
        return ANY.model_copy(update={"latency": ANY.latency.model_copy(update={"p99": p99})})

    return run


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[float], Run]], list[str]]:
    """Runs of this kind instead of a network's; what was done, in its order."""

    def put(answers: Callable[[float], Run]) -> list[str]:
        done: list[str] = []

        @asynccontextmanager
        async def grounded(wanted: Wanted) -> AsyncIterator[None]:
            yield

        async def watched(where: None, asked: Load) -> Measured:
            done.append(f"run {asked.rate:g}")
            return Measured(answers(asked.rate), Latencies())

        async def rest(where: None) -> None:
            done.append("rest")

        async def sleep(seconds: float) -> None:
            done.append(f"sleep {seconds:g}")

        monkeypatch.setattr(load_limit, "grounded", grounded)
        monkeypatch.setattr(load_limit, "watched", watched)
        monkeypatch.setattr(load_limit, "rest", rest)
        monkeypatch.setattr(load_limit, "clear", lambda where, passed: None)
        monkeypatch.setattr("herken.load_limit.asyncio.sleep", sleep)
        return done

    return put


def search(**wanted: Any) -> int:
    asked = Load(rate=GOAL.lowest, seconds=1, deadline=30)
    return asyncio.run(load_limit.find_limit(Wanted(asked, **wanted), GOAL, as_json=True))


Put = Callable[[Callable[[float], Run]], list[str]]


def test_the_limit_is_printed_and_kept_beside_the_trials(
    network: Put, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    network(bears(25))
    assert search(report=tmp_path / "found") == 0
    printed = capsys.readouterr()
    document = json.loads(printed.out)
    assert document["rate"] == 23.78
    assert json.loads((tmp_path / "found" / LIMIT_FILE).read_text()) == document
    folders = sorted(path.name for path in (tmp_path / "found").iterdir() if path.is_dir())
    assert folders[:3] == ["01-at-10", "02-at-20", "03-at-40"]
    assert all((tmp_path / "found" / name / "run.json").exists() for name in folders)
    assert "herken: 40 logins a second: failed, p99 is 900 ms" in printed.err


def test_the_network_rests_between_two_trials(network: Put) -> None:
    done = network(bears(25))
    search()
    assert done[:6] == ["run 10", "rest", "run 10", "rest", "run 20", "rest"]
    assert done[-1].startswith("run")


def test_what_a_trial_gave_up_has_its_deadline_before_the_next_one(network: Put) -> None:
    early = {"ended": Ended.TOO_MANY_ERRORS, "failed": ("too many",)}
    done = network(lambda rate: ANY.model_copy(update=early if rate > 10 else {}))
    search()
    assert done[2:8] == ["run 10", "rest", "run 20", "sleep 30", "rest", "run 20"]


def test_a_network_that_does_not_come_to_rest_ends_the_search(
    network: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def rest(where: None) -> None:
        raise TimeoutError

    network(bears(25))
    monkeypatch.setattr(load_limit, "rest", rest)
    with pytest.raises(HerkenError, match="still messages to read: are all its workers there"):
        search()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, 0),
        ({"failed": ("3 missing",)}, 1),
        ({"invalid": ("fell behind",)}, 1),
        ({"ended": Ended.INTERRUPTED}, 130),
        ({"ended": Ended.NETWORK_LOST}, 3),
    ],
)
def test_the_exit_code(network: Put, changes: dict[str, Any], code: int) -> None:
    network(lambda rate: bears(25)(rate).model_copy(update=changes))
    assert search() == code


def test_ctrl_c_tells_what_was_found_until_then(
    network: Put, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = {"ended": Ended.INTERRUPTED}
    network(lambda rate: ANY.model_copy(update=broken if rate > 10 else {}))
    assert search() == 130
    assert json.loads(capsys.readouterr().out)["rate"] == 10


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("--p99 250", "--p99 takes a duration"),
        ("--precision 5", "--precision takes a percentage"),
        ("--from 0", "--from and --to are logins a second"),
        ("--from 20 --to 10", "--from and --to are logins a second"),
        ("--to 1e9", "--from and --to are logins a second"),
        ("--duration 0", "--duration is in seconds"),
        ("--mix direct", "--mix"),
        ("--pid 12", "--pid 12: write NAME=PID"),
    ],
)
def test_what_cannot_be_searched_is_refused_before_anything_begins(words: str, told: str) -> None:
    app = typer.Typer()
    load_reports.register(app)
    with pytest.raises(WrongUse, match=told):
        app(["find-limit", *words.split()], standalone_mode=False)
