"""The labelled points of a stage, at which a worker can be killed, and the parts that know them.

    before read -> after read -> before commit -> after commit        (of the database)
    -> before publish -> after publish -> before offsets -> after offsets

A point of a stage is armed by a file of that name in the role's folder. Whichever worker reaches it
takes the file away, notes it in the journal, and kills itself: no buffer is flushed, no connection
closed. Nothing of this is in the product: these parts are put in through `herken.wiring.Parts`.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from pipeline.commits import Offsets
from pipeline.dead_letters import Limit
from pipeline.ledger import Row, Writes
from pipeline.service import Service
from pipeline.stage import Connection, Stage
from pipeline.store import PostgresSession, Store
from schemas.codec import Record

POINTS: Final = tuple(
    f"{when} {what}"
    for what in ("read", "commit", "publish", "offsets")
    for when in ("before", "after")
)
SWEEP: Final = "sweep"
"""Its reading is that of the due rows, and its offsets the note that they are published."""
_stage: ContextVar[str] = ContextVar("stage", default="")


@dataclass(frozen=True)
class Traps:
    """The armed points of one role, and the journal of those that were reached."""

    folder: Path
    journal: Path

    @property
    def delay(self) -> Path:
        """A file with the seconds that a batch waits for at most; there need not be one."""
        return self.journal.with_name(f"delay-{self.folder.name}")

    async def delayed(self) -> None:
        """Wait for as long as chance has it."""
        try:
            longest = float(self.delay.read_text() or 0)
        except FileNotFoundError:
            return
        await asyncio.sleep(random.uniform(0, longest))

    def arm(self, stage: str, point: str) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / f"{stage}.{point}").touch()

    def disarm(self) -> list[str]:
        """Take away what is armed; returns it."""
        armed = sorted(self.folder.glob("*")) if self.folder.exists() else []
        for each in armed:
            each.unlink(missing_ok=True)
        return [each.name for each in armed]

    def is_armed(self, label: str) -> bool:
        return (self.folder / label).exists()

    def disarm_one(self, label: str) -> None:
        (self.folder / label).unlink(missing_ok=True)

    def reach(self, point: str, stage: str | None = None) -> None:
        """Kill this process, if this point of this stage is armed."""
        label = f"{stage or _stage.get()}.{point}"
        try:
            (self.folder / label).unlink()
        except FileNotFoundError:
            return
        self.note(label)
        os.kill(os.getpid(), signal.SIGKILL)

    def note(self, label: str) -> None:
        """Whole lines, whoever writes at the same time."""
        line = f"{time.time():.3f} {os.getpid()} {label}\n"
        file = os.open(self.journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(file, line.encode())
        os.close(file)


class TrappedService(Service):
    """The service, with its points."""

    def __init__(self, traps: Traps, *parts: Any) -> None:
        self.traps = traps
        super().__init__(*parts)

    async def run(self) -> None:
        self.traps.note("starting")
        await super().run()

    def _be_patient(self) -> None:
        super()._be_patient()
        for subscriber, stage in zip(self._subscribers.values(), self._role.stages, strict=True):
            subscriber.consumer.getmany = self._reading(subscriber.consumer.getmany, stage)

    def _reading(
        self, getmany: Callable[..., Awaitable[Any]], stage: Stage
    ) -> Callable[..., Awaitable[Any]]:
        async def read(**how: Any) -> Any:
            batches = await getmany(**how)
            if batches:
                self.traps.reach("before read", stage.topic.name)
            return batches

        return read

    async def process(self, stage: Stage, records: Sequence[Record], limit: Limit) -> list[Record]:
        _stage.set(stage.topic.name)
        self.traps.reach("after read")
        await self.traps.delayed()
        return await super().process(stage, records, limit)

    async def publish(self, records: Sequence[Record]) -> None:
        self.traps.reach("before publish")
        await super().publish(records)
        self.traps.reach("after publish")

    async def commit(self, stage: Stage, offsets: Offsets) -> None:
        self.traps.reach("before offsets")
        await super().commit(stage, offsets)
        self.traps.reach("after offsets")

    async def _sweep(self) -> None:
        _stage.set(SWEEP)
        await super()._sweep()


class TrappedStore(Store):
    """The store, with its points."""

    def __init__(self, traps: Traps, pool: Any) -> None:
        super().__init__(pool)
        self._traps = traps

    @asynccontextmanager
    async def session(self) -> AsyncIterator[PostgresSession]:
        async with self.connection() as connection:
            yield _TrappedSession(self._traps, connection)


class _TrappedSession(PostgresSession):
    def __init__(self, traps: Traps, connection: Connection) -> None:
        super().__init__(connection)
        self._traps, self._has_written = traps, False

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        async with super().transaction():
            yield
            if self._has_written:
                self._traps.reach("before commit")
        if self._has_written:
            self._traps.reach("after commit")

    async def store(self, writes: Writes, kept: Sequence[str], guessed: bool = False) -> None:
        """Where it is one statement, nothing is between its work and its commit."""
        if not writes.changes:
            self._traps.reach("before commit")
        await super().store(writes, kept, guessed)
        if not self._has_written:
            self._traps.reach("after commit")

    async def write(
        self, writes: Writes, *, kept: Sequence[str] = (), unconfirmed: bool = False
    ) -> None:
        self._has_written = True
        await super().write(writes, kept=kept, unconfirmed=unconfirmed)

    async def due_rows(self, now: datetime, limit: int) -> list[Row]:
        self._traps.reach("before read")
        rows = await super().due_rows(now, limit)
        if rows:
            self._traps.reach("after read")
        return rows

    async def confirm(self, ids: Sequence[UUID]) -> None:
        self._traps.reach("before offsets")
        await super().confirm(ids)
        self._traps.reach("after offsets")
