"""`herken load find-limit`: one run after another on the same network, until the limit is known."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from herken.commands.output import document, progress, say
from herken.load import Wanted, clear, grounded, record, watched
from loadtest import limits, recording, report
from loadtest.connecting import connected
from loadtest.ground import Ground
from loadtest.limits import LIMIT_FILE, Goal, Limit, Trial
from loadtest.record import Ended, Run
from loadtest.reporting import terminal
from pipeline.errors import HerkenError

_REST_LOOKS: Final = 3
"""So many looks in a row, a second apart, have to find nothing left to read."""
_PATIENCE_SECONDS: Final = 180.0
_WARM_SECONDS: Final = 10.0


async def find_limit(wanted: Wanted, goal: Goal, *, as_json: bool) -> int:
    """Search, tell the answer, keep it; the exit code. Raises WrongUse, ServerUnreachable."""
    wanted.load.require_sound()
    if wanted.report is not None:
        recording.require_writable(wanted.report)
    async with grounded(wanted) as where:
        trials = _Trials(where, wanted)
        found = await limits.find(goal, trials.run, trials.settle, _tell)
    clear(where, passed=found.rate is not None)
    if as_json:
        document(found.document())
    else:
        say("\n".join(terminal.limit(found)))
    if wanted.report is not None:
        _keep(found, wanted.report)
    return exit_code(found)


def exit_code(found: Limit) -> int:
    """1 where no rate held."""
    broken_off = {Ended.INTERRUPTED: 130, Ended.NETWORK_LOST: 3}
    return broken_off.get(found.ended, 0 if found.rate is not None else 1)


def _tell(trial: Trial) -> None:
    progress(terminal.trial(trial))


def _keep(found: Limit, folder: Path) -> None:
    """Beside the trials' own folders. Raises WrongUse."""
    report.put(folder / LIMIT_FILE, f"{json.dumps(found.document(), indent=1)}\n")
    progress(f"the answer is in {folder / LIMIT_FILE}")


@dataclass(frozen=True)
class _Trials:
    """Runs on one network, with rest between them."""

    where: Ground
    wanted: Wanted

    async def run(self, rate: float, number: int) -> Run:
        if number == 0:
            return await self._warm_up(rate)
        progress(f"trial {number}: {rate:g} logins a second")
        measured = await watched(self.where, replace(self.wanted.load, rate=rate))
        if self.wanted.report is not None:
            record(measured, self.wanted.report / f"{number:02}-at-{rate:g}")
        return measured.run

    async def _warm_up(self, rate: float) -> Run:
        """New processes and connections are slow at first, and that is nobody's limit."""
        seconds = min(_WARM_SECONDS, self.wanted.load.seconds)
        progress(f"warming up: {rate:g} logins a second for {seconds:g} s, which do not count")
        load = replace(self.wanted.load, rate=rate, seconds=seconds)
        return (await watched(self.where, load)).run

    async def settle(self, run: Run) -> None:
        """What was given up may still have its deadline to come; then all has to be read."""
        if run.ended is not Ended.ON_TIME:
            progress(f"waiting {self.wanted.load.deadline} s: the deadline of what is under way")
            await asyncio.sleep(self.wanted.load.deadline)
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await rest(self.where)
        except TimeoutError:
            raise HerkenError(
                f"{_PATIENCE_SECONDS:.0f} s after the trial the network has still messages to"
                " read: are all its workers there? `herken doctor` tells"
            ) from None


async def rest(where: Ground) -> None:
    """Return when no consumer group of the network has anything left to read."""
    looks = 0
    async with connected(where) as everybody:
        while looks < _REST_LOOKS:
            await asyncio.sleep(1)
            behind = sum((await everybody.lags.look()).values())
            looks = looks + 1 if behind == 0 else 0
