"""What a role keeps, as the runner needs it: one row a login, claims, and the bytes that each input
led to. `store` keeps it in Postgres; whatever fulfils this contract will do.

A session is one worker's view. What is written in a transaction is written whole or not at all, and
only over what was read: else Conflict.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from pipeline.stage import Change, Key
from schemas.codec import Record


@dataclass(frozen=True)
class Row:
    """A login's row: `version` counts its writes, so that no writer overwrites another."""

    request_id: UUID
    version: int
    body: str
    due_at: datetime | None


@dataclass(frozen=True)
class Handled:
    """An input that was handled: what it led to, and where it stood (`partition:offset`; None where
    it came from no topic)."""

    outputs: Sequence[Record]
    position: str | None = None

    def is_at(self, position: str) -> bool:
        """Whether a record with the same bytes is this very one, delivered again: only then may
        its outputs not have been published. At another place it is a duplicate, and the first one
        is not committed before its outputs are published."""
        return self.position is None or self.position == position


@dataclass
class Writes:
    """What one batch changes, and what it rests on: things, each at the revision that was read."""

    rows: dict[UUID, Row] = field(default_factory=dict)
    handled: dict[UUID, Handled] = field(default_factory=dict)
    claims: dict[str, UUID] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    relied_on: dict[Key, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Known:
    """What is there before a batch is handled: inputs of it, and rows."""

    handled: dict[UUID, Handled]
    rows: dict[UUID, Row]


class Conflict(Exception):
    """Somebody else was first: handle again with what is there now."""

    def __init__(self, taken: frozenset[str] = frozenset()) -> None:
        super().__init__("conflict")
        self.taken = taken


class WrongGuess(Conflict):
    """What was guessed of the rows is not so, or cannot be found out by writing."""


class Session(Protocol):
    """One worker's view of what its role keeps."""

    @property
    def connection(self) -> Any:
        """What facts are read from, and changes written to."""

    def transaction(self) -> AbstractAsyncContextManager[Any]:
        """All that is written in the block, or nothing."""

    async def read(self, ids: Sequence[UUID], request_ids: Iterable[UUID]) -> Known:
        """Of these inputs, those handled before, and the rows of these logins, as they are at one
        instant."""

    async def handled(self, ids: Sequence[UUID]) -> dict[UUID, Handled]:
        """Of these inputs, those handled before."""

    async def is_anything_due(self, now: datetime, before: datetime) -> bool:
        """Whether `due_rows` or `unconfirmed` has any: cheaper than to ask for them."""

    async def due_rows(self, now: datetime, limit: int) -> list[Row]:
        """Rows whose time has come, earliest first; locked until the transaction ends, and those
        locked by another worker left to it."""

    async def write(
        self, writes: Writes, *, kept: Sequence[str] = (), unconfirmed: bool = False
    ) -> None:
        """Write it all, or raise Conflict. What it rests on is locked until the transaction ends,
        table by table as in `kept`, and has to be as it was read. `unconfirmed`: its outputs come
        from no input that would be delivered again."""

    async def store(self, writes: Writes, kept: Sequence[str], guessed: bool = False) -> None:
        """As `write`, in a transaction of its own, which has ended when this returns. `guessed`:
        the rows were not read, so that a Conflict is a WrongGuess."""

    async def unconfirmed(self, before: datetime, limit: int) -> dict[UUID, Sequence[Record]]:
        """What the sweep decided before this, and perhaps never published."""

    async def confirm(self, ids: Sequence[UUID]) -> None:
        """These are published."""

    async def prune(self, before: datetime, claims_before: datetime, limit: int) -> bool:
        """Forget what is older, at most `limit` of each kind: inputs whose outputs are published,
        rows in which nothing was due since then; and claims. Whether there may be more.

        What another worker holds is left to it.
        """


class Ledger(Protocol):
    """Where sessions come from."""

    def session(self) -> AbstractAsyncContextManager[Session]:
        """A session, for as long as the block runs."""
