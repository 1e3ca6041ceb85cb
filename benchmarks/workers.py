"""`python -m benchmarks.workers`: do two processes of a role do more than one?

A makelaar alone, on real Kafka and Postgres, with nobody else at work: requests are signed
beforehand, published all at once, and each has to lead to a question to a provider. First by one
process, then by two that share the partitions; the time is from the first publication to the last
question. Where two processes, Kafka and Postgres share two cores, there is little to win.
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
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil
import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from benchmarks.growth_networks import founded, scenario, stop_all
from benchmarks.lane import cpu_seconds
from benchmarks.options import positive
from benchmarks.reporting import RESULTS, exit_code, file_name, keep, machine, progress
from pipeline import logs
from pipeline.kafka import started
from pipeline.keys import Keys, utc_now
from sandbox import scenario as s
from sandbox.network import Network
from schemas import codec
from schemas.codec import Record
from schemas.messages import AuthnRequest
from schemas.topics import AUTHENTICATION_REQUESTS, AUTHN_REQUESTS
from schemas.values import Role

_PATIENCE_SECONDS = 120.0
_LOOK_SECONDS = 0.01


@dataclass
class Backlog:
    """Requests that a makelaar works off."""

    made: Network
    producer: AIOKafkaProducer
    consumer: AIOKafkaConsumer

    async def worked_off(self, count: int) -> tuple[float, float]:
        """Logins a second, and CPU ms a login of the makelaar's processes."""
        records, before = self._signed(count), await self._asked()
        cpu, began = self._cpu(), time.perf_counter()
        sending = [
            await self.producer.send(r.topic, r.value, r.key, headers=list(r.headers))
            for r in records
        ]
        await asyncio.gather(*sending)
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while await self._asked() < before + count:
                await asyncio.sleep(_LOOK_SECONDS)
        seconds = time.perf_counter() - began
        return count / seconds, (self._cpu() - cpu) * 1000 / count

    def _signed(self, count: int) -> list[Record]:
        """By the dienstverlener, for its one service."""
        now, plan, folders = utc_now(), self.made.scenario, self.made.folders
        owner = plan.dienstverleners[0]
        signer = Keys.load(folders.network, folders.secrets, owner.name).signer(now)
        (makelaar,) = self.made.directory.in_role(Role.MAKELAAR)
        service, topic = s.service_id(owner, owner.services[0]), AUTHN_REQUESTS.of(makelaar.name)
        requests = (AuthnRequest(request_id=uuid4(), service=service) for _ in range(count))
        audience = (makelaar.entity_id,)
        return [codec.encode_signed(topic, r, signer, audience, uuid4(), now) for r in requests]

    async def _asked(self) -> int:
        """Questions on the provider's topic."""
        (provider,) = self.made.directory.in_role(Role.PROVIDER)
        topic = AUTHENTICATION_REQUESTS.of(provider.name)
        partitions = [TopicPartition(topic, n) for n in range(AUTHENTICATION_REQUESTS.partitions)]
        return sum((await self.consumer.end_offsets(partitions)).values())

    def _cpu(self) -> float:
        (makelaar,) = self.made.directory.in_role(Role.MAKELAAR)
        named = [role for role in self.made.roles if role.participant == makelaar]
        return cpu_seconds([psutil.Process(role.process.pid) for role in named])


async def measure(backlog: int, turns: int, folder: Path) -> dict[str, Any]:
    """Raises ServerFailed, RoleFailed, TimeoutError."""
    async with AsyncExitStack() as stack:
        made = await founded(scenario(["grens"], 1), folder, stack)
        stack.push_async_callback(stop_all, made)
        kafka = made.servers.kafka
        producer = AIOKafkaProducer(bootstrap_servers=kafka, acks="all", enable_idempotence=True)
        consumer = AIOKafkaConsumer(bootstrap_servers=kafka)
        await stack.enter_async_context(started(kafka, producer, consumer))
        work, found = Backlog(made, producer, consumer), {}
        (makelaar,) = made.directory.in_role(Role.MAKELAAR)
        for workers in (1, 2):
            await made.ready(made.start(makelaar))
            await work.worked_off(backlog)  # warms up, and ends the rebalance
            progress(f"{workers} at work")
            found[workers] = [await work.worked_off(backlog) for _ in range(turns)]
    return _document(found, backlog)


def _document(found: dict[int, list[tuple[float, float]]], backlog: int) -> dict[str, Any]:
    """Medians of the turns, and every turn."""
    one, two = (statistics.median(rate for rate, _ in found[workers]) for workers in (1, 2))
    return {
        "machine": machine(),
        "backlog": backlog,
        "gain": round(two / one, 2),
        "workers": {
            str(workers): {
                "logins_a_second": round(statistics.median(rate for rate, _ in turns)),
                "cpu_ms_a_login": round(statistics.median(cpu for _, cpu in turns), 3),
                "turns": [round(rate, 1) for rate, _ in turns],
            }
            for workers, turns in found.items()
        },
    }


def markdown(found: dict[str, Any]) -> str:
    rows = [
        f"| {workers} | {each['logins_a_second']} | {each['cpu_ms_a_login']} "
        f"| {', '.join(f'{rate:.0f}' for rate in each['turns'])} |"
        for workers, each in found["workers"].items()
    ]
    parts = [
        f"# A makelaar's processes, {found['at']}",
        f"{found['backlog']:,} requests at once. Two do **{found['gain']}** times what one does.",
        "\n".join(
            [
                "| processes | requests a second | CPU ms of the makelaar, each | every turn |",
                "|---|---|---|---|",
                *rows,
            ]
        ),
        ", ".join(f"{name} {value}" for name, value in found["machine"].items()),
    ]
    return "\n\n".join(parts) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.workers",
        description=f"Writes a table and JSON to {RESULTS}.",
        epilog="Example: python -m benchmarks.workers --backlog 5000",
    )
    parser.add_argument("--backlog", type=positive, default=3000, help="requests at once")
    parser.add_argument("--turns", type=positive, default=5, help="of each")
    parser.add_argument("--no-results", action="store_true", help="write no files")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    options = parser.parse_args()
    logs.configure("CRITICAL", "benchmark")
    at = utc_now().strftime("%Y-%m-%d %H:%M UTC")
    with tempfile.TemporaryDirectory() as folder:
        measured = uvloop.run(measure(options.backlog, options.turns, Path(folder)))
    found = {"at": at, **measured}
    if not options.no_results:
        keep(file_name(at, "workers"), found, markdown(found))
        progress(f"kept as {RESULTS / file_name(at, 'workers')}.md and .json")
    print(json.dumps(found, indent=2) if options.json else markdown(found))
    return 0


if __name__ == "__main__":
    sys.exit(exit_code(main))
