"""Processes of the benchmark's own: each says that it is ready, and ends when its stdin does."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import psutil

from benchmarks.arrivals import READY
from pipeline.errors import HerkenError

_READY_SECONDS, _LOGINS_SECONDS, _END_SECONDS = 60.0, 200.0, 10.0


class ChildFailed(HerkenError):
    """A process of the benchmark did not do what it should."""


@asynccontextmanager
async def child(
    *module: str,
    log: Path,
    python: Path = Path(sys.executable),
    environment: Mapping[str, str] = os.environ,
) -> AsyncIterator[asyncio.subprocess.Process]:
    """`python -m MODULE ARGUMENTS`, ready. Raises ChildFailed."""
    with log.open("ab") as stderr:
        process = await asyncio.create_subprocess_exec(
            *(str(python), "-m", *module),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=stderr,
            env=dict(environment),
            limit=16 * 1_048_576,
        )
    try:
        if await answer(process, _READY_SECONDS) != READY:
            raise ChildFailed(f"{module[0]} is not ready: see {log}")
        yield process
    finally:
        await _ended(process)


async def answer(process: asyncio.subprocess.Process, seconds: float) -> str:
    """The next line that it prints; nothing where it ended, or took longer."""
    if process.stdout is None:
        return ""
    with suppress(TimeoutError):
        return (await asyncio.wait_for(process.stdout.readline(), seconds)).decode().strip()
    return ""


async def asked(process: asyncio.subprocess.Process, instants: Sequence[float]) -> list[float]:
    """What the logins at these instants took, in a process that serves them. Raises ChildFailed."""
    if process.stdin is None:
        raise ChildFailed("a process without stdin")
    process.stdin.write(json.dumps(instants).encode() + b"\n")
    await process.stdin.drain()
    line = await answer(process, max(instants) + _LOGINS_SECONDS)
    if not line:
        raise ChildFailed("logins at a peer failed, or took too long: its log says which")
    latencies: list[float] = json.loads(line)
    return latencies


async def _ended(process: asyncio.subprocess.Process) -> None:
    if process.stdin is not None:
        process.stdin.close()
    try:
        await asyncio.wait_for(process.wait(), _END_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()


async def until_stdin_ends() -> None:
    """In the child: say that it is ready, and return when it should end."""
    print(READY, flush=True)
    await asyncio.to_thread(sys.stdin.read)


def observed(processes: Sequence[asyncio.subprocess.Process]) -> list[psutil.Process]:
    return [psutil.Process(process.pid) for process in processes]
