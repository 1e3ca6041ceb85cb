"""`python -m benchmarks`: what a login costs here, beside the limit, the naive way, and others.

Every figure is measured: real processes, Kafka, Postgres, keys. Machines differ and are noisy:
compare ratios, not figures, and read medians.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import uvloop

from benchmarks.figures import ORDER
from benchmarks.measure import P99_GOAL_MS, Measured, Sizes, measure, progress
from benchmarks.options import positive
from benchmarks.reporting import RESULTS, exit_code, file_name, keep, machine
from benchmarks.table import Report, document, markdown
from pipeline import logs
from pipeline.keys import utc_now

PEERS = ("satosa", "keycloak")
_PACKAGES = ("aiokafka", "faststream", "joserfc", "cryptography", "asyncpg", "pydantic")


def main() -> int:
    options = _options()
    sizes = Sizes(options.turns, options.logins, options.rate, options.seconds)
    logs.configure("CRITICAL", "benchmark")
    with tempfile.TemporaryDirectory() as folder:
        found = uvloop.run(measure(sizes, options.peers, Path(folder)))
    report = _report(found, sizes)
    if not options.no_results:
        _keep(report)
    print(json.dumps(document(report), indent=2) if options.json else markdown(report))
    return 0 if all(each.is_met for each in report.ratios) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=f"Writes a table and JSON to {RESULTS}. Exit code 1: a goal is not met.",
        epilog="Example: python -m benchmarks --turns 5 --peers satosa --json",
    )
    parser.add_argument("--turns", type=positive, default=Sizes.turns, help="of all lanes")
    parser.add_argument("--logins", type=positive, default=Sizes.logins, help="at once")
    parser.add_argument("--rate", type=positive, default=Sizes.rate, help="steady, a second")
    parser.add_argument("--seconds", type=positive, default=Sizes.seconds, help="of each rate")
    parser.add_argument(
        "--peers", nargs="*", choices=PEERS, default=PEERS, help="who is measured, too"
    )
    parser.add_argument("--no-results", action="store_true", help="write no files")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    return parser.parse_args()


def _report(found: Measured, sizes: Sizes) -> Report:
    return Report(
        at=utc_now().strftime("%Y-%m-%d %H:%M UTC"),
        machine=machine(),
        versions={
            "herken": version("herken"),
            "Python": platform.python_version(),
            **{name: version(name) for name in _PACKAGES},
            **found.versions,
        },
        settings={**vars(sizes), "p99_goal_ms": P99_GOAL_MS},
        lanes=[found.lanes[name] for name in ORDER if name in found.lanes],
        highest=found.highest,
        memory_mb=found.memory_mb,
        absent=found.absent,
    )


def _keep(report: Report) -> None:
    name = file_name(report.at)
    keep(name, document(report), markdown(report))
    progress(f"kept as {RESULTS / name}.md and .json")


if __name__ == "__main__":
    sys.exit(exit_code(main))
