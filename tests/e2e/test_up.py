"""`herken up` as a user has it: another terminal logs in; killed, it leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

GONE_SECONDS = 5.0
HERKEN = [sys.executable, "-m", "herken"]


class Up:
    """A running `herken up`, with what it printed for another terminal."""

    def __init__(self, home: Path, *arguments: str, read_until: str = "Ctrl-C") -> None:
        self._read_until = read_until
        self.environment = {**os.environ, "HERKEN_HOME": str(home)}
        self.process = subprocess.Popen(
            [*HERKEN, "up", *arguments],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.exports = dict(self._exports())
        self.family = psutil.Process(self.process.pid).children(recursive=True)

    def _exports(self) -> Iterator[tuple[str, str]]:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith("export "):
                yield tuple(line.removeprefix("export ").strip().split("=", 1))  # type: ignore[misc]
            if line.startswith(self._read_until):
                return

    def herken(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A command in a terminal with the lines that `up` printed."""
        return self._run(arguments, {**self.environment, **self.exports})

    def elsewhere(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A command in a terminal without them."""
        return self._run(arguments, self.environment)

    def _run(
        self, arguments: tuple[str, ...], environment: dict[str, str]
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*HERKEN, *arguments],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def left(self) -> list[psutil.Process]:
        """Processes of it that are still there after the time that they have to go."""
        gone, alive = psutil.wait_procs(self.family, timeout=GONE_SECONDS)
        assert len(gone) + len(alive) >= 6
        return [p for p in alive if p.status() != psutil.STATUS_ZOMBIE]


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    running = Up(tmp_path_factory.mktemp("home"))
    yield running
    running.process.kill()
    running.process.communicate()


@pytest.mark.timeout(120)
def test_login_is_granted_from_another_terminal(up: Up) -> None:
    done = up.herken("login", "lozingsaangifte", "--as", "ans", "--json")
    report = json.loads(done.stdout)
    assert (done.returncode, report["outcome"], report["level"]) == (0, "assertion", "EH4")
    assert [hop["topic"] for hop in report["hops"]] == [
        "authn-requests.polder",
        "authentication-requests.sluis",
        "challenges.sluis",
        "signature-answers.sluis",
        "authentication-results.polder",
        "mandate-queries.terp",
        "mandate-decisions.polder",
        "outcomes.zuiveringsschap",
    ]


def test_login_chooses_the_organisation_asked_for(up: Up) -> None:
    options = ("--as", "ans", "--for", "scheepswerf", "--provider", "sluis", "--level", "EH3")
    done = up.herken("login", "parkeerontheffing", *options)
    assert (done.returncode, "assertion at EH3, verified" in done.stdout) == (0, True)


def test_login_exits_1_when_it_is_refused(up: Up) -> None:
    done = up.herken("login", "lozingsaangifte", "--as", "bas")
    assert (done.returncode, "no_mandate" in done.stdout) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("login", "lozingsaangift", "--as", "ans"), "did you mean lozingsaangifte?"),
        (("login", "lozingsaangifte", "--as", "anton"), "no person 'anton'"),
        (("login", "lozingsaangifte", "--as", "ans", "--level", "EH9"), "EH2, EH2+, EH3, EH4"),
        (("login", "lozingsaangifte"), "Missing option '--as'"),
    ],
)
def test_login_exits_2_and_says_what_would_be_right(
    up: Up, arguments: tuple[str, ...], told: str
) -> None:
    done = up.herken(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_second_up_says_that_one_runs(up: Up) -> None:
    done = up.elsewhere("up")
    assert done.returncode == 2
    assert "runs here already" in done.stderr


@pytest.mark.parametrize("command", ["up", "demo"])
def test_no_network_is_founded_from_a_terminal_of_a_running_one(up: Up, command: str) -> None:
    done = up.herken(command)
    assert done.returncode == 2
    assert "takes part in a running network" in done.stderr


@pytest.mark.timeout(60)
def test_nothing_is_left_when_up_is_killed(up: Up) -> None:
    """The last one with this `up`: it kills it."""
    began = time.monotonic()
    up.process.send_signal(signal.SIGKILL)
    assert up.left() == []
    assert time.monotonic() - began < GONE_SECONDS + 1


@pytest.mark.timeout(120)
def test_up_drains_and_stops_when_interrupted(tmp_path: Path) -> None:
    """Interrupted at its first word: whoever was told that it runs may stop it."""
    running = Up(tmp_path, read_until="The network runs")
    running.process.send_signal(signal.SIGINT)
    _, told = running.process.communicate(timeout=45)
    assert (running.process.returncode, "starting it again" in told) == (0, False)
    assert running.left() == []
