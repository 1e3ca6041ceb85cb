"""Of some logins, how long each message took after the one before it, by Kafka's own timestamps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

from loadtest.latencies import Latencies
from loadtest.record import HOP

FOLLOWED_A_SECOND: Final = 50.0
"""CHOICE: of more logins than this, only every second, third ... one is followed."""
_SETTLED_SECONDS: Final = 5.0


def every(rate: float) -> int:
    """Of how many logins one is followed, at a rate a second."""
    return max(1, round(rate / FOLLOWED_A_SECOND))


def steps(seen: Sequence[tuple[int, str]]) -> Iterator[tuple[str, float]]:
    """Kind of topic, and seconds since the message before it.

    seen  timestamp in milliseconds, and kind of topic, of each message of one login
    """
    for (before, _), (at, kind) in pairwise(sorted(seen, key=lambda message: message[0])):
        yield kind, (at - before) / 1000


class Hops:
    """Follows logins, and adds up their steps some time after their outcome: other partitions may
    be read later."""

    def __init__(self, latencies: Latencies, every_nth: int) -> None:
        self._latencies, self._every = latencies, every_nth
        self._seen: dict[bytes, list[tuple[int, str]]] = {}
        self._ended: list[tuple[float, bytes]] = []

    def begin(self, key: bytes, number: int) -> None:
        """A login begins; it is followed where it is its turn."""
        if number % self._every == 0:
            self._seen[key] = []

    def saw(self, key: bytes | None, timestamp_ms: int, topic: str) -> None:
        """A message came by."""
        seen = self._seen.get(key or b"")
        if seen is not None:
            seen.append((timestamp_ms, topic.partition(".")[0]))

    def ended(self, key: bytes, now: float) -> None:
        """A login has its outcome."""
        if key in self._seen:
            self._ended.append((now, key))

    def add_up(self, now: float) -> None:
        """Take in all that ended long enough ago."""
        due = [(at, key) for at, key in self._ended if at < now - _SETTLED_SECONDS]
        self._ended = self._ended[len(due) :]
        for at, key in due:
            for kind, seconds in steps(self._seen.pop(key, ())):
                self._latencies.add(f"{HOP}{kind}", int(at), seconds)
