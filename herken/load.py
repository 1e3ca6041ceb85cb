"""`herken load`: a load on a network, watched while it runs, told and recorded when it is over."""

from __future__ import annotations

import asyncio
import shutil
import signal
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from rich.console import Console
from rich.live import Live
from rich.table import Table

from herken.commands.output import progress, say
from herken.demo import require_no_network, run_folder
from loadtest import ground, recording, report, telling
from loadtest.book import Book
from loadtest.ground import Ground
from loadtest.record import Ended, Run, Second
from loadtest.running import Measured, measure
from loadtest.schedule import Load
from pipeline.settings import Settings
from sandbox.scenario_file import load as scenario_in

_LINE_EVERY: Final = 5
_CODES: Final = {Ended.INTERRUPTED: 130, Ended.NETWORK_LOST: 3}


@dataclass(frozen=True)
class Wanted:
    """What was asked on the command line.

    scenario  None: what the running network was founded from
    own       found a network for the run
    pids      processes to measure besides those that are found
    report    the folder for the record; None: there is none
    """

    load: Load
    scenario: Path | None = None
    own: bool = False
    pids: Mapping[str, int] | None = None
    report: Path | None = None


async def load(wanted: Wanted, *, as_json: bool) -> int:
    """Carry out a run, tell it, record it; the exit code. Raises WrongUse, ServerUnreachable."""
    wanted.load.require_sound()
    if wanted.report is not None:
        recording.require_writable(wanted.report)
    async with grounded(wanted) as where:
        measured = await watched(where, wanted.load)
    say(measured.run.model_dump_json(indent=2) if as_json else telling.summary(measured.run))
    clear(where, passed=not measured.run.failed)
    if wanted.report is not None:
        record(measured, wanted.report)
    return exit_code(measured.run)


def exit_code(run: Run) -> int:
    return _CODES.get(run.ended, 1 if run.failed or run.invalid else 0)


@asynccontextmanager
async def grounded(wanted: Wanted) -> AsyncIterator[Ground]:
    """The network to load, for as long as the block runs: several runs may be put on it."""
    scenario = scenario_in(wanted.scenario) if wanted.scenario else None
    if not wanted.own:
        where = ground.running(Settings.read(), scenario, wanted.load.users, wanted.pids or {})
        _say(where)
        yield where
        return
    require_no_network()
    if scenario is None:
        raise LookupError("a network of its own is founded from a scenario")
    founding = ground.own(scenario, wanted.load.users, run_folder("load"), progress)
    async with founding as where:
        _say(where)
        yield where


def clear(where: Ground, *, passed: bool) -> None:
    """What a network of its own leaves behind: its logs, where something was wrong."""
    if where.folder is not None and passed:
        shutil.rmtree(where.folder, ignore_errors=True)
    elif where.folder is not None:
        progress(f"the roles' logs are in {where.folder}/logs")


def _say(where: Ground) -> None:
    for line in where.said:
        progress(line)


async def watched(where: Ground, asked: Load) -> Measured:
    """One run, shown on stderr while it goes on; Ctrl-C or SIGTERM ends its arrivals."""
    with _told_to_stop() as stop, _Screen() as screen:
        return await measure(where, asked, stop, screen.show)


@contextmanager
def _told_to_stop() -> Iterator[asyncio.Event]:
    """Set by the first signal; a second one ends the program."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in numbers}

    def release() -> None:
        for number in numbers:
            loop.remove_signal_handler(number)
            signal.signal(number, before[number])

    def told() -> None:
        progress("stopping: nobody arrives any more")
        stop.set()
        release()

    for number in numbers:
        loop.add_signal_handler(number, told)
    try:
        yield stop
    finally:
        release()


def record(measured: Measured, folder: Path) -> None:
    """Write everything of a run. Raises WrongUse."""
    recording.write(measured, folder)
    report.write(measured.run, folder)
    progress(f"the record is in {folder}")


# --- while it runs


class _Screen:
    """Shows each second: on a terminal in place, elsewhere a line every few."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        self._live = Live(console=console, auto_refresh=False) if console.is_terminal else None

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, second: Second, book: Book) -> None:
        if self._live is not None:
            self._live.update(_table(second, book.finished, book.failed), refresh=True)
        elif second.at % _LINE_EVERY == 0:
            progress(telling.so_far(second, book.finished, book.failed))


def _table(second: Second, finished: int, failed: int) -> Table:
    table = Table.grid(padding=(0, 2))
    for name, value in telling.figures(second, finished, failed).items():
        table.add_row(name, value)
    return table
