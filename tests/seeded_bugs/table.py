"""The bugs, a patch each, and what does not fit in them: a patch that does not apply, a finder that
is not there."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.mutations.table import ROOT
from tests.seeded_bugs.finders import FINDERS

FOLDER = Path(__file__).parent / "bugs"


@dataclass(frozen=True)
class Bug:
    """A bug: a patch, and above it three lines that say what it is.

    What:    what goes wrong, a sentence
    Breaks:  which of the twelve invariants
    Finder:  who has to find it (`finders.FINDERS`), and the arguments that it is run with
    """

    patch: Path
    what: str
    breaks: tuple[int, ...]
    finder: str
    arguments: str

    @property
    def name(self) -> str:
        return self.patch.stem


def bugs(folder: Path = FOLDER) -> list[Bug]:
    """All bugs, by name. Raises ValueError where one does not say what it is."""
    return [_read(path) for path in sorted(folder.glob("*.patch"))]


def _read(path: Path) -> Bug:
    lines = path.read_text(encoding="utf-8").splitlines()[:3]
    told = dict(line.split(": ", 1) for line in lines if ": " in line)
    if told.keys() != {"What", "Breaks", "Finder"}:
        raise ValueError(f"{path.name}: it begins with What, Breaks and Finder, a line each")
    finder, _, arguments = told["Finder"].partition(" ")
    numbers = tuple(int(number) for number in told["Breaks"].split(","))
    return Bug(path, told["What"], numbers, finder, arguments)


def faults(chosen: Sequence[Bug], root: Path = ROOT) -> list[str]:
    """What does not fit, a line each."""
    return [f"{bug.name}: {fault}" for bug in chosen for fault in _faults_of(bug, root)]


def _faults_of(bug: Bug, root: Path) -> Iterator[str]:
    if not set(bug.breaks) <= set(range(1, 13)):
        yield "there are twelve invariants"
    if bug.finder not in FINDERS:
        yield f"there is no finder {bug.finder}"
    said = apply(bug, root, "--check")
    if said:
        yield f"its patch does not apply: {said}"


def apply(bug: Bug, folder: Path, *options: str) -> str:
    """Put a bug into a copy; returns what is wrong with that."""
    done = subprocess.run(
        ["git", "apply", *options, str(bug.patch.resolve())],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stderr.strip() if done.returncode else ""
