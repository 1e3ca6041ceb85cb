"""A third registry comes into a running network by configuration alone: the page
`docs/how-to/add-a-registry`, followed in another terminal, while what runs goes on running."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from sandbox import ports
from tests.e2e.test_up import Up

SCENARIO = Path("scenarios/acceptance.yaml")
NEW = "havenhoofd"
ADDED = {
    "registries:": f"""
  - name: {NEW}
    display_name: Machtigingenregister Het Havenhoofd
    oin: "00000099000000067000"
    chains: true
""",
    "organisations:": f"""
  - {{name: zeefdrukker, display_name: Zeefdrukkerij De Raam, kvk: "90000304", registry: {NEW}}}
""",
    "people:": f"""
  - name: lotte
    organisation: zeefdrukker
    means: [{{provider: kluis, registry: {NEW}, level: EH4}}]
""",
    "mandates:": """
  - {person: lotte, organisation: zeefdrukker, service: verklaring, level: EH4}
""",
    "links:": """
  - {organisation: zeefdrukker, intermediary: raadgever, services: [melding], level: EH3}
""",
    "assignments:": """
  - {person: karel, principal: zeefdrukker, services: [melding], level: EH3}
""",
}
"""What the second file has more: the registry, somebody whose mandate is there, and a client there
of an intermediary who is at a registry that runs already."""
SETUP = (("files", "--scenario"), ("topics",), ("databases",), ("catalogue",))
READY_SECONDS = 60


def extended(folder: Path) -> Path:
    """The scenario with the third registry."""
    text = SCENARIO.read_text()
    for section, more in ADDED.items():
        assert text.count(f"\n{section}\n") == 1
        text = text.replace(f"\n{section}\n", f"\n{section}{more}")
    file = folder / "extended.yaml"
    file.write_text(text)
    return file


@contextmanager
def running(up: Up) -> Iterator[None]:
    """`herken run registry`, in a terminal of its own."""
    (port,) = ports.free(1)
    environment = {**up.environment, **up.exports, "HERKEN_HEALTH_PORT": str(port)}
    process = subprocess.Popen(
        [sys.executable, "-m", "herken", "run", "registry", NEW],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until_ready(port, process)
        yield
    finally:
        process.terminate()
        process.wait(timeout=30)


def until_ready(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise AssertionError("the new registry is not ready")


def roles(up: Up) -> set[tuple[int, float]]:
    """The roles of the running network, each process by its pid and when it began."""
    children = psutil.Process(up.process.pid).children(recursive=True)
    return {(p.pid, p.create_time()) for p in children if {"herken", "run"} <= {*p.cmdline()}}


def hops(up: Up, *arguments: str) -> list[str]:
    """The topics that a login went over. It must be granted."""
    done = up.herken("login", *arguments, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert report["outcome"] == "assertion"
    return [hop["topic"] for hop in report["hops"]]


@pytest.mark.timeout(240)
def test_third_registry_takes_part_when_it_is_only_configured(tmp_path: Path) -> None:
    up, file = Up(tmp_path, "--scenario", str(SCENARIO)), extended(tmp_path)
    try:
        before = roles(up)
        assert up.herken("login", "verklaring", "--as", "lotte").returncode == 2
        for command in SETUP:
            more = (str(file),) if "--scenario" in command else ()
            done = up.herken("setup", *command, *more)
            assert done.returncode == 0, done.stderr
        with running(up):
            direct = hops(up, "verklaring", "--as", "lotte")
            assert f"mandate-queries.{NEW}" in direct
            chain = hops(up, "melding", "--as", "karel", "--for", "zeefdrukker")
            assert {"mandate-queries.kaai", f"confirmation-queries.{NEW}"} <= set(chain)
            assert "mandate-queries.kaai" in hops(up, "verklaring", "--as", "inge")
        assert len(before) == 5
        assert roles(up) == before
    finally:
        up.process.terminate()
        up.process.communicate(timeout=60)


def test_network_runs_what_the_how_to_says() -> None:
    """The page and this test are about the same commands."""
    page = Path("docs/how-to/add-a-registry.md").read_text()
    for command in SETUP:
        assert " ".join(("herken setup", *command)) in page
    assert "herken run registry" in page
