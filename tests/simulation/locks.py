"""Row locks of Postgres: held until a transaction ends, waited for, never in a circle."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import asyncpg

from tests.simulation.points import Reach


@dataclass(frozen=True)
class LockWait:
    """A transaction that waits for others to end."""

    locks: Locks
    mine: Any

    def is_over(self) -> bool:
        return self.locks.is_free(self.mine)


class Locks:
    """Who holds what. A holder is a transaction; what it waits for stands in `waits_for`."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach
        self._held: dict[Hashable, dict[Any, bool]] = {}

    async def acquire(self, key: Hashable, mine: Any, *, shared: bool = False) -> None:
        """Raises DeadlockDetectedError where somebody who has it waits for us."""
        while others := self.blocking(key, mine, shared=shared):
            if any(_waits_for(other, mine) for other in others):
                raise asyncpg.DeadlockDetectedError("waiting in a circle")
            mine.waits_for = key, shared
            await self._reach(LockWait(self, mine))
        mine.waits_for = None
        held = self._held.setdefault(key, {})
        held[mine] = shared and held.get(mine, True)
        mine.locked.append(key)

    def blocking(self, key: Hashable, mine: Any, *, shared: bool = False) -> list[Any]:
        """Transactions that have to end first."""
        held = self._held.get(key)
        if not held:
            return []
        return [
            each
            for each, is_shared in held.items()
            if each is not mine and not (shared and is_shared)
        ]

    def is_free(self, mine: Any) -> bool:
        """Whether what a transaction waits for is free now."""
        if mine.waits_for is None:
            return True
        key, shared = mine.waits_for
        return not self.blocking(key, mine, shared=shared)

    def release(self, mine: Any) -> None:
        for key in mine.locked:
            held = self._held.get(key, {})
            held.pop(mine, None)
            if not held:
                self._held.pop(key, None)
        mine.locked.clear()
        mine.waits_for = None


def _waits_for(one: Any, other: Any) -> bool:
    """Whether one waits, directly or not, for the other."""
    if one.waits_for is None:
        return False
    key, shared = one.waits_for
    return any(
        each is other or _waits_for(each, other)
        for each in one.ledger.locks.blocking(key, one, shared=shared)
    )
