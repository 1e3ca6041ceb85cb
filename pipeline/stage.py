"""What a stage is: `handle(row, received, facts, moment) -> Step`, and nothing of I/O.

A role is a handful of stages over its own rows, one row a login.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

import asyncpg
from pydantic import BaseModel

from schemas.codec import Faulty, Received
from schemas.directory import Participant
from schemas.message import Message
from schemas.topics import Topic

S = TypeVar("S", bound=BaseModel)
K = TypeVar("K")
Connection = asyncpg.pool.PoolConnectionProxy
Change = Callable[[Connection], Awaitable[object]]
Key = tuple[str, UUID]
"""A thing that a role keeps beside its logins: its table, and its ID there."""


@dataclass(frozen=True)
class Moment:
    """What a handler may not make up itself: the time, something nobody can guess, and the ID
    of the input that is being handled.

    waited  seconds since Kafka took that input, by this process's clock and Kafka's
    behind  seconds by which logins wait longer here than usual; no two clocks are compared
    """

    now: datetime
    nonce: str
    input_id: UUID
    waited: float = 0.0
    behind: float = 0.0


@dataclass(frozen=True)
class Outgoing:
    """A message to send: on a topic of `owner`, readable as evidence by `also` (EntityIDs)."""

    topic: Topic
    owner: Participant
    message: Message
    also: tuple[str, ...] = ()


@dataclass(frozen=True)
class Step(Generic[S]):
    """What handling one message leads to.

    row      the login's new row; None leaves it as it is
    due_at   when the sweep has to look at the row again; None: never
    send     messages, sent after the row is safely stored
    claims   what may happen once only (a one-time code)
    lost     makes the step that is taken where one of the claims was taken before; None: nothing
    changes  writes to the role's own tables, in the same transaction
    relies_on  of the role's own tables, what was read and at which revision: where it is another
             one by the time of writing, the message is handled again with what is there then
    repeat   send once more, byte for byte, what this earlier input led to
    reject   dead-letter the message for this reason, and do nothing else
    """

    row: S | None = None
    due_at: datetime | None = None
    send: Sequence[Outgoing] = ()
    claims: frozenset[str] = frozenset()
    lost: Callable[[], Step[S]] | None = None
    changes: Sequence[Change] = ()
    relies_on: Mapping[Key, int] = field(default_factory=dict)
    repeat: UUID | None = None
    reject: str | None = None


@dataclass(frozen=True)
class Batch(Generic[K]):
    """What facts are loaded for: messages, the rows of their logins, and what the role knows."""

    connection: Connection
    received: Sequence[Received[Any]]
    row: Callable[[UUID], Any]
    known: K
    now: datetime


Facts = Callable[[Batch[Any]], Awaitable[Sequence[Any]]]
Handle = Callable[[Any, Received[Any], Any, Moment], Step[Any]]
HandleFaulty = Callable[[Any, Faulty, Any, Moment], Step[Any]]
HandleDue = Callable[[Any, Any, Moment], Step[Any]]


@dataclass(frozen=True)
class Stage:
    """One topic, and what to do with each of its messages.

    facts    what the role's own tables say about a batch: one fact a message, in its order;
             None: what the role knows is enough, and the handler gets that
    faulty   answers what is authentic but wrong; None dead-letters it
    busy     refuses what has waited too long because there is more than the stage can do, without
             facts of its own; None: all is handled, however long it takes
    batch    at most so many messages at once
    begins   logins begin here: what comes is mostly of one that nobody knows yet
    """

    topic: Topic
    handle: Handle
    facts: Facts | None = None
    faulty: HandleFaulty | None = None
    busy: Handle | None = None
    batch: int = 200
    begins: bool = False


@dataclass(frozen=True)
class RoleStages(Generic[S]):
    """A participant's whole behaviour.

    row     the model of its row, one a login
    known   what it knows at this moment: itself, the directory, its settings
    stages  one a topic that it reads
    due     what it does with a row whose time has come
    kept    its tables that steps rely on, each with `id` and `revision`, in the order in which
            whoever needs rows of several locks them
    """

    row: type[S]
    known: Callable[[], Any]
    stages: Sequence[Stage]
    due: HandleDue | None = None
    kept: Sequence[str] = ()
