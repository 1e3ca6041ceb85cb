"""How many a second, of late. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass
class Rate:
    """How many a second over the last `seconds` or so: what is older counts less and less. `at`: on
    any monotonic clock, as every `now`."""

    seconds: float
    at: float
    count: float = 0.0

    def add(self, now: float, more: int = 1) -> None:
        self.count, self.at = self._left(now) + more, now

    def a_second(self, now: float) -> float:
        return self._left(now) / self.seconds

    def _left(self, now: float) -> float:
        return self.count * math.exp((self.at - now) / self.seconds)
