"""`herken up`: a network that stays, until Ctrl-C."""

from __future__ import annotations

import asyncio
import fcntl
import shutil
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from herken.commands.output import progress, say
from herken.demo import HOME, require_no_network
from pipeline.errors import WrongUse
from sandbox.network import Network, network
from sandbox.scenario_file import load

FOLDER = HOME / "up"


async def stay_up(file: Path) -> None:
    """Run a scenario's network. Raises WrongUse."""
    scenario = load(file)
    require_no_network()
    with _only_one():
        shutil.rmtree(FOLDER, ignore_errors=True)
        async with network(scenario, FOLDER, progress=progress) as running:
            stop = _told_to_stop()  # before anybody can read that Ctrl-C stops it
            async with _supervised(running):
                say(_told(running))
                await stop.wait()
            progress("draining and stopping")
    progress("stopped")


@contextmanager
def _only_one() -> Iterator[None]:
    """Hold the lock of `herken up`; it goes with the process, however that ends."""
    HOME.mkdir(exist_ok=True)
    with (HOME / "up.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise WrongUse(
                "a network runs here already: stop the other `herken up` first"
            ) from None
        yield


def _told_to_stop() -> asyncio.Event:
    """Set by Ctrl-C or SIGTERM from now on."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


@asynccontextmanager
async def _supervised(running: Network) -> AsyncIterator[None]:
    """Supervise for as long as the block runs, however it ends: who drains is not started again."""
    supervising = asyncio.create_task(_supervise(running))
    try:
        yield
    finally:
        supervising.cancel()


async def _supervise(running: Network) -> None:
    """Start a role again that ended by itself, as an operator's platform would."""
    while True:
        await asyncio.sleep(1)
        for role in [role for role in running.roles if not role.is_running]:
            progress(f"{role.name} ended ({role.process.returncode}): starting it again")
            running.roles.remove(role)
            running.start(*role.participants)


def _told(running: Network) -> str:
    """Where everything is, and what another terminal needs."""
    lines = ["", "The network runs. In another terminal, in this folder:", ""]
    lines += [f"export {name}={value}" for name, value in running.environment.items()]
    first = running.scenario.logins[0] if running.scenario.logins else None
    if first is not None:
        lines += ["", f".venv/bin/herken login {first.service} --as {first.person}"]
    lines += ["", f"Kafka     {running.servers.kafka}", f"Postgres  {running.servers.postgres}"]
    lines += [
        f"{role.name:<10}http://127.0.0.1:{role.health_port}/ready, log {running.log_of(role)}"
        for role in running.roles
    ]
    return "\n".join([*lines, "", "Ctrl-C stops it."])
