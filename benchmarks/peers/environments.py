"""Environments of the peers' own: `.herken/peers/<name>`, from `requirements/peers-<name>.lock`."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

PEERS = Path(".herken") / "peers"
CLIENTS = "clients"
"""Where the logins at the peers are driven from."""
_MINUTES = 10


class Unavailable(Exception):
    """A peer that cannot be run here. The text says why, and what to do."""


async def python(name: str, progress: Callable[[str], None]) -> Path:
    """The Python of an environment, made if it is not there or its lock changed.

    Raises Unavailable.
    """
    lock, folder = Path("requirements") / f"peers-{name}.lock", (PEERS / name).absolute()
    fits, stamp = hashlib.sha256(lock.read_bytes()).hexdigest(), folder / ".installed"
    found = folder / "bin" / "python"
    if stamp.exists() and stamp.read_text() == fits:
        return found
    progress(f"installing {lock} (once)")
    await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
    await run(sys.executable, "-m", "venv", str(folder))
    await run(str(found), "-m", "pip", "install", "-q", "--require-hashes", "-r", str(lock))
    stamp.write_text(fits)
    return found


def locked(name: str, *packages: str) -> dict[str, str]:
    """The versions of some packages of an environment."""
    lines = (Path("requirements") / f"peers-{name}.lock").read_text().splitlines()
    pinned = dict(line.split()[0].split("==") for line in lines if "==" in line)
    return {package: pinned[package] for package in packages}


async def run(*argv: str) -> None:
    """Run a command to its end. Raises Unavailable."""
    process = await asyncio.create_subprocess_exec(
        *argv, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        told, _ = await asyncio.wait_for(process.communicate(), 60 * _MINUTES)
    except BaseException:
        process.kill()
        await process.wait()
        raise
    if process.returncode:
        last = told.decode(errors="replace").strip().splitlines()[-1:]
        raise Unavailable(f"`{' '.join(argv[:4])} ...` failed: {''.join(last)[:200]}")


def program(name: str, package: str) -> str:
    """Where a system's program is. Raises Unavailable."""
    found = shutil.which(name)
    if found is None:
        raise Unavailable(f"{name} is not installed: install the system package {package}")
    return found
