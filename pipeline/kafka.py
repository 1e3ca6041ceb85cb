"""Kafka clients that are started together, stopped together, and say plainly what is wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, TypeAlias

import structlog
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError, UnknownTopicOrPartitionError

from pipeline.errors import ServerUnreachable, WrongUse

log = structlog.get_logger()

Client: TypeAlias = Any
"""An AIOKafkaConsumer or AIOKafkaProducer; the library has no types."""


START_SECONDS, STOP_SECONDS = 30.0, 10.0
PATIENCE: Final[dict[str, Any]] = {"request_timeout_ms": 10_000, "metadata_max_age_ms": 5_000}
"""A broker that hangs keeps its connections. Kafka leads its partitions elsewhere after 9 s. What
was asked before that waits for the first of these; who leads what now is known after the second.
With the library's own 40 s and 5 minutes, logins would miss their deadline.
"""
KEEP_TRYING_SECONDS = 86_400.0
FETCH_WAIT_MS: Final = 5_000
"""How long Kafka keeps a question for records when there are none; records end it at once. With the
library's 500 ms, an idle network asks and answers a hundred times a second. Less than
`request_timeout_ms`. See `fetch_together`."""


@asynccontextmanager
async def started(servers: str, *clients: Client) -> AsyncIterator[None]:
    """Start clients, and stop them at the end of the block. Consumers without a group have then
    found their place: they read whatever is published from now on.

    Raises ServerUnreachable; WrongUse where a topic is not there.
    """
    try:
        await _start(servers, clients)
        yield
    finally:
        await _stop(clients)


async def _start(servers: str, clients: tuple[Client, ...]) -> None:
    try:
        async with asyncio.timeout(START_SECONDS):
            await asyncio.gather(*(client.start() for client in clients))
            await asyncio.gather(*(_placed(client) for client in clients))
    except UnknownTopicOrPartitionError:
        raise WrongUse("a topic is not there: run `herken setup topics` first") from None
    except (KafkaError, OSError) as error:
        raise unreachable(servers, error) from None


async def _stop(clients: tuple[Client, ...]) -> None:
    """Stop clients. What cannot be sent in time is given up; and while a server is away, a consumer
    may end with a CancelledError of its own, which must not end us."""
    with suppress(TimeoutError):
        async with asyncio.timeout(STOP_SECONDS):
            stopping = (client.stop() for client in clients)
            for error in await asyncio.gather(*stopping, return_exceptions=True):
                if error is not None:
                    log.warning("not_stopped", error=type(error).__name__)


async def _placed(client: Client) -> None:
    if isinstance(client, AIOKafkaConsumer) and client._group_id is None:
        await asyncio.gather(*(client.position(partition) for partition in client.assignment()))


def keep_trying(producer: Client) -> None:
    """Let a started, idempotent producer send each batch until Kafka has it.

    The library gives up what has waited as long as one request may take, where its partition has
    no leader just then, as when all brokers start again. The batches after it would leave a gap in
    the producer's numbers, and Kafka would take nothing more from it.
    """
    producer._message_accumulator._batch_ttl = KEEP_TRYING_SECONDS
    producer._request_timeout_ms = KEEP_TRYING_SECONDS * 1000  # how long a full batch is waited for


def fetch_together(consumer: Client) -> None:
    """Let a started consumer ask for all its partitions at once, or not at all.

    The library asks for the others when records of one have been waiting for 100 ms; it asks one
    question a broker at a time, so that whoever is read meanwhile would have to wait until that is
    answered, which may take as long as FETCH_WAIT_MS.
    """
    consumer._fetcher._prefetch_backoff = KEEP_TRYING_SECONDS


def unreachable(servers: str, error: Exception) -> ServerUnreachable:
    """Says which server, and what to look at."""
    return ServerUnreachable(
        f"Kafka at {servers} does not answer ({type(error).__name__}): is it running, and is "
        "HERKEN_KAFKA right?"
    )
