"""Scales of charts, and where their ticks are. Places go from 0, at the low end, to 1."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

Label = Callable[[float], str]


@dataclass(frozen=True)
class Axis:
    """From `low` to `high`, with labelled ticks; logarithmic or linear."""

    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]
    log: bool = False

    def place(self, value: float) -> float:
        """Where a value is; what lies outside is put at the end."""
        low, high, value = self.low, self.high, min(max(value, self.low), self.high)
        if self.log:
            low, high, value = math.log(low), math.log(high), math.log(value)
        return (value - low) / (high - low)


def linear(
    values: Iterable[float | None], label: Label, *, ticks: int = 5, least_step: float = 0.0
) -> Axis:
    """From 0 to a round number that no value exceeds; what is counted has steps of at least 1."""
    top = max((value for value in values if value is not None), default=0.0)
    step = max(_round_step((top or 1.0) / ticks), least_step)
    count = max(1, math.ceil((top or 1.0) / step - 1e-9))
    marks = [step * index for index in range(count + 1)]
    return Axis(0.0, marks[-1], tuple((mark, label(mark)) for mark in marks))


def time(seconds: float, label: Label, *, ticks: int = 6) -> Axis:
    """From 0 to just there, with ticks at round numbers of seconds or minutes."""
    steps = (step for step in _TIME_STEPS if seconds / step <= ticks)
    step = next(steps, _round_step(seconds / ticks))
    marks = [step * index for index in range(int(seconds / step) + 1)]
    return Axis(0.0, max(seconds, 1.0), tuple((mark, label(mark)) for mark in marks))


def log(values: Iterable[float | None], label: Label) -> Axis:
    """Between two of 1, 2, 5, 10, 20 … that hold every value above 0."""
    found = [value for value in values if value] or [1.0, 10.0]
    low = max(step for step in _one_two_five(min(found), 2 * max(found)) if step <= min(found))
    high = min(step for step in _one_two_five(low, 10 * max(found)) if step >= max(found))
    high = high if high > low else low * 10
    marks = [step for step in _one_two_five(low, high) if low <= step <= high]
    if len(marks) > _MOST_TICKS:
        marks = [mark for mark in marks if _is_decade(mark)]
    return Axis(low, high, tuple((mark, label(mark)) for mark in marks), log=True)


def percentiles(samples: int) -> Axis:
    """Over 1 / (1 - q): as much room for each further nine, as many as the samples bear."""
    high = 10.0 ** max(1, math.ceil(math.log10(max(samples, 2)) - 1e-9))
    marks = [(1.0, "0"), (2.0, "50"), *((10.0**n, _nines(n)) for n in range(1, 9))]
    return Axis(1.0, high, tuple(mark for mark in marks if mark[0] <= high), log=True)


_MOST_TICKS = 8
_TIME_STEPS = (1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200)


def _round_step(least: float) -> float:
    return next(step for step in _one_two_five(least, 10 * least) if step >= least * (1 - 1e-9))


def _one_two_five(low: float, high: float) -> Iterator[float]:
    """1, 2, 5, 10 … from at most `low` up to at least `high`."""
    first, last = math.floor(math.log10(low) + 1e-9), math.ceil(math.log10(high) - 1e-9)
    for power in range(first, last + 1):
        yield from (digit * 10.0**power for digit in (1, 2, 5))


def _is_decade(value: float) -> bool:
    return abs(math.log10(value) - round(math.log10(value))) < 1e-9


def _nines(count: int) -> str:
    """90, 99, 99.9, 99.99 …"""
    nines = "9" * count
    return "90" if count == 1 else nines[:2] + ("." + nines[2:] if count > 2 else "")
