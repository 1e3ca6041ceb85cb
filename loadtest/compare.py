"""Two runs side by side: which differences are more than chance. No I/O.

Of each run the first and last seconds are left out; how sure a ratio B/A is, `bootstrap` says. An
interval that holds 1: no difference was found.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from hdrh.histogram import HdrHistogram

from loadtest.bootstrap import (
    FEWEST_BLOCKS,
    Percentiles,
    Statistic,
    Weights,
    draws,
    interval,
    ratio,
    total,
)
from loadtest.histograms import Interval
from loadtest.record import LOGIN, Run, Second

WARM_UP_SECONDS, COOL_DOWN_SECONDS = 5, 2
BLOCK_SECONDS, MOST_BLOCKS = 5, 60
SHORTEST_SECONDS: Final = WARM_UP_SECONDS + COOL_DOWN_SECONDS + FEWEST_BLOCKS * BLOCK_SECONDS
RESAMPLES, SEED = 2000, 1
PERCENTILES: Final = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p99.9": 0.999}
ALL_KINDS: Final = "all"
UNANSWERED: Final = "timeout"
"""The kind that nobody answers takes as long as it is given, and is not in `all`."""

_ALIKE: Final = frozenset(
    {"rate", "profile", "arrivals", "mix", "users", "think", "think_seconds", "scenario", "own"}
)
"""Settings that have to be the same for two runs to be comparable."""
_MACHINE: Final = frozenset({"cores", "memory", "machine", "processor", "cpu"})


@dataclass(frozen=True)
class Figure:
    """One line of the comparison. `ratio` is B/A, and `low` and `high` hold it for 95 of 100; None
    where a run has no such figure, or not enough to say."""

    name: str
    unit: str
    a: float | None
    b: float | None
    ratio: float | None
    low: float | None
    high: float | None

    @property
    def says(self) -> str:
        """The conclusion in words."""
        if self.ratio is None or self.low is None or self.high is None:
            return "cannot be said"
        if self.low <= 1 <= self.high:
            return "no difference"
        return "higher" if self.ratio > 1 else "lower"


@dataclass(frozen=True)
class Comparison:
    """figures   in the order in which they are told
    differs   why the two cannot be compared as they are
    notes     what has to be known to read the figures
    """

    figures: tuple[Figure, ...]
    differs: tuple[str, ...]
    notes: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """As `--json` has it."""
        figures = [{**vars(figure), "says": figure.says} for figure in self.figures]
        return {"figures": figures, "differs": [*self.differs], "notes": [*self.notes]}


# --- one run, in blocks


@dataclass(frozen=True)
class Measure:
    """A figure that each block has a part in; `sure`: whether there is enough to say how sure."""

    unit: str
    statistic: Statistic
    sure: bool = True


@dataclass(frozen=True)
class Measured:
    """A run as the comparison needs it: an entry a block.

    latency  by kind of login, and of all kinds
    """

    run: Run
    seconds: tuple[int, ...]
    finished: tuple[int, ...]
    cpu_ms: tuple[float, ...]
    latency: Mapping[str, Percentiles]

    @classmethod
    def of(cls, run: Run, intervals: Iterable[Interval]) -> Measured:
        blocks = cut([second for second in run.series if counts(second.at, run.seconds)])
        return cls(
            run=run,
            seconds=tuple(map(len, blocks)),
            finished=tuple(sum(second.finished for second in block) for block in blocks),
            cpu_ms=tuple(sum(sum(s.cpu_ms.values()) for s in block) for block in blocks),
            latency=_latency(intervals, blocks),
        )

    def measures(self) -> dict[str, Measure]:
        """Every figure, by its name."""
        return {
            "throughput": Measure("logins/s", self._throughput),
            "CPU a login": Measure("ms", self._cpu),
            **{
                f"{kind} {name}": Measure("ms", percentiles.statistic(q), percentiles.bears(q))
                for kind, percentiles in self.latency.items()
                for name, q in PERCENTILES.items()
            },
        }

    def _throughput(self, weights: Weights) -> float | None:
        return ratio(total(weights, self.finished), total(weights, self.seconds))

    def _cpu(self, weights: Weights) -> float | None:
        spent = total(weights, self.cpu_ms) or None  # nothing was observed
        return ratio(spent, total(weights, self.finished))


def counts(at: float, seconds: float) -> bool:
    """Whether a second is neither warming up nor what is left at the end."""
    return WARM_UP_SECONDS <= at < seconds - COOL_DOWN_SECONDS


def cut(seconds: Sequence[Second]) -> list[list[Second]]:
    """Into blocks of equal length; what is left over at the end is in none."""
    size = max(BLOCK_SECONDS, math.ceil(len(seconds) / MOST_BLOCKS))
    starts = range(0, len(seconds) - size + 1, size)
    return [[*seconds[start : start + size]] for start in starts]


def _latency(
    intervals: Iterable[Interval], blocks: Sequence[Sequence[Second]]
) -> dict[str, Percentiles]:
    block_of = {int(second.at): n for n, block in enumerate(blocks) for second in block}
    found: dict[str, list[HdrHistogram]] = {}
    for one in intervals:
        block = block_of.get(round(one.at))
        if block is None or not one.tag.startswith(LOGIN):
            continue
        for name in _names(one.tag.removeprefix(LOGIN)):
            if name not in found:
                found[name] = [_empty_like(one.histogram) for _ in blocks]
            found[name][block].add(one.histogram)
    return {kind: Percentiles.of(histograms) for kind, histograms in found.items()}


def _names(kind: str) -> tuple[str, ...]:
    """Under which names its latency is told."""
    return (kind,) if kind == UNANSWERED else (ALL_KINDS, kind)


def _empty_like(one: HdrHistogram) -> HdrHistogram:
    form = (one.lowest_trackable_value, one.highest_trackable_value, one.significant_figures)
    return HdrHistogram(*form)


# --- two runs


def compare(
    a: Measured, b: Measured, *, resamples: int = RESAMPLES, seed: int = SEED
) -> Iterator[Figure]:
    """Every figure that either run has."""
    random = Random(seed)  # noqa: S311 - statistics
    drawn_a = draws(random, len(a.seconds), resamples)
    drawn_b = draws(random, len(b.seconds), resamples)
    of_a, of_b = a.measures(), b.measures()
    for name in dict.fromkeys([*of_a, *of_b]):
        one, other = of_a.get(name, _NOTHING), of_b.get(name, _NOTHING)
        value_a, value_b = _whole(one, a), _whole(other, b)
        low = high = None
        if one.sure and other.sure:
            ratios_of = (map(one.statistic, drawn_a), map(other.statistic, drawn_b))
            low, high = interval(*ratios_of, fewest(a, b))
        yield Figure(name, one.unit, value_a, value_b, ratio(value_b, value_a), low, high)


_NOTHING: Final = Measure("ms", lambda weights: None, sure=False)


def _whole(measure: Measure, run: Measured) -> float | None:
    return measure.statistic([1] * len(run.seconds))


def fewest(a: Measured, b: Measured) -> int:
    """How many blocks the shorter one has."""
    return min(len(a.seconds), len(b.seconds))


def comparison(a: Measured, b: Measured) -> Comparison:
    """Everything: the figures, and what has to be known to read them."""
    notes = notes_on(a.run, b.run, fewest(a, b))
    return Comparison(tuple(compare(a, b)), tuple(incomparable(a.run, b.run)), tuple(notes))


def incomparable(a: Run, b: Run) -> Iterator[str]:
    """What was not the same, so that a difference may come from it."""
    for name in _different(a.settings, b.settings):
        if name in _ALIKE:
            yield f"other {name}: {a.settings.get(name)} and {b.settings.get(name)}"
    for name in _different(a.versions, b.versions):
        if name.lower() in _MACHINE:
            yield f"other machine: {name} {a.versions.get(name)} and {b.versions.get(name)}"
    for letter, run in (("A", a), ("B", b)):
        yield from (f"{letter} says nothing of the network: {why}" for why in run.invalid)
        yield from (f"{letter} failed: {why}" for why in run.failed)


def notes_on(a: Run, b: Run, blocks: int) -> Iterator[str]:
    """How to read it."""
    yield f"the first {WARM_UP_SECONDS} s and the last {COOL_DOWN_SECONDS} s of each are left out"
    if blocks < FEWEST_BLOCKS:
        yield f"too short for intervals: a run needs at least {SHORTEST_SECONDS} s"
    if {a.settings.get("profile"), b.settings.get("profile")} - {"constant", None}:
        yield "the rate was not constant: intervals are wide"
    for name in _different(a.versions, b.versions):
        if name.lower() not in _MACHINE:
            yield f"{name}: {a.versions.get(name, 'none')} and {b.versions.get(name, 'none')}"
    yield "of twenty figures of two like runs, about one differs by chance"
    yield "what changes from run to run is in no interval: repeat a run before you believe it"


def _different(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[str]:
    return [name for name in dict.fromkeys([*a, *b]) if a.get(name) != b.get(name)]
