"""Where a worker can be interrupted: every statement, every publication, every commit."""

from __future__ import annotations

import types
from collections.abc import Awaitable, Callable, Generator
from enum import StrEnum
from typing import Any, Protocol


class Point(StrEnum):
    """What a worker is about to do; the names that end a transaction: what it has just done."""

    LOOK_UP = "before looking up its inputs and rows"
    READ_FACTS = "before reading its facts"
    READ_DUE = "before reading what is due"
    LOCK = "before locking what it rests on"
    WRITE_INPUTS = "before writing its inputs"
    WRITE_CLAIMS = "before writing its claims"
    WRITE_ROWS = "before writing its rows"
    COMMIT = "before the commit"
    COMMITTED = "after the commit, before it knows"
    PUBLISH = "before a publication"
    PUBLISHED = "after publishing, before committing offsets"
    OFFSETS_COMMITTED = "after committing offsets"
    CONFIRM = "before confirming what is published"
    RETRY = "waiting before it tries again"


class Waiting(Protocol):
    """Somebody waits for a lock."""

    def is_over(self) -> bool: ...


Reach = Callable[[Point | Waiting], Awaitable[Any]]
"""Says that a point is reached, and goes on when the worker may."""


@types.coroutine
def reach(point: Point | Waiting) -> Generator[Point | Waiting, None, None]:
    """Hand the turn to the scheduler; it may never come back."""
    yield point
