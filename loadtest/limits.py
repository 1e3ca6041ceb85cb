"""The highest rate that keeps to a goal: doubled until it does not, then halved in between.

A rate that failed is tried once more before it counts: a machine has bad moments.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from loadtest.record import Ended, Run
from loadtest.schedule import HIGHEST_RATE
from pipeline.errors import WrongUse

TRIES: Final = 2
LIMIT_FILE: Final = "limit.json"


class Came(StrEnum):
    """What a trial came to."""

    HELD = "held"
    FAILED = "failed"
    INVALID = "invalid"
    BROKEN_OFF = "broken off"


@dataclass(frozen=True)
class Goal:
    """The p99 to keep to, in milliseconds; between which rates to look, in logins a second; and how
    closely (0.05: the answer may be 5 % too low)."""

    p99_ms: float
    lowest: float
    highest: float
    precision: float

    def __post_init__(self) -> None:
        if not 0 < self.lowest <= self.highest <= HIGHEST_RATE:
            raise WrongUse(
                "--from and --to are logins a second: above 0, --to not below --from, and at most"
                f" {HIGHEST_RATE:.0f}"
            )


@dataclass(frozen=True)
class Trial:
    """One run at one rate. `why` is empty where it held."""

    rate: float
    came: Came
    why: str
    ended: Ended
    throughput: float
    p50_ms: float
    p99_ms: float
    cpu_ms_per_login: float

    @property
    def held(self) -> bool:
        return self.came is Came.HELD


@dataclass(frozen=True)
class Limit:
    """The answer. `rate` is the highest that held, or None; `says` is the answer in a sentence."""

    goal: Goal
    rate: float | None
    says: str
    trials: tuple[Trial, ...]

    @property
    def ended(self) -> Ended:
        """How the last trial ended: what broke it off broke off the search."""
        return self.trials[-1].ended

    def document(self) -> dict[str, Any]:
        """As `limit.json` and `--json` have it."""
        trials = [vars(trial) for trial in self.trials]
        return {"goal": vars(self.goal), "rate": self.rate, "says": self.says, "trials": trials}


Runs = Callable[[float, int], Awaitable[Run]]
"""Runs a load of this rate; the number of the trial, from 1, tells where its report goes. 0: it is
no trial, and warms up what the first one would else pay for."""
Settles = Callable[[Run], Awaitable[None]]
"""Returns when the network has nothing left to do of this run."""
Tell = Callable[[Trial], None]


async def find(goal: Goal, run: Runs, settle: Settles, tell: Tell) -> Limit:
    """Try rates until the limit is known, or a trial is broken off."""
    warm_up = await run(goal.lowest, 0)
    if (came := judge(warm_up, goal.lowest, goal)).came is Came.BROKEN_OFF:
        return answer([came], goal)
    await settle(warm_up)
    tried: list[Trial] = []
    while (rate := next_rate(tried, goal)) is not None:
        done = await run(rate, len(tried) + 1)
        tried.append(judge(done, rate, goal))
        tell(tried[-1])
        if next_rate(tried, goal) is not None:
            await settle(done)
    return answer(tried, goal)


# --- judging a trial


def judge(run: Run, rate: float, goal: Goal) -> Trial:
    """Whether the rate held."""
    came, why = _came(run, goal)
    return Trial(
        rate=rate,
        came=came,
        why=why,
        ended=run.ended,
        throughput=round(run.throughput, 2),
        p50_ms=run.latency.p50,
        p99_ms=run.latency.p99,
        cpu_ms_per_login=round(run.cpu_ms_per_login, 3),
    )


def _came(run: Run, goal: Goal) -> tuple[Came, str]:
    if run.ended in {Ended.INTERRUPTED, Ended.NETWORK_LOST}:
        return Came.BROKEN_OFF, run.ended.replace("_", " ")
    if run.invalid:
        return Came.INVALID, run.invalid[0]
    if run.failed or not run.finished:
        return Came.FAILED, (*run.failed, "nothing finished")[0]
    if run.latency.p99 > goal.p99_ms:
        return Came.FAILED, f"p99 is {run.latency.p99:.0f} ms"
    return Came.HELD, ""


# --- where to look next


def next_rate(tried: Sequence[Trial], goal: Goal) -> float | None:
    """The rate of the next trial, in logins a second; None where the limit is known."""
    if not tried:
        return goal.lowest
    if tried[-1].came is Came.BROKEN_OFF:
        return None
    if not tried[-1].held and _tries(tried, tried[-1].rate) < TRIES:
        return tried[-1].rate
    held, failed = highest_held(tried), lowest_failed(tried)
    if held is None:
        return None
    if failed is None:
        return min(2 * held, goal.highest) if held < goal.highest else None
    return _between(held, failed) if failed > held * (1 + goal.precision) else None


def _tries(tried: Sequence[Trial], rate: float) -> int:
    return sum(trial.rate == rate for trial in tried)


def highest_held(tried: Sequence[Trial]) -> float | None:
    """None where no rate held."""
    return max((trial.rate for trial in tried if trial.held), default=None)


def lowest_failed(tried: Sequence[Trial]) -> float | None:
    """Of the rates that did not hold as often as they may be tried; None where there is none."""
    held = {trial.rate for trial in tried if trial.held}
    whole = [trial.rate for trial in tried if trial.came is not Came.BROKEN_OFF]
    failed = (rate for rate in whole if rate not in held and whole.count(rate) >= TRIES)
    return min(failed, default=None)


def _between(held: float, failed: float) -> float:
    """The middle, as a rate of four figures: never one of the two."""
    middle = math.sqrt(held * failed)
    return round(middle, max(0, 3 - math.floor(math.log10(middle))))


# --- the answer


def answer(tried: Sequence[Trial], goal: Goal) -> Limit:
    """What the trials come to."""
    return Limit(goal, highest_held(tried), says(tried, goal), tuple(tried))


def says(tried: Sequence[Trial], goal: Goal) -> str:
    """In a sentence, with what to do where there is no answer."""
    held, failed = highest_held(tried), lowest_failed(tried)
    invalid = any(trial.came is Came.INVALID for trial in tried if trial.rate == failed)
    p99 = f"with p99 at most {goal.p99_ms:g} ms"
    if tried[-1].came is Came.BROKEN_OFF:
        return f"broken off: {held:g} logins a second held, {p99}" if held else "broken off"
    if held is None and invalid:
        return f"the generator itself cannot do {failed:g} logins a second: give a lower --from"
    if held is None:
        return f"not even {goal.lowest:g} logins a second hold, {p99}: give a lower --from"
    if failed is None:
        return f"{held:g} logins a second hold, {p99}: the limit is above --to"
    if invalid:
        return (
            f"{held:g} logins a second hold, {p99}; at {failed:g} the generator came to its own"
            " limit, and that says nothing of the network's"
        )
    return f"{held:g} logins a second is the limit, {p99}: {failed:g} do not hold"
