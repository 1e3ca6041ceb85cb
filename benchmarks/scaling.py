"""`python -m benchmarks.scaling`: what so many logins a second need, on paper.

From what was measured: the CPU of a login where batches are full and where each message comes
alone (`python -m benchmarks`), what it writes to Postgres (`python -m benchmarks.endurance`), and
the bytes of its messages (`benchmarks.work`). All else is an assumption, and stands here as one.
"""

from __future__ import annotations

import json
import re
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

from benchmarks.lane import CLIENT
from benchmarks.reporting import RESULTS
from benchmarks.work import HEADER_BYTES, LENGTHS
from schemas.topics import AUTHN_REQUESTS

RATES = (100, 1_000, 10_000)
BUSY = 0.6
"""CHOICE: how busy a core may be on average, so that a burst finds room."""
COPIES = 3
"""Of each partition."""
BROKER_MB_A_SECOND = 50.0
"""ASSUMED: what one broker takes, copies included, with room for recovery."""
WAL_MB_A_SECOND = 100.0
"""ASSUMED: what one Postgres writes and ships to a standby, without a break."""
LEDGER_SECONDS, OUTCOMES_SECONDS = 48 * 3600, 7 * 86_400


@dataclass(frozen=True)
class Costs:
    """What a login costs.

    full, alone   CPU ms by group of processes: in full batches; one message at a time
    role_share    of the roles' CPU, the largest role's
    wal_kb        that Postgres writes for it; `ledger_kb`: that it occupies until it is forgotten
    """

    full: Mapping[str, float]
    alone: Mapping[str, float]
    role_share: float
    wal_kb: float
    ledger_kb: float

    @property
    def wire_kb(self) -> float:
        """Of its messages, once."""
        return (sum(LENGTHS) + len(LENGTHS) * HEADER_BYTES) / 1024


@dataclass(frozen=True)
class Need:
    """What so many logins a second need; pairs are (full batches, one at a time)."""

    rate: int
    cores: tuple[float, float]
    partitions: tuple[int, int]
    kafka_mb: float
    brokers: int
    wal_mb: float
    databases: int
    ledger_gb: float
    outcomes_gb: float


def need(rate: int, costs: Costs) -> Need:
    """The three roles, Kafka and Postgres; whoever logs in has cores of his own."""
    kafka_mb = rate * costs.wire_kb * COPIES / 1024
    wal_mb = rate * costs.wal_kb / 1024
    return Need(
        rate=rate,
        cores=(_cores(rate, costs.full), _cores(rate, costs.alone)),
        partitions=(_partitions(rate, costs, costs.full), _partitions(rate, costs, costs.alone)),
        kafka_mb=kafka_mb,
        brokers=max(COPIES, ceil(kafka_mb / BROKER_MB_A_SECOND)),
        wal_mb=wal_mb,
        databases=max(3, 3 * ceil(wal_mb / 3 / WAL_MB_A_SECOND)),
        ledger_gb=rate * LEDGER_SECONDS * costs.ledger_kb / 2**20,
        outcomes_gb=rate * OUTCOMES_SECONDS * (LENGTHS[-1] + HEADER_BYTES) * COPIES / 2**30,
    )


def _cores(rate: float, cpu_ms: Mapping[str, float]) -> float:
    served = sum(ms for name, ms in cpu_ms.items() if name != CLIENT)
    return rate * served / 1000 / BUSY


def _partitions(rate: float, costs: Costs, cpu_ms: Mapping[str, float]) -> int:
    """A process uses one core, and reads one partition of each topic at the least: so many
    processes as the largest role needs cores."""
    return ceil(rate * cpu_ms["roles"] * costs.role_share / 1000 / BUSY)


# --- from the results


def costs(bench: Mapping[str, Any], endurance: Mapping[str, Any]) -> Costs:
    lane = bench["lanes"]["herken"]
    spent: Mapping[str, float] = endurance["settings"]["CPU ms a login"]
    roles = [ms for name, ms in spent.items() if name not in _NO_ROLES]
    return Costs(
        full=_median(lane["at_once"]),
        alone=_median(lane["steady"]),
        role_share=max(roles) / sum(roles),
        wal_kb=endurance["a_login"]["wal_kb"],
        ledger_kb=_ledger_kb(endurance["looks"]),
    )


_NO_ROLES = ("generator", "kafka", "postgres")


def _median(turns: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    names = turns[0]["cpu_ms_a_login"]
    return {n: statistics.median(turn["cpu_ms_a_login"][n] for turn in turns) for n in names}


def _ledger_kb(looks: Sequence[Mapping[str, Any]]) -> float:
    """By the look at which most logins had rows."""
    most = max(looks, key=lambda look: look["rows"]["logins"])
    logins: float = most["rows"]["logins"] / _ROLES
    return float(most["ledger_mb"]) * 1024 / logins


_ROLES = 3
"""Each has a row of each login."""


# --- how it is told


def tables(found: Costs) -> str:
    needs = [need(rate, found) for rate in RATES]
    costs_of = [
        ("CPU of the roles, ms", found.full["roles"], found.alone["roles"]),
        ("CPU of Kafka, ms", found.full["Kafka"], found.alone["Kafka"]),
        ("CPU of Postgres, ms", found.full["Postgres"], found.alone["Postgres"]),
    ]
    lines = [
        "| a login | full batches | one at a time |",
        "|---|---|---|",
        *(f"| {what} | {full:.1f} | {alone:.1f} |" for what, full, alone in costs_of),
        f"| largest role's share of the roles' | {found.role_share:.0%} | the same |",
        f"| on the wire, KB, before copies | {found.wire_kb:.1f} | the same |",
        f"| WAL of Postgres, KB | {found.wal_kb:.0f} | as it was measured |",
        f"| in the ledgers, KB | {found.ledger_kb:.0f} | the same |",
        "",
        f"| logins a second | {' | '.join(f'{each.rate:,}' for each in needs)} |",
        f"|---|{'---|' * len(needs)}",
    ]
    for what, cells in _rows(needs):
        lines.append(f"| {what} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _rows(needs: Sequence[Need]) -> list[tuple[str, list[str]]]:
    return [
        ("cores, full batches", [f"{each.cores[0]:,.0f}" for each in needs]),
        ("cores, one at a time", [f"{each.cores[1]:,.0f}" for each in needs]),
        (
            f"processes of the largest role, so partitions (now {AUTHN_REQUESTS.partitions})",
            [f"{each.partitions[0]:,} to {each.partitions[1]:,}" for each in needs],
        ),
        ("Kafka, MB a second with copies", [f"{each.kafka_mb:,.0f}" for each in needs]),
        ("brokers", [f"{each.brokers:,}" for each in needs]),
        ("WAL, MB a second", [f"{each.wal_mb:,.0f}" for each in needs]),
        ("Postgres servers", [f"{each.databases:,}" for each in needs]),
        ("ledgers for 48 hours, GB", [f"{each.ledger_gb:,.0f}" for each in needs]),
        ("outcomes for 7 days, GB with copies", [f"{each.outcomes_gb:,.0f}" for each in needs]),
    ]


def named(page: str) -> list[str]:
    """The files of results that a page says it comes from, in order."""
    return re.findall(r"`(\d{4}-[\w-]+\.json)`", page)


def newest(kind: str = "") -> Path:
    """The newest results of a kind. Raises LookupError."""
    found = sorted(
        path
        for path in RESULTS.glob(f"*{'-' + kind if kind else ''}.json")
        if kind or path.stem[-4:].isdigit()
    )
    if not found:
        raise LookupError(f"no results in {RESULTS}: run python -m benchmarks.{kind or '__main__'}")
    return found[-1]


def main() -> int:
    try:
        bench, endurance = newest(), newest("endurance")
    except LookupError as lacking:
        print(lacking, file=sys.stderr)
        return 2
    sys.stdout.write(f"From `{bench.name}` and `{endurance.name}`:\n\n")
    found = costs(json.loads(bench.read_text()), json.loads(endurance.read_text()))
    sys.stdout.write(tables(found) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
