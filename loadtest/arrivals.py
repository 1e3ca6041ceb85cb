"""When logins are to begin: an open loop, drawn beforehand, that waits for nobody."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import sqrt
from random import Random


class Profile(StrEnum):
    """How the rate goes over the run."""

    CONSTANT = "constant"
    RAMP = "ramp"
    STEP = "step"
    SPIKE = "spike"
    STORM = "storm"


class Spacing(StrEnum):
    """How arrivals are spaced: by chance, as people come, or each at the same distance."""

    POISSON = "poisson"
    EVEN = "even"


@dataclass(frozen=True)
class Stretch:
    """Some seconds in which the rate goes from one to another in a straight line."""

    seconds: float
    first: float
    last: float

    @property
    def arrivals(self) -> float:
        """How many are expected in it."""
        return self.seconds * (self.first + self.last) / 2

    def at(self, count: float) -> float:
        """After how many seconds so many have come (more than none)."""
        slope = (self.last - self.first) / self.seconds
        return 2 * count / (self.first + sqrt(self.first**2 + 2 * slope * count))


def stretches(profile: Profile, rate: float, seconds: float) -> Sequence[Stretch]:
    """A profile at a rate (a second). CHOICE: `ramp` goes from nothing to the rate; `step` takes
    five equal steps to it; `spike` is a fifth of it, and in the middle fifth of the time the whole;
    `storm` takes the rate for what the network can do: half of it, and in the middle third ten
    times it."""
    match profile:
        case Profile.RAMP:
            return [Stretch(seconds, 0, rate)]
        case Profile.STEP:
            return _flat(seconds, [rate * part / 5 for part in range(1, 6)])
        case Profile.SPIKE:
            return _flat(seconds, [rate / 5, rate / 5, rate, rate / 5, rate / 5])
        case Profile.STORM:
            return _flat(seconds, [rate / 2, 10 * rate, rate / 2])
    return _flat(seconds, [rate])


def _flat(seconds: float, rates: Sequence[float]) -> list[Stretch]:
    return [Stretch(seconds / len(rates), rate, rate) for rate in rates]


def arrivals(parts: Sequence[Stretch], spacing: Spacing, random: Random) -> Iterator[float]:
    """The instants, in seconds since the start, in order. The same `random` gives the same."""
    begin, before = 0.0, 0.0
    counts = _counts(spacing, random)
    count = next(counts)
    for part in parts:
        while count - before < part.arrivals:
            yield begin + part.at(count - before)
            count = next(counts)
        begin, before = begin + part.seconds, before + part.arrivals


def _counts(spacing: Spacing, random: Random) -> Iterator[float]:
    """Where on the count of expected arrivals each one is: in its middle, or anywhere (a Poisson
    process of one a unit)."""
    count = 0.0 if spacing is Spacing.POISSON else -0.5
    while True:
        count += random.expovariate(1.0) if spacing is Spacing.POISSON else 1.0
        yield count
