"""A registry joins a network that runs: by a scenario entry and set-up, without a line of code and
without stopping anybody."""

from __future__ import annotations

import json
import os
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox import ports
from tests.e2e.test_up import HERKEN, Up

FIRST = (Path(__file__).parents[2] / "scenarios" / "first-login.yaml").read_text()
ENTRIES = {
    "\ndienstverleners:\n": """  - name: wad
    display_name: Machtigingenregister Het Wad
    oin: "00000099000000007000"
""",
    "\npeople:\n": """  - name: pakhuis
    display_name: Pakhuis De Zolder
    kvk: "90000103"
    registry: wad
""",
    "\nmandates:\n": """  - {name: dirk, means: [{provider: sluis, registry: wad, level: EH4}]}
""",
    "\nlogins:\n": """  - person: dirk
    organisation: pakhuis
    service: lozingsaangifte
    level: EH4
""",
}
"""What is added at the end of each list: before what follows it."""


def extended(text: str) -> str:
    """The scenario with a registry more, and an organisation and a person at it."""
    for number in ("90000101", "90000102"):
        text = text.replace(f'"{number}"', f'"{number}"\n    registry: terp')
    for following, entry in ENTRIES.items():
        text = text.replace(following, f"{entry}{following}", 1)
    return text


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    running = Up(tmp_path_factory.mktemp("home"))
    yield running
    running.process.kill()
    running.process.communicate()


def ready(port: int, seconds: float = 30.0) -> bool:
    """Whether a role gets ready."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=5) as answer:
                if answer.status == 200:
                    return True
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    return False


def started(up: Up, *arguments: str, port: int) -> subprocess.Popen[bytes]:
    environment = {**os.environ, **up.exports, "HERKEN_HEALTH_PORT": str(port)}
    return subprocess.Popen([*HERKEN, *arguments], env=environment, stderr=subprocess.DEVNULL)


def logged_in(up: Up, person: str) -> dict[str, Any]:
    done = up.herken("login", "lozingsaangifte", "--as", person, "--json")
    report: dict[str, Any] = json.loads(done.stdout)
    return report


@pytest.mark.timeout(180)
def test_a_registry_joins_a_running_network_by_configuration_alone(up: Up, tmp_path: Path) -> None:
    file = tmp_path / "three.yaml"
    file.write_text(extended(FIRST))
    told = [
        up.herken("setup", "files", "--scenario", str(file)),
        up.herken("setup", "topics"),
        up.herken("setup", "databases"),
        up.herken("setup", "catalogue"),
    ]
    assert [each.returncode for each in told] == [0] * 4
    assert "new in it: wad" in told[0].stderr
    assert "0 entries published" in told[3].stderr
    (port,) = ports.free(1)
    wad = started(up, "run", "registry", "wad", port=port)
    try:
        assert ready(port)
        report = logged_in(up, "dirk")
        hops = [hop["topic"] for hop in report["hops"]]
        assert (report["outcome"], report["level"]) == ("assertion", "EH4")
        assert "mandate-queries.wad" in hops
        assert logged_in(up, "ans")["outcome"] == "assertion"
    finally:
        wad.terminate()
        wad.wait(timeout=20)
    assert up.process.poll() is None


def test_set_up_changes_nothing_the_second_time(up: Up, tmp_path: Path) -> None:
    file = tmp_path / "three.yaml"
    file.write_text(extended(FIRST))
    again = up.herken("setup", "files", "--scenario", str(file))
    assert "new in it: nobody" in again.stderr
    assert " 0 of them new" in up.herken("setup", "topics").stderr
