"""What a role keeps does not grow without end: what cannot come again is forgotten."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from math import inf

from pipeline.runner import Runner

REST_SECONDS = 60.0


class Pruning:
    """Forgets a little at each sweep; rests where nothing old is left.

    keep         how long inputs are kept, and rows in which nothing is due
    keep_claims  how long claims are
    clock        seconds; only their differences count
    """

    def __init__(
        self,
        runner: Runner,
        keep: timedelta,
        keep_claims: timedelta,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._runner, self._keep, self._keep_claims = runner, keep, keep_claims
        self._clock, self._rests_until = clock, -inf

    async def prune(self) -> None:
        if self._clock() < self._rests_until:
            return
        if not await self._runner.prune(self._keep, self._keep_claims):
            self._rests_until = self._clock() + REST_SECONDS
