"""Passwords: argon2id, checked off the event loop, as many at a time as there are cores.

Source: OWASP Password Storage Cheat Sheet (argon2id, m=19456 KiB, t=2, p=1).
"""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=os.cpu_count() or 1, thread_name_prefix="argon2")


@cache
def _nobodys_hash() -> str:
    """Checked where there is no such user, so that the time taken does not tell."""
    return _HASHER.hash("nobody's")


def hash_password(password: str) -> str:
    return _HASHER.hash(password)


async def holds(stored: str | None, password: str) -> bool:
    """Whether the password is the one that was hashed; without a hash, just as slowly, not."""
    loop = asyncio.get_running_loop()
    matches = await loop.run_in_executor(_pool(), _verify, stored or _nobodys_hash(), password)
    return matches and stored is not None


def _verify(stored: str, password: str) -> bool:
    try:
        return _HASHER.verify(stored, password)
    except (Argon2Error, InvalidHashError):
        return False
