"""Arrivals: an open loop, in which nobody waits for anybody's answer.

A latency counts from the instant for which its arrival was scheduled. Standard library only: the
logins at the peers are driven in an environment of their own.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable, Sequence

Login = Callable[[], Awaitable[None]]
"""One login, from beginning to end. Raises where it does not come to what it must."""
READY = "ready"
_LEAD_SECONDS = 0.05
_PATIENCE_SECONDS = 180.0
"""After the last arrival: then, something is wrong."""


def at_once(count: int) -> list[float]:
    """Instants, in seconds."""
    return [0.0] * count


def steadily(rate: float, seconds: float) -> list[float]:
    """So many a second, evenly."""
    return [number / rate for number in range(round(rate * seconds))]


async def drive(login: Login, instants: Sequence[float]) -> list[float]:
    """What each login took (ms), whoever was late in between.

    Raises ExceptionGroup of what they raise; TimeoutError where one does not end.
    """
    last = max(instants, default=0.0)
    began = time.perf_counter() + _LEAD_SECONDS

    async def one(instant: float) -> float:
        await asyncio.sleep(began + instant - time.perf_counter())
        await login()
        return (time.perf_counter() - began - instant) * 1000

    async with asyncio.timeout(last + _PATIENCE_SECONDS), asyncio.TaskGroup() as logins:
        tasks = [logins.create_task(one(instant)) for instant in instants]
    return [task.result() for task in tasks]


async def serve(login: Login) -> None:
    """For a process of its own: read lines of instants, and print lines of what they took; both
    are JSON. Until stdin ends."""
    print(READY, flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        print(json.dumps(await drive(login, json.loads(line))), flush=True)
