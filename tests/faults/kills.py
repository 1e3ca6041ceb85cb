"""Workers are killed: at every labelled point of every stage, told to stop, and paused so long that
others take over what they have in hand."""

from __future__ import annotations

import asyncio
import signal
import time
from collections import Counter
from collections.abc import Sequence

from pipeline.membership import SESSION_MS
from schemas.refusals import RefusalCode
from tests.faults.fault import Arena, Fault
from tests.faults.points import POINTS, SWEEP, Traps
from tests.faults.verdicts import Allowed

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
TIMES = 3
_ARMED_AT_ONCE = 4
_REACHED_SECONDS = 60.0
"""A point that is armed for so long and not reached is no point of this load: a failure."""
_BREATH_SECONDS = 0.3
_FALLEN_BEHIND = 10
"""So many logins overdue: nobody else is killed until the network has caught up."""


async def at_points(arena: Arena, points: Sequence[str] = POINTS, times: int = TIMES) -> int:
    """SIGKILL at each point of each stage, so many times each; all roles at the same time."""
    killed = await asyncio.gather(
        *(_killed(arena, role, points, times) for role in arena.crew.roles)
    )
    await asyncio.gather(*(arena.crew.ready(each) for each in arena.crew.workers))
    every: Counter[str] = sum(killed, Counter())
    arena.measured["kills at each point"] = f"{min(every.values(), default=0)} or more"
    return sum(every.values())


async def _killed(arena: Arena, role: str, points: Sequence[str], times: int) -> Counter[str]:
    """Arm a few points at a time, and go on with others as soon as they are reached."""
    order = [f"{stage}.{point}" for stage in STAGES[role] for point in points for _ in range(times)]
    arena.random(f"points of {role}").shuffle(order)
    traps, done, armed = arena.crew.traps(role), Counter[str](), dict[str, float]()
    traps.disarm()
    while order or armed:
        for label in [each for each in armed if not (traps.folder / each).exists()]:
            del armed[label]
            done[label] += 1
        if arena.people.overdue() < _FALLEN_BEHIND:
            _arm_more(order, armed, traps)
        late = [each for each, at in armed.items() if time.monotonic() - at > _REACHED_SECONDS]
        for label in late:
            arena.found.append(f"{role}: {label} was not reached in {_REACHED_SECONDS:.0f} s")
            traps.disarm_one(label)
            del armed[label]
        arena.progress(f"{role}: {sum(done.values())} killed, {len(order) + len(armed)} to go")
        await asyncio.sleep(_BREATH_SECONDS)
    return done


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


FAULTS = (
    Fault("SIGKILL at every point", at_points, 600),
    Fault("SIGTERM in the middle", told_to_stop, 60),
    Fault(
        "SIGSTOP past the session",
        zombies,
        40,
        Allowed(frozenset({RefusalCode.DEADLINE_PASSED}), share=0.2),
    ),
)
