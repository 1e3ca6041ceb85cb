"""argon2id: makes hashes, and checks passwords against them, slowly.

Source: OWASP Password Storage Cheat Sheet (argon2id, m=19456 KiB, t=2, p=1).

`python -m providers.credentials.argon2id` is a process that checks, until its input ends: a line
with `[hash or null, password]` as JSON in, a line with `true` or `false` out.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import IO, Final

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

_HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
_BEHIND_ALL_OTHERS: Final = 19


def hash_password(password: str) -> str:
    """A hash with a salt of its own: another one each time."""
    return _HASHER.hash(password)


@cache
def _nobodys_hash() -> str:
    """Checked where there is no such user, so that the time taken does not tell."""
    return _HASHER.hash("nobody's")


def is_of(stored: str | None, password: str) -> bool:
    """Whether the password is the one that was hashed; without a hash, just as slowly, not."""
    return _verify(stored or _nobodys_hash(), password) and stored is not None


def _verify(stored: str, password: str) -> bool:
    try:
        return _HASHER.verify(stored, password)
    except (Argon2Error, InvalidHashError):
        return False


# --- as a process


def answer(questions: IO[bytes], answers: IO[bytes]) -> None:
    """Check what is asked, one after the other, until no more is."""
    for line in questions:
        stored, password = json.loads(line)
        answers.write(b"true\n" if is_of(stored, password) else b"false\n")
        answers.flush()


def _let_others_go_first() -> None:
    """Linux shares a desktop's CPU among sessions first, where this process has its own."""
    os.nice(_BEHIND_ALL_OTHERS)
    with suppress(OSError):  # no such sharing here
        Path("/proc/self/autogroup").write_text(str(_BEHIND_ALL_OTHERS))


if __name__ == "__main__":
    _let_others_go_first()
    answer(sys.stdin.buffer, sys.stdout.buffer)
