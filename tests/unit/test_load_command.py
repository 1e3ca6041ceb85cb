"""What `herken load` makes of its options, before it asks for anything."""

from __future__ import annotations

import errno
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from herken import commands, load
from herken.load import Wanted
from loadtest.arrivals import Profile, Spacing
from loadtest.ground import Ground
from loadtest.results import run_of
from loadtest.running import Measured
from loadtest.schedule import Load
from pipeline.errors import WrongUse
from tests.unit.test_load_judging import Book, begun, ended, result
from tests.unit.test_load_running import GROUND


def made(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Wanted:
    """What is wanted by these arguments. Raises WrongUse."""
    wanted: list[Wanted] = []

    async def put_on(one: Wanted, *, as_json: bool) -> int:
        one.load.require_sound()
        wanted.append(one)
        return 0

    monkeypatch.setattr(load, "load", put_on)
    app = typer.Typer()
    commands.register(app)
    result = CliRunner().invoke(app, ["load", *arguments])
    if isinstance(result.exception, WrongUse):
        raise result.exception
    assert result.exit_code == 0, result.output
    return wanted[0]


def test_options_become_what_is_wanted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    arguments = (
        *("--rate", "200", "--duration", "60", "--mix", "direct=9,cancel=1", "--profile", "storm"),
        *("--arrivals", "even", "--users", "1000", "--think", "0.5", "--seed", "7", "--own"),
        *("--deadline", "20", "--max-failed", "3", "--report", str(tmp_path)),
    )
    found = made(monkeypatch, *arguments)
    assert found.load == Load(
        rate=200,
        seconds=60,
        mix={"direct": 9.0, "cancel": 1.0},  # type: ignore[dict-item]
        profile=Profile.STORM,
        spacing=Spacing.EVEN,
        users=1000,
        think=0.5,
        deadline=20,
        seed=7,
        max_failed=3,
    )
    assert (found.own, found.report) == (True, tmp_path)
    assert found.scenario is not None
    assert found.scenario.name == "first-login.yaml"


def test_running_networks_scenario_is_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    found = made(monkeypatch)
    assert (found.own, found.scenario, found.load.mix) == (False, None, None)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--mix", "direkt=1"), "no kind 'direkt'"),
        (("--mix", ""), "no kind ''"),
        (("--rate", "0"), "--rate"),
        (("--rate", "-1"), "--rate"),
        (("--rate", "1e12"), "--rate"),
        (("--rate", "nan"), "--rate"),
        (("--duration", "0"), "--duration"),
        (("--users", "0"), "--users"),
        (("--think", "40"), "--deadline has to leave time"),
        (("--pid", "polder"), "NAME=PID"),
        (("--pid", "polder=x"), "NAME=PID"),
        (("--pid", "polder=99999999"), "no process 99999999"),
    ],
)
def test_wrong_use_says_what_would_be_right(
    monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], told: str
) -> None:
    with pytest.raises(WrongUse, match=told):
        made(monkeypatch, *arguments)


async def test_summary_is_printed_before_a_disk_is_found_full(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    book = Book()
    ended(book, begun(book), 2.0)

    @asynccontextmanager
    async def grounded(_: Wanted) -> AsyncIterator[Ground]:
        yield GROUND

    async def watched(_: Ground, __: Load) -> Measured:
        return Measured(run_of(result(book)), book.latencies)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(load, "grounded", grounded)
    monkeypatch.setattr(load, "watched", watched)
    monkeypatch.setattr(load.recording, "require_writable", lambda _: None)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(WrongUse, match="make room there"):
        await load.load(Wanted(Load(rate=1, seconds=3), report=tmp_path), as_json=False)
    assert "PASSED: 1 logins" in capsys.readouterr().out
