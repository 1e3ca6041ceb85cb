"""What grew over a long run, from looks at it. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

FROM_LOGINS = 100_000
"""Memory is compared from here on: before, caches and heaps fill."""
SHOWN = 20


@dataclass(frozen=True)
class Look:
    """What was there so many seconds after the start, when so many logins had ended.

    memory_mb  resident, of the largest process of each name
    rows       of each table of the ledgers, all roles together
    wal_mb     that Postgres wrote until then; `commits` that it made
    """

    seconds: float
    logins: int
    memory_mb: Mapping[str, float]
    rows: Mapping[str, int]
    ledger_mb: float
    topics_mb: float
    wal_mb: float
    commits: int


@dataclass(frozen=True)
class Told:
    document: dict[str, Any]
    markdown: str


def settled(looks: Sequence[Look]) -> Sequence[Look]:
    """Those from 100,000 logins on, or the second half of a shorter run."""
    since = min(FROM_LOGINS, looks[-1].logins // 2) if looks else 0
    return [look for look in looks if look.logins >= since]


def slopes(looks: Sequence[Look]) -> dict[str, float]:
    """MB that each process grew by in 100,000 logins, by the line that fits best."""
    later = settled(looks)
    logins = [look.logins / 100_000 for look in later]
    if len(set(logins)) < 2:
        return {}
    names = set.intersection(*(set(look.memory_mb) for look in later))
    return {
        name: statistics.linear_regression(logins, [look.memory_mb[name] for look in later]).slope
        for name in sorted(names)
    }


def a_login(looks: Sequence[Look]) -> dict[str, float]:
    """What one login makes Postgres write: KB of WAL, commits."""
    logins = looks[-1].logins - looks[0].logins if looks else 0
    if not logins:
        return {}
    wal, commits = looks[-1].wal_mb - looks[0].wal_mb, looks[-1].commits - looks[0].commits
    return {"wal_kb": round(wal * 1024 / logins, 2), "commits": round(commits / logins, 2)}


def told(
    name: str,
    verdict: str,
    settings: Mapping[str, Any],
    machine: Mapping[str, str],
    looks: Sequence[Look],
    failed: int,
) -> Told:
    """The report, as JSON and as Markdown."""
    growth = {name: round(slope, 2) for name, slope in slopes(looks).items()}
    document = {
        "name": name,
        "verdict": verdict,
        "settings": dict(settings),
        "machine": dict(machine),
        "logins": looks[-1].logins if looks else 0,
        "failed": failed,
        "mb_in_100000_logins": growth,
        "a_login": a_login(looks),
        "looks": [asdict(look) for look in looks],
    }
    parts = [
        f"# Endurance, {settings.get('began', name)}",
        f"{document['logins']:,} logins, {failed} failed. {verdict}.",
        _memory(looks, growth),
        _kept(looks),
        "; ".join(f"{key} a login {value}" for key, value in a_login(looks).items()),
        ", ".join(f"{key} {value}" for key, value in {**settings, **machine}.items()),
    ]
    return Told(document, "\n\n".join(part for part in parts if part) + "\n")


def _memory(looks: Sequence[Look], growth: Mapping[str, float]) -> str:
    """Of each process at the first settled look and at the end, and how fast it grows."""
    if not growth:
        return ""
    first, last = settled(looks)[0], looks[-1]
    rows = [
        f"| {name} | {first.memory_mb[name]:.0f} | {last.memory_mb[name]:.0f} | {slope:+.1f} |"
        for name, slope in growth.items()
    ]
    head = f"| process | MB at {first.logins:,} | MB at {last.logins:,} | MB in 100,000 logins |"
    return "\n".join([head, "|---|---|---|---|", *rows])


def _kept(looks: Sequence[Look]) -> str:
    """Ledgers and topics over time."""
    every = max(1, len(looks) // SHOWN)
    shown = [*looks[:-1:every], *looks[-1:]]
    rows = [
        f"| {look.seconds:.0f} | {look.logins:,} | {look.rows['logins']:,} "
        f"| {look.rows['inputs']:,} | {look.rows['claims']:,} | {look.ledger_mb:.0f} "
        f"| {look.topics_mb:.0f} |"
        for look in shown
    ]
    head = "| s | logins | rows: logins | inputs | claims | ledgers MB | topics MB |"
    return "\n".join([head, "|---|---|---|---|---|---|---|", *rows]) if rows else ""
