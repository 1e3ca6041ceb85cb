"""Start processes that die with this one, whatever kills it.

    this process --lifeline--> watcher --signals--> the command
                               watcher <----held--- the command

Both arrows on the left are pipes that nobody writes to: they tell that their other end is gone. A
command is started through this file as a script, which forks the watcher and then becomes the
command, so that pid, signals and exit code are the command's own.
"""

import ctypes
import os
import pwd
import select
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

GRACE_SECONDS = 2.0
_SAME_USER = ""

_PR_SET_SECUREBITS, _SECBIT_NO_SETUID_FIXUP = 28, 1 << 2
_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE = 47, 2
_CAP_DAC_OVERRIDE, _CAP_VERSION_3 = 1, 0x20080522


def guarded(
    argv: Sequence[str], *, env: Mapping[str, str], log_file: Path, user: str | None = None
) -> subprocess.Popen[bytes]:
    """Start `argv` in a session of its own; what it prints is appended to `log_file`.

    When this process ends, however it ends, the command gets SIGINT and, GRACE_SECONDS later,
    SIGKILL with its process group. `user`: run as that user; only root can.
    """
    lifeline = _lifeline()
    script = [sys.executable, "-I", "-S", __file__, str(lifeline), user or _SAME_USER, *argv]
    log_file.parent.mkdir(parents=True, exist_ok=True)
    with log_file.open("ab") as log:
        return subprocess.Popen(  # noqa: S603  the callers' own commands
            script,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            pass_fds=(lifeline,),
            start_new_session=True,
        )


@cache
def _lifeline() -> int:
    """The end to read from; the other one stays open for as long as this process lives."""
    to_read, _ = os.pipe()
    return to_read


def _main(lifeline: int, user: str, argv: list[str]) -> None:
    gone, held = os.pipe()
    os.set_inheritable(held, True)
    _fork_watcher(lifeline, gone, held)
    os.close(lifeline)
    if user:
        _become(user)
    os.execvp(argv[0], argv)  # noqa: S606


def _fork_watcher(lifeline: int, gone: int, held: int) -> None:
    """Forks twice: the command must not find a child that it did not start."""
    command = os.getpid()
    between = os.fork()
    if between:
        os.waitpid(between, 0)
        return
    if os.fork() == 0:
        os.close(held)
        _watch(lifeline, gone, command)
    os._exit(0)


def _watch(lifeline: int, gone: int, command: int) -> None:
    os.setsid()
    for stream in (0, 1, 2):
        os.dup2(os.open(os.devnull, os.O_RDWR), stream)
    if gone in select.select([lifeline, gone], [], [])[0]:
        return
    _signal_group(command, signal.SIGINT)
    if not select.select([gone], [], [], GRACE_SECONDS)[0]:
        _signal_group(command, signal.SIGKILL)


def _signal_group(group: int, which: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(group, which)


def _become(user: str) -> None:
    """Go on as `user`, who still reaches every file that root reaches.

    For Postgres, which refuses to run as root, while a checkout of root's is often in a folder
    that is closed to everybody else. Opening those folders would be worse.
    """
    entry = pwd.getpwnam(user)
    libc = ctypes.CDLL(None)
    if sys.platform == "linux":  # without this, access(2) would not count what is kept
        libc.prctl(_PR_SET_SECUREBITS, _SECBIT_NO_SETUID_FIXUP, 0, 0, 0)
    os.setgroups([])
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)
    if sys.platform == "linux":
        kept = [1 << _CAP_DAC_OVERRIDE] * 3  # effective, permitted, inheritable
        libc.capset((ctypes.c_uint32 * 2)(_CAP_VERSION_3, 0), (ctypes.c_uint32 * 6)(*kept))
        libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, _CAP_DAC_OVERRIDE, 0, 0)


if __name__ == "__main__":
    _main(int(sys.argv[1]), sys.argv[2], sys.argv[3:])
