"""How far a figure of a run may be off by chance: a block bootstrap.

A run is cut into blocks of some seconds, because what a network does in one second depends on the
second before. Blocks are drawn at random, as many as there are, and every figure is computed from
them anew, thousands of times; the middle 95 % of the ratios of two runs are the interval. With few
blocks that is too narrow, so it is widened as Student's t widens it (Hesterberg 2015, "What
teachers should know about the bootstrap").
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from random import Random
from statistics import NormalDist
from typing import Final

from hdrh.histogram import HdrHistogram

FEWEST_BLOCKS: Final = 5
_FEWEST_BEYOND: Final = 10
"""So many logins have to be above a percentile, for its interval to mean something."""

Weights = Sequence[int]
Statistic = Callable[[Weights], float | None]
"""A figure, when each block counts so many times; None where there is none."""


@dataclass(frozen=True)
class Percentiles:
    """Latencies of blocks: `cumulative[block][n]` of them are at most `milliseconds[n]`."""

    milliseconds: tuple[float, ...]
    cumulative: tuple[tuple[int, ...], ...]

    @classmethod
    def of(cls, histograms: Sequence[HdrHistogram]) -> Percentiles:
        """Of histograms of one form, one a block."""
        found = [{n: c for n, c in enumerate(one.counts) if c} for one in histograms]
        used = sorted({index for counts in found for index in counts})
        values = (histograms[0].get_value_from_index(index) / 1000 for index in used)
        rows = (tuple(accumulate(counts.get(index, 0) for index in used)) for counts in found)
        return cls(tuple(values), tuple(rows))

    def statistic(self, q: float) -> Statistic:
        return lambda weights: self.at(q, weights)

    def bears(self, q: float) -> bool:
        """Whether there are enough logins above this percentile to say how sure it is."""
        return sum(row[-1] for row in self.cumulative if row) * (1 - q) >= _FEWEST_BEYOND

    def at(self, q: float, weights: Weights) -> float | None:
        """The latency that a share of `q` took at most."""
        drawn = [(w, row) for w, row in zip(weights, self.cumulative, strict=True) if w]
        logins = sum(w * row[-1] for w, row in drawn) if self.milliseconds else 0
        if not logins:
            return None
        wanted, low, high = math.ceil(q * logins), 0, len(self.milliseconds) - 1
        while low < high:
            middle = (low + high) // 2
            enough = sum(w * row[middle] for w, row in drawn) >= wanted
            low, high = (low, middle) if enough else (middle + 1, high)
        return self.milliseconds[low]


def draws(random: Random, blocks: int, resamples: int) -> list[Weights]:
    """How many times each block was drawn, for each resample."""
    found: list[Weights] = []
    for _ in range(resamples if blocks else 0):
        drawn = Counter(random.choices(range(blocks), k=blocks))
        found.append([drawn[block] for block in range(blocks)])
    return found


def interval(
    a: Iterable[float | None], b: Iterable[float | None], blocks: int
) -> tuple[float | None, float | None]:
    """The middle 95 % of the ratios b/a, widened for few blocks; none where there are too few."""
    if blocks < FEWEST_BLOCKS:
        return None, None
    ratios = sorted(r for r in map(ratio, b, a) if r is not None)
    if not ratios:
        return None, None
    outside = tail(blocks) * (len(ratios) - 1)
    return ratios[math.floor(outside)], ratios[math.ceil(len(ratios) - 1 - outside)]


def tail(blocks: int) -> float:
    """The part of the ratios below the interval, and that above it: 2.5 % for very many blocks."""
    normal = NormalDist()
    widened = math.sqrt(blocks / (blocks - 1)) * student(normal.inv_cdf(0.975), blocks - 1)
    return normal.cdf(-widened)


def student(z: float, degrees: int) -> float:
    """The quantile of Student's t where the normal one is `z`: Cornish and Fisher's expansion,
    good to 1 % from four degrees of freedom."""
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / degrees + second / degrees**2 + third / degrees**3


def total(weights: Weights, values: Sequence[float]) -> float:
    """Of all blocks together."""
    return sum(w * value for w, value in zip(weights, values, strict=True))


def ratio(above: float | None, below: float | None) -> float | None:
    """None where either is not there, or the lower one is 0."""
    return above / below if above is not None and below else None
