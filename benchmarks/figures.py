"""From turns to what is shown: medians, spread, ratios. Pure; figures are rounded last.

A ratio of two lanes is taken turn by turn, each with its neighbour in time, and its median shown:
the machine's moods, which last longer than a turn, fall out.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.lane import CLIENT, Turn


@dataclass
class Series:
    """All turns of one lane: those at once, and those at a steady rate."""

    name: str
    bursts: list[Turn] = field(default_factory=list)
    steady: list[Turn] = field(default_factory=list)


@dataclass(frozen=True)
class Spread:
    """Median, least and most of the turns."""

    median: float
    least: float
    most: float

    def __str__(self) -> str:
        return f"{rounded(self.median)} ({rounded(self.least)} to {rounded(self.most)})"


def spread(values: Sequence[float]) -> Spread:
    """Raises ValueError where there are none."""
    return Spread(statistics.median(values), min(values), max(values))


def rounded(value: float) -> str:
    """Three digits that mean something."""
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def rates(turns: Sequence[Turn]) -> Spread:
    return spread([turn.rate for turn in turns])


def cpu(turns: Sequence[Turn]) -> Spread:
    """CPU ms a login, all processes together."""
    return spread([turn.cpu_ms_all for turn in turns])


def cpu_by_group(turns: Sequence[Turn]) -> dict[str, float]:
    return {
        name: statistics.median(turn.cpu_ms[name] for turn in turns) for name in turns[0].cpu_ms
    }


def percentile(turns: Sequence[Turn], percent: int) -> Spread:
    """Of the latencies (ms) of each turn."""
    return spread([turn.percentile(percent) for turn in turns])


def ratio(one: Sequence[float], other: Sequence[float]) -> Spread:
    """How many times the other the one is, turn by turn."""
    return spread([a / b for a, b in zip(one, other, strict=True)])


@dataclass(frozen=True)
class Ratio:
    """One lane beside another.

    at_most, at_least  what is wanted of the median, where anything is
    """

    name: str
    how: str
    measured: Spread
    at_most: float | None = None
    at_least: float | None = None

    @property
    def is_met(self) -> bool:
        """Where nothing is wanted, it is."""
        median = self.measured.median
        return (self.at_most is None or median <= self.at_most) and (
            self.at_least is None or median >= self.at_least
        )

    @property
    def verdict(self) -> str:
        if self.at_most is None and self.at_least is None:
            return ""
        bound = f"at most {self.at_most:g}" if self.at_most else f"at least {self.at_least:g}"
        return f"{bound}: {'met' if self.is_met else 'NOT MET'}"


HERKEN, RELAY, PLAIN, NAIVE = (
    "herken",
    "relay",
    "relay without cryptography",
    "FastStream, as its tutorial",
)
PASSWORDS, ARGON2, BESIDE = "herken, passwords", "argon2id alone", "herken, beside passwords"
SATOSA, KEYCLOAK = "SATOSA", "Keycloak"

ORDER = (RELAY, PLAIN, NAIVE, HERKEN, SATOSA, KEYCLOAK, ARGON2, PASSWORDS, BESIDE)
"""In which lanes are shown."""

Lanes = Mapping[str, Series]
_COUNTED = "SATOSA's own CPU ms a login / that of herken's roles, Kafka and Postgres; all at once"


def ratios(lanes: Lanes) -> list[Ratio]:
    """Of the pairs of lanes that were measured."""
    found: list[Ratio] = []
    if {HERKEN, RELAY} <= lanes.keys():
        found += _beside_the_relay(lanes[HERKEN], lanes[RELAY])
    if {HERKEN, SATOSA} <= lanes.keys():
        times = ratio(servers_cpu(lanes[SATOSA].bursts), servers_cpu(lanes[HERKEN].bursts))
        found.append(Ratio("P2, CPU of SATOSA/herken", _COUNTED, times, at_least=40))
    if {PASSWORDS, ARGON2, BESIDE, HERKEN} <= lanes.keys():
        found += _of_passwords(lanes)
    return found


def _beside_the_relay(herken: Series, relay: Series) -> list[Ratio]:
    rate = ratio(*([t.rate for t in each.bursts] for each in (herken, relay)))
    p50 = ratio(*([t.percentile(50) for t in each.steady] for each in (herken, relay)))
    p99 = ratio(*([t.percentile(99) for t in each.steady] for each in (herken, relay)))
    return [
        Ratio("P3, rate of herken/relay", "logins a second, all at once", rate),
        Ratio("P4, p50 of herken/relay", "at the same steady rate", p50, at_most=2),
        Ratio("P4, p99 of herken/relay", "at the same steady rate", p99, at_most=3),
    ]


def _of_passwords(lanes: Lanes) -> list[Ratio]:
    rate = ratio(*([t.rate for t in lanes[each].bursts] for each in (PASSWORDS, ARGON2)))
    p99 = ratio(*([t.percentile(99) for t in lanes[each].steady] for each in (BESIDE, HERKEN)))
    return [
        Ratio("P5, rate of passwords/argon2id", "logins and hashes a second, all at once", rate),
        Ratio("P5, p99 of keys beside passwords", "/ without them, same rate", p99, at_most=2),
    ]


def servers_cpu(turns: Sequence[Turn]) -> list[float]:
    """CPU ms a login without clients, users and the parties beside a broker."""
    return [turn.cpu_ms_all - turn.cpu_ms.get(CLIENT, 0.0) for turn in turns]
