"""Looks at everything around the load once a second: lag, processes, brokers, the clock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Final

from loadtest.book import Book
from loadtest.driving import Clock
from loadtest.hops import Hops
from loadtest.lag import Lags
from loadtest.latencies import Latencies
from loadtest.mix import LoginKind
from loadtest.processes import Processes
from loadtest.record import LOGIN, Happened, Second
from loadtest.wire import Wire
from pipeline.errors import ServerUnreachable

Show = Callable[[Second, Book], None]
UNANSWERED: Final = f"{LOGIN}{LoginKind.TIMEOUT}"


def counts(tag: str) -> bool:
    """Whether a tag is of logins that somebody ends: what waits for nobody's answer takes as long
    as it is given, and says nothing of the network's speed."""
    return tag.startswith(LOGIN) and tag != UNANSWERED


@dataclass(frozen=True)
class Look:
    """What was seen at the end of one second."""

    in_flight: int
    lag: dict[str, int]
    cpu_ms: dict[str, float]


@dataclass
class Watching:
    """Everything that was seen. `show` is given each second as soon as it is over, and the book."""

    book: Book
    hops: Hops
    wire: Wire
    lags: Lags
    processes: Processes
    clock: Clock
    show: Show
    looks: list[Look] = field(default_factory=list)
    happened: list[Happened] = field(default_factory=list)
    lost_since: float | None = None
    _lag: dict[str, int] = field(default_factory=dict)

    async def keep_watching(self) -> None:
        """Once a second, until it is ended."""
        self.processes.look()
        while True:
            await asyncio.sleep(max(0.0, len(self.looks) + 1 - self.clock()))
            self.hops.add_up(self.clock())
            self._look(*await asyncio.to_thread(self.processes.look))
            self.show(second(len(self.looks) - 1, self.book, self.looks), self.book)

    def finish(self) -> None:
        """Look once more, at the second that is not over."""
        self.hops.add_up(inf)
        self._look(*self.processes.look())

    def _look(self, spent: dict[str, float], changes: Sequence[str]) -> None:
        self._tell(self.clock(), changes)
        self.looks.append(Look(self.book.in_flight, self._lag, spent))

    async def keep_asking(self) -> None:
        """Ask for the lag and the brokers, apart from the rest: Kafka may be slow, or away."""
        brokers = self.wire.brokers()
        while True:
            await self.ask()
            now_there = self.wire.brokers()
            self._tell(self.clock(), _brokers(brokers, now_there))
            brokers = now_there
            await asyncio.sleep(1)

    async def ask(self) -> None:
        """Ask for the lag; at the end once more, when roles have committed what they noted."""
        try:
            self._lag = await self.lags.look()
            self._found()
        except ServerUnreachable:
            self._lost()

    def _lost(self) -> None:
        if self.lost_since is None:
            self.lost_since = self.clock()
            self._tell(self.lost_since, ["Kafka does not answer"])

    def _found(self) -> None:
        if self.lost_since is not None:
            self._tell(self.clock(), ["Kafka answers again"])
            self.lost_since = None

    def _tell(self, now: float, changes: Sequence[str]) -> None:
        self.happened += [Happened(at=round(now, 3), what=what) for what in changes]


def _brokers(before: set[str], now: set[str]) -> list[str]:
    gone = [f"broker {each} is gone" for each in sorted(before - now)]
    return gone + [f"broker {each} is there" for each in sorted(now - before)]


def second(at: int, book: Book, looks: Sequence[Look]) -> Second:
    """One second, as it is known now: outcomes that are still to be verified come in later."""
    counted, look = book.seconds[at], looks[min(at, len(looks) - 1)]
    p50, p99 = percentiles(book.latencies, at)
    return Second(
        at=at,
        scheduled=counted.scheduled,
        published=counted.published,
        finished=counted.finished,
        failed=counted.failed,
        turned_away=counted.turned_away,
        in_flight=look.in_flight,
        p50=p50,
        p99=p99,
        lag=look.lag,
        cpu_ms={name: round(spent, 1) for name, spent in look.cpu_ms.items()},
    )


def percentiles(latencies: Latencies, at: int) -> tuple[float | None, float | None]:
    """p50 and p99 of one second, in milliseconds."""
    found = latencies.at(at, counts, (50, 99))
    return (found[0], found[1]) if found else (None, None)
