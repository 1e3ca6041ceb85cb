"""One run, from its first arrival to what it came to."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

from aiokafka.errors import KafkaError

from loadtest.book import Book
from loadtest.connecting import Connected, connected
from loadtest.driving import Clock, Driving
from loadtest.ground import Ground
from loadtest.hops import Hops, every
from loadtest.latencies import Latencies
from loadtest.mix import fitting
from loadtest.processes import Processes
from loadtest.record import Ended, Run
from loadtest.results import Result, run_of
from loadtest.schedule import Load, schedule
from loadtest.watching import Show, Watching
from pipeline.beside import beside
from pipeline.keys import utc_now
from sandbox.expecting import Known

LOST_SECONDS: Final = 30.0
"""CHOICE: Kafka may be away for so long before a run gives it up."""
LINGER_SECONDS: Final = 5.0
"""CHOICE: a run that is broken off waits so long for what is under way."""
_AFTERWARDS_SECONDS: Final = 1.0
"""For a second outcome, and for messages of other partitions."""
_PACE_SECONDS: Final = 0.05
_ADVICE: Final = "Logins that use something up, or depend on others before them, are not repeated"


@dataclass(frozen=True)
class Measured:
    """A run, and every latency in it."""

    run: Run
    latencies: Latencies


async def measure(ground: Ground, load: Load, stop: asyncio.Event, show: Show) -> Measured:
    """Put a load on a network, until it is over or `stop` is set.

    show  is given each second, once it is over, with the book of all until then
    Raises WrongUse, ServerUnreachable: before anything began.
    """
    load.require_sound()
    load = replace(load, mix=fitting(load.mix, ground.pool.kinds, _ADVICE))
    async with connected(ground) as everybody:
        going = _Going(ground, load, everybody, stop, show)
        with _without_pauses():
            return await going.run()


@contextmanager
def _without_pauses() -> Iterator[None]:
    """What is there before a run is not searched for garbage in it: that takes long, and nobody
    arrives meanwhile."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


class _Going:
    """A run that goes on."""

    def __init__(
        self, ground: Ground, load: Load, everybody: Connected, stop: asyncio.Event, show: Show
    ) -> None:
        self._ground, self._load, self._stop = ground, load, stop
        self._wire, self._book = everybody.wire, Book()
        hops = Hops(self._book.latencies, every(load.rate))
        self._clock, self._began = _clock(), utc_now()
        self._driving = Driving(
            load=load,
            book=self._book,
            hops=hops,
            crowd=everybody.crowd,
            asking=everybody.asking,
            known=Known(ground.scenario),
            send=everybody.wire.send,
            clock=self._clock,
        )
        self._watching = Watching(
            book=self._book,
            hops=hops,
            wire=everybody.wire,
            lags=everybody.lags,
            processes=Processes(ground.find),
            clock=self._clock,
            show=show,
        )

    async def run(self) -> Measured:
        async with self._working():
            ended, seconds = await self._arriving()
            await self._settling(ended)
            await asyncio.sleep(_AFTERWARDS_SECONDS)
            await self._watching.ask()
        await self._driving.stop()
        return self._measured(ended, seconds)

    @asynccontextmanager
    async def _working(self) -> AsyncIterator[None]:
        """Everything that goes on beside the arrivals."""
        works: list[Coroutine[Any, Any, None]] = [
            self._reading(),
            self._driving.keep_verifying(),
            self._watching.keep_watching(),
            self._watching.keep_asking(),
        ]
        async with AsyncExitStack() as stack:
            self._tasks = [await stack.enter_async_context(beside(work)) for work in works]
            yield

    async def _reading(self) -> None:
        """Read on, whatever happens to Kafka: whether it is lost is looked at elsewhere."""
        while True:
            try:
                self._driving.take(await self._wire.read())
            except KafkaError:
                await asyncio.sleep(_PACE_SECONDS)

    # --- until when

    async def _arriving(self) -> tuple[Ended, float]:
        """Let all arrive and end, unless something ends the run before that: why it ended, and for
        how many seconds they arrived."""
        arrivals = schedule(self._load, self._load.mix or {}, self._ground.pool.entries)
        async with beside(self._driving.keep_arriving(arrivals)) as arriving:
            while (ended := self._over(arriving.done())) is None:
                await asyncio.sleep(_PACE_SECONDS)
            at = self._load.seconds if arriving.done() else self._clock()
        return ended, min(at, self._load.seconds)

    def _over(self, all_arrived: bool) -> Ended | None:
        """Why the run is over; None: it is not. Raises what must not have happened in it."""
        self._require_alive()
        now = self._clock()
        self._book.pass_time(now)
        if self._stop.is_set():
            return Ended.INTERRUPTED
        if self._book.failed > self._load.allowed(self._book.scheduled.total()):
            return Ended.TOO_MANY_ERRORS
        if self._away(now) > LOST_SECONDS:
            return Ended.NETWORK_LOST
        return Ended.ON_TIME if all_arrived and self._driving.is_idle else None

    def _away(self, now: float) -> float:
        """For how long Kafka has taken nothing, or told nothing."""
        silent = now - self._watching.lost_since if self._watching.lost_since is not None else 0.0
        return max(silent, self._book.waited(now))

    def _require_alive(self) -> None:
        if self._driving.fault is not None:
            raise self._driving.fault
        for task in self._tasks:
            if task.done():
                task.result()

    async def _settling(self, ended: Ended) -> None:
        """Where a run was broken off, wait a little for what is under way."""
        if ended is Ended.NETWORK_LOST:
            self._book.give_up_waiting(self._clock())
            return
        until = self._clock() + LINGER_SECONDS
        while not self._driving.is_idle and self._clock() < until:
            self._book.pass_time(self._clock())
            await asyncio.sleep(_PACE_SECONDS)

    def _measured(self, ended: Ended, seconds: float) -> Measured:
        self._watching.finish()
        result = Result(
            began=self._began,
            load=self._load,
            versions=self._ground.versions,
            seconds=seconds,
            ended=ended,
            book=self._book,
            looks=self._watching.looks,
            processes=self._watching.processes.told(),
            happened=self._watching.happened,
        )
        return Measured(run_of(result), self._book.latencies)


def _clock() -> Clock:
    """Seconds since now."""
    loop = asyncio.get_running_loop()
    start = loop.time()
    return lambda: loop.time() - start
