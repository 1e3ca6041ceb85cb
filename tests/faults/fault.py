"""What a fault is, what it is done to, and the row that it leaves in the table."""

from __future__ import annotations

import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from tests.faults.administration import Administration
from tests.faults.crew import Crew
from tests.faults.kinds import picking
from tests.faults.load import People
from tests.faults.verdicts import Allowed, Verdict

Progress = Callable[[str], None]
RATE = 6.0
"""Logins a second that are on all the time. CHOICE: what two cores bear while processes restart."""


@dataclass
class Arena:
    """A network at work, with load on it, to which faults are done.

    found     what is wrong and no login's: a point that was never reached, a worker that spins
    measured  what a fault measured, for the table
    buggy     request IDs of logins in which a handler had a bug, on purpose
    """

    crew: Crew
    people: People
    administration: Administration
    seed: int
    progress: Progress
    servers: Any = None
    found: list[str] = field(default_factory=list)
    measured: dict[str, Any] = field(default_factory=dict)
    buggy: set[str] = field(default_factory=set)

    def random(self, what: str) -> random.Random:
        """An order of the seed's, the same however many faults came before."""
        return random.Random(f"{self.seed} {what}")


Act = Callable[[Arena], Awaitable[int]]
"""Does it; returns how often it was done."""


@dataclass(frozen=True)
class Fault:
    """One kind of fault.

    seconds  about how long it takes
    allowed  what it may turn logins into
    rate     of the logins meanwhile, a second; 0: none
    brokers  how many Kafka has
    """

    name: str
    act: Act
    seconds: float
    allowed: Allowed = field(default_factory=Allowed)
    rate: float = RATE
    brokers: int = 1


@dataclass
class Row:
    """What came of one fault."""

    fault: str
    repetitions: int
    logins: int
    outcomes: int
    turned: int
    repeats: int
    latest_seconds: float
    violations: list[str]
    seconds: float
    measured: dict[str, Any]

    def report(self) -> dict[str, Any]:
        return asdict(self)


async def tried(fault: Fault, arena: Arena) -> Row:
    """Do one fault with load on, wait until every login has its outcome, and judge them all."""
    began, first = time.monotonic(), len(arena.people.sent)
    arena.found, arena.measured = [], {}
    records, distinct = _published(arena)
    pick = picking(arena.random(fault.name).randrange(2**32))
    before = _before(arena)
    if fault.rate:
        async with arena.people.loading(pick, fault.rate):
            repetitions = await fault.act(arena)
    else:
        repetitions = await fault.act(arena)
    sent = arena.people.sent[first:]
    await arena.people.outcomes.settled(sent, fault.allowed.late_by)
    verdict = arena.people.outcomes.judge(sent, fault.allowed)
    repeats = (_published(arena)[0] - records) - (_published(arena)[1] - distinct)
    return _row(fault, arena, repetitions, verdict, repeats, before, time.monotonic() - began)


def not_tried(fault: Fault) -> Row:
    """For lack of time."""
    return Row(fault.name, 0, 0, 0, 0, 0, 0.0, ["not tried: time was over"], 0.0, {})


def _before(arena: Arena) -> tuple[int, ...]:
    """How many commands had no answer, were refused, workers had ended by themselves, and logins
    had stayed away."""
    administration = arena.administration
    return (
        len(administration.unanswered),
        len(administration.refused),
        len(arena.crew.unmeant),
        arena.people.stayed_away,
    )


def _published(arena: Arena) -> tuple[int, int]:
    """How many outcomes were read, and how many distinct ones there are."""
    outcomes = arena.people.outcomes
    return outcomes.records, sum(len(each) for each in outcomes.found.values())


def _row(
    fault: Fault,
    arena: Arena,
    repetitions: int,
    verdict: Verdict,
    repeats: int,
    before: tuple[int, ...],
    seconds: float,
) -> Row:
    unanswered = arena.administration.unanswered[before[0] :]
    refused = arena.administration.refused[before[1] :]
    ended = arena.crew.unmeant[before[2] :]
    if away := arena.people.stayed_away - before[3]:
        arena.measured["logins that stayed away, because the machine did not keep up"] = away
    if ended:
        arena.measured["workers that ended by themselves"] = len(ended)
    violations = [
        *(f"{d.worker} ended by itself with {d.code}" for d in ended if not fault.allowed.codes),
        *(str(each) for each in verdict.violations),
        *arena.found,
        *(f"{each}: a command without an answer" for each in unanswered),
        *(f"a command was refused: {each}" for each in refused),
    ]
    return Row(
        fault.name,
        repetitions,
        verdict.logins,
        verdict.outcomes,
        verdict.turned,
        repeats,
        round(verdict.latest, 2),
        violations,
        round(seconds, 1),
        arena.measured,
    )
