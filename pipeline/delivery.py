"""The order that exactly-once rests on: decide and store, then publish, and only then note that it
was done. A crash between two of these leads to the earlier one once more, with the same bytes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from pipeline.runner import Runner
from schemas.codec import Record

Publish = Callable[[Sequence[Record]], Awaitable[None]]
"""Publishes, and returns when Kafka has it all."""


async def deliver(
    process: Callable[[], Awaitable[list[Record]]],
    publish: Publish,
    commit: Callable[[], Awaitable[None]],
) -> None:
    """A batch of a topic: handle it, publish what it led to, commit the offsets."""
    outputs = await process()
    await publish(outputs)
    await commit()


async def deliver_due(runner: Runner, publish: Publish) -> None:
    """What an earlier sweep left, and what is due now: decide that, publish it all, note that."""
    if not await runner.is_anything_due():
        return
    due = {**await runner.unconfirmed(), **await runner.due()}
    if due:
        await publish([record for records in due.values() for record in records])
        await runner.confirm(list(due))
