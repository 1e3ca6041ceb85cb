"""Runs of the load tester as test data: drawn from a seed, measured nowhere."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

from hdrh.histogram import HdrHistogram

from loadtest.record import (
    HLOG_FILE,
    LOGIN,
    RUN_FILE,
    Ended,
    Happened,
    Hop,
    Kind,
    Latency,
    Process,
    Run,
    Second,
)

BEGAN = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
KINDS = {"direct": (0.80, 40.0), "chain": (0.12, 75.0), "refused": (0.08, 30.0)}
"""The share of each kind, and its median latency in milliseconds."""
PROCESSES = {"kafka": 260, "postgres": 210, "makelaar": 420, "provider": 330, "registry": 300}
"""CPU milliseconds a second of each, at 100 logins a second."""

Slower = Callable[[float], float]


def log_of(values: Iterable[float]) -> HdrHistogram:
    """A histogram of milliseconds."""
    found = HdrHistogram(1, 600_000_000, 3)
    for value in values:
        found.record_value(max(1, round(value * 1000)))
    return found


def latency(values: list[float]) -> Latency:
    """Of milliseconds; all zero where there are none."""
    names = ("p50", "p90", "p95", "p99", "p999", "p9999")
    if not values:
        return Latency(count=0, mean=0, max=0, **dict.fromkeys(names, 0.0))
    ordered = sorted(values)
    found = {name: _percentile(ordered, name) for name in names}
    return Latency(count=len(ordered), mean=sum(ordered) / len(ordered), max=ordered[-1], **found)


def _percentile(ordered: list[float], name: str) -> float:
    digits = name[1:]
    rank = math.ceil(float(f"{digits[:2]}.{digits[2:]}") / 100 * len(ordered))
    return ordered[min(rank, len(ordered)) - 1]


@dataclass
class Drawn:
    """A run and what its log of histograms holds: milliseconds by kind and second."""

    run: Run
    values: Mapping[str, list[list[float]]]
    lines: list[str] = field(default_factory=list)

    def write(self, folder: Path) -> Path:
        """As the load tester leaves it behind."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / RUN_FILE).write_text(self.run.model_dump_json(indent=1))
        write_log(folder, self.values)
        return folder


def write_log(folder: Path, values: Mapping[str, list[list[float]]]) -> None:
    """`latency.hlog`: a line a second and kind, where there was something."""
    lines = ["#[Histogram log format version 1.3]"]
    seconds = max(map(len, values.values()), default=0)
    for second in range(seconds):
        for kind, all_values in values.items():
            if all_values[second]:
                coded = log_of(all_values[second]).encode().decode()
                top = max(all_values[second])
                lines.append(f"Tag={LOGIN}{kind},{second:.3f},1.000,{top:.3f},{coded}")
    (folder / HLOG_FILE).write_text("\n".join(lines) + "\n")


def drawn(
    seed: int = 1,
    *,
    seconds: int = 60,
    rate: float = 100.0,
    slower: Slower = lambda at: 1.0,
    faster: float = 1.0,
    cpu: float = 1.0,
    killed_at: float | None = None,
    **changes: Any,
) -> Drawn:
    """Poisson arrivals, latencies of a log-normal form that drift for some seconds together.

    slower   a factor for the latency at each second
    faster   a factor for what finishes
    cpu      a factor for what it costs
    killed_at  a worker was killed then, and back after 6 s
    """
    random = Random(seed)
    drift, series = 0.0, []
    values: dict[str, list[list[float]]] = {kind: [] for kind in KINDS}
    for at in range(seconds):
        drift = 0.6 * drift + random.gauss(0, 0.04)
        down = killed_at is not None and killed_at <= at < killed_at + 6
        factor = math.exp(drift) * slower(at) * (8 if down else 1)
        arrived = _poisson(random, rate)
        for kind, (share, median) in KINDS.items():
            count = round(arrived * share * faster * _of_those_that_arrived(at, killed_at))
            values[kind].append(
                [median * factor * random.lognormvariate(0, 0.4) for _ in range(count)]
            )
        finished = [value for kind in KINDS for value in values[kind][at]]
        series.append(_second(random, at, arrived, finished, down=down, cpu=cpu * rate / 100))
    return Drawn(_run(random, seconds, rate, series, values, killed_at, changes), values)


def _of_those_that_arrived(at: int, killed_at: float | None) -> float:
    """While a worker is away fewer finish; when it is back, those that waited."""
    since = math.inf if killed_at is None else at - killed_at
    if 0 <= since < 6:
        return 0.3
    return 2.05 if 6 <= since < 10 else 1.0


def _poisson(random: Random, mean: float) -> int:
    return max(0, round(random.gauss(mean, math.sqrt(mean))))


def _second(
    random: Random, at: int, arrived: int, finished: list[float], *, down: bool, cpu: float
) -> Second:
    of_it = latency(finished)
    waiting = arrived * of_it.mean / 1000
    return Second(
        at=at,
        scheduled=arrived,
        published=arrived,
        finished=len(finished),
        failed=random.randrange(4) if down else 0,
        in_flight=round(waiting * (12 if down else 1)),
        p50=of_it.p50 if finished else None,
        p99=of_it.p99 if finished else None,
        lag={
            role: round(random.expovariate(1 / (500 if down else 5)))
            for role in ("polder", "sluis", "terp")
        },
        cpu_ms={
            name: (0.2 if down and name == "makelaar" else 1) * cost * cpu * random.gauss(1, 0.05)
            for name, cost in PROCESSES.items()
        },
    )


def _run(
    random: Random,
    seconds: int,
    rate: float,
    series: list[Second],
    values: Mapping[str, list[list[float]]],
    killed_at: float | None,
    changes: Mapping[str, Any],
) -> Run:
    failed = sum(second.failed for second in series)
    kinds = tuple(_kind(name, parts, failed) for name, parts in values.items())
    happened = (
        ()
        if killed_at is None
        else (
            Happened(at=killed_at, what="makelaar ended, with signal 9"),
            Happened(at=killed_at + 0.4, what="a group lost a member"),
            Happened(at=killed_at + 6, what="makelaar is there again"),
        )
    )
    run = Run(
        began=BEGAN,
        settings={
            "rate": rate,
            "duration": seconds,
            "profile": "constant",
            "arrivals": "poisson",
            "mix": {name: round(100 * share) for name, (share, _) in KINDS.items()},
            "users": 1000,
            "think": None,
            "seed": 7,
            "scenario": "scenarios/polder.yaml",
        },
        versions={"herken": "0.1.0", "Python": "3.11.9", "Kafka": "4.3.1", "cores": "2"},
        seconds=seconds,
        wall_seconds=seconds + 1.2,
        ended=Ended.ON_TIME,
        invalid=(),
        failed=(f"{failed} outcomes are missing",) if failed else (),
        latency=latency([v for kind in values.values() for part in kind for v in part]),
        generator_lag=latency([random.expovariate(1 / 0.8) for _ in range(1000)]),
        kinds=kinds,
        hops=tuple(
            Hop(name=name, latency=latency([random.lognormvariate(2, 0.4) for _ in range(500)]))
            for name in ("authentication-requests", "authentication-results", "outcomes")
        ),
        processes=tuple(
            Process(
                name=name,
                cpu_ms=sum(second.cpu_ms[name] for second in series),
                rss_start=90,
                rss_end=97.5,
                rss_max=101,
            )
            for name in PROCESSES
        ),
        series=tuple(series),
        happened=happened,
    )
    return run.model_copy(update=dict(changes))


def _kind(name: str, parts: list[list[float]], failed: int) -> Kind:
    all_values = [value for part in parts for value in part]
    missing = failed if name == "direct" else 0
    return Kind(
        name=name,
        scheduled=len(all_values) + missing,
        published=len(all_values) + missing,
        as_expected=len(all_values),
        wrong=0,
        missing=missing,
        late=0,
        doubled=0,
        not_published=0,
        turned_away=0,
        latency=latency(all_values),
    )
