"""Workers are killed: at every labelled point of every stage, told to stop, and paused so long that
others take over what they have in hand."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.membership import SESSION_MS
from schemas.refusals import RefusalCode
from tests.faults.fault import Act, Arena, Fault
from tests.faults.points import POINTS, SWEEP, Traps
from tests.faults.verdicts import LATE_BY_SECONDS, MISSED_SECONDS, WORKERS_DIE, Allowed

STAGES: dict[str, Sequence[str]] = {
    "makelaar": (
        "authn-requests",
        "means-choices",
        "authentication-results",
        "mandate-decisions",
        "confirmations",
        "cancellations",
        SWEEP,
    ),
    "provider": (
        "authentication-requests",
        "password-answers",
        "code-answers",
        "signature-answers",
        "session-answers",
        "consent-choices",
        "session-commands",
    ),
    "registry": (
        "mandate-queries",
        "representation-choices",
        "confirmation-queries",
        "mandate-commands",
        "chain-information-queries",
        "chain-information",
    ),
}
_ARMED_AT_ONCE = 4
_BREATH_SECONDS = 0.3
_FALLEN_BEHIND = 10
"""So many logins overdue: nobody else is killed until the network has caught up."""


@dataclass(frozen=True)
class Plan:
    """At which points of which stages workers are killed, and how often at each.

    reached_seconds  a point that is armed for so long and not reached is no point of this load
    seconds          and so long it takes at most; what is left is not tried, which is a failure
    """

    stages: Mapping[str, Sequence[str]]
    points: Sequence[str] = POINTS
    times: int = 3
    reached_seconds: float = 60.0
    seconds: float = 840.0

    def order(self, role: str, order: random.Random) -> list[str]:
        """Every label, as often as it has to be reached."""
        pairs = [(stage, point) for stage in self.stages.get(role, ()) for point in self.points]
        labels = [f"{stage}.{point}" for stage, point in pairs for _ in range(self.times)]
        order.shuffle(labels)
        return labels


def at_points(plan: Plan) -> Act:
    """SIGKILL at each of these points; all roles at the same time."""

    async def act(arena: Arena) -> int:
        roles = arena.crew.roles
        killed = await asyncio.gather(*(_killed(arena, role, plan) for role in roles))
        await asyncio.gather(*(arena.crew.ready(each) for each in arena.crew.workers))
        every: Counter[str] = sum(killed, Counter())
        arena.measured["points"] = len(every)
        arena.measured["kills at each point, at least"] = min(every.values(), default=0)
        return sum(every.values())

    return act


async def _killed(arena: Arena, role: str, plan: Plan) -> Counter[str]:
    """Arm a few points at a time, and go on with others as soon as they are reached."""
    order = plan.order(role, arena.random(f"points of {role}"))
    traps, done, armed = arena.crew.traps(role), Counter[str](), dict[str, float]()
    traps.disarm()
    until = time.monotonic() + plan.seconds
    while (order or armed) and time.monotonic() < until:
        done.update(_reached(armed, traps))
        if arena.people.overdue() < _FALLEN_BEHIND:
            _arm_more(order, armed, traps)
        arena.found += [
            f"{role}: {label} was not reached in {plan.reached_seconds:.0f} s"
            for label in _given_up(armed, traps, plan.reached_seconds)
        ]
        left = len(order) + len(armed)
        arena.progress(f"{role}: {sum(done.values())} killed, {left} to go")
        await asyncio.sleep(_BREATH_SECONDS)
    arena.found += [f"{role}: {label} was not tried: time was over" for label in order]
    traps.disarm()
    return done


def _reached(armed: dict[str, float], traps: Traps) -> list[str]:
    """What is armed no more, because somebody died there."""
    reached = [label for label in armed if not traps.is_armed(label)]
    for label in reached:
        del armed[label]
    return reached


def _given_up(armed: dict[str, float], traps: Traps, seconds: float) -> list[str]:
    late = [label for label, at in armed.items() if time.monotonic() - at > seconds]
    for label in late:
        traps.disarm_one(label)
        del armed[label]
    return late


def _arm_more(order: list[str], armed: dict[str, float], traps: Traps) -> None:
    """At most one point of a stage at a time."""
    busy = {each.partition(".")[0] for each in armed}
    for label in [*order]:
        stage, _, point = label.partition(".")
        if len(armed) < _ARMED_AT_ONCE and stage not in busy:
            order.remove(label)
            busy.add(stage)
            traps.arm(stage, point)
            armed[label] = time.monotonic()


async def told_to_stop(arena: Arena, times: int = 2) -> int:
    """SIGTERM in the middle: what is in hand is finished, and the exit code is 0."""
    for each in arena.crew.workers * times:
        each.send(signal.SIGTERM)
        before = len(each.deaths)
        while len(each.deaths) == before:
            await asyncio.sleep(0.05)
        if each.deaths[-1].code != 0:
            arena.found.append(f"{each.name} ended with {each.deaths[-1].code} after SIGTERM")
        await arena.crew.ready(each)
    return len(arena.crew.workers) * times


async def zombies(arena: Arena, seconds: float = SESSION_MS / 1000 + 3) -> int:
    """SIGSTOP for longer than a session: another worker takes the partitions over, and then the
    first goes on with what it has in hand, as if no time had passed."""
    for role in arena.crew.roles:
        paused = arena.crew.of(role)[0]
        paused.send(signal.SIGSTOP)
        await asyncio.sleep(seconds)
        paused.send(signal.SIGCONT)
        await asyncio.sleep(1)
        await arena.crew.ready(paused)
    return len(arena.crew.roles)


SHORT = {
    "makelaar": ("mandate-decisions",),
    "provider": ("signature-answers",),
    "registry": ("mandate-queries",),
}
SHORT_FAULT = Fault("SIGKILL at some points", at_points(Plan(SHORT, times=1)), 40, WORKERS_DIE)
FAULTS = (
    Fault("SIGKILL at every point", at_points(Plan(STAGES)), 600, WORKERS_DIE),
    Fault("SIGTERM in the middle", told_to_stop, 60, WORKERS_DIE),
    Fault(
        "SIGSTOP past the session",
        zombies,
        40,
        Allowed(
            frozenset({RefusalCode.DEADLINE_PASSED}),
            share=0.2,
            late_by=LATE_BY_SECONDS + MISSED_SECONDS,
        ),
    ),
)
