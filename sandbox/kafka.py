"""Apache Kafka itself, one node that is broker and controller (KRaft), without Docker."""

import asyncio
import shutil
import signal
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from subprocess import Popen

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError

from pipeline.errors import ServerUnreachable
from sandbox import ports
from sandbox.guardian import guarded
from sandbox.java import Kafka, environment, installed, located
from sandbox.processes import stop, until_ready

JARS = Path(".herken") / "jars"
_STOP_SECONDS = 15.0
_STOPPED_BY_SIGTERM = 143
_REACH_SECONDS = 10.0
_PAUSE_SECONDS = 0.01
_PROBE = "herken.ready"
_TOPIC_EXISTS = 36

# Small numbers for a machine of two cores. Nothing is synced per message: that is Kafka's default.
_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller}
advertised.listeners=PLAINTEXT://{host}:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={logs}
auto.create.topics.enable=false
default.replication.factor=1
offsets.topic.num.partitions=8
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=8
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.coordinator.threads=1
share.coordinator.threads=1
num.network.threads=2
num.io.threads=4
background.threads=2
log.cleaner.threads=1
log.cleaner.dedupe.buffer.size=16777216
log.segment.delete.delay.ms=1000
"""


async def start(
    folder: Path, *, jars: Path, progress: Callable[[str], None], stack: AsyncExitStack
) -> str:
    """Start a Kafka with its data in `folder`, and stop it when `stack` closes.

    Returns its address. Raises: ServerFailed.
    """
    kafka = await installed(jars, progress)
    began = time.monotonic()
    port, controller = ports.free(2)
    properties = await asyncio.to_thread(_laid_out, folder, kafka, port, controller)
    address = f"{ports.LOOPBACK}:{port}"
    progress(f"starting Kafka on {address}")
    log_file = folder / "kafka.log"
    command = kafka.command("kafka.Kafka", str(properties), options=_learning(folder, kafka))
    process = guarded(command, env=environment(), log_file=log_file)
    await until_ready("Kafka", process, log_file, partial(_answers, address))
    stack.push_async_callback(_stop, process, folder, kafka)
    progress(f"Kafka is ready ({time.monotonic() - began:.1f} s)")
    return address


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


def _laid_out(folder: Path, kafka: Kafka, port: int, controller: int) -> Path:
    """The folder with formatted logs, those of an earlier start included, and the properties."""
    folder = folder.resolve()
    _learnt(folder).unlink(missing_ok=True)  # half of one, from a Kafka that was killed
    logs = folder / "logs"
    if not logs.exists():
        folder.mkdir(parents=True, exist_ok=True)
        half = folder / "logs.new"
        shutil.rmtree(half, ignore_errors=True)
        shutil.copytree(kafka.formatted, half)
        half.rename(logs)
    properties = folder / "server.properties"
    properties.write_text(
        _PROPERTIES.format(host=ports.LOOPBACK, port=port, controller=controller, logs=logs)
    )
    return properties


def _learning(folder: Path, kafka: Kafka) -> tuple[str, ...]:
    """The first Kafka that stops in peace leaves its classes to the later ones."""
    if kafka.kafka_archive.exists():
        return ()
    return (f"-XX:ArchiveClassesAtExit={_learnt(folder)}",)


def _learnt(folder: Path) -> Path:
    return folder.resolve() / "classes.jsa"


async def _stop(process: Popen[bytes], folder: Path, kafka: Kafka) -> None:
    await stop(process, signal.SIGTERM, seconds=_STOP_SECONDS)
    if process.returncode == _STOPPED_BY_SIGTERM:
        await asyncio.to_thread(_keep_learnt, _learnt(folder), kafka)


def _keep_learnt(learnt: Path, kafka: Kafka) -> None:
    if learnt.exists():
        beside = kafka.prepared / f"{learnt.name}-{time.monotonic_ns()}"
        shutil.move(learnt, beside)
        beside.replace(kafka.kafka_archive)


async def _answers(address: str) -> bool:
    """Whether a topic can be created (it is deleted again) and a group has a coordinator."""
    if not await _listens(address):
        return False
    try:
        return await _ask(address, _can_be_used)
    except (KafkaError, OSError):
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


async def _ask(addresses: str, question: Callable[[AIOKafkaAdminClient], Awaitable[bool]]) -> bool:
    admin = AIOKafkaAdminClient(bootstrap_servers=addresses)
    try:
        await admin.start()
        return await question(admin)
    finally:
        await admin.close()


async def _can_be_used(admin: AIOKafkaAdminClient) -> bool:
    """Asks for a coordinator first: that makes what the first consumer would have to wait for."""
    await admin.find_coordinator(_PROBE)
    created = await admin.create_topics([NewTopic(_PROBE, 1, 1)])
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
