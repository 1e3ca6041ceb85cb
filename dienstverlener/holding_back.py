"""How a client holds back while the network is busy: it publishes somewhat more than comes through,
and refuses the rest itself, where that costs the network nothing.

There is no moment at which all hold back, and none at which all come back: each request takes its
chance. Source: Beyer and others, Site Reliability Engineering, chapter 21, client-side throttling.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from dienstverlener.outcome import Assertion, Refusal
from schemas.refusals import RefusalCode

MORE: Final = 4 / 3
"""CHOICE: so many times what comes through is published, to find out whether more would."""
_ASKED_SECONDS, _THROUGH_SECONDS = 0.5, 3.0
"""CHOICE: after so long, what was asked counts half, so that the end of a rush is known at once;
and what came through, which comes in batches."""


@dataclass
class Rate:
    """How many a second of late; after `half_life` seconds something counts half."""

    half_life: float
    at: float
    count: float = 0.0

    def add(self, now: float) -> None:
        self.count = self._left(now) + 1
        self.at = now

    def a_second(self, now: float) -> float:
        return self._left(now) * math.log(2) / self.half_life

    def _left(self, now: float) -> float:
        return self.count * math.exp2((self.at - now) / self.half_life)


class HoldingBack:
    """What one client asked of late, and what came through.

    clock   seconds, on any monotonic clock
    chance  a number from 0 up to 1
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._clock, self._chance = clock, chance
        self._until = now = clock()
        self._asked, self._through = Rate(_ASKED_SECONDS, now), Rate(_THROUGH_SECONDS, now)

    def publishes(self) -> bool:
        """Whether a request may be published now. While the network is busy, as many as come
        through and some more, and one a second in any case."""
        now = self._clock()
        self._asked.add(now)
        may = 1 + MORE * self._through.a_second(now)
        if now >= self._until or self._chance() < may / self._asked.a_second(now):
            return True
        self._until = max(self._until, now + _THROUGH_SECONDS)
        return False

    def answered(self, outcome: Assertion | Refusal) -> None:
        """What came of a request that was published."""
        now = self._clock()
        if isinstance(outcome, Refusal) and outcome.code is RefusalCode.BUSY:
            self._until = max(self._until, now + (outcome.retry_after_seconds or 0))
        else:
            self._through.add(now)

    @property
    def retry_after_seconds(self) -> int:
        """When to come back, as the network told."""
        return max(1, math.ceil(self._until - self._clock()))
