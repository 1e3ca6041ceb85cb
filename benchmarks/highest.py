"""The highest rate that holds a goal: an open loop, faster and faster until it does not hold.

A rate that fails is tried once more: this is about the network, not about the machine's moods.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks import arrivals
from benchmarks.lane import Lane, measured

FIRST_RATE, FACTOR = 40.0, 1.25
_TRIES = 2


@dataclass(frozen=True)
class Trial:
    """An open loop at a rate (logins a second), and its p99 (ms)."""

    rate: float
    p99: float


def next_rate(trials: Sequence[Trial], goal_ms: float) -> float | None:
    """Where to go on; None where the highest rate is known."""
    if not trials:
        return FIRST_RATE
    last = trials[-1]
    if last.p99 <= goal_ms:
        return last.rate * FACTOR
    tried = sum(trial.rate == last.rate for trial in trials)
    return last.rate if tried < _TRIES else None


def held(trials: Sequence[Trial], goal_ms: float) -> float:
    """The highest rate that held; 0 where none did."""
    return max((trial.rate for trial in trials if trial.p99 <= goal_ms), default=0.0)


async def highest_rate(
    lane: Lane, goal_ms: float, seconds: float, progress: Callable[[str], None]
) -> list[Trial]:
    """Try rates, each for so many seconds."""
    trials: list[Trial] = []
    while (rate := next_rate(trials, goal_ms)) is not None:
        turn = await measured(lane, arrivals.steadily(rate, seconds))
        trials.append(Trial(rate, turn.percentile(99)))
        progress(f"{lane.name} at {rate:.0f}/s: p99 {turn.percentile(99):.0f} ms")
    return trials
