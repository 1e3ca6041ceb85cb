"""One node of a Kafka cluster: broker and controller in one process (KRaft), without Docker."""

import asyncio
import json
import resource
import shutil
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_urlsafe
from subprocess import Popen

from sandbox import ports
from sandbox.guardian import guarded
from sandbox.java import Kafka, environment
from sandbox.processes import ended, stop

COPIES = 3
"""At most so many copies of a partition; with three, two must have a message before it counts."""
_STOP_SECONDS = 15.0
_STOPPED_BY_SIGTERM = 143
_HEAP_OF_SEVERAL = ("-Xmx256m",)
_FORMATTED_ID = 1

# Small numbers for a machine of two cores. Nothing is synced per message: that is Kafka's default.
# How long until a broker counts as gone (9 s) and until another controller is elected (about 2 s)
# are Kafka's defaults too, as in compose.yaml.
_PROPERTIES = """\
process.roles=broker,controller
node.id={id}
controller.quorum.voters={voters}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller}
advertised.listeners=PLAINTEXT://{host}:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={logs}
auto.create.topics.enable=false
message.max.bytes=4194304
replica.fetch.max.bytes=4194304
default.replication.factor={copies}
min.insync.replicas={acknowledged}
offsets.topic.num.partitions=8
offsets.topic.replication.factor={copies}
transaction.state.log.num.partitions=8
transaction.state.log.replication.factor={copies}
transaction.state.log.min.isr={acknowledged}
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor={copies}
share.coordinator.state.topic.min.isr={acknowledged}
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


@dataclass
class Node:
    """Where a node is, and its process while it runs."""

    id: int
    port: int
    controller_port: int
    folder: Path
    process: Popen[bytes] | None = field(default=None, repr=False)
    is_paused: bool = False

    @property
    def address(self) -> str:
        return f"{ports.LOOPBACK}:{self.port}"

    @property
    def log_file(self) -> Path:
        return self.folder / "kafka.log"

    @property
    def logs(self) -> Path:
        return self.folder.resolve() / "logs"

    @property
    def learnt(self) -> Path:
        """The classes that this node has used, once it has stopped in peace."""
        return self.folder.resolve() / "classes.jsa"

    @property
    def is_running(self) -> bool:
        """Whether it has a process; one that is paused does."""
        return self.process is not None and self.process.poll() is None

    @property
    def is_answering(self) -> bool:
        return self.is_running and not self.is_paused

    def running(self) -> Popen[bytes]:
        """Its process. Raises RuntimeError when there is none."""
        if self.process is None or not self.is_running:
            raise RuntimeError(f"Kafka node {self.id} does not run")
        return self.process

    def vote(self) -> tuple[int, int]:
        """The newest epoch of the controllers' quorum that it knows, and who leads it; -1: nobody.

        Kafka writes this file with every vote and election, so it can be read while a node hangs.
        """
        state = self.logs / "__cluster_metadata-0" / "quorum-state"
        if not state.exists():
            return -1, -1
        told = json.loads(state.read_text())
        return told["leaderEpoch"], told["leaderId"]


async def start(node: Node, nodes: Sequence[Node], kafka: Kafka) -> None:
    """Start a node's process on whatever data it has. It is not ready then."""
    properties = await asyncio.to_thread(_laid_out, node, nodes, kafka)
    options = (*(_HEAP_OF_SEVERAL if len(nodes) > 1 else ()), *_learning(node, kafka))
    command = kafka.command("kafka.Kafka", str(properties), options=options)
    node.process = guarded(command, env=environment(), log_file=node.log_file)
    node.is_paused = False


async def stop_in_peace(node: Node, kafka: Kafka) -> None:
    """Let a node hand over and end; one that does not get there in time is killed."""
    if node.process is None or not node.is_running:
        return
    node.process.send_signal(signal.SIGCONT)
    await stop(node.process, signal.SIGTERM, seconds=_STOP_SECONDS)
    if node.process.returncode == _STOPPED_BY_SIGTERM:
        await asyncio.to_thread(_keep_learnt, node.learnt, kafka)


async def kill(node: Node) -> None:
    """SIGKILL; return when the process is gone."""
    process = node.running()
    process.kill()
    await ended(process, _STOP_SECONDS)


def signal_to(node: Node, which: signal.Signals) -> None:
    """Send SIGSTOP or SIGCONT, and remember it."""
    node.running().send_signal(which)
    node.is_paused = which is signal.SIGSTOP


def forbid_writes(node: Node) -> None:
    """From now on, no file of the process may grow."""
    pid = node.running().pid
    _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, hard))


def _laid_out(node: Node, nodes: Sequence[Node], kafka: Kafka) -> Path:
    """The folder with formatted logs, those of an earlier start included, and the properties."""
    node.learnt.unlink(missing_ok=True)  # half of one, from a Kafka that was killed
    if not node.logs.exists():
        _format(node, kafka)
    properties = node.logs.parent / "server.properties"
    properties.write_text(properties_of(node, nodes))
    return properties


def _format(node: Node, kafka: Kafka) -> None:
    node.logs.parent.mkdir(parents=True, exist_ok=True)
    half = node.logs.with_name("logs.new")
    shutil.rmtree(half, ignore_errors=True)
    shutil.copytree(kafka.formatted, half)
    if node.id != _FORMATTED_ID:
        _rename(half / "meta.properties", node.id)
    half.rename(node.logs)


def _rename(meta: Path, node_id: int) -> None:
    """Make a copied folder another node's: each has an ID, and each folder one of its own."""
    own = {"node.id": str(node_id), "directory.id": token_urlsafe(16)}
    lines = [line.partition("=") for line in meta.read_text().splitlines()]
    meta.write_text("".join(f"{name}{eq}{own.get(name, value)}\n" for name, eq, value in lines))


def properties_of(node: Node, nodes: Sequence[Node]) -> str:
    """What Kafka reads at the start of one of these nodes."""
    voters = ",".join(f"{each.id}@{ports.LOOPBACK}:{each.controller_port}" for each in nodes)
    copies = min(COPIES, len(nodes))
    return _PROPERTIES.format(
        id=node.id,
        voters=voters,
        host=ports.LOOPBACK,
        port=node.port,
        controller=node.controller_port,
        logs=node.logs,
        copies=copies,
        acknowledged=max(1, copies - 1),
    )


def _learning(node: Node, kafka: Kafka) -> tuple[str, ...]:
    """The first Kafka that stops in peace leaves its classes to the later ones."""
    if kafka.kafka_archive.exists() or node.id != _FORMATTED_ID:
        return ()
    return (f"-XX:ArchiveClassesAtExit={node.learnt}",)


def _keep_learnt(learnt: Path, kafka: Kafka) -> None:
    if learnt.exists():
        beside = kafka.prepared / f"{learnt.name}-{time.monotonic_ns()}"
        shutil.move(learnt, beside)
        beside.replace(kafka.kafka_archive)
