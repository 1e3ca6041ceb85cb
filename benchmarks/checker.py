"""`python -m benchmarks.checker`: how fast, and in how much memory, a network's topics are checked.

The messages are made first, with real keys and signatures, and written to a real Kafka; that may
take long, and is not measured. What is measured is `herken check` as an operator runs it: a process
of its own, with the participants' keys, from its start to its report. Memory is that of all of its
processes together, taken when a tenth, a half and all of the messages were read.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import re
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import psutil
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from benchmarks.checker_logins import MESSAGES, made, ready
from pipeline import logs
from pipeline.catalogue_updates import publish
from pipeline.kafka import started
from pipeline.keys import utc_now
from sandbox import cluster, topology
from sandbox.catalogue import entries
from sandbox.founding import Folders, Founded, found
from sandbox.kafka import JARS
from sandbox.scenario_file import load
from schemas.codec import Record
from schemas.topics import TOPICS

SCENARIO = Path("scenarios/first-login.yaml")
_AT_ONCE, _SAMPLE_SECONDS = 100, 0.5
_READ = re.compile(r"([\d,]+) messages read")


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.checker",
        epilog="Example: python -m benchmarks.checker --messages 200000 --json",
    )
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    options = parser.parse_args()
    logs.configure("CRITICAL", "benchmark")
    report = asyncio.run(measure(options.messages))
    print(json.dumps(report, indent=2) if options.json else _told(report))
    sys.exit(0 if report["holds"] else 1)


async def measure(messages: int) -> dict[str, Any]:
    """Make the messages, then check them."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with AsyncExitStack() as stack:
            started = cluster.started(folder / "kafka", jars=JARS, progress=_progress, stack=stack)
            address = (await started).address
            folders = Folders(folder / "network", folder / "secrets")
            scenario, now = load(SCENARIO), utc_now()
            founded = found(scenario, folders, now)
            await topology.create(address, topology.plan(founded.directory))
            await publish(address, entries(scenario, now), folders.scheme())
            given = (scenario, folders.network, folders.secrets)
            await _fill(address, messages // MESSAGES, given)
            await _commit(address, founded)
            return await _checked(address, folders)


async def _fill(address: str, logins: int, given: tuple[Any, ...]) -> None:
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(mp_context=context, initializer=ready, initargs=given)
    producer = AIOKafkaProducer(
        bootstrap_servers=address, acks="all", linger_ms=5, max_batch_size=1_048_576
    )
    began, done = time.monotonic(), 0
    with pool:
        async with started(address, producer):
            under_way: set[asyncio.Future[list[Record]]] = set()
            left = logins
            while left or under_way:
                while left and len(under_way) < 6:
                    count = min(_AT_ONCE, left)
                    under_way.add(asyncio.wrap_future(pool.submit(made, count)))
                    left -= count
                finished, under_way = await asyncio.wait(
                    under_way, return_when=asyncio.FIRST_COMPLETED
                )
                for each in finished:
                    await _write(producer, each.result())
                    done += len(each.result())
                if done % 40_000 < MESSAGES * _AT_ONCE:
                    _progress(f"{done:,} messages made in {time.monotonic() - began:.0f} s")


async def _write(producer: AIOKafkaProducer, records: Sequence[Record]) -> None:
    futures = [
        await producer.send(each.topic, each.value, each.key, headers=list(each.headers))
        for each in records
    ]
    await asyncio.gather(*futures)


async def _commit(address: str, founded: Founded) -> None:
    """Every reader has read everything."""
    for topic in TOPICS:
        for owner in founded.directory.in_role(topic.owner) if topic.has_dlq else ():
            consumer = AIOKafkaConsumer(
                bootstrap_servers=address,
                group_id=f"{owner.name}.{topic.name}",
                enable_auto_commit=False,
            )
            async with started(address, consumer):
                partitions = [TopicPartition(topic.of(owner.name), n) for n in range(4)]
                consumer.assign(partitions)
                await consumer.commit(await consumer.end_offsets(partitions))


# --- measured


async def _checked(address: str, folders: Folders) -> dict[str, Any]:
    environment = {
        **os.environ,
        "HERKEN_KAFKA": address,
        "HERKEN_NETWORK": str(folders.network),
        "HERKEN_SECRETS": str(folders.secrets),
    }
    began = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "herken", "check", "--json"),
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    memory = _Memory(process)
    (out, _), _ = await asyncio.gather(memory.output(), memory.sample())
    seconds = time.monotonic() - began
    report = json.loads(out)
    read = report["read"]
    return {
        "messages": read["messages"],
        "megabytes": round(read["bytes"] / 1e6),
        "logins": read["logins"],
        "holds": report["holds"],
        "violations": sum(each["violations"] for each in report["invariants"]),
        "seconds": round(seconds, 1),
        "messages_per_second": round(read["messages"] / seconds),
        "cpu_seconds": round(memory.cpu, 1),
        "rss_mb": {f"{share} %": memory.at(share / 100) for share in (10, 50, 100)},
        "peak_rss_mb": round(max(rss for _, rss in memory.samples)),
    }


class _Memory:
    """What a process and its children have in memory, as it tells how far it is."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process, self.read = process, 0
        self.samples: list[tuple[int, float]] = []
        self.cpu = 0.0

    async def output(self) -> tuple[bytes, None]:
        """All of stdout; stderr is followed, and passed on."""
        if self._process.stdout is None or self._process.stderr is None:
            raise RuntimeError("a process without output")
        reading = asyncio.create_task(self._process.stdout.read())
        async for line in self._process.stderr:
            found = _READ.search(line.decode())
            self.read = int(found[1].replace(",", "")) if found else self.read
            _progress(line.decode().strip())
        out = await reading
        await self._process.wait()
        return out, None

    async def sample(self) -> None:
        used: dict[int, float] = {}
        while self._process.returncode is None:
            rss = 0.0
            for each in _family(self._process.pid):
                try:
                    rss += each.memory_info().rss / 1e6
                    times = each.cpu_times()
                except psutil.Error:
                    continue
                used[each.pid] = times.user + times.system
            self.samples.append((self.read, rss))
            self.cpu = sum(used.values())
            await asyncio.sleep(_SAMPLE_SECONDS)

    def at(self, share: float) -> int:
        """Megabytes, when this share of what was read had been read; at the end, the most after."""
        all_read = max(read for read, _ in self.samples)
        after = [rss for read, rss in self.samples if read >= share * all_read]
        return round(max(after) if share == 1 else after[0])


def _family(pid: int) -> list[psutil.Process]:
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.Error:
        return []


def _told(report: dict[str, Any]) -> str:
    memory = ", ".join(f"{mb} MB at {share}" for share, mb in report["rss_mb"].items())
    return "\n".join(
        (
            f"{report['messages']:,} messages ({report['megabytes']:,} MB), {report['logins']:,} "
            f"logins, checked in {report['seconds']} s: {report['messages_per_second']:,} "
            f"messages/s, {report['cpu_seconds']} s of CPU",
            f"memory of all its processes: {memory}; at most {report['peak_rss_mb']} MB",
            f"{report['violations']} violations",
        )
    )


def _progress(text: str) -> None:
    print(f"benchmark: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
