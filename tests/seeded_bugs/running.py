"""A bug in a copy of the project, and its finder run there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.mutations.running import copy_of
from tests.mutations.table import ROOT
from tests.seeded_bugs.finders import FINDERS, Search, search
from tests.seeded_bugs.table import Bug, apply


@dataclass(frozen=True)
class Tried:
    """A bug, and what its finder said."""

    bug: Bug
    search: Search


def try_one(bug: Bug, root: Path = ROOT) -> Tried:
    """Let its finder look for a bug, in a copy of its own."""
    with TemporaryDirectory(prefix="seeded-") as outer:
        folder = copied(root, Path(outer) / bug.name)
        wrong = apply(bug, folder)
        if wrong:
            return Tried(bug, Search(None, wrong, 0.0))
        return Tried(bug, search(FINDERS[bug.finder], bug.arguments, folder))


def copied(root: Path, folder: Path) -> Path:
    """A copy, with what the servers were installed from."""
    copy = copy_of(root, folder)
    jars = root / ".herken" / "jars"
    if jars.exists():
        (copy / ".herken").mkdir(exist_ok=True)
        (copy / ".herken" / "jars").symlink_to(jars.resolve())
    return copy


def without_bugs(chosen: Sequence[Bug], root: Path = ROOT) -> Iterator[tuple[str, Search]]:
    """Every finder, once, on the project as it is: it must find nothing."""
    with TemporaryDirectory(prefix="seeded-") as outer:
        folder = copied(root, Path(outer) / "as-it-is")
        for finder, arguments in sorted({(bug.finder, bug.arguments) for bug in chosen}):
            yield f"{finder} {arguments}".strip(), search(FINDERS[finder], arguments, folder)


def try_all(chosen: Sequence[Bug], jobs: int, root: Path = ROOT) -> Iterator[Tried]:
    """Each bug in turn, as many at once as there are jobs."""
    with ThreadPoolExecutor(jobs) as pool:
        yield from pool.map(lambda bug: try_one(bug, root), chosen)
