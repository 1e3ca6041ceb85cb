"""The scenarios of the whole scheme, played from beginning to end: each login and each act comes to
what the file expects."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sandbox.scenario_file import load

SCENARIOS = Path(__file__).parents[2] / "scenarios"
SECONDS = 540


def played(name: str, home: Path) -> dict[str, Any]:
    """What `herken demo --json` says of a scenario."""
    argv = [sys.executable, "-m", "herken", "demo", "--scenario", str(SCENARIOS / name), "--json"]
    done = subprocess.run(
        argv,
        env={**os.environ, "HERKEN_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.stdout, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == (0 if report["ok"] else 1)
    return report


@pytest.mark.timeout(SECONDS + 30)
@pytest.mark.parametrize("name", ["acceptance.yaml", "polder.yaml"])
def test_every_login_and_act_comes_to_what_the_scenario_expects(name: str, tmp_path: Path) -> None:
    report, scenario = played(name, tmp_path), load(SCENARIOS / name)
    steps = [*report["logins"], *report["acts"]]
    wrong = {each["name"]: each["outcome"] for each in steps if not each["as_expected"]}
    assert (wrong, report["ok"]) == ({}, True)
    assert len(report["logins"]) == len(scenario.logins)
    assert len(steps) == len(scenario.steps)
