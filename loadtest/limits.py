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
from pipeline.errors import HerkenError, WrongUse

TRIES: Final = 2
UNANSWERED: Final = "timeout"
"""The kind of login that nobody answers: how long it takes is its deadline."""


class Came(StrEnum):
    """What a trial came to."""

    HELD = "held"
    FAILED = "failed"
    INVALID = "invalid"


@dataclass(frozen=True)
class Goal:
    """The p99 of every kind to keep to; between which rates to look, and how closely (0.05: the
    answer may be 5 % too low)."""

    p99_ms: float
    lowest: float
    highest: float
    precision: float

    def __post_init__(self) -> None:
        if not 0 < self.lowest <= self.highest:
            raise WrongUse("--from and --to are rates above 0, and --to is not below --from")


@dataclass(frozen=True)
class Trial:
    """One run at one rate. `why` is empty where it held."""

    rate: float
    came: Came
    why: str
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

    def document(self) -> dict[str, Any]:
        """As `limit.json` and `--json` have it."""
        trials = [vars(trial) for trial in self.trials]
        return {"goal": vars(self.goal), "rate": self.rate, "says": self.says, "trials": trials}


Runs = Callable[[float, int], Awaitable[Run]]
"""Runs a load of this rate; the number of the trial, from 1, tells where its report goes."""
Settles = Callable[[], Awaitable[None]]
"""Returns when the network has nothing left to do."""
Tell = Callable[[Trial], None]


async def find(goal: Goal, run: Runs, settle: Settles, tell: Tell) -> Limit:
    """Try rates until the limit is known. Raises HerkenError where a trial was no whole one."""
    tried: list[Trial] = []
    while (rate := next_rate(tried, goal)) is not None:
        if tried:
            await settle()
        tried.append(judge(await run(rate, len(tried) + 1), rate, goal))
        tell(tried[-1])
    return answer(tried, goal)


# --- judging a trial


def judge(run: Run, rate: float, goal: Goal) -> Trial:
    """Whether the rate held. Raises HerkenError where somebody ended it, or Kafka is gone."""
    if run.ended in {Ended.INTERRUPTED, Ended.NETWORK_LOST}:
        raise HerkenError(f"the trial at {rate:g} a second was not ended: {run.ended}")
    came, why = _came(run, goal)
    return Trial(
        rate=rate,
        came=came,
        why=why,
        throughput=round(run.throughput, 2),
        p50_ms=run.latency.p50,
        p99_ms=slowest_p99(run)[0],
        cpu_ms_per_login=round(run.cpu_ms_per_login, 3),
    )


def _came(run: Run, goal: Goal) -> tuple[Came, str]:
    if run.invalid:
        return Came.INVALID, run.invalid[0]
    if run.failed or not run.finished:
        return Came.FAILED, (*run.failed, "nothing finished")[0]
    p99, kind = slowest_p99(run)
    if p99 > goal.p99_ms:
        return Came.FAILED, f"p99 of {kind} is {p99:.0f} ms"
    return Came.HELD, ""


def slowest_p99(run: Run) -> tuple[float, str]:
    """In milliseconds, of the kind that is slowest; one that nobody answers says nothing."""
    kinds = [kind for kind in run.kinds if kind.as_expected and kind.name != UNANSWERED]
    return max(((kind.latency.p99, kind.name) for kind in kinds), default=(0.0, ""))


# --- where to look next


def next_rate(tried: Sequence[Trial], goal: Goal) -> float | None:
    """The rate of the next trial, in logins a second; None where the limit is known."""
    if not tried:
        return goal.lowest
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
    """Of the rates that failed every time; None where there is none."""
    held = {trial.rate for trial in tried if trial.held}
    return min((trial.rate for trial in tried if trial.rate not in held), default=None)


def _between(held: float, failed: float) -> float:
    """The middle, as a rate of three figures."""
    middle = math.sqrt(held * failed)
    return round(middle, max(0, 2 - math.floor(math.log10(middle))))


# --- the answer


def answer(tried: Sequence[Trial], goal: Goal) -> Limit:
    """What the trials come to."""
    rate, failed = highest_held(tried), lowest_failed(tried)
    reasons = {trial.came for trial in tried if trial.rate == failed}
    return Limit(goal, rate, _says(rate, failed, Came.INVALID in reasons, goal), tuple(tried))


def _says(rate: float | None, failed: float | None, invalid: bool, goal: Goal) -> str:
    p99 = f"p99 at most {goal.p99_ms:g} ms"
    if rate is None and invalid:
        return f"the generator cannot keep up with {failed:g} logins a second: give a lower --from"
    if rate is None:
        return f"not even {goal.lowest:g} logins a second hold, with {p99}: give a lower --from"
    if failed is None:
        return f"{rate:g} logins a second hold, with {p99}: the limit is above --to"
    if invalid:
        told = f"at {failed:g} the generator reached its own limit, not the network"
        return f"{rate:g} logins a second hold, with {p99}; {told}"
    return f"{rate:g} logins a second is the limit, with {p99}: {failed:g} do not hold"
