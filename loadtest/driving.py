"""Puts the load on: arrivals by the clock, people who answer, outcomes that are verified.

Latency ends where an outcome is received; it is verified after that, between whatever else there is
to do, so that a crowd of outcomes holds up no arrival.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any, Final
from uuid import UUID, uuid4

from aiokafka import ConsumerRecord
from aiokafka.errors import KafkaError

from dienstverlener.holding_back import HoldingBack
from loadtest.asking import Asking
from loadtest.book import Book, Login
from loadtest.crowd import Crowd
from loadtest.hops import Hops
from loadtest.judging import judged
from loadtest.schedule import Arrival, Load
from pipeline.keys import utc_now
from sandbox.expecting import Known
from schemas.codec import Record
from schemas.topics import OUTCOMES, PROMPTS

Send = Callable[[Record], Awaitable[asyncio.Future[Any]]]
Clock = Callable[[], float]
"""Seconds since the start of the run."""
_AT_ONCE: Final = 20
"""So many arrivals, and so many answers, before anything else has its turn."""
_STEP_SECONDS: Final = 0.002
"""CHOICE: a rush is looked at so often, and not for each arrival: to wake up costs more than one
that is held back. So much later than its time it may be, and its latency shows that."""
_VERIFYING_SECONDS: Final = 0.004
_PROMPTS: Final = frozenset(topic.name for topic in PROMPTS)


@dataclass(frozen=True)
class _Received:
    """An outcome, when it came (on the run's clock, and on everybody's), and to which login."""

    login: Login
    raw: ConsumerRecord
    at: float
    when: datetime


@dataclass
class Driving:
    """One run. `fault`: what went wrong in it that must not, and ends it."""

    load: Load
    book: Book
    hops: Hops
    crowd: Crowd
    asking: Mapping[str, Asking]
    known: Known
    send: Send
    clock: Clock
    fault: BaseException | None = None
    _to_verify: asyncio.Queue[_Received] = field(default_factory=asyncio.Queue)
    _verifying: int = 0
    _turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_ONCE))
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _holding: dict[str, HoldingBack] = field(default_factory=lambda: defaultdict(HoldingBack))

    @property
    def is_idle(self) -> bool:
        """Whether everything that began has ended."""
        return not self.book.in_flight and not self._verifying

    # --- arrivals

    async def keep_arriving(self, arrivals: Iterable[Arrival]) -> None:
        """Begin each login when it is due, whatever became of those before it: of a rush, some
        before anything else has its turn."""
        begun = 0
        for arrival in arrivals:
            early = arrival.at - self.clock()
            if early > 0 or begun == _AT_ONCE:
                await asyncio.sleep(max(_STEP_SECONDS, early) if early > 0 else 0)
                begun = 0
            self._begin(arrival)
            begun += 1

    def _begin(self, arrival: Arrival) -> None:
        if not self.load.insist and not self._holding[arrival.entry.dienstverlener].publishes():
            return self.book.held_back(arrival)
        request_id = uuid4()
        key = str(request_id).encode()
        self.hops.begin(key, arrival.number)
        who = self.crowd.who(arrival.entry, arrival.person)
        login = self.book.arrive(key, arrival, who)
        self._beside(self._ask(login, request_id))
        return None

    async def _ask(self, login: Login, request_id: UUID) -> None:
        entry = login.arrival.entry
        within = entry.login.answer_within_seconds or self.load.deadline
        asking = self.asking[entry.dienstverlener]
        request = asking.request(entry, request_id, within, utc_now())
        self.book.handed(login, self.clock(), within)
        if await self._published(request):
            self.book.taken(login, self.clock())

    async def _published(self, record: Record) -> bool:
        """Whether Kafka has it. It is tried for as long as the run lasts."""
        try:
            await (await self.send(record))
        except KafkaError:
            return False
        return True

    # --- what comes

    def take(self, records: Iterable[ConsumerRecord]) -> None:
        """Look at what passes by: prompts are answered, outcomes put aside to be verified."""
        now, when = self.clock(), utc_now()
        for raw in records:
            self.hops.saw(raw.key, raw.timestamp, raw.topic)
            login = self.book.find(raw.key)
            kind = raw.topic.partition(".")[0]
            if login is not None and kind in _PROMPTS:
                self._prompted(login, raw)
            elif login is not None and kind == OUTCOMES.name:
                self._outcome(_Received(login, raw, now, when))

    def _prompted(self, login: Login, raw: ConsumerRecord) -> None:
        if login.arrival.entry.cancels and not login.asked:
            self._beside(self._cancel(login))
        else:
            self._beside(self._answer(login, raw))
        login.asked = True

    async def _answer(self, login: Login, raw: ConsumerRecord) -> None:
        await asyncio.sleep(self.load.think)
        async with self._turns:
            await asyncio.sleep(0)
        answer = await self.crowd.answer(raw.topic, raw.value or b"", login.who)
        if answer is not None:
            await self._published(answer)

    async def _cancel(self, login: Login) -> None:
        """The dienstverlener thinks better of it."""
        await asyncio.sleep(self.load.think)
        entry, request_id = login.arrival.entry, UUID(login.key.decode())
        asking = self.asking[entry.dienstverlener]
        await self._published(asking.cancellation(entry, request_id, utc_now()))

    def _outcome(self, received: _Received) -> None:
        digest = sha256(received.raw.value or b"").digest()
        if self.book.received(received.login, digest, received.at):
            self._verifying += 1
            self._to_verify.put_nowait(received)

    # --- what it comes to

    async def keep_verifying(self) -> None:
        """Verify outcomes as they come, a few at a time: arrivals and answers have their turn in
        between, and however many arrive, it goes on."""
        until = 0.0
        while True:
            self._judge(await self._to_verify.get())
            self._verifying -= 1
            if self.clock() >= until:
                await asyncio.sleep(0)
                until = self.clock() + _VERIFYING_SECONDS

    def _judge(self, received: _Received) -> None:
        login = received.login
        entry, late_by = login.arrival.entry, received.at - login.deadline
        found = self.asking[entry.dienstverlener].verified(received.raw, received.when)
        if not isinstance(found, str):
            self._holding[entry.dienstverlener].answered(found)
        verdict, why = judged(entry.expect, found, late_by, self.known)
        self.book.settle(login, verdict, why, received.at)
        self.hops.ended(login.key, received.at)

    # --- work beside

    def _beside(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self.fault = self.fault or task.exception()

    async def stop(self) -> None:
        """Leave what is not done."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
