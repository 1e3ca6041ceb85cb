"""Every login of a run: where it is, and what came of it. No I/O; all times are seconds since the
start of the run.

arrive -> handed -> published -> received -> settled
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from math import inf
from typing import Final

from loadtest.judging import FAILURES, GRACE_SECONDS, Verdict
from loadtest.latencies import Latencies
from loadtest.mix import LoginKind
from loadtest.record import LAG, LOGIN
from loadtest.schedule import Arrival
from sandbox.person import Behaviour

KEPT_SECONDS: Final = 600.0
"""CHOICE: so long after its outcome, a second one is still known to be one."""


@dataclass(slots=True, eq=False)
class Login:
    """One login that is on its way. `digest`: of the outcome that came first."""

    key: bytes
    arrival: Arrival
    who: Behaviour
    deadline: float = inf
    asked: bool = False
    received_at: float | None = None
    digest: bytes = b""
    verdict: Verdict | None = None

    @property
    def kind(self) -> LoginKind:
        return self.arrival.kind


@dataclass
class Second:
    """What was counted in one second of the run."""

    scheduled: int = 0
    published: int = 0
    finished: int = 0
    failed: int = 0
    turned_away: int = 0


@dataclass
class Book:
    """All logins of a run, counted by kind and by second."""

    latencies: Latencies = field(default_factory=Latencies)
    counts: dict[LoginKind, Counter[Verdict]] = field(default_factory=lambda: defaultdict(Counter))
    scheduled: Counter[LoginKind] = field(default_factory=Counter)
    published: Counter[LoginKind] = field(default_factory=Counter)
    seconds: dict[int, Second] = field(default_factory=lambda: defaultdict(Second))
    first: dict[tuple[LoginKind, Verdict], str] = field(default_factory=dict)
    finished: int = 0
    failed: int = 0
    in_flight: int = 0
    last_at: float = 0.0
    _waiting: dict[Login, float] = field(default_factory=dict)
    _logins: dict[bytes, Login] = field(default_factory=dict)
    _deadlines: list[tuple[float, int, Login]] = field(default_factory=list)
    _settled: deque[tuple[float, bytes]] = field(default_factory=deque)
    _order: Iterator[int] = field(default_factory=count)

    def find(self, key: bytes | None) -> Login | None:
        return self._logins.get(key or b"")

    # --- what happens to a login

    def arrive(self, key: bytes, arrival: Arrival, who: Behaviour) -> Login:
        """It is time for it, or past it."""
        login = self._logins[key] = Login(key, arrival, who)
        self.scheduled[login.kind] += 1
        self.seconds[int(arrival.at)].scheduled += 1
        self.in_flight += 1
        return login

    def held_back(self, arrival: Arrival) -> None:
        """It is time for it, and its client does not publish it: the network is busy."""
        self.scheduled[arrival.kind] += 1
        self.seconds[int(arrival.at)].scheduled += 1
        self._turn_away(arrival.kind, arrival.at)

    def handed(self, login: Login, now: float, within: float) -> None:
        """Its request is signed and with Kafka's client: from here on the network is measured."""
        self.latencies.add(LAG, int(login.arrival.at), now - login.arrival.at)
        login.deadline = now + within
        self._waiting[login] = now
        heapq.heappush(self._deadlines, (login.deadline + GRACE_SECONDS, next(self._order), login))

    def taken(self, login: Login, now: float) -> None:
        """Kafka has its request."""
        self._waiting.pop(login, None)
        self.published[login.kind] += 1
        self.seconds[int(now)].published += 1

    def received(self, login: Login, digest: bytes, now: float) -> bool:
        """An outcome came: whether it is its first, to be judged. The same bytes again are what a
        crash leaves, and nothing; others are a second outcome."""
        if not login.digest:
            login.digest, login.received_at = digest, now
            return True
        if digest != login.digest:
            self._fail(login, Verdict.DOUBLED, now, "a second, different outcome")
        return False

    def settle(self, login: Login, verdict: Verdict, why: str, now: float) -> None:
        """What came of it. One that was given up before counts as late, and failed once."""
        given_up = login.verdict is not None
        if given_up:
            self.counts[login.kind][login.verdict or verdict] -= 1
            self.failed -= 1
            verdict = verdict if verdict in FAILURES else Verdict.LATE
        else:
            self.in_flight -= 1
        login.verdict, self.last_at = verdict, max(now, self.last_at)
        self._settled.append((now, login.key))
        if verdict is Verdict.TURNED_AWAY:
            return self._turn_away(login.kind, now)
        if verdict is not Verdict.AS_EXPECTED:
            return self._fail(login, verdict, now, why, again=given_up)
        self.counts[login.kind][verdict] += 1
        self.finished += 1
        self.seconds[int(now)].finished += 1
        self.latencies.add(f"{LOGIN}{login.kind}", int(now), now - login.arrival.at)
        return None

    def _turn_away(self, kind: LoginKind, now: float) -> None:
        self.counts[kind][Verdict.TURNED_AWAY] += 1
        self.seconds[int(now)].turned_away += 1

    def _fail(
        self, login: Login, verdict: Verdict, now: float, why: str, *, again: bool = False
    ) -> None:
        self.counts[login.kind][verdict] += 1
        self.first.setdefault((login.kind, verdict), why)
        self.failed += 1
        if not again:
            self.seconds[int(now)].failed += 1

    # --- as time goes by

    def pass_time(self, now: float) -> None:
        """Give up what has had no outcome for too long, and forget what ended long ago."""
        waiting = self._waiting
        while self._deadlines and self._deadlines[0][0] < now:
            _, _, login = heapq.heappop(self._deadlines)
            if login.verdict is None and login.received_at is None and login not in waiting:
                self.settle(login, Verdict.MISSING, "no outcome by its deadline", now)
        while self._settled and self._settled[0][0] < now - KEPT_SECONDS:
            self._logins.pop(self._settled.popleft()[1], None)

    def waited(self, now: float) -> float:
        """For how long Kafka has not taken the request that waits longest for it."""
        return now - next(iter(self._waiting.values()), now)

    def give_up_waiting(self, now: float) -> None:
        """Kafka does not take what waits for it."""
        for login in list(self._waiting):
            self.settle(login, Verdict.NOT_PUBLISHED, "Kafka did not take the request", now)
        self._waiting.clear()
