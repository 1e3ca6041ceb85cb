"""A mutation in a copy of the project, and its test run there: it has to go red."""

from __future__ import annotations

import compileall
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from py_compile import PycInvalidationMode
from queue import Queue
from tempfile import TemporaryDirectory

from tests.mutations.table import ROOT, Rule

LEFT_OUT = (".*", "__pycache__", "site")
_PASSED, _FAILED = 0, 1
_PATIENCE_SECONDS = 120


class Verdict(StrEnum):
    """What became of a mutation."""

    RED = "red"
    SURVIVED = "survived"
    BROKEN = "broken"


@dataclass(frozen=True)
class Judged:
    """A mutation, what became of it, and what pytest said."""

    rule: Rule
    verdict: Verdict
    said: str


def run_tests(folder: Path, tests: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Pytest on these tests, in this copy."""
    argv = [sys.executable, "-B", "-m", "pytest", "-x", "-q", *tests]
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        argv,
        cwd=folder,
        env=inherited,
        capture_output=True,
        text=True,
        timeout=_PATIENCE_SECONDS,
        check=False,
    )


def judge(rule: Rule, folder: Path) -> Judged:
    """Mutate one file of the copy, run the rule's test, and put the file back."""
    path = folder / rule.file
    before = path.read_text(encoding="utf-8")
    path.write_text(before.replace(rule.old, rule.new), encoding="utf-8")
    try:
        done = run_tests(folder, [rule.test])
    except subprocess.TimeoutExpired:
        return Judged(rule, Verdict.RED, "it did not end")
    finally:
        path.write_text(before, encoding="utf-8")
    return Judged(rule, _verdict(done.returncode), done.stdout + done.stderr)


def _verdict(code: int) -> Verdict:
    """Red is a test that failed. What could not even be collected shows nothing."""
    if code == _PASSED:
        return Verdict.SURVIVED
    return Verdict.RED if code == _FAILED else Verdict.BROKEN


def judge_all(rules: Sequence[Rule], jobs: int, root: Path = ROOT) -> Iterator[Judged]:
    """Each rule in turn, as many at once as there are jobs, each job in a copy of its own."""
    with TemporaryDirectory(prefix="mutations-") as outer:
        free: Queue[Path] = Queue()
        for number in range(jobs):
            free.put(copy_of(root, Path(outer) / str(number)))

        def one(rule: Rule) -> Judged:
            folder = free.get()
            try:
                return judge(rule, folder)
            finally:
                free.put(folder)

        with ThreadPoolExecutor(jobs) as pool:
            yield from pool.map(one, rules)


def unmutated(rules: Sequence[Rule], root: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """All named tests, once, as the project is: they have to pass."""
    with TemporaryDirectory(prefix="mutations-") as outer:
        folder = copy_of(root, Path(outer) / "as-it-is")
        return run_tests(folder, sorted({rule.test for rule in rules}))


def copy_of(root: Path, folder: Path) -> Path:
    """The project without what is installed, built and stored; compiled, each file to be compiled
    anew where its content differs, so that a mutation is seen and nothing else costs time."""
    copy = shutil.copytree(root, folder, ignore=shutil.ignore_patterns(*LEFT_OUT))
    compileall.compile_dir(copy, quiet=2, invalidation_mode=PycInvalidationMode.CHECKED_HASH)
    return Path(copy)
