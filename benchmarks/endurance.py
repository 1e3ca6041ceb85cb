"""`python -m benchmarks.endurance`: does anything grow while very many people log in?

A network of its own under the load of `herken load`, or under one burst after the other
(`--at-once`, faster), every outcome verified, with short retention: each ten seconds the memory of
every process, the rows and bytes of every ledger, and the bytes on the topics. The report is
written anew at each look, so that a run that is cut off leaves what it measured. Ctrl-C ends the
arrivals and reports.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import psutil
import uvloop
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from benchmarks import bursts
from benchmarks.growing import Look, Told, told
from benchmarks.logins import BUSY_AFTER_SECONDS, SCENARIO
from benchmarks.reporting import RESULTS, exit_code, file_name, keep, machine, progress
from loadtest import ground
from loadtest.book import Book
from loadtest.ground import Ground
from loadtest.record import Second
from loadtest.running import Measured, measure
from loadtest.schedule import Load
from pipeline import logs
from pipeline.beside import beside
from pipeline.keys import Trust, utc_now
from pipeline.settings import database_user
from sandbox import topology
from sandbox.scenario_file import load as scenario_in
from sandbox.topology import TopicPlan

LOOK_SECONDS = 10.0
VERIFIED = "every outcome was verified"
_MEGABYTE = 1_048_576
_SIZES = """
SELECT relname, n_live_tup, pg_total_relation_size(relid) FROM pg_stat_user_tables
WHERE schemaname = $1 AND relname = ANY('{logins,inputs,claims}')
"""
_WRITTEN = """
SELECT pg_current_wal_lsn() - '0/0'::pg_lsn, xact_commit FROM pg_stat_database
WHERE datname = current_database()
"""


@dataclass
class Endurance:
    """A run, and what was seen of it so far."""

    name: str
    settings: dict[str, Any]
    where: Ground
    began: float = field(default_factory=time.monotonic)
    book: Book = field(default_factory=Book)
    looks: list[Look] = field(default_factory=list)

    def show(self, _: Second, book: Book) -> None:
        self.book = book

    async def keep_looking(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Once; and write the report."""
        rows, ledger_mb, wal_mb, commits = await self._postgres()
        topics_mb = await asyncio.to_thread(_on_topics, self.where.folder or Path())
        look = Look(
            seconds=round(time.monotonic() - self.began, 1),
            logins=self.book.finished,
            memory_mb={name: _memory_mb(group) for name, group in self.where.find().items()},
            rows=rows,
            ledger_mb=ledger_mb,
            topics_mb=topics_mb,
            wal_mb=wal_mb,
            commits=commits,
        )
        self.looks.append(look)
        progress(
            f"{look.logins:,} logins, {self.book.failed} failed, {self.book.in_flight} under way; "
            f"largest process {max(look.memory_mb.values()):.0f} MB, "
            f"ledgers {sum(rows.values()):,} rows and {ledger_mb:.0f} MB, topics {topics_mb:.0f} MB"
        )
        self.write()

    async def _postgres(self) -> tuple[dict[str, int], float, float, int]:
        """By its own count, of all roles: rows of each table and MB; MB of WAL, commits."""
        connection = await asyncpg.connect(self.where.settings.postgres)
        rows, size = dict.fromkeys(("logins", "inputs", "claims"), 0), 0
        try:
            for participant in Trust(self.where.folders.network).directory.participants:
                schema = database_user(participant.name)
                for table, live, total in await connection.fetch(_SIZES, schema):
                    rows[table] += live
                    size += total
            ((wal, commits),) = await connection.fetch(_WRITTEN)
        finally:
            await connection.close()
        return rows, round(size / _MEGABYTE, 1), round(float(wal) / _MEGABYTE, 3), commits

    def write(self, verdict: str = "it goes on, or was cut off") -> Told:
        found = told(self.name, verdict, self.settings, machine(), self.looks, self.book.failed)
        keep(self.name, found.document, found.markdown)
        return found


def _memory_mb(group: Sequence[psutil.Process]) -> float:
    """Of the largest: those of one server share theirs."""
    found = [0.0]
    for process in group:
        try:
            found.append(process.memory_info().rss / _MEGABYTE)
        except psutil.Error:
            continue
    return round(max(found), 1)


def _on_topics(folder: Path) -> float:
    """MB in the segments of all partitions."""
    size = 0
    for segment in folder.glob("kafka/**/*.log"):
        try:
            size += segment.stat().st_size if segment.stem.isdigit() else 0
        except OSError:  # deleted meanwhile
            continue
    return round(size / _MEGABYTE, 1)


# --- short retention


@asynccontextmanager
async def _short(keep_minutes: float, folder: Path) -> AsyncIterator[Ground]:
    """A network that keeps everything for so long, and what is on topics for half of it."""
    kept = {"HERKEN_LEDGER_HOURS": keep_minutes / 60, "HERKEN_CLAIMS_DAYS": keep_minutes / 1440}
    os.environ.update({name: str(value) for name, value in kept.items()})
    async with ground.own(scenario_in(SCENARIO), None, folder, progress) as where:
        await _shorten(where, round(keep_minutes * 60_000 / 2))
        yield where


async def _shorten(where: Ground, retention_ms: int) -> None:
    """But for what is kept for ever."""
    admin = AIOKafkaAdminClient(bootstrap_servers=where.settings.kafka)
    await admin.start()
    try:
        plans = topology.plan(Trust(where.folders.network).directory)
        ending = [plan for plan in plans if plan.retention_ms > 0]
        await admin.alter_configs([_resource(plan, retention_ms) for plan in ending])
    finally:
        await admin.close()


def _resource(plan: TopicPlan, retention_ms: int) -> ConfigResource:
    config = TopicPlan(plan.name, plan.partitions, retention_ms, plan.max_bytes).config
    return ConfigResource(ConfigResourceType.TOPIC, plan.name, configs=config)


# --- the run


async def run(options: argparse.Namespace, folder: Path) -> int:
    """Raises ServerFailed, RoleFailed, WrongUse."""
    at = utc_now().strftime("%Y-%m-%d %H:%M UTC")
    how = {"at once": options.at_once} if options.at_once else {"rate": options.rate}
    kept = {"ledger kept, minutes": options.keep_minutes, "began": at}
    load = Load(rate=options.rate, seconds=options.logins / options.rate)
    load.require_sound()
    if options.at_once:
        os.environ["HERKEN_BUSY_AFTER_SECONDS"] = str(BUSY_AFTER_SECONDS)
    async with _short(options.keep_minutes, folder) as where:
        settings = {"logins": options.logins, **how, **kept}
        going = Endurance(file_name(at, "endurance"), settings, where)
        async with beside(going.keep_looking()):
            ended, passed = await _driven(going, options, load)
        await going.look()
        checked = [await _checked(where)] if options.check else []
    _report(going, [*ended, *checked])
    return 0 if passed else 1


async def _driven(
    going: Endurance, options: argparse.Namespace, load: Load
) -> tuple[list[str], bool]:
    """How it ended, and whether nothing failed."""
    stop = _told_to_stop()
    if not options.at_once:
        measured = await measure(going.where, load, stop, going.show)
        return _told(going, measured), not measured.run.failed
    count, most = int(options.at_once), int(options.logins)
    await bursts.repeat(going.where, count, most, going.book, stop)
    how = "interrupted" if stop.is_set() else "when all were there"
    passed = f"NOT passed: {going.book.failed} failed" if going.book.failed else VERIFIED
    return [f"It ended {how}; {passed}"], not going.book.failed


def _told(going: Endurance, measured: Measured) -> list[str]:
    """How it ended; and, in the settings, what it cost."""
    run = measured.run
    spent = {p.name: round(p.cpu_ms / run.finished, 3) for p in run.processes if run.finished}
    going.settings["CPU ms a login"] = spent
    passed = f"NOT passed: {', '.join(run.failed)}" if run.failed else VERIFIED
    return [f"It ended {run.ended}; {passed}", *run.invalid]


def _told_to_stop() -> asyncio.Event:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    return stop


async def _checked(where: Ground) -> str:
    """The last line of `herken check`, which judges what is still on the topics."""
    environment = {
        "HERKEN_KAFKA": where.settings.kafka,
        "HERKEN_POSTGRES": where.settings.postgres,
        "HERKEN_NETWORK": str(where.folders.network.resolve()),
        "HERKEN_SECRETS": str(where.folders.secrets.resolve()),
    }
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "herken", "check"],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    lines = (done.stdout or done.stderr).strip().splitlines()
    return f"herken check: exit code {done.returncode}; {lines[-1] if lines else 'said nothing'}"


def _report(going: Endurance, parts: Sequence[str]) -> None:
    found = going.write("; ".join(parts))
    progress(f"kept as {RESULTS / going.name}.md and .json")
    sys.stdout.write(found.markdown)


def main() -> int:
    options = _options()
    logs.configure("CRITICAL", "benchmark")
    with tempfile.TemporaryDirectory() as folder:
        return uvloop.run(run(options, Path(folder)))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.endurance",
        description=f"Writes a table and JSON to {RESULTS}, as it goes. Exit code 1: a login "
        "failed.",
        epilog="Example: python -m benchmarks.endurance --logins 1000000 --rate 80 --check",
    )
    parser.add_argument("--logins", type=_above_0, default=20_000, help="about so many")
    parser.add_argument("--rate", type=_above_0, default=50.0, help="logins a second")
    parser.add_argument("--at-once", type=_above_0, help="so many, again and again, and no rate")
    parser.add_argument(
        "--keep-minutes",
        type=_above_0,
        default=20.0,
        help="how long ledgers keep everything; topics half of it",
    )
    parser.add_argument("--check", action="store_true", help="`herken check` at the end")
    return parser.parse_args()


def _above_0(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is no number above 0")
    return value


if __name__ == "__main__":
    sys.exit(exit_code(main))
