"""The servers of the sandbox start, keep their data, stop, and never outlive who started them."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import psutil
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from sandbox import kafka, maven, ports
from sandbox.guardian import guarded
from sandbox.java import installed
from sandbox.processes import ended, stop
from sandbox.servers import JARS, ServerFailed, ServerUnreachable, running

NOTHING_SET: dict[str, str] = {}
GONE_SECONDS = 5.0

STARTER = """
import asyncio, sys
from pathlib import Path
from sandbox.servers import running

async def main():
    async with running(Path(sys.argv[1]), progress=lambda line: None, environ={}):
        print("ready", flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""

DEAF = ["/bin/sh", "-c", "trap '' INT TERM; echo ready; while :; do sleep 0.1; done"]
STARTER_OF_DEAF = f"""
import os, sys, time
from pathlib import Path
from sandbox.guardian import guarded

print(guarded({DEAF}, env=os.environ, log_file=Path(sys.argv[1]) / "log").pid, flush=True)
time.sleep(60)
"""


@pytest.fixture(scope="session")
async def jars() -> Path:
    """Kafka's jars, fetched if this is the first time."""
    await installed(JARS, print)
    return JARS


@contextmanager
def python(source: str, folder: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", source, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


@pytest.fixture
def starter(tmp_path: Path, jars: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that has both servers running in `tmp_path`."""
    with python(STARTER, tmp_path) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process


@pytest.fixture
def deaf_ones_starter(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that has started one that does not listen to polite signals."""
    with python(STARTER_OF_DEAF, tmp_path) as process:
        yield process


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody listens on."""
    with socket.create_server((ports.LOOPBACK, 0)) as listener:
        yield listener.getsockname()[1]


def processes_about(folder: Path) -> set[int]:
    """The pids of all processes with `folder` on their command line, the watchers among them."""
    return {
        p.pid for p in psutil.process_iter(["cmdline"]) if str(folder) in str(p.info["cmdline"])
    }


async def until(holds: Callable[[], bool]) -> bool:
    """Whether it holds in time."""
    async with asyncio.timeout(GONE_SECONDS):
        while not holds():
            await asyncio.sleep(0.02)
    return True


async def gone(pids: set[int]) -> bool:
    """Whether none of `pids` is left in time."""
    return await until(lambda: not any(alive(pid) for pid in pids))


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def create_topic(address: str, topic: str) -> list[str]:
    """Create it, and return the topics that the broker knows then."""
    admin = AIOKafkaAdminClient(bootstrap_servers=address)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, 1, 1)])
        return await admin.list_topics()
    finally:
        await admin.close()


async def send(address: str, topic: str) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=address)
    await producer.start()
    try:
        await producer.send_and_wait(
            topic, b"the-value", b"the-key", headers=[("ce_id", b"the-id")]
        )
    finally:
        await producer.stop()


async def query(dsn: str, *statements: str) -> list[object]:
    connection = await asyncpg.connect(dsn)
    try:
        return [await connection.fetchval(statement) for statement in statements]
    finally:
        await connection.close()


async def consumed(address: str, include: str) -> str:
    """What Kafka's own console consumer prints."""
    command = kafka.console_consumer_argv(address, include, timeout_ms=2_000)
    consumer = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    printed, _ = await consumer.communicate()
    assert consumer.returncode == 0
    return printed.decode()


async def test_servers_keep_their_data_when_started_again(tmp_path: Path, jars: Path) -> None:
    lines: list[str] = []
    async with running(tmp_path, progress=lines.append, environ=NOTHING_SET) as servers:
        await create_topic(servers.kafka, "kept")
        await send(servers.kafka, "kept")
        await query(servers.postgres, "CREATE TABLE kept (id int)", "INSERT INTO kept VALUES (7)")
        pids = processes_about(tmp_path)
    assert len(pids) >= 4  # two servers, two watchers
    assert await gone(pids)
    assert any(line.startswith("Kafka is ready") for line in lines)

    async with running(tmp_path, progress=lines.append, environ=NOTHING_SET) as servers:
        assert "the-id\tthe-key\tthe-value" in await consumed(servers.kafka, "k.*")
        assert await query(servers.postgres, "SELECT id FROM kept") == [7]


async def test_probe_leaves_no_topic_when_servers_are_ready(tmp_path: Path, jars: Path) -> None:
    async with running(tmp_path, progress=print, environ=NOTHING_SET) as servers:
        topics = await create_topic(servers.kafka, "mine")
        durable = await query(servers.postgres, "SHOW fsync", "SHOW listen_addresses")
    assert set(topics) <= {"mine", "__consumer_offsets"}
    assert durable == ["on", "127.0.0.1"]


async def test_servers_die_when_their_starter_is_killed(
    starter: subprocess.Popen[str], tmp_path: Path
) -> None:
    servers = {child.pid for child in psutil.Process(starter.pid).children(recursive=True)}
    watched = processes_about(tmp_path)
    assert len(servers) > 2  # Java, the postmaster and its children
    assert len(watched) > 4  # those, their starter and the watchers

    os.kill(starter.pid, signal.SIGKILL)
    starter.wait()

    assert await gone(servers | watched)


async def test_guarded_process_dies_when_it_ignores_the_polite_signal(
    deaf_ones_starter: subprocess.Popen[str], tmp_path: Path
) -> None:
    assert deaf_ones_starter.stdout is not None
    pid = int(deaf_ones_starter.stdout.readline())
    await until(lambda: "ready" in (tmp_path / "log").read_text())
    deaf_ones_starter.kill()
    assert await gone({pid})


async def test_guarded_process_keeps_its_exit_code_and_output(tmp_path: Path) -> None:
    log_file = tmp_path / "log"
    process = guarded(["/bin/sh", "-c", "echo said; exit 3"], env={}, log_file=log_file)
    assert await ended(process, 5)
    assert (process.returncode, log_file.read_text()) == (3, "said\n")


async def test_stop_kills_when_the_process_does_not_listen(tmp_path: Path) -> None:
    log_file = tmp_path / "log"
    process = guarded(DEAF, env=os.environ, log_file=log_file)
    await until(lambda: "ready" in log_file.read_text())
    await stop(process, seconds=0.2)
    assert process.returncode == -signal.SIGKILL


@pytest.mark.parametrize("variable", ["HERKEN_KAFKA", "HERKEN_POSTGRES"])
async def test_running_names_address_and_variable_when_server_is_unreachable(
    variable: str, tmp_path: Path, jars: Path
) -> None:
    (port,) = ports.free(1)
    address = f"{ports.LOOPBACK}:{port}"
    value = address if variable == "HERKEN_KAFKA" else f"postgresql://me:secret@{address}/herken"
    with pytest.raises(ServerUnreachable, match=rf"{address}.*{variable}") as raised:
        async with running(tmp_path, progress=print, environ={variable: value}):
            pass
    assert "secret" not in str(raised.value)
    assert await gone(processes_about(tmp_path))  # the other server had been started


async def test_running_starts_nothing_when_servers_are_given(tmp_path: Path, jars: Path) -> None:
    async with running(tmp_path / "own", progress=print, environ=NOTHING_SET) as own:
        given = {"HERKEN_KAFKA": own.kafka, "HERKEN_POSTGRES": own.postgres}
        async with running(tmp_path / "other", progress=print, environ=given) as servers:
            assert servers == own
            assert not (tmp_path / "other").exists()


async def test_running_fails_when_a_jar_is_not_the_locked_one(tmp_path: Path, jars: Path) -> None:
    tampered = tmp_path / "jars"
    shutil.copytree(jars, tampered, ignore=shutil.ignore_patterns("*-*ing-*", "prepared-*"))
    with (tampered / "kafka_2.13-4.3.1.jar").open("ab") as jar:
        jar.write(b"one byte more")
    with pytest.raises(ServerFailed, match=r"kafka_2.13-4.3.1.jar is not the file .* Delete it"):
        async with running(tmp_path, progress=print, environ=NOTHING_SET, jars=tampered):
            pass


@pytest.mark.parametrize("server", ["kafka", "postgres"])
async def test_running_fails_with_the_log_named_when_a_port_is_taken(
    server: str, taken: int, tmp_path: Path, jars: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = ports.free
    wanted = 2 if server == "kafka" else 1
    monkeypatch.setattr(ports, "free", lambda n: [taken, *free(n - 1)] if n == wanted else free(n))
    with pytest.raises(ServerFailed, match=rf"{server}\.log(.|\n)*Start again"):
        async with running(tmp_path, progress=print, environ=NOTHING_SET):
            pass
    assert await gone(processes_about(tmp_path))


async def test_lock_file_holds_what_the_project_file_asks_for() -> None:
    wanted = tomllib.loads(maven.SPEC.read_text())["dependencies"]["coordinates"]
    locked = {f"{jar.group}:{jar.artifact}:{jar.version}" for jar in maven.locked()}
    assert {coordinate.rstrip("!") for coordinate in wanted} <= locked
    assert "://" not in maven.LOCK.read_text()
