"""A worker of a role, as `herken run` starts it, with parts that can be killed at their points.

It is forked from a server that has everything imported (multiprocessing's), so that a worker that
was killed is back in a fraction of a second.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from multiprocessing import forkserver
from pathlib import Path

from herken import cli, wiring
from pipeline.errors import HerkenError
from pipeline.keys import utc_now
from pipeline.service import Service
from pipeline.settings import Settings
from tests.faults.points import TrappedService, TrappedStore, Traps

_PR_SET_PDEATHSIG = 1
MAIN_MODULE = "tests.faults.worker"


@dataclass(frozen=True)
class Post:
    """What a worker is, where it logs, and where the files are that steer it.

    clock    a file with the seconds that its clock is wrong by; there need not be one
    service  what is put in the place of the service; None: the one with its points
    """

    role: str
    names: Sequence[str]
    environment: Mapping[str, str]
    log_file: Path
    traps: Traps
    clock: Path
    service: Callable[..., Service] | None = None


def main(post: Post) -> None:
    """Run until told to stop, or killed. Ends with the exit code of `herken run`."""
    _be_a_process_of_its_own()
    _log_to(post.log_file)
    os.environ.update(post.environment)
    parts = wiring.Parts(
        store=partial(TrappedStore, post.traps),
        service=partial(post.service or TrappedService, post.traps),
        clock=partial(_clock, post.clock),
    )
    try:
        asyncio.run(wiring.run(post.role, post.names, Settings.read(), parts))
    except HerkenError as error:
        os.write(2, f"herken: {error}\n".encode())
        sys.exit(cli._exit_code(error))


def _clock(file: Path) -> datetime:
    try:
        wrong_by = float(file.read_text() or 0)
    except FileNotFoundError:
        wrong_by = 0.0
    return utc_now() + timedelta(seconds=wrong_by)


def _be_a_process_of_its_own() -> None:
    """In a session of its own, as `herken run` has it in the sandbox, so that it has its own share
    of the machine; and gone with the one who started it, whatever kills that one."""
    os.close(forkserver._forkserver._forkserver_alive_fd)  # type: ignore[attr-defined]
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    os.setsid()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


def _log_to(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    log = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for stream in (1, 2):
        os.dup2(log, stream)
    os.close(log)
