"""Questions to a Kafka: is it there, can it be used, does it have every message twice?"""

import asyncio
from collections.abc import Awaitable, Callable, Set
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError

from pipeline.errors import ServerUnreachable
from sandbox.java import located

JARS = Path(".herken") / "jars"
_REACH_SECONDS = 10.0
_PAUSE_SECONDS = 0.01
_PROBE = "herken.ready"
_TOPIC_EXISTS = 36

A = TypeVar("A")
Question: TypeAlias = Callable[[AIOKafkaAdminClient], Awaitable[A]]


async def reach(addresses: str) -> None:
    """Return when the Kafka at `addresses` ("host:port,...") answers.

    Raises: ServerUnreachable.
    """
    try:
        async with asyncio.timeout(_REACH_SECONDS):
            if any([await _listens(address) for address in addresses.split(",")]):
                await _ask(addresses, _names_topics)
                return
    except (KafkaError, OSError, TimeoutError, ValueError):
        pass
    raise ServerUnreachable(
        f"no Kafka answers at {addresses}, where HERKEN_KAFKA points. Start it or correct the "
        "variable; without the variable, a Kafka is started here."
    )


def console_consumer_argv(
    kafka: str, include: str = ".*", *, jars: Path = JARS, timeout_ms: int = 5_000
) -> list[str]:
    """The command line of Kafka's own console consumer, to print all topics that match `include`.

    A message is a line of timestamp, partition, offset, headers, key and value, with tabs between;
    its topic cannot be shown. Kafka's internal topics are left out. The exit code is 0, when no
    message came for `timeout_ms`; what the consumer has to say itself is on stderr.
    `jars` is where `sandbox.java.installed` has put them.
    """
    shown = ("timestamp", "partition", "offset", "headers", "key", "value")
    arguments = [f"--formatter-property=print.{what}=true" for what in shown]
    return located(jars).command(
        "org.apache.kafka.tools.consumer.ConsoleConsumer",
        *("--bootstrap-server", kafka, "--include", include),
        *("--from-beginning", "--timeout-ms", str(timeout_ms), *arguments),
        options=("-Dherken.log.level=WARN",),
    )


async def can_be_used(address: str, copies: int) -> bool:
    """Whether a topic can be created (it is deleted again) and a group has a coordinator."""

    async def question(admin: AIOKafkaAdminClient) -> bool:
        return await _can_be_used(admin, copies)

    return await _answers(address, question)


async def is_in_sync(address: str, nodes: Set[int]) -> bool:
    """Whether the node at `address` knows that every partition has a leader among `nodes`, and
    that those of its copies that are on these nodes have all of it."""

    async def question(admin: AIOKafkaAdminClient) -> bool:
        registered = {each["node_id"] for each in (await admin.describe_cluster())["brokers"]}
        return nodes <= registered and all(
            _has_all_copies(each, nodes) for each in await _partitions(admin)
        )

    return await _answers(address, question)


async def leaders(address: str) -> list[int]:
    """For each partition, its leader's node; -1 where there is none. Raises: KafkaError."""

    async def question(admin: AIOKafkaAdminClient) -> list[int]:
        return [each["leader"] for each in await _partitions(admin)]

    return await _ask(address, question)


async def _partitions(admin: AIOKafkaAdminClient) -> list[dict[str, Any]]:
    return [each for topic in await admin.describe_topics() for each in topic["partitions"]]


def _has_all_copies(partition: dict[str, Any], nodes: Set[int]) -> bool:
    there = nodes & set(partition["replicas"])
    return partition["leader"] in nodes and there <= set(partition["isr"])


async def _answers(address: str, question: Question[bool]) -> bool:
    """The answer; no, where there is none in time."""
    with suppress(KafkaError, OSError, TimeoutError):
        async with asyncio.timeout(_REACH_SECONDS):
            return await _listens(address) and await _ask(address, question)
    return False


async def _listens(addresses: str) -> bool:
    """Without this, the client would write of every attempt to the log."""
    host, _, port = addresses.split(",", maxsplit=1)[0].rpartition(":")
    try:
        _, writer = await asyncio.open_connection(host, int(port))
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True


async def _ask(addresses: str, question: Question[A]) -> A:
    admin = AIOKafkaAdminClient(bootstrap_servers=addresses)
    try:
        await admin.start()
        return await question(admin)
    finally:
        await admin.close()


async def _can_be_used(admin: AIOKafkaAdminClient, copies: int) -> bool:
    """Asks for a coordinator first: that makes what the first consumer would have to wait for."""
    await admin.find_coordinator(_PROBE)
    created = await admin.create_topics([NewTopic(_PROBE, 1, copies)])
    if created.topic_errors[0][1] not in {0, _TOPIC_EXISTS}:
        return False
    await _until_probe_is(True, admin)
    await admin.delete_topics([_PROBE])
    await _until_probe_is(False, admin)
    return True


async def _until_probe_is(there: bool, admin: AIOKafkaAdminClient) -> None:
    """The controller answers before the broker knows."""
    while (_PROBE in await admin.list_topics()) != there:
        await asyncio.sleep(_PAUSE_SECONDS)


async def _names_topics(admin: AIOKafkaAdminClient) -> bool:
    await admin.list_topics()
    return True
