"""Throws queries at the registry around each withdrawal, and reads what comes back."""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from pipeline.beside import beside
from schemas import codec, jose
from schemas.administration import EventKind
from schemas.codec import Record
from schemas.topics import CONFIRMATIONS, MANDATE_DECISIONS, MANDATE_EVENTS
from tests.faults.withdrawal_race.ground import MAKELAAR, REGISTRY, Case, Ground
from tests.faults.withdrawal_race.parts import Parts, request_id

ASKERS: Final = (2, 3)
"""How many ask at the same time, each again as soon as he is answered: from, to."""
QUESTIONS: Final = 8
"""So many a withdrawal for each asker at most."""
ANSWER_SECONDS: Final = 120.0
WITHDRAWN: Final = {
    EventKind.MANDATE_WITHDRAWN.value,
    EventKind.LINK_WITHDRAWN.value,
    EventKind.ASSIGNMENT_WITHDRAWN.value,
}


@dataclass(frozen=True)
class Thrown:
    """One withdrawal, with what was asked around it. `queries`: the registry's own IDs of them.

    came_to  what the command's event says
    after    what was decided on the query that was sent when that event had been read
    """

    case: Case
    queries: tuple[UUID, ...]
    came_to: str
    after: str


@dataclass
class Player:
    """Everybody who takes part from outside."""

    ground: Ground
    parts: Parts
    order: random.Random
    producer: AIOKafkaProducer
    query_seconds: float = 0.05
    """What a query takes now."""
    _awaited: dict[str, asyncio.Future[str]] = field(default_factory=dict)

    async def play(self, at_once: int, progress: Callable[[int], None]) -> list[Thrown]:
        """All withdrawals, so many at once."""
        room, done = asyncio.Semaphore(at_once), 0

        async def one(case: Case) -> Thrown:
            nonlocal done
            async with room:
                thrown = await self._case(case)
            done += 1
            progress(done)
            return thrown

        return list(await asyncio.gather(*map(one, self.ground.cases)))

    async def _case(self, case: Case) -> Thrown:
        """Several ask all the time, while the withdrawal is commanded at some moment."""
        sealed, answered = self.parts.sealed_for_case(case), asyncio.Event()
        askers = [self._asker(case, sealed, answered) for _ in range(self.order.randint(*ASKERS))]
        *asked, came_to = await asyncio.gather(*askers, self._withdraw(case, answered))
        last, after = await self._ask(case, sealed)
        return Thrown(case, (*(id_ for ids in asked for id_ in ids), last), came_to, after)

    async def _asker(self, case: Case, sealed: str, answered: asyncio.Event) -> list[UUID]:
        """Ask again and again until the withdrawal is answered: somebody always asks."""
        await asyncio.sleep(self.order.uniform(0, self.query_seconds))
        ids: list[UUID] = []
        while len(ids) < QUESTIONS and not answered.is_set():
            id_, _ = await self._ask(case, sealed)
            ids.append(id_)
        return ids

    async def _ask(self, case: Case, sealed: str) -> tuple[UUID, str]:
        """Publish a query; its ID at the registry, and what was decided."""
        request = request_id(self.order)
        record = self.parts.query(case, sealed, request)
        began = time.perf_counter()
        status = await self._answered(record, request)
        self.query_seconds += 0.05 * (time.perf_counter() - began - self.query_seconds)
        return codec.message_id(record.topic, record.value.decode()), status

    async def _withdraw(self, case: Case, answered: asyncio.Event) -> str:
        await asyncio.sleep(self.order.uniform(0, 2 * self.query_seconds))
        command = request_id(self.order)
        try:
            return await self._answered(self.parts.withdrawal(case, command), command)
        finally:
            answered.set()

    async def _answered(self, record: Record, request: UUID) -> str:
        answer = asyncio.get_running_loop().create_future()
        self._awaited[str(request)] = answer
        await self.producer.send(
            record.topic, record.value, record.key, headers=list(record.headers)
        )
        async with asyncio.timeout(ANSWER_SECONDS):
            return await answer

    # --- reading

    async def read(self, consumer: AIOKafkaConsumer) -> None:
        """Hand every answer to whoever awaits it, until cancelled."""
        while True:
            for batch in (await consumer.getmany(timeout_ms=200)).values():
                for raw in batch:
                    awaited = self._awaited.pop(raw.key.decode(), None)
                    if awaited is not None and not awaited.done():
                        awaited.set_result(told(raw.value.decode()))


def told(text: str) -> str:
    """What an answer says, in a word: permit, confirmed, deny; an event's kind, or its reason."""
    data: dict[str, Any] = json.loads(jose.decode_base64url(text.split(".")[1]))["data"]
    if "result" in data:
        return str(data["result"]["status"])
    return str(data["reason"] or data["kind"])


@asynccontextmanager
async def player(ground: Ground, seed: int) -> AsyncIterator[Player]:
    """Connect everybody who takes part from outside."""
    kafka = ground.network.servers.kafka
    answers = (
        MANDATE_EVENTS.of(REGISTRY),
        MANDATE_DECISIONS.of(MAKELAAR),
        CONFIRMATIONS.of(MAKELAAR),
    )
    consumer = AIOKafkaConsumer(
        *answers, bootstrap_servers=kafka, enable_auto_commit=False, auto_offset_reset="earliest"
    )
    async with AIOKafkaProducer(bootstrap_servers=kafka, acks="all") as producer, consumer:
        made = Player(ground, Parts(ground), random.Random(seed), producer)
        async with beside(made.read(consumer)):
            yield made


def progress(total: int) -> Callable[[int], None]:
    """Says on stderr how far it is, ten times."""
    steps, began = max(1, total // 10), time.monotonic()

    def say(done: int) -> None:
        if done % steps == 0:
            seconds = time.monotonic() - began
            sys.stderr.write(f"race: {done} of {total} withdrawn after {seconds:.0f} s\n")
            sys.stderr.flush()

    return say
