"""`python -m benchmarks.catalogue`: how long a role takes to read the whole catalogue from Kafka.

What is timed is what happens at a role's start: connect, fetch every record of the topic, verify
each signature, check each entry, and make the table of services that rules look into.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from pipeline import logs
from pipeline.catalogue import Follower
from pipeline.catalogue_updates import publish
from pipeline.keys import utc_now
from sandbox import cluster, generated, topology
from sandbox.generated import Size
from sandbox.kafka import JARS
from schemas import jose
from schemas.directory import PublicJwk


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.catalogue")
    parser.add_argument("--services", type=int, default=1500)
    parser.add_argument("--dienstverleners", type=int, default=600)
    parser.add_argument("--runs", type=int, default=7, help="the median is reported")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    options = parser.parse_args()
    logs.configure("CRITICAL", "benchmark")
    size = Size(options.services, options.dienstverleners)
    report = asyncio.run(measure(size, options.runs))
    print(json.dumps(report, indent=2) if options.json else _told(report))


async def measure(size: Size, runs: int) -> dict[str, Any]:
    """Publish a generated catalogue on a Kafka of its own, and read it so many times."""
    scheme = jose.new_key()
    public = PublicJwk.model_validate(jose.public_jwk(scheme))
    with tempfile.TemporaryDirectory() as folder:
        async with AsyncExitStack() as stack:
            made = await cluster.started(Path(folder), jars=JARS, progress=_progress, stack=stack)
            address = made.address
            nobody = generated.directory([], utc_now())
            await topology.create(address, topology.plan(nobody))
            entries = generated.entries(size, utc_now())
            began = time.perf_counter()
            await publish(address, entries, scheme)
            published = time.perf_counter() - began
            seconds = [await _read(address, public, size) for _ in range(runs)]
    return {
        "services": size.services,
        "dienstverleners": size.dienstverleners,
        "publish_seconds": round(published, 2),
        "read_seconds": [round(each, 3) for each in seconds],
        "read_seconds_median": round(statistics.median(seconds), 3),
        "read_seconds_worst": round(max(seconds), 3),
    }


async def _read(address: str, public: PublicJwk, size: Size) -> float:
    began = time.perf_counter()
    async with Follower.following(address, public) as follower:
        found = len(follower.catalogue.services)
        seconds = time.perf_counter() - began
    if found != size.services:
        raise RuntimeError(f"{found} services were read")
    return seconds


def _told(report: dict[str, Any]) -> str:
    return (
        f"{report['services']} services of {report['dienstverleners']} dienstverleners\n"
        f"published in one transaction   {report['publish_seconds']} s\n"
        f"read from the topic            median {report['read_seconds_median']} s of "
        f"{len(report['read_seconds'])} runs, worst {report['read_seconds_worst']} s"
    )


def _progress(text: str) -> None:
    print(f"benchmark: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
