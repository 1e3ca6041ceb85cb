"""A run's seconds as the points of a chart: where there are many, several seconds share a point."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from loadtest.record import Second

MOST_POINTS = 240

Values = tuple[float | None, ...]
Pick = Callable[[Second], float | None]
Reduce = Callable[[Sequence[float]], float]


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


@dataclass(frozen=True)
class Columns:
    """The seconds, in groups of `width`."""

    groups: tuple[tuple[Second, ...], ...]
    width: int

    @classmethod
    def of(cls, series: Sequence[Second], most: int = MOST_POINTS) -> Columns:
        width = max(1, math.ceil(len(series) / most))
        starts = range(0, len(series), width)
        return cls(tuple(tuple(series[start : start + width]) for start in starts), width)

    @property
    def at(self) -> tuple[float, ...]:
        """The middle of each group, in seconds of the run."""
        return tuple((group[0].at + group[-1].at + 1) / 2 for group in self.groups)

    @property
    def until(self) -> float:
        """Where the last second ends."""
        return self.groups[-1][-1].at + 1 if self.groups else 1.0

    def column(self, pick: Pick, reduce: Reduce) -> Values:
        """A value a group; None where none of its seconds has one."""
        return tuple(_reduced(map(pick, group), reduce) for group in self.groups)


def _reduced(values: Iterable[float | None], reduce: Reduce) -> float | None:
    there = [value for value in values if value is not None]
    return reduce(there) if there else None


def largest(names: Sequence[str], size: Callable[[str], float], most: int) -> list[list[str]]:
    """The names by size, each on its own; where there are more than `most`, the rest together."""
    ordered = sorted(names, key=lambda name: (-size(name), name))
    if len(ordered) <= most:
        return [[name] for name in ordered]
    return [*([name] for name in ordered[: most - 1]), ordered[most - 1 :]]
