"""The tables of the report, as rows of texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from loadtest.record import Latency, Run
from loadtest.reporting.words import milliseconds, name, number

Row = tuple[str, ...]
_LATENCY = ("mean", "half", "90", "95", "99", "99.9", "99.99", "slowest")


@dataclass(frozen=True)
class Table:
    """The first column of each row names it; `figures`: the others are numbers."""

    title: str
    head: Row
    rows: tuple[Row, ...]
    figures: bool = True
    about: str = ""


def tables(run: Run) -> list[Table]:
    """All that have a row."""
    found = [outcomes(run), kinds(run), hops(run), processes(run)]
    found += [of_pairs("Settings", run.settings), of_pairs("Versions", run.versions)]
    return [table for table in found if table.rows]


_COUNTS = (
    *("scheduled", "published", "as_expected", "wrong", "missing", "late", "doubled"),
    *("not_published", "turned_away"),
)


def outcomes(run: Run) -> Table:
    head = ("kind", *map(name, _COUNTS))
    rows = ((kind.name, *(number(getattr(kind, count)) for count in _COUNTS)) for kind in run.kinds)
    return Table("What came of them", head, tuple(rows))


def kinds(run: Run) -> Table:
    rows = [(kind.name, *_latency(kind.latency)) for kind in run.kinds]
    rows.append(("all", *_latency(run.latency)))
    rows.append(("the generator's own lag", *_latency(run.generator_lag)))
    about = (
        "Under 99 is what 99 of 100 took less than. Logins that nobody answers (timeout) take as"
        " long as they are given, and are not among all."
    )
    return Table("Latency", ("kind", "logins", *_LATENCY), tuple(rows), about=about)


def hops(run: Run) -> Table:
    rows = ((hop.name, *_latency(hop.latency)) for hop in run.hops)
    about = "From the message before it until this one, by the times at which Kafka took them."
    return Table("Hops", ("to", "records", *_LATENCY), tuple(rows), about=about)


def processes(run: Run) -> Table:
    head = ("process", "CPU", "CPU a login", "memory at the start", "at the end", "at most")
    rows = tuple(
        (
            process.name,
            f"{process.cpu_ms / 1000:,.1f} s",
            milliseconds(process.cpu_ms / run.finished) if run.finished else "",
            *(f"{size:,.0f} MB" for size in (process.rss_start, process.rss_end, process.rss_max)),
        )
        for process in run.processes
    )
    return Table("Processes", head, rows)


def of_pairs(title: str, pairs: Mapping[str, Any]) -> Table:
    there = {key: value for key, value in pairs.items() if value is not None}
    rows = tuple((name(key), _text(value)) for key, value in there.items())
    return Table(title, ("", ""), rows, figures=False)


def _latency(latency: Latency) -> Row:
    parts = (
        *(latency.mean, latency.p50, latency.p90, latency.p95),
        *(latency.p99, latency.p999, latency.p9999, latency.max),
    )
    if not latency.count:
        return ("0", *("" for _ in parts))
    return (number(latency.count), *map(milliseconds, parts))


def _text(value: object) -> str:
    """A setting as people write it."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_text(one)}" for key, one in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(_text, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
