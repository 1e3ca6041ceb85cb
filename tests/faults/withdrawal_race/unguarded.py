"""`python -m tests.faults.withdrawal_race.unguarded REGISTRY`: a registry that never looks whether
what a decision relies on still holds, and locks nothing. Only the race starts it, to be caught."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from herken.wiring import run
from pipeline.settings import Settings
from registry import tables


async def _always(_: Any, __: Any) -> bool:
    return True


if __name__ == "__main__":
    tables.still_hold = _always
    asyncio.run(run("registry", sys.argv[1:], Settings.read()))
