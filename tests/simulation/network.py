"""Participants, each with two processes that share its topics and its database: the real runner,
and the real delivery, on the in-memory ledger and topics."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from pipeline.runner import Runner
from tests.simulation.cast import ROLES, Cast
from tests.simulation.kafka import Group, Topics
from tests.simulation.lying import Liar
from tests.simulation.memory import MemoryLedger
from tests.simulation.plan import Lie
from tests.simulation.points import Point, Waiting
from tests.unit.builders import NOW

PROCESSES = 2
Lies = Callable[[UUID], Lie | None]
IGNORED = frozenset(
    f"{name}-{kind}"
    for name, kind in (
        ("mandate", "commands"),
        ("chain-information", "queries"),
        ("password", "answers"),
        ("code", "answers"),
        ("session", "answers"),
        ("session", "commands"),
        ("consent", "choices"),
    )
) | {"chain-information"}
"""Topics that no history writes to."""


@dataclass
class Clock:
    """The true time, in microseconds since the histories' beginning."""

    us: int = 0

    def now(self) -> datetime:
        return NOW + timedelta(microseconds=self.us)

    def move_to(self, at: datetime) -> None:
        """Never back."""
        self.us = max(self.us, int((at.astimezone(UTC) - NOW) / timedelta(microseconds=1)))


@dataclass(eq=False)
class Process:
    """A process of a participant. `offset`: how far its clock is off. What hangs is still up, but
    its partitions have gone to others."""

    name: str
    participant: str
    clock: Clock
    offset: timedelta = timedelta()
    is_up: bool = True
    is_hung: bool = False
    sweeps: bool = False
    runner: Runner = field(init=False)

    def now(self) -> datetime:
        return self.clock.now() + self.offset

    @property
    def is_live(self) -> bool:
        return self.is_up and not self.is_hung


@dataclass(eq=False)
class Task:
    """Something that a worker is in the middle of. `at` is where it stands."""

    what: str
    process: Process | None
    work: Coroutine[Point | Waiting, None, None]
    at: Point | Waiting | None = None

    @property
    def name(self) -> str:
        return f"{self.process.name if self.process else 'somebody'} ({self.what})"

    @property
    def is_runnable(self) -> bool:
        if self.process is not None and self.process.is_hung:
            return False
        return type(self.at) is Point or self.at is None or self.at.is_over()


@dataclass
class Member:
    """A participant that runs."""

    ledger: MemoryLedger
    processes: list[Process]
    groups: list[Group]

    @property
    def live(self) -> list[Process]:
        return [process for process in self.processes if process.is_live]

    def share(self, shift: int = 0) -> None:
        """Whoever is there now shares the partitions."""
        for group in self.groups:
            group.share(self.live, shift)


def members(
    cast: Cast,
    topics: Topics,
    clock: Clock,
    step: Callable[[], int],
    who: Callable[[], str],
    lies: Lies,
    busy: Callable[[bytes], bool],
) -> dict[str, Member]:
    """All participants, started."""
    found = {}
    for name in ROLES:
        ledger = MemoryLedger(dict(cast.tables[name]), clock.now, step=step, who=who)
        stages = [s for s in cast.roles[name].stages if s.topic.name not in IGNORED]
        groups = [Group(stage.topic.of(name), topics, stage) for stage in stages]
        found[name] = Member(ledger, _processes(cast, name, ledger, clock, lies, busy), groups)
        found[name].share()
    return found


def _processes(
    cast: Cast,
    name: str,
    ledger: MemoryLedger,
    clock: Clock,
    lies: Lies,
    busy: Callable[[bytes], bool],
) -> list[Process]:
    processes = [Process(f"{name}/{n}", name, clock) for n in range(1, PROCESSES + 1)]
    for process in processes:
        role, keys = cast.roles[name], cast.keys[name]
        true_time = lambda: clock.us / 1e6  # noqa: E731
        process.runner = Liar(role, keys, ledger, process.now, lies, true_time, busy)
    return processes
