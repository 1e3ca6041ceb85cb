"""Passwords, checked off the event loop, as many at a time as there are cores.

Each is checked by a process apart that comes after all others, so that nobody who logs in with a
key waits for other people's passwords. A thread of lower priority would not do: it gives way inside
its own process only. Such a process ends with its input, so with this one, whatever ends that.
"""

from __future__ import annotations

import asyncio
import atexit
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from queue import Empty, SimpleQueue
from typing import IO, Final, cast

from providers.credentials import argon2id

_COMMAND: Final = (sys.executable, "-m", argon2id.__name__)


async def holds(stored: str | None, password: str) -> bool:
    """Whether the password is the one that was hashed; without a hash, just as slowly, not.

    Raises OSError where the process that checked it has ended: the next time there is another one.
    """
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_pool(), _checked, stored, password)


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=os.cpu_count() or 1, thread_name_prefix="password")


def _checked(stored: str | None, password: str) -> bool:
    checking = _one()
    try:
        held = checking.ask(stored, password)
    except OSError:
        checking.end()
        raise
    _idle.put(checking)
    return held


def _one() -> _Checking:
    try:
        return _idle.get_nowait()
    except Empty:
        return _Checking()


class _Checking:
    """A process that checks passwords."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(  # noqa: S603  our own module
            _COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        )
        self._questions = cast("IO[bytes]", self._process.stdin)
        self._answers = cast("IO[bytes]", self._process.stdout)
        atexit.register(self.end)

    def ask(self, stored: str | None, password: str) -> bool:
        """Raises OSError."""
        self._questions.write(json.dumps([stored, password]).encode() + b"\n")
        self._questions.flush()
        answer = self._answers.readline()
        if not answer:
            raise ChildProcessError("what checks passwords has ended")
        return bool(json.loads(answer))

    def end(self) -> None:
        """Let it end, and wait for that."""
        atexit.unregister(self.end)
        with suppress(OSError), self._process:
            pass


_idle: Final = SimpleQueue[_Checking]()
"""Those that check nothing at the moment."""
