"""`herken demo`, as scripts rely on it: its JSON, its exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict

SCENARIO = Path("scenarios/first-login.yaml").read_text()


class _Exact(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Hop(_Exact):
    topic: str
    participant: str
    at_ms: float


class Login(_Exact):
    name: str
    request_id: str
    outcome: str
    code: str | None
    level: str | None
    expected: str
    as_expected: bool
    duration_ms: float
    hops: list[Hop]


class Act(_Exact):
    name: str
    act: str
    outcome: str
    expected: str
    as_expected: bool
    duration_ms: float


class Report(_Exact):
    ok: bool
    logins: list[Login]
    acts: list[Act]


def demo(scenario: Path, home: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "HERKEN_HOME": str(home)}
    argv = [sys.executable, "-m", "herken", "demo", "--scenario", str(scenario), "--json"]
    return subprocess.run(
        argv, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.timeout(120)
def test_demo_exits_1_and_says_which_when_an_expectation_is_wrong(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(SCENARIO.replace("{refusal: no_mandate}", "{assertion: EH3}"))
    done = demo(wrong, tmp_path)
    report = Report.model_validate_json(done.stdout)
    assert (done.returncode, report.ok) == (1, False)
    assert [login.name for login in report.logins if not login.as_expected] == [
        "a person without a mandate"
    ]
    assert {login.outcome for login in report.logins} == {"assertion", "refusal"}
    assert all(login.hops[0].topic.startswith("authn-requests.") for login in report.logins)
    assert all(login.hops[-1].topic.startswith("outcomes.") for login in report.logins)


@pytest.mark.parametrize(
    ("right", "wrong", "told"),
    [
        ("person: cor", "person: kor", "did you mean 'cor'?"),
        ("level: EH4", "level: EH5", "EH4"),
        ("herken: 1", "herken: [", "broken.yaml:"),
    ],
)
def test_demo_exits_2_with_file_line_and_cure_when_the_scenario_is_broken(
    tmp_path: Path, right: str, wrong: str, told: str
) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text(SCENARIO.replace(right, wrong, 1))
    line = SCENARIO[: SCENARIO.index(right)].count("\n") + 1
    done = demo(broken, tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert told in done.stderr
    assert f"broken.yaml:{line}" in done.stderr or "[" in wrong
    assert "Traceback" not in done.stderr


def test_json_is_one_document_and_nothing_else() -> None:
    """The check of the format itself can fail."""
    with pytest.raises(ValueError, match="extra_forbidden"):
        Report.model_validate_json(json.dumps({"ok": True, "logins": [], "acts": [], "more": 1}))
