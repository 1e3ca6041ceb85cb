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
from typing import Final

from dienstverlener.outcome import Assertion, Refusal
from pipeline.rate import Rate
from schemas.refusals import RefusalCode

MORE, MUCH_MORE = 5 / 4, 2.5
"""CHOICE: so many times what comes through is published, to find out whether more would: while some
of it is refused, and when nothing was for ..."""
_CALM_SECONDS: Final = 8.0
"""... so long."""
_ASKED_SECONDS, _THROUGH_SECONDS = 1.0, 4.0
"""CHOICE: over how long what was asked is counted: not long, so that the end of a rush is known at
once; and what came through, which comes in batches."""


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
        self._until = self._refused_at = now = clock()
        self._asked, self._through = Rate(_ASKED_SECONDS, now), Rate(_THROUGH_SECONDS, now)

    def publishes(self) -> bool:
        """Whether a request may be published now. While the network is busy, as many as come
        through and some more; one that comes alone in any case."""
        now = self._clock()
        self._asked.add(now)
        more = MORE if now < self._refused_at + _CALM_SECONDS else MUCH_MORE
        may = 1 + more * self._through.a_second(now)
        if now >= self._until or self._chance() < may / self._asked.a_second(now):
            return True
        self._until = max(self._until, now + _THROUGH_SECONDS)
        return False

    def answered(self, outcome: Assertion | Refusal) -> None:
        """What came of a request that was published."""
        now = self._clock()
        if isinstance(outcome, Refusal) and outcome.code is RefusalCode.BUSY:
            self._refused_at = now
            self._until = max(self._until, now + (outcome.retry_after_seconds or 0))
        else:
            self._through.add(now)

    @property
    def retry_after_seconds(self) -> int:
        """When to come back, as the network told."""
        return max(1, math.ceil(self._until - self._clock()))
