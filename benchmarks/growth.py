"""`python -m benchmarks.growth`: does a login cost more where more is there?

Whole logins, at networks that differ in one thing: how many dienstverleners are in the directory
and the catalogue, or how many mandates are in the registry that is asked. Real processes, Kafka,
Postgres and keys. All sizes run at the same time and are given the same logins in turns: many at
once for the CPU of all processes, and a steady rate for the latency. A ratio is taken turn by turn,
beside the smallest size; its median may be at most 1.1.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvloop

from benchmarks import arrivals, figures
from benchmarks.figures import Series, Spread, rounded
from benchmarks.growth_networks import Visits, many_dienstverleners, many_mandates
from benchmarks.lane import driven, measured
from benchmarks.options import positive
from benchmarks.reporting import RESULTS, exit_code, file_name, keep, machine, progress
from pipeline import logs
from pipeline.keys import utc_now

GOAL = 1.1
_MEGABYTE = 1_048_576
_WARM_UP = 50


@dataclass(frozen=True)
class Sizes:
    """How much is measured.

    dienstverleners, mandates  the sizes, smallest first
    turns    of all sizes
    logins   at once
    rate     steady, logins a second, for so many `seconds`
    """

    dienstverleners: Sequence[int] = (10, 1_000, 10_000)
    mandates: Sequence[int] = (1_000, 100_000, 1_000_000)
    turns: int = 5
    logins: int = 300
    rate: float = 10.0
    seconds: float = 4.0


@dataclass
class Size:
    """One size, and what its turns came to."""

    visits: Visits
    series: Series
    role_mb: float = 0.0


@dataclass
class Grown:
    """What grew, and each size of it, the smallest first."""

    what: str
    sizes: list[Size] = field(default_factory=list)

    def cpu_ratio(self, size: Size) -> Spread:
        return _ratio(size, self.sizes[0], lambda series: [t.cpu_ms_all for t in series.bursts])

    def p50_ratio(self, size: Size) -> Spread:
        return _ratio(size, self.sizes[0], lambda series: [t.percentile(50) for t in series.steady])


def _ratio(size: Size, smallest: Size, values: Callable[[Series], list[float]]) -> Spread:
    return figures.ratio(values(size.series), values(smallest.series))


async def measure(sizes: Sizes, folder: Path) -> list[Grown]:
    """Found all networks, and let people log in to them in turns. Raises ServerFailed, RoleFailed,
    LaneFailed."""
    async with AsyncExitStack() as stack:
        grown = [
            Grown("dienstverleners", [_size(v) for v in await _networks(sizes, folder, stack)]),
            Grown("mandates", [_size(v) for v in await _registries(sizes, folder, stack)]),
        ]
        grown = [each for each in grown if each.sizes]
        every = [size for each in grown for size in each.sizes]
        for number in range(sizes.turns + 1):
            progress(f"turn {number} of {sizes.turns}" if number else "warming up")
            for size in every if number % 2 else reversed(every):
                await _turn(size, sizes, warm_up=not number)
        for size in every:
            roles = size.visits.processes()["roles"]
            size.role_mb = max(each.memory_info().rss for each in roles) / _MEGABYTE
    return grown


async def _networks(sizes: Sizes, folder: Path, stack: AsyncExitStack) -> list[Visits]:
    return [
        await many_dienstverleners(count, folder / f"dv-{count}", stack)
        for count in sizes.dienstverleners
    ]


async def _registries(sizes: Sizes, folder: Path, stack: AsyncExitStack) -> list[Visits]:
    if not sizes.mandates:
        return []
    return await many_mandates(sizes.mandates, folder / "mandates", stack)


def _size(visits: Visits) -> Size:
    return Size(visits, Series(visits.name))


async def _turn(size: Size, sizes: Sizes, *, warm_up: bool) -> None:
    if warm_up:
        await driven(size.visits, arrivals.at_once(_WARM_UP))
        return
    size.series.bursts.append(await measured(size.visits, arrivals.at_once(sizes.logins)))
    steadily = arrivals.steadily(sizes.rate, sizes.seconds)
    size.series.steady.append(await measured(size.visits, steadily))


# --- how it is told

_HEAD = "| size | CPU ms a login | beside the smallest | p50 ms | beside the smallest | MB |"


def is_met(grown: Sequence[Grown]) -> bool:
    return all(each.cpu_ratio(size).median <= GOAL for each in grown for size in each.sizes)


def document(grown: Sequence[Grown], sizes: Sizes, at: str) -> dict[str, Any]:
    """The whole report, as JSON."""
    return {
        "at": at,
        "machine": machine(),
        "settings": vars(sizes),
        "goal": f"CPU a login at most {GOAL} times that of the smallest",
        "is_met": is_met(grown),
        "grown": {each.what: [_told(each, size) for size in each.sizes] for each in grown},
    }


def _told(grown: Grown, size: Size) -> dict[str, Any]:
    bursts, steady = size.series.bursts, size.series.steady
    by_group = figures.cpu_by_group(bursts)
    return {
        "size": size.visits.name,
        "cpu_ms_a_login": round(figures.cpu(bursts).median, 3),
        "cpu_ms_by_group": {name: round(spent, 3) for name, spent in by_group.items()},
        "cpu_ratio": _rounded(grown.cpu_ratio(size)),
        "p50_ms": round(figures.percentile(steady, 50).median, 2),
        "p50_ratio": _rounded(grown.p50_ratio(size)),
        "steady_cpu_ms_a_login": round(statistics.median(t.cpu_ms_all for t in steady), 2),
        "largest_role_mb": round(size.role_mb),
    }


def _rounded(spread: Spread) -> dict[str, float]:
    return {name: round(value, 3) for name, value in vars(spread).items()}


def markdown(grown: Sequence[Grown], sizes: Sizes, at: str) -> str:
    verdict = "met" if is_met(grown) else "NOT MET"
    parts = [
        f"# Growth, {at}",
        f"Goal: CPU a login within 10 % of the smallest size: **{verdict}**. Medians of "
        f"{sizes.turns} turns, least and most in brackets; {sizes.logins} logins at once for the "
        f"CPU of all processes, {sizes.rate:g} a second for the latency. MB: the largest role.",
        *("\n".join([_HEAD, "|---|---|---|---|---|---|", *_rows(each)]) for each in grown),
        ", ".join(f"{name} {value}" for name, value in machine().items()),
    ]
    return "\n\n".join(parts) + "\n"


def _rows(grown: Grown) -> list[str]:
    return [
        f"| {size.visits.name} | {figures.cpu(size.series.bursts)} | {grown.cpu_ratio(size)} "
        f"| {figures.percentile(size.series.steady, 50)} | {grown.p50_ratio(size)} "
        f"| {rounded(size.role_mb)} |"
        for size in grown.sizes
    ]


# --- the command


def main() -> int:
    options = _options()
    sizes = Sizes(
        sorted(options.dienstverleners), sorted(options.mandates), options.turns, options.logins
    )
    logs.configure("CRITICAL", "benchmark")
    at = utc_now().strftime("%Y-%m-%d %H:%M UTC")
    with tempfile.TemporaryDirectory() as folder:
        grown = uvloop.run(measure(sizes, Path(folder)))
    told, text = document(grown, sizes, at), markdown(grown, sizes, at)
    if not options.no_results:
        name = file_name(at, "growth")
        keep(name, told, text)
        progress(f"kept as {RESULTS / name}.md and .json")
    print(json.dumps(told, indent=2) if options.json else text)
    return 0 if is_met(grown) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.growth",
        description=f"Writes a table and JSON to {RESULTS}. Exit code 1: the goal is not met.",
        epilog="Example: python -m benchmarks.growth --dienstverleners 10 2000 --mandates",
    )
    parser.add_argument(
        "--dienstverleners", nargs="*", type=positive, default=list(Sizes.dienstverleners)
    )
    parser.add_argument("--mandates", nargs="*", type=positive, default=list(Sizes.mandates))
    parser.add_argument("--turns", type=positive, default=Sizes.turns, help="of all sizes")
    parser.add_argument("--logins", type=positive, default=Sizes.logins, help="at once, in a turn")
    parser.add_argument("--no-results", action="store_true", help="write no files")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(exit_code(main))
