"""`python -m benchmarks`: what a login costs here, beside a bare relay of as many messages.

Every figure is measured: real processes, Kafka, Postgres, keys. Machines differ and are noisy:
compare ratios, not figures, and read medians.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys

from benchmarks.measure import measure


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", epilog="Example: python -m benchmarks --logins 2000 --json"
    )
    parser.add_argument("--logins", type=int, default=2000, help="logins published at once")
    parser.add_argument("--single", type=int, default=100, help="logins one at a time")
    parser.add_argument("--runs", type=int, default=3, help="bursts; the median is reported")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    options = parser.parse_args()
    report = asyncio.run(measure(options.logins, options.single, options.runs))
    print(json.dumps(report, indent=2) if options.json else _told(report))
    sys.exit(0 if report["all_verified"] else 1)


def _told(report: dict) -> str:  # type: ignore[type-arg]
    lines = [
        f"first outcome, one at a time   median {report['single_median_ms']} ms, "
        f"p95 {report['single_p95_ms']} ms  ({report['single']} logins, signing key)",
        f"{report['logins']} logins at once         median {report['logins_per_second']} logins/s "
        f"of {report['bursts']} logins/s; every one verified: {report['all_verified']}",
        f"baseline, bare relay           {report['relay_per_second']} eight-message relays/s: "
        f"a login costs {report['times_the_relay']} times that",
        "",
        "process              CPU ms a login    resident MB",
    ]
    lines += [f"{p['name']:<20} {p['cpu_ms']:>13}  {p['rss_mb']:>13}" for p in report["processes"]]
    lines.append(f"{'all together':<20} {report['cpu_ms_all']:>13}")
    return "\n".join(lines)


main()
