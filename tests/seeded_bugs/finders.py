"""What looks for bugs. Each is a command that exits with 0 where nothing is wrong, and with 1 where
an invariant does not hold; its report is one JSON document on stdout, with `violations` in it."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_HOLDS, _VIOLATED = 0, 1


@dataclass(frozen=True)
class Finder:
    """A command, and for how long it may look at most. `reports`: it prints its report; else its
    exit code says all (pytest: 1 where a test failed, and another one where it broke)."""

    module: str
    arguments: tuple[str, ...] = ()
    seconds: float = 300
    reports: bool = True

    def argv(self, more: str) -> list[str]:
        asked = [*self.arguments, *shlex.split(more), *(["--json"] if self.reports else [])]
        return [sys.executable, "-m", self.module, *asked]


FINDERS: dict[str, Finder] = {
    "simulation": Finder(
        "tests.simulation",
        ("--histories", "12000", "--seed", "1", "--jobs", "2", "--failures", "1", "--stories", "0"),
        300,
    ),
    "faults": Finder("tests.faults.run", ("--seed", "1"), 400),
    "instant": Finder("pytest", ("tests/faults/test_same_instant.py",), 180, reports=False),
    "race": Finder("tests.faults.withdrawal_race", ("--withdrawals", "250", "--seed", "1"), 240),
}


@dataclass(frozen=True)
class Search:
    """What a finder said: `violations` it found (None: it came to no verdict), after how long."""

    violations: int | None
    said: str
    seconds: float

    @property
    def found(self) -> bool:
        return bool(self.violations)


def search(finder: Finder, more: str, folder: Path) -> Search:
    """Run a finder in a copy of the project."""
    began = time.monotonic()
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    try:
        done = subprocess.run(
            finder.argv(more),
            cwd=folder,
            env=inherited,
            capture_output=True,
            text=True,
            timeout=finder.seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Search(None, "it did not end", time.monotonic() - began)
    seconds = time.monotonic() - began
    found = _violations(done.returncode, done.stdout if finder.reports else None)
    return Search(found, done.stdout + done.stderr, seconds)


def _violations(code: int, printed: str | None) -> int | None:
    """What crashes has found nothing: a report counts, or what takes its place."""
    if printed is None:
        return {_HOLDS: 0, _VIOLATED: 1}.get(code)
    report = _report(printed)
    if report is None or code not in (_HOLDS, _VIOLATED):
        return None
    found = report.get("violations", 0)
    count = len(found) if isinstance(found, Sequence | dict) else int(found)
    return count if (count > 0) is (code == _VIOLATED) else None


def _report(printed: str) -> dict[str, Any] | None:
    try:
        found = json.loads(printed)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
