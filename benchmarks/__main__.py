"""`python -m benchmarks`: what a login costs here, beside the limit, the naive way, and others.

Every figure is measured: real processes, Kafka, Postgres, keys. Machines differ and are noisy:
compare ratios, not figures, and read medians.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import psutil
import uvloop

from benchmarks.figures import ORDER
from benchmarks.measure import P99_GOAL_MS, Measured, Sizes, measure, progress
from benchmarks.options import positive
from benchmarks.table import Report, document, markdown
from pipeline import logs
from pipeline.errors import HerkenError, ServerUnreachable, WrongUse
from pipeline.keys import utc_now
from sandbox.processes import ServerFailed

RESULTS = Path("benchmarks") / "results"
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
    memory = psutil.virtual_memory().total / 2**30
    return Report(
        at=utc_now().strftime("%Y-%m-%d %H:%M UTC"),
        machine={
            "processor": _processor(),
            "cores": str(os.cpu_count()),
            "memory": f"{memory:.0f} GiB",
            "system": f"{platform.system()} {platform.release()}",
        },
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


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())


def _keep(report: Report) -> None:
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / report.at[:16].replace(" ", "-").replace(":", "")
    path.with_suffix(".md").write_text(markdown(report))
    path.with_suffix(".json").write_text(json.dumps(document(report), indent=1) + "\n")
    progress(f"kept as {path}.md and {path}.json")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except WrongUse as wrong:
        progress(str(wrong))
        sys.exit(2)
    except (ServerUnreachable, ServerFailed) as away:
        progress(str(away))
        sys.exit(3)
    except HerkenError as failed:
        progress(str(failed))
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
