"""A real Kafka and a real Postgres for as long as a block runs: started here, or those of others.

async with running(Path(".herken/demo"), progress=print) as servers:
    ...  # servers.kafka, servers.postgres

async with running(folder, progress=print, brokers=3, environ={}) as servers:
    await servers.cluster.kill(2)  # what is started here can be hurt
    await servers.database.stop_now()
"""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

from pipeline.errors import ServerUnreachable
from sandbox import cluster, kafka, postgres
from sandbox.cluster import Cluster
from sandbox.kafka import JARS
from sandbox.postgres import Postgres
from sandbox.processes import ServerFailed

__all__ = ["JARS", "ServerFailed", "ServerUnreachable", "Servers", "running"]

A = TypeVar("A")
B = TypeVar("B")


@dataclass(frozen=True)
class Servers:
    """Where the servers are, and the handles to those that were started here."""

    kafka: str  # "127.0.0.1:PORT", with commas between the brokers
    postgres: str  # DSN of a superuser, "postgresql://postgres:PASSWORD@127.0.0.1:PORT/herken"
    folder: Path = field(compare=False)  # data and logs of those that were started here
    own_kafka: Cluster | None = field(default=None, compare=False)
    own_postgres: Postgres | None = field(default=None, compare=False)

    @property
    def cluster(self) -> Cluster:
        """Our own Kafka. Raises RuntimeError where HERKEN_KAFKA points to another one."""
        if self.own_kafka is None:
            raise RuntimeError("this Kafka was not started here")
        return self.own_kafka

    @property
    def database(self) -> Postgres:
        """Our own Postgres. Raises RuntimeError where HERKEN_POSTGRES points to another one."""
        if self.own_postgres is None:
            raise RuntimeError("this Postgres was not started here")
        return self.own_postgres


@asynccontextmanager
async def running(
    folder: Path,
    *,
    progress: Callable[[str], None],
    environ: Mapping[str, str] = os.environ,
    jars: Path = JARS,
    brokers: int = 1,
) -> AsyncIterator[Servers]:
    """Kafka and Postgres, ready, with data and logs in `folder`; `jars` is shared by all folders.

    HERKEN_KAFKA and HERKEN_POSTGRES in `environ` point to servers to use instead. What is started
    here stops with the block, and dies with this process whatever kills it.

    Raises: ServerFailed, ServerUnreachable.
    """
    kafka_given = environ.get("HERKEN_KAFKA", "")
    postgres_given = environ.get("HERKEN_POSTGRES", "")
    async with AsyncExitStack() as stack:
        own = partial(cluster.started, folder / "kafka", jars=jars, brokers=brokers)
        one = partial(own, progress=progress, stack=stack)
        other = partial(postgres.started, folder / "postgres", progress=progress, stack=stack)
        own_kafka, own_postgres = await _together(
            _unless(kafka_given, kafka.reach, one), _unless(postgres_given, postgres.reach, other)
        )
        yield Servers(
            kafka=own_kafka.address if own_kafka else kafka_given,
            postgres=own_postgres.dsn if own_postgres else postgres_given,
            folder=folder,
            own_kafka=own_kafka,
            own_postgres=own_postgres,
        )


async def _unless(
    given: str, reach: Callable[[str], Awaitable[None]], start: Callable[[], Awaitable[A]]
) -> A | None:
    """Start a server, unless one is given; that one has to answer."""
    if not given:
        return await start()
    await reach(given)
    return None


async def _together(one: Coroutine[None, None, A], other: Coroutine[None, None, B]) -> tuple[A, B]:
    """Both results; as soon as one fails, the other is given up and its error is raised."""
    first, second = asyncio.create_task(one), asyncio.create_task(other)
    try:
        return await asyncio.gather(first, second)
    finally:
        for task in (first, second):
            task.cancel()
        await asyncio.gather(first, second, return_exceptions=True)
