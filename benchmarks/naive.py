"""The naive way: the same work as FastStream's tutorial has it, one message at a time.

A subscriber with a pydantic argument and a publisher decorator, all settings as they come; a
process a role. What is lost when a process dies stays lost.

    python -m benchmarks.naive ROLE KAFKA KEYS    one role (started by the benchmark)
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from uuid import uuid4

import psutil
from faststream.kafka import KafkaBroker
from pydantic import BaseModel

from benchmarks import arrivals, work
from benchmarks.children import child, observed, until_stdin_ends
from benchmarks.figures import NAIVE
from benchmarks.lane import CLIENT, Groups
from benchmarks.relay import create
from benchmarks.work import Handler
from schemas import jose

_LAST = len(work.LENGTHS)


class Message(BaseModel):
    """`login`: its ID. `token`: what was signed."""

    login: str
    token: str


def topic(number: int) -> str:
    """Of the messages with this number, 1 to 8."""
    return f"naive-{number}"


class Naive:
    """The dienstverlener. Use `opened`."""

    name = NAIVE

    def __init__(self, broker: KafkaBroker, crypto: work.Jose, others: Groups) -> None:
        self._broker, self._others = broker, others
        self._dienstverlener = work.Dienstverlener(crypto)
        self._waiting: dict[str, asyncio.Future[None]] = {}

    async def drive(self, instants: Sequence[float]) -> list[float]:
        return await arrivals.drive(self._login, instants)

    def processes(self) -> Groups:
        return {CLIENT: [psutil.Process(os.getpid())], **self._others}

    async def _login(self) -> None:
        login = str(uuid4())
        answered = asyncio.get_running_loop().create_future()
        self._waiting[login] = answered
        await self._broker.publish(
            Message(login=login, token=self._dienstverlener.requested()), topic(1)
        )
        await answered

    async def answered(self, message: Message) -> None:
        """Verify an outcome. Where it does not hold, its login fails."""
        try:
            self._dienstverlener.answered(message.token)
            self._waiting.pop(message.login).set_result(None)
        except jose.JoseFault as fault:
            self._waiting.pop(message.login).set_exception(fault)


@asynccontextmanager
async def opened(kafka: str, servers: Groups, folder: Path) -> AsyncIterator[Naive]:
    """The services, ready. `servers`: the processes that they share with others."""
    keys = {party: jose.new_key() for party in work.PARTIES}
    file = folder / "naive.json"
    file.write_text(json.dumps({name: jose.private_jwk(key) for name, key in keys.items()}))
    await create([topic(number) for number in range(1, _LAST + 1)], kafka)
    async with AsyncExitStack() as stack:
        workers = [
            await stack.enter_async_context(
                child("benchmarks.naive", role, kafka, str(file), log=folder / "naive.log")
            )
            for role in (*work.WORKERS, work.USER)
        ]
        broker = KafkaBroker(kafka, logger=None)
        naive = Naive(broker, work.Jose(keys), {"workers": observed(workers), **servers})
        broker.subscriber(topic(_LAST), auto_offset_reset="earliest")(naive.answered)
        await stack.enter_async_context(broker)
        await broker.start()
        yield naive


def subscribe(broker: KafkaBroker, number: int, handler: Handler) -> None:
    """Take the messages with this number, and make the next ones."""

    @broker.subscriber(topic(number), auto_offset_reset="earliest")
    @broker.publisher(topic(number + 1))
    async def handle(message: Message) -> Message:
        return Message(login=message.login, token=handler(message.login.encode(), message.token))


async def _work(role: str, kafka: str, keys: Path) -> None:
    held = {name: jose.private_key(jwk) for name, jwk in json.loads(keys.read_text()).items()}
    broker = KafkaBroker(kafka, logger=None)
    for number, handler in work.roles(work.Jose(held))[role].items():
        subscribe(broker, number, handler)
    async with broker:
        await broker.start()
        await until_stdin_ends()


if __name__ == "__main__":
    asyncio.run(_work(sys.argv[1], sys.argv[2], Path(sys.argv[3])))
