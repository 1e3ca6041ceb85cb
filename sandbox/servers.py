"""A real Kafka and a real Postgres for as long as a block runs: started here, or those of others.

async with running(Path(".herken/demo"), progress=print) as servers:
    ...  # servers.kafka, servers.postgres
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.errors import ServerUnreachable
from sandbox import kafka, postgres
from sandbox.kafka import JARS
from sandbox.processes import ServerFailed

__all__ = ["JARS", "ServerFailed", "ServerUnreachable", "Servers", "running"]


@dataclass(frozen=True)
class Servers:
    """Where the servers are."""

    kafka: str  # "127.0.0.1:PORT"
    postgres: str  # DSN of a superuser, "postgresql://postgres:PASSWORD@127.0.0.1:PORT/herken"
    folder: Path = field(compare=False)  # data and logs of those that were started here


@asynccontextmanager
async def running(
    folder: Path,
    *,
    progress: Callable[[str], None],
    environ: Mapping[str, str] = os.environ,
    jars: Path = JARS,
) -> AsyncIterator[Servers]:
    """Kafka and Postgres, ready, with data and logs in `folder`; `jars` is shared by all folders.

    HERKEN_KAFKA and HERKEN_POSTGRES in `environ` point to servers to use instead. What is started
    here stops with the block, and dies with this process whatever kills it.

    Raises: ServerFailed, ServerUnreachable.
    """
    async with AsyncExitStack() as stack:
        one = _kafka(environ.get("HERKEN_KAFKA"), folder / "kafka", jars, progress, stack)
        other = _postgres(environ.get("HERKEN_POSTGRES"), folder / "postgres", progress, stack)
        addresses = await _together(one, other)
        yield Servers(kafka=addresses[0], postgres=addresses[1], folder=folder)


async def _kafka(
    given: str | None,
    folder: Path,
    jars: Path,
    progress: Callable[[str], None],
    stack: AsyncExitStack,
) -> str:
    if not given:
        return await kafka.start(folder, jars=jars, progress=progress, stack=stack)
    await kafka.reach(given)
    return given


async def _postgres(
    given: str | None, folder: Path, progress: Callable[[str], None], stack: AsyncExitStack
) -> str:
    if not given:
        return await postgres.start(folder, progress=progress, stack=stack)
    await postgres.reach(given)
    return given


async def _together(*starts: Coroutine[None, None, str]) -> list[str]:
    """All results; as soon as one fails, the others are given up and its error is raised."""
    tasks = [asyncio.create_task(start) for start in starts]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
