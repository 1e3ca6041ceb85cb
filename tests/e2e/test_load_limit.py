"""`herken load find-limit`, `compare` and `report` on what a real network leaves behind."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from herken.commands import load_reports
from herken.load import Wanted
from herken.load_limit import find_limit
from loadtest.limits import LIMIT_FILE, Goal
from loadtest.mix import parsed
from loadtest.record import HLOG_FILE, REPORT_FILE, RUN_FILE
from loadtest.schedule import Load
from sandbox.pytest_plugin import RunningNetwork
from tests.e2e.test_load import interrupted
from tests.integration.test_cli import PERSONAL, herken


async def test_every_trial_is_a_run_that_can_be_compared_and_reported(
    herken_network: RunningNetwork,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in herken_network.network.environment.items():
        monkeypatch.setenv(name, value)
    folder = tmp_path / "limit"
    asked = Load(rate=4, seconds=1.5, mix=parsed("direct=2,refused=1"))
    goal = Goal(p99_ms=60_000, lowest=4, highest=8, precision=0.5)
    code = await find_limit(Wanted(asked, report=folder), goal, as_json=True)

    found = json.loads(capsys.readouterr().out)
    assert {trial["came"] for trial in found["trials"]} <= {"held", "invalid"}  # a busy machine
    assert code == (0 if found["rate"] else 1)
    assert json.loads((folder / LIMIT_FILE).read_text()) == found
    trials = sorted(path for path in folder.iterdir() if path.is_dir())
    assert len(trials) == len(found["trials"]) >= 2
    for trial in trials:
        assert {path.name for path in trial.iterdir()} == {RUN_FILE, HLOG_FILE, REPORT_FILE}
        assert not PERSONAL.search((trial / REPORT_FILE).read_text())
    load_reports.compare(trials[0], trials[1])
    assert "too short for intervals" in capsys.readouterr().out


async def test_ctrl_c_ends_the_search_with_what_was_found(herken_network: RunningNetwork) -> None:
    options = ("find-limit", "--from", "3", "--duration", "600", "--mix", "direct=1", "--json")
    process, out, err = await interrupted(herken_network, *options)
    found = json.loads(out)
    assert process.returncode == 130
    assert (found["rate"], found["says"]) == (None, "broken off")
    assert b"Traceback" not in err


async def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    for words in (("compare", str(tmp_path), str(tmp_path)), ("report", str(tmp_path))):
        ran = await herken("load", *words)
        assert (ran.code, ran.out) == (2, "")
        assert "is this a folder of `herken load --report`?" in ran.err
