"""`python -m tests.faults.withdrawal_race.unguarded REGISTRY`: a registry that never looks whether
what a decision relies on still holds, and locks nothing. Only the race starts it, to be caught."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from herken.wiring import run
from pipeline.fold import Fold
from pipeline.settings import Settings


def _nothing(*_: Any) -> None:
    return None


if __name__ == "__main__":
    Fold._rely_on = _nothing  # type: ignore[method-assign]
    asyncio.run(run("registry", sys.argv[1:], Settings.read()))
