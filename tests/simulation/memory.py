"""The ledger in memory: what `pipeline.store` promises, without Postgres.

A statement sees what is committed when it runs, and its own transaction's locks hold until that
ends. What a transaction writes is there when it is committed, all at once; where it breaks off, or
its worker dies, nothing is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import inf
from typing import Any
from uuid import UUID

from pipeline.keys import utc_now
from pipeline.ledger import Conflict, Handled, Known, Row, Writes, WrongGuess
from pipeline.stage import Key
from schemas.codec import Record
from tests.simulation.locks import Locks
from tests.simulation.points import Point, Reach, reach
from tests.unit.builders import NOW


@dataclass
class Stored:
    """A row of `inputs`. `committed_at` is the step of its commit, `by` who wrote it."""

    handled: Handled
    unconfirmed: bool
    handled_at: datetime
    by: str = ""
    committed_at: int = 0


@dataclass
class MemoryLedger:
    """A role's rows. `clock` is the database's own; `step` counts what happens; `who` writes."""

    tables: dict[Any, Any] = field(default_factory=dict)
    clock: Callable[[], datetime] = utc_now
    reach: Reach = reach
    step: Callable[[], int] = int
    who: Callable[[], str] = str

    def __post_init__(self) -> None:
        self.rows: dict[UUID, Row] = {}
        self.inputs: dict[UUID, Stored] = {}
        self.claims: dict[str, UUID] = {}
        self.claimed_at: dict[str, datetime] = {}
        self.settled_at: dict[UUID, datetime] = {}
        self.changes: dict[Any, int] = {}
        self.locks = Locks(self.reach)
        self.writer: dict[UUID, str] = {}
        self.seen: Counter[str] = Counter()
        self.unconfirmed: set[UUID] = set()
        self.next_due: datetime | None = None
        self.next_due_us = inf

    def session(self) -> MemorySession:
        return MemorySession(self)

    def settle(self, row: Row, now: datetime) -> None:
        """Note since when nothing is due in a row."""
        if row.due_at is None:
            self.settled_at[row.request_id] = now
        else:
            self.settled_at.pop(row.request_id, None)

    def look_when_due(self) -> None:
        times = [row.due_at for row in self.rows.values() if row.due_at is not None]
        self.next_due = min(times, default=None)
        since = (self.next_due - NOW) / timedelta(microseconds=1) if self.next_due else inf
        self.next_due_us = since


class MemorySession:
    """One connection; what the facts are read from, too."""

    def __init__(self, ledger: MemoryLedger) -> None:
        self.ledger = ledger
        self.current: MemoryTransaction | None = None

    async def __aenter__(self) -> MemorySession:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None

    @property
    def connection(self) -> MemorySession:
        return self

    def transaction(self) -> MemoryTransaction:
        return MemoryTransaction(self)

    # --- reading

    async def read(self, ids: Sequence[UUID], request_ids: Iterable[UUID]) -> Known:
        handled, rows = await self.handled(ids), self.ledger.rows
        return Known(handled, {id_: rows[id_] for id_ in request_ids if id_ in rows})

    async def handled(self, ids: Sequence[UUID]) -> dict[UUID, Handled]:
        await self.ledger.reach(Point.LOOK_UP)
        inputs = self.ledger.inputs
        return {id_: inputs[id_].handled for id_ in ids if id_ in inputs}

    async def is_anything_due(self, now: datetime, before: datetime) -> bool:
        """Nothing is done by it, and nobody waits for it: it is no point to be interrupted at."""
        rows, inputs = self.ledger.rows.values(), self.ledger.inputs
        return any(row.due_at and row.due_at <= now for row in rows) or any(
            inputs[id_].handled_at < before for id_ in self.ledger.unconfirmed
        )

    async def due_rows(self, now: datetime, limit: int) -> list[Row]:
        await self.ledger.reach(Point.READ_DUE)
        mine, locks = self.mine, self.ledger.locks
        due = [row for row in self.ledger.rows.values() if row.due_at and row.due_at <= now]
        free = [row for row in due if not locks.blocking(("row", row.request_id), mine)]
        self.ledger.seen["due row left to who has it locked"] += len(due) - len(free)
        found = sorted(free, key=lambda row: row.due_at or now)[:limit]
        for row in found:
            await locks.acquire(("row", row.request_id), mine)
        return found

    async def unconfirmed(self, before: datetime, limit: int) -> dict[UUID, Sequence[Record]]:
        await self.ledger.reach(Point.LOOK_UP)
        inputs = self.ledger.inputs
        found = [id_ for id_ in self.ledger.unconfirmed if inputs[id_].handled_at < before]
        return {id_: inputs[id_].handled.outputs for id_ in found[:limit]}

    # --- writing

    @property
    def mine(self) -> MemoryTransaction:
        if self.current is None:
            raise LookupError("no transaction")
        return self.current

    async def store(self, writes: Writes, kept: Sequence[str], guessed: bool = False) -> None:
        try:
            async with self.transaction():
                await self.write(writes, kept=kept)
        except Conflict as conflict:
            self.ledger.seen["wrong guess"] += guessed
            raise (WrongGuess if guessed else conflict) from None

    async def write(
        self, writes: Writes, *, kept: Sequence[str] = (), unconfirmed: bool = False
    ) -> None:
        if writes.relied_on and not await self.still_hold(writes.relied_on, kept):
            self.ledger.seen["conflict: a revision"] += 1
            raise Conflict
        self.mine.writes, self.mine.unconfirmed = writes, unconfirmed
        await self._write_inputs(writes)
        if writes.claims:
            await self._write_claims(writes)
        if writes.rows:
            await self._write_rows(writes)
        for change in writes.changes:
            await change(self)  # type: ignore[arg-type]

    async def still_hold(self, relied_on: Mapping[Key, int], kept: Sequence[str]) -> bool:
        """Lock these things, and say whether each is at the revision that was read."""
        await self.ledger.reach(Point.LOCK)
        for key in sorted(relied_on, key=lambda each: (kept.index(each[0]), each[1])):
            await self.ledger.locks.acquire(key, self.mine, shared=True)
        tables = self.ledger.tables
        return all(key in tables and tables[key].revision == relied_on[key] for key in relied_on)

    async def _write_inputs(self, writes: Writes) -> None:
        await self.ledger.reach(Point.WRITE_INPUTS)
        for id_ in sorted(writes.handled):
            await self.ledger.locks.acquire(("input", id_), self.mine)
        if any(id_ in self.ledger.inputs for id_ in writes.handled):
            self.ledger.seen["conflict: an input"] += 1
            raise Conflict

    async def _write_claims(self, writes: Writes) -> None:
        await self.ledger.reach(Point.WRITE_CLAIMS)
        for name in sorted(writes.claims):
            await self.ledger.locks.acquire(("claim", name), self.mine)
        taken = frozenset(name for name in writes.claims if name in self.ledger.claims)
        if taken:
            self.ledger.seen["conflict: a claim"] += 1
            raise Conflict(taken)

    async def _write_rows(self, writes: Writes) -> None:
        await self.ledger.reach(Point.WRITE_ROWS)
        for id_ in sorted(writes.rows):
            await self.ledger.locks.acquire(("row", id_), self.mine)
        for row in writes.rows.values():
            before = self.ledger.rows.get(row.request_id)
            if before is not None and before.version != row.version - 1:
                first, second = self.ledger.writer.get(row.request_id, ""), self.ledger.who()
                self.ledger.seen[f"race: {first} before {second}"] += 1
                raise Conflict

    async def confirm(self, ids: Sequence[UUID]) -> None:
        await self.ledger.reach(Point.CONFIRM)
        for id_ in ids:
            self.ledger.inputs[id_].unconfirmed = False
            self.ledger.unconfirmed.discard(id_)

    # --- what is old

    async def prune(self, before: datetime, claims_before: datetime, limit: int) -> bool:
        """All at once: histories are over long before anything in them is old."""
        ledger, gone = self.ledger, []
        published = {id_: i.handled_at for id_, i in ledger.inputs.items() if not i.unconfirmed}
        for kind, ages, time, table in (
            ("claim", ledger.claimed_at, claims_before, ledger.claims),
            ("input", published, before, ledger.inputs),
            ("row", ledger.settled_at, before, ledger.rows),
        ):
            gone.append(self._forget(kind, ages, time, table, limit))
        return limit in gone

    def _forget(
        self, kind: str, ages: dict[Any, datetime], time: datetime, table: Any, limit: int
    ) -> int:
        """Without what a transaction has locked; how many they were."""
        blocking = self.ledger.locks.blocking
        old = [key for key, at in ages.items() if at < time and not blocking((kind, key), None)]
        oldest = sorted(old, key=lambda key: ages[key])[:limit]
        for key in oldest:
            table.pop(key, None)
            del ages[key]
        return len(oldest)


class MemoryTransaction:
    """All or nothing. `puts` are changes of tables, by their key."""

    def __init__(self, session: MemorySession) -> None:
        self.session, self.ledger = session, session.ledger
        self.locked: list[Any] = []
        self.waits_for: Any = None
        self.writes: Writes | None = None
        self.unconfirmed = False
        self.puts: dict[Any, Any] = {}

    async def __aenter__(self) -> MemoryTransaction:
        self.session.current, self.began_at = self, self.ledger.clock()
        return self

    async def __aexit__(self, kind: object, *_: object) -> None:
        try:
            if kind is None:
                await self.ledger.reach(Point.COMMIT)
                self._apply()
        finally:
            self.ledger.locks.release(self)
            self.session.current = None
        if kind is None:
            await self.ledger.reach(Point.COMMITTED)

    def _apply(self) -> None:
        ledger, writes = self.ledger, self.writes or Writes()
        step, who = ledger.step(), ledger.who()
        for id_, handled in writes.handled.items():
            ledger.inputs[id_] = Stored(handled, self.unconfirmed, self.began_at, who, step)
        if self.unconfirmed:
            ledger.unconfirmed.update(writes.handled)
        ledger.claims.update(writes.claims)
        ledger.claimed_at.update(dict.fromkeys(writes.claims, self.began_at))
        ledger.rows.update(writes.rows)
        for row in writes.rows.values():
            ledger.settle(row, self.began_at)
        ledger.look_when_due()
        ledger.writer.update(dict.fromkeys(writes.rows, who))
        ledger.tables.update(self.puts)
        ledger.changes.update(dict.fromkeys(self.puts, step))
