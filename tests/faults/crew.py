"""The workers of a network, two a role, and the supervisor that starts again whatever dies."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from multiprocessing.process import BaseProcess
from typing import Any

from sandbox import ports
from sandbox.network import COMMANDS, Network, _is_ready
from tests.faults import worker
from tests.faults.points import Traps
from tests.faults.worker import Post

WORKERS_A_ROLE = 2
_READY_SECONDS = 60.0
_DRAIN_SECONDS = 25.0


@dataclass(frozen=True)
class Death:
    """When a worker ended, and how: its exit code, or minus the signal."""

    at: float
    worker: str
    code: int | None
    meant: bool


@dataclass
class Worker:
    """One place in the crew; whoever dies in it is followed by another under the same name."""

    name: str
    post: Post
    health_port: int
    comes_back: bool = True
    process: BaseProcess | None = None
    deaths: list[Death] = field(default_factory=list)
    meant: bool = False
    started_at: float = 0.0
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def role(self) -> str:
        return self.post.role

    @property
    def traps(self) -> Traps:
        return self.post.traps

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.is_alive()

    def send(self, number: signal.Signals) -> None:
        """A signal, which is meant to do what it does."""
        if self.process is not None and self.process.pid is not None and self.is_running:
            self.meant = number in (signal.SIGKILL, signal.SIGTERM)
            os.kill(self.process.pid, number)


class Crew:
    """Everybody who works in a network."""

    def __init__(self, network: Network, environment: dict[str, str]) -> None:
        self.network, self._environment = network, environment
        self.folder = network.logs.parent
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload([worker.MAIN_MODULE])
        self.workers = list(self._made())
        self._supervising: dict[str, asyncio.Task[None]] = {}

    def of(self, role: str) -> list[Worker]:
        return [each for each in self.workers if each.role == role]

    @property
    def roles(self) -> list[str]:
        return list(COMMANDS.values())

    def traps(self, role: str) -> Traps:
        return Traps(self.folder / "armed" / role, self.folder / f"journal-{role}")

    @property
    def unmeant(self) -> list[Death]:
        """Who died of something else than a fault: not killed by us or at a point."""
        deaths = [death for each in self.workers for death in each.deaths]
        return [each for each in deaths if not each.meant and each.code != -signal.SIGKILL]

    # --- who there is

    def _made(self) -> Iterator[Worker]:
        for role, command in COMMANDS.items():
            participants = self.network.founded.directory.in_role(role)
            names = [each.name for each in participants]
            for number in range(1, WORKERS_A_ROLE + 1):
                yield self.one_more(command, names, number)

    def one_more(self, role: str, names: list[str], number: int) -> Worker:
        """A place, with nobody in it yet."""
        (port,) = ports.free(1)
        name = f"{role}-{number}"
        own = {"HERKEN_HEALTH_PORT": str(port), "HERKEN_INSTANCE": name}
        environment = {**self.network.environment, **self._environment, **own}
        log_file = self.network.logs / f"{name}.log"
        clock = self.folder / "clocks" / name
        post = Post(role, names, environment, log_file, self.traps(role), clock)
        return Worker(name, post, port)

    # --- starting

    async def start(self, *workers: Worker) -> None:
        """Start workers, and return when they are ready."""
        for each in workers:
            each.comes_back = True
            if each.name not in self._supervising:
                self._supervising[each.name] = asyncio.create_task(self._supervise(each))
        await asyncio.gather(*(self.ready(each) for each in workers))

    async def ready(self, each: Worker) -> None:
        """Return when a worker answers that it is ready. Raises TimeoutError."""
        async with asyncio.timeout(_READY_SECONDS):
            while not await asyncio.to_thread(_is_ready, each.health_port):
                await asyncio.sleep(0.05)

    async def _supervise(self, each: Worker) -> None:
        """Start whoever is in this place, again and again, at once."""
        try:
            while each.comes_back:
                self._fork(each)
                await _end_of(each)
                assert each.process is not None
                code = each.process.exitcode
                each.deaths.append(Death(time.time(), each.name, code, each.meant))
                if code not in (0, -signal.SIGKILL):
                    await asyncio.sleep(0.5)  # as a platform would: it ended by itself
        finally:
            each.gone.set()
            del self._supervising[each.name]

    def _fork(self, each: Worker) -> None:
        each.meant = False
        each.gone.clear()
        each.process = self._context.Process(target=worker.main, args=(each.post,), daemon=True)
        each.process.start()
        each.started_at = time.time()

    # --- ending

    async def leave(self, each: Worker, number: signal.Signals = signal.SIGKILL) -> None:
        """End a worker for good; `start` brings it back."""
        each.comes_back = False
        each.send(number)
        async with asyncio.timeout(_DRAIN_SECONDS):
            await each.gone.wait()

    async def stop(self, *workers: Worker) -> None:
        await asyncio.gather(
            *(self.leave(each, signal.SIGTERM) for each in workers if each.is_running)
        )

    def posted(self, each: Worker, **changes: Any) -> None:
        """Change what a worker is from its next start on."""
        each.post = replace(each.post, **changes)


async def _end_of(each: Worker) -> None:
    """Return when its process has ended."""
    assert each.process is not None
    ended, loop = asyncio.Event(), asyncio.get_running_loop()
    sentinel = each.process.sentinel
    loop.add_reader(sentinel, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(sentinel)
    await asyncio.to_thread(each.process.join, 5)


@asynccontextmanager
async def working(network: Network, environment: dict[str, str]) -> AsyncIterator[Crew]:
    """The whole crew, ready, for as long as the block runs."""
    crew = Crew(network, environment)
    try:
        await crew.start(*crew.workers)
        yield crew
    finally:
        for each in crew.workers:
            each.comes_back = False
            each.send(signal.SIGCONT)
        await crew.stop(*crew.workers)


Do = Callable[[], Awaitable[None]]
