"""A report, as Markdown and as JSON. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks import figures
from benchmarks.figures import Ratio, Series, Spread, rounded
from benchmarks.highest import Trial, held
from benchmarks.lane import Turn

_NONE = "-"
_HEAD = [
    *("lane", "logins/s at once", "CPU ms a login at once", "of which"),
    *("steady, /s", "p50 ms", "p99 ms", "CPU ms a login"),
]


@dataclass(frozen=True)
class Report:
    """What was measured.

    settings  how many, how fast, how long
    absent    lanes that could not be run, and why
    """

    at: str
    machine: Mapping[str, str]
    versions: Mapping[str, str]
    settings: Mapping[str, float]
    lanes: Sequence[Series]
    highest: Sequence[Trial]
    memory_mb: Mapping[str, float]
    absent: Mapping[str, str]

    @property
    def ratios(self) -> list[Ratio]:
        return figures.ratios({lane.name: lane for lane in self.lanes})

    @property
    def highest_rate(self) -> float:
        return held(self.highest, self.settings["p99_goal_ms"])


def markdown(report: Report) -> str:
    """The whole report."""
    rows = [_row(lane) for lane in report.lanes]
    ratios = [(r.name, str(r.measured), r.verdict, r.how) for r in report.ratios]
    parts = [
        f"# Benchmark, {report.at}",
        "Median of the turns, least and most in brackets. CPU: all processes of a lane, clients "
        "and users included.",
        _lines(_HEAD, rows),
        _lines(("ratio", "measured", "goal", "how"), ratios),
        f"Highest steady rate of herken with a p99 of at most "
        f"{report.settings['p99_goal_ms']:.0f} ms: **{report.highest_rate:.0f} logins/s** "
        f"({', '.join(f'{t.rate:.0f}/s: {t.p99:.0f} ms' for t in report.highest) or 'not tried'}).",
        _facts("Memory, MB resident", {n: rounded(mb) for n, mb in report.memory_mb.items()}),
        _facts("Not run", report.absent),
        _facts("Settings", {name: f"{value:g}" for name, value in report.settings.items()}),
        _facts("Machine", report.machine),
        _facts("Versions", report.versions),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _row(lane: Series) -> tuple[str, ...]:
    return (lane.name, *_burst(lane.bursts), *_steady(lane.steady))


def _burst(turns: Sequence[Turn]) -> tuple[str, ...]:
    if not turns:
        return (_NONE,) * 3
    groups = figures.cpu_by_group(turns)
    shares = ", ".join(f"{name} {rounded(spent)}" for name, spent in groups.items())
    return str(figures.rates(turns)), str(figures.cpu(turns)), shares


def _steady(turns: Sequence[Turn]) -> tuple[str, ...]:
    if not turns:
        return (_NONE,) * 4
    latencies = (str(figures.percentile(turns, percent)) for percent in (50, 99))
    return rounded(figures.rates(turns).median), *latencies, str(figures.cpu(turns))


def _lines(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; nothing where it has no rows."""
    if not rows:
        return ""
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows))


def _facts(title: str, facts: Mapping[str, str]) -> str:
    if not facts:
        return ""
    return "\n".join([f"**{title}**", "", *(f"- {name}: {told}" for name, told in facts.items())])


def document(report: Report) -> dict[str, Any]:
    """The whole report, as JSON: every turn by itself."""
    return {
        "at": report.at,
        "machine": dict(report.machine),
        "versions": dict(report.versions),
        "settings": dict(report.settings),
        "lanes": {
            lane.name: {
                "at_once": [_turn(turn) for turn in lane.bursts],
                "steady": [_turn(turn) for turn in lane.steady],
            }
            for lane in report.lanes
        },
        "ratios": [
            {**_spread(r.measured), "name": r.name, "how": r.how, "goal": r.verdict or None}
            for r in report.ratios
        ],
        "highest_rate": report.highest_rate,
        "trials": [vars(trial) for trial in report.highest],
        "memory_mb": {name: round(mb) for name, mb in report.memory_mb.items()},
        "not_run": dict(report.absent),
    }


def _turn(turn: Turn) -> dict[str, Any]:
    return {
        "logins": len(turn.latencies),
        "per_second": round(turn.rate, 2),
        "p50_ms": round(turn.percentile(50), 2),
        "p99_ms": round(turn.percentile(99), 2),
        "cpu_ms_a_login": {name: round(spent, 3) for name, spent in turn.cpu_ms.items()},
    }


def _spread(spread: Spread) -> dict[str, float]:
    return {name: round(value, 3) for name, value in vars(spread).items()}
