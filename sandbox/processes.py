"""Wait for a process with a bound, end it, and what is raised when a server is not there."""

import asyncio
import re
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from subprocess import Popen

from pipeline.errors import HerkenError

START_SECONDS = 60.0
_PAUSE_SECONDS = 0.03
_LINES_SEARCHED, _LINES_SHOWN = 300, 5
_TELLING = re.compile(r"\b(ERROR|FATAL|Error|error:)|Exception: ")


class ServerFailed(HerkenError):
    """A server of our own did not start. The message names its log and says what to do."""


async def until_ready(
    name: str,
    process: Popen[bytes],
    log_file: Path,
    answers: Callable[[], Awaitable[bool]],
    *,
    seconds: float = START_SECONDS,
) -> None:
    """Return when `answers` is true. A process that does not get there is killed.

    Raises: ServerFailed when it ends or `seconds` pass before that.
    """
    async with _killed_on_failure(process):
        asking = asyncio.create_task(_repeated(answers))
        ending = asyncio.create_task(ended(process, seconds))
        try:
            await asyncio.wait((asking, ending), return_when=asyncio.FIRST_COMPLETED)
            if ending.done():
                raise failed(name, _what_happened(process, seconds), log_file)
            await asking
        finally:
            asking.cancel()
            ending.cancel()
            await asyncio.gather(asking, ending, return_exceptions=True)


async def _repeated(answers: Callable[[], Awaitable[bool]]) -> None:
    while not await answers():
        await asyncio.sleep(_PAUSE_SECONDS)


def _what_happened(process: Popen[bytes], seconds: float) -> str:
    if process.returncode is None:
        return f"took more than {seconds:.0f} s"
    return f"ended with exit code {process.returncode}"


async def finished(name: str, process: Popen[bytes], log_file: Path) -> None:
    """Return when a command that ends by itself has succeeded; kill it when it does not end.

    Raises: ServerFailed when it has not succeeded.
    """
    async with _killed_on_failure(process):
        await ended(process, START_SECONDS)
        if process.returncode != 0:
            raise failed(name, _what_happened(process, START_SECONDS), log_file)


@asynccontextmanager
async def _killed_on_failure(process: Popen[bytes]) -> AsyncIterator[None]:
    try:
        yield
    except BaseException:  # a cancelled start, too, leaves nothing behind
        await stop(process, signal.SIGKILL)
        raise


async def ended(process: Popen[bytes], seconds: float) -> bool:
    """Whether the process ends within `seconds`."""
    deadline = asyncio.get_running_loop().time() + seconds
    while process.poll() is None:
        if asyncio.get_running_loop().time() > deadline:
            return False
        await asyncio.sleep(_PAUSE_SECONDS)
    return True


async def stop(
    process: Popen[bytes], how: signal.Signals = signal.SIGTERM, *, seconds: float = 10.0
) -> None:
    """End the process: with `how`, and with SIGKILL when it is still there after `seconds`."""
    process.send_signal(how)
    if not await ended(process, seconds):
        process.kill()
        await ended(process, seconds)


def failed(name: str, what: str, log_file: Path) -> ServerFailed:
    """The error for a server of our own, with what its log says."""
    return ServerFailed(
        f"{name} {what}. Its log, {log_file}, says:\n{_end_of(log_file)}\n"
        f"Start again; if that does not help, delete {log_file.parent} with all its data first."
    )


def _end_of(log_file: Path) -> str:
    try:
        lines = log_file.read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return "  (it wrote nothing)"
    recent = lines[-_LINES_SEARCHED:]
    errors = dict.fromkeys(line for line in recent if _TELLING.search(line))
    return "\n".join(f"  {line[:300]}" for line in [*(errors or recent)][-_LINES_SHOWN:])
