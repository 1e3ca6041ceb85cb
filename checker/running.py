"""A whole check: read everything, keep it as facts, judge these, and report."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_bytes
from tempfile import TemporaryDirectory

from checker import holdings, keeping, offering, trust, working
from checker.facts import World
from checker.forms import Forms
from checker.judging.overall import judge_pairs
from checker.keeping import SHARDS, Keeping, Row
from checker.logs import judge_logs
from checker.reading import Extent, Kafka, raw_of
from checker.records import judge_records
from checker.report import Report
from checker.sealed import Opener
from checker.topics import CATALOGUE, DLQ, KINDS, split
from checker.working import Judged, Sources

Progress = Callable[[str], None]
_CHUNK = 250
_TOLD_EVERY_SECONDS = 5.0


@dataclass(frozen=True)
class Wanted:
    """What to check, and what may be looked at.

    kafka             bootstrap servers
    network, schemas  folders: what everybody has, and the published JSON Schemas
    secrets           folder with private keys of participants, of all, some or none
    postgres          DSN of the participants' databases
    logs              folder with the roles' logs
    late_by, clock_bound  seconds: see `World`
    deadline_seconds  the longest that a makelaar lets a login take
    """

    kafka: str
    network: Path
    schemas: Path
    secrets: Path | None = None
    postgres: str | None = None
    logs: Path | None = None
    late_by: float = 5.0
    clock_bound: float = 1.0
    deadline_seconds: int = 600
    processes: int = field(default_factory=lambda: max(2, os.cpu_count() or 2))


async def check(wanted: Wanted, progress: Progress) -> Report:
    """Raises NotTrusted, Unreachable."""
    began = time.monotonic()
    trusted = trust.read(wanted.network)
    Forms(wanted.schemas)  # what is not there is told before anything is read
    with TemporaryDirectory(prefix="herken-check-") as folder:
        run = _Run(wanted, trusted, Path(folder), progress)
        async with Kafka.at(wanted.kafka) as kafka:
            extent, world = await run.read(kafka)
        report = await run.judged(world)
        run.tell_limits(report, extent)
    report.seconds = time.monotonic() - began
    return report


class _Run:
    """One check, and its files."""

    def __init__(
        self, wanted: Wanted, trusted: trust.Trust, folder: Path, progress: Progress
    ) -> None:
        self._wanted, self._trust, self._folder, self._progress = wanted, trusted, folder, progress
        self._salt = token_bytes(16)
        self._opener = Opener(wanted.secrets, frozenset(trusted.keys), self._salt)
        self._keeping = Keeping(folder)
        self._report = Report()
        self._told = time.monotonic()

    # --- reading

    async def read(self, kafka: Kafka) -> tuple[Extent, World]:
        """Keep everything as facts; what is known beside them."""
        self._keeping.create()
        extent = await kafka.extent(self._trust.names)
        now = round(time.time() * 1000)
        entries = [found async for found in self._entries(kafka, extent)]
        with closing(self._keeping.writer()) as file, self._decoding() as pool:
            for phase in phases(extent.topics):
                await self._phase(kafka, extent, phase, pool, file)
                self._keeping.note_signed()
        self._report.counts["topics"] = len(extent.topics)
        return extent, self._world(extent, entries, now)

    def _decoding(self) -> ProcessPoolExecutor:
        wanted = self._wanted
        places = (wanted.network, wanted.schemas, wanted.secrets)
        sources = Sources(*places, self._salt, self._folder)
        return self._pool(working.ready_to_decode, sources)

    def _pool(self, ready: Callable[..., None], *given: object) -> ProcessPoolExecutor:
        """Processes that begin anew, and so share no connection with this one."""
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(
            self._wanted.processes, mp_context=context, initializer=ready, initargs=given
        )

    async def _entries(self, kafka: Kafka, extent: Extent) -> AsyncIterator[dict[str, object]]:
        async for records in kafka.records(extent, [CATALOGUE]):
            for record in records:
                self._count(record.value)
                found = trust.entry(record.key or b"", record.value or b"", self._trust)
                if found is not None:
                    yield dict(found)

    async def _phase(
        self,
        kafka: Kafka,
        extent: Extent,
        topics: Sequence[str],
        pool: ProcessPoolExecutor,
        file: sqlite3.Connection,
    ) -> None:
        """Read some topics; no more is under way than the processes can do at once."""
        under_way: set[asyncio.Future[list[Row]]] = set()
        async for records in kafka.records(extent, topics):
            raws = [tuple(raw_of(record)) for record in records]
            for record in records:
                self._count(record.value)
            for start in range(0, len(raws), _CHUNK):
                task: Future[list[Row]] = pool.submit(working.decode, raws[start : start + _CHUNK])
                under_way.add(asyncio.wrap_future(task))
                if len(under_way) > 2 * self._wanted.processes:
                    under_way = await self._keep(under_way, file)
            self._tell(f"{self._report.counts['messages']:,} messages read")
        while under_way:
            under_way = await self._keep(under_way, file)
        file.commit()

    async def _keep(
        self, under_way: set[asyncio.Future[list[Row]]], file: sqlite3.Connection
    ) -> set[asyncio.Future[list[Row]]]:
        done, rest = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
        for each in done:
            keeping.write(file, each.result())
        return rest

    def _count(self, value: bytes | None) -> None:
        self._report.counts["messages"] += 1
        self._report.counts["bytes"] += len(value or b"")

    def _tell(self, text: str) -> None:
        if time.monotonic() - self._told > _TOLD_EVERY_SECONDS:
            self._told = time.monotonic()
            self._progress(text)

    def _world(self, extent: Extent, entries: Iterable[dict[str, object]], now: int) -> World:
        with closing(self._keeping.reader()) as file:
            held = holdings.withdrawable(lambda: keeping.of_kind(file, "mandate-events"))
        return World(
            participants=self._trust.participants,
            offered=offering.offered(entries),
            now=now,
            late_by=round(self._wanted.late_by * 1000),
            clock_bound=round(self._wanted.clock_bound * 1000),
            deadline_seconds=self._wanted.deadline_seconds,
            committed=extent.committed,
            begins=extent.begins,
            withdrawable=held,
        )

    # --- judging

    async def judged(self, world: World) -> Report:
        """Judge every login, then what is over all of them."""
        self._progress("judging")
        self._keeping.index()
        with closing(self._keeping.writer()) as file:
            with self._pool(working.ready_to_judge, self._folder, world) as pool:
                tasks = [asyncio.wrap_future(pool.submit(working.judge, *s)) for s in SHARDS]
                parts = [await task for task in tasks]
            for part in parts:
                self._add(part, file)
            file.commit()
            self._overall(file)
            await judge_records(self._wanted, self._trust, file, self._report)
            judge_logs(self._wanted.logs, file, self._opener, self._report)
        return self._report

    def _add(self, part: Judged, file: sqlite3.Connection) -> None:
        self._report.counts.update(part.counts)
        self._report.add([v for shown in part.violations.values() for v in shown], part.found)
        file.executemany("INSERT INTO pairs VALUES (?, ?, ?, ?)", part.pairs)
        file.executemany("INSERT INTO refusals VALUES (?, ?, ?, ?, ?)", part.refusals)
        file.executemany("INSERT OR IGNORE INTO hidden VALUES (?)", [(h,) for h in part.hidden])

    def _overall(self, file: sqlite3.Connection) -> None:
        shared = file.execute(
            "SELECT pseudonym, min(place), max(place) FROM pairs GROUP BY pseudonym"
            " HAVING count(DISTINCT dienstverlener) > 1 LIMIT 1000"
        )
        torn = file.execute(
            "SELECT whom, min(place), max(place) FROM pairs WHERE whom <> ''"
            " GROUP BY whom, dienstverlener HAVING count(DISTINCT pseudonym) > 1 LIMIT 1000"
        )
        self._report.add(list(judge_pairs(shared, torn)))

    # --- what was not judged

    def tell_limits(self, report: Report, extent: Extent) -> None:
        """Say what was not at hand, or is gone."""
        closed = sorted(
            each.name
            for each in self._trust.participants.values()
            if each.role in ("DV", "MR") and each.name not in self._opener.names
        )
        if closed:
            named = f"the private keys of {len(closed)} participants are not at hand"
            report.without(5, f"{named}: which permits rest on what was withdrawn")
            report.without(8, f"{named}: whether their pseudonyms are pairwise")
        cut = sorted({topic for (topic, _), first in extent.begins.items() if first > 0})
        if cut:
            some = ", ".join(cut[:3]) + (" and others" if len(cut) > 3 else "")
            for number in (1, 3, 9, 10):
                report.without(number, f"retention took the beginning of {len(cut)} topics: {some}")
        report.without(6, "that IDs are new for 12 months: topics keep a day; among what is there")
        if report.counts["waiting"]:
            report.notes.append(
                f"{report.counts['waiting']:,} messages wait to be read by their roles"
            )
        if extent.strange:
            report.notes.append(f"{len(extent.strange)} other topics were not looked at")


def phases(topics: Iterable[str]) -> list[list[str]]:
    """What to read first: what carries others comes after them."""
    found: list[list[str]] = [[], [], []]
    for topic in sorted(set(topics) - {CATALOGUE}):
        kind, _ = split(topic) or (DLQ, "")
        carries = kind != DLQ and bool(KINDS[kind].carries)
        found[2 if kind == "mandate-commands" else int(carries)].append(topic)
    return [each for each in found if each]
