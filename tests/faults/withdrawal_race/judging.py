"""What was decided before what, by the times at which Postgres committed it.

The registry writes a decision's row (`inputs`) once, so that its `xmin` is the transaction of the
decision; a withdrawal is the last write of what it ends. A commit's time is taken before it is
answered, and while its locks are still held: of two transactions of which one waited for the other,
the first one's is smaller.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import asyncpg

from schemas.topics import CONFIRMATIONS, MANDATE_DECISIONS
from tests.faults.withdrawal_race.ground import MAKELAAR
from tests.faults.withdrawal_race.playing import WITHDRAWN, Thrown, told

CONCURRENT: Final = timedelta(milliseconds=50)
GRANTS: Final = ("permit", "confirmed")
_DECISIONS = (MANDATE_DECISIONS.of(MAKELAAR), CONFIRMATIONS.of(MAKELAAR))


@dataclass(frozen=True)
class Decision:
    """One decision, as it was stored, and how long after the withdrawal it was committed."""

    kind: str
    status: str
    after: timedelta

    @property
    def is_grant(self) -> bool:
        return self.status in GRANTS

    @property
    def is_violation(self) -> bool:
        """A grant, not committed before the withdrawal; the same microsecond is not before."""
        return self.is_grant and self.after >= timedelta(0)


@dataclass(frozen=True)
class Judged:
    """What is reported."""

    decisions: Sequence[Decision]
    thrown: Sequence[Thrown]
    undecided: int

    @property
    def violations(self) -> list[Decision]:
        return [each for each in self.decisions if each.is_violation]

    @property
    def granted_after_the_answer(self) -> int:
        """Queries that were sent after the withdrawal was answered, and granted all the same."""
        return sum(each.after in GRANTS for each in self.thrown)

    @property
    def not_withdrawn(self) -> int:
        return sum(each.came_to not in WITHDRAWN for each in self.thrown)

    @property
    def holds(self) -> bool:
        failed = (self.granted_after_the_answer, self.not_withdrawn, self.undecided)
        return not self.violations and not any(failed)

    def report(self) -> dict[str, Any]:
        grants = [each for each in self.decisions if each.is_grant]
        denials = [each for each in self.decisions if not each.is_grant]
        near = [each for each in self.decisions if abs(each.after) <= CONCURRENT]
        late = [each.after / timedelta(milliseconds=1) for each in self.violations]
        return {
            "withdrawals": len(self.thrown),
            "by_kind": dict(Counter(str(each.case.kind) for each in self.thrown)),
            "not_withdrawn": self.not_withdrawn,
            "queries": len(self.decisions) + self.undecided,
            "undecided": self.undecided,
            "permits": len(grants),
            "denials": len(denials),
            "concurrent_ms": CONCURRENT // timedelta(milliseconds=1),
            "permits_concurrent": sum(each.is_grant for each in near),
            "denials_concurrent": sum(not each.is_grant for each in near),
            "granted_after_the_answer": self.granted_after_the_answer,
            "violations": len(self.violations),
            "violations_by_kind": dict(Counter(each.kind for each in self.violations)),
            "latest_violation_ms": round(max(late), 1) if late else None,
            "holds": self.holds,
        }


async def judge(dsn: str, thrown: Sequence[Thrown]) -> Judged:
    """Read the registry's tables when all is over."""
    connection = await asyncpg.connect(dsn)
    try:
        decided = await _decided(connection)
        ended = await _ended(connection)
    finally:
        await connection.close()
    found: list[Decision] = []
    undecided = 0
    for each in thrown:
        for query in each.queries:
            at, status = decided.get(query, (None, ""))
            if at is None or each.case.thing.id not in ended:
                undecided += 1
            else:
                found.append(Decision(str(each.case.kind), status, at - ended[each.case.thing.id]))
    return Judged(found, thrown, undecided)


async def _decided(connection: asyncpg.Connection) -> dict[UUID, tuple[datetime, str]]:
    """Of every query, when its decision was committed, and which it is."""
    found = {}
    async with connection.transaction():
        query = "SELECT id, pg_xact_commit_timestamp(xmin) AS at, outputs FROM inputs"
        async for row in connection.cursor(query, prefetch=500):
            status = _status(row["outputs"])
            if status is not None:
                found[row["id"]] = row["at"], status
    return found


def _status(outputs: str) -> str | None:
    texts = [value for topic, _, value, _ in json.loads(outputs) if topic in _DECISIONS]
    return told(texts[0]) if texts else None


async def _ended(connection: asyncpg.Connection) -> dict[UUID, datetime]:
    """Of everything that is withdrawn, when that was committed: it is its last write."""
    found = {}
    for table in ("mandates", "links", "assignments"):
        rows = await connection.fetch(
            "SELECT id, pg_xact_commit_timestamp(xmin) AS at"
            f" FROM {table} WHERE withdrawn_at IS NOT NULL"
        )
        found.update({row["id"]: row["at"] for row in rows})
    return found
