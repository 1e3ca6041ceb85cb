"""Many histories, on several processes: what they contained, and which of them failed."""

from __future__ import annotations

import gc
import multiprocessing
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from time import monotonic

from tests.simulation import coverage
from tests.simulation.cast import cast
from tests.simulation.invariants import judge
from tests.simulation.plan import draw
from tests.simulation.running import Run
from tests.simulation.substitutes import substituted

PART = 100
"""Histories that a process is given at a time."""
Progress = Callable[["Report"], None]


@dataclass
class Report:
    """What came of some histories. `failures`: a history's index, and what it violates."""

    seed: int
    histories: int = 0
    steps: int = 0
    seen: Counter[str] = field(default_factory=Counter)
    failures: dict[int, list[str]] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def holds(self) -> bool:
        return not self.failures

    def add(self, other: Report) -> None:
        self.histories += other.histories
        self.steps += other.steps
        self.seen += other.seen
        self.failures |= other.failures


def seed_of(seed: int, index: int) -> str:
    return f"{seed}:{index}"


def play(seed: int, indices: Sequence[int]) -> Report:
    """Histories, one after the other. Cryptography and SQL must be substituted."""
    everybody, report = cast(), Report(seed)
    for index in indices:
        run = Run(everybody, draw(seed_of(seed, index))).play()
        violations = judge(run)
        if violations:
            report.failures[index] = violations
        report.histories += 1
        report.steps += run.steps
        report.seen += coverage.of(run)
    return report


def _part(work: tuple[int, range]) -> Report:
    with substituted():
        return play(*work)


def _spared() -> None:
    """Let the collector leave alone what stays for as long as the process."""
    gc.freeze()
    gc.set_threshold(50_000)


def _parts(seed: int, histories: int) -> Iterator[tuple[int, range]]:
    for start in range(0, histories, PART):
        yield seed, range(start, min(start + PART, histories))


def campaign(
    seed: int,
    histories: int,
    jobs: int = 1,
    progress: Progress = lambda _: None,
    most_failures: int = 20,
) -> Report:
    """All of them; stops early where many fail."""
    report, began = Report(seed), monotonic()
    for part in _played(seed, histories, jobs):
        report.add(part)
        report.seconds = monotonic() - began
        progress(report)
        if len(report.failures) >= most_failures:
            break
    return report


def _played(seed: int, histories: int, jobs: int) -> Iterator[Report]:
    parts = _parts(seed, histories)
    if jobs == 1:
        yield from map(_part, parts)
        return
    with multiprocessing.get_context("spawn").Pool(jobs, _spared) as pool:
        yield from pool.imap_unordered(_part, parts)
