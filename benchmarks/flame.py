"""`python -m benchmarks.flame`: a flame graph of each role under a burst of logins.

py-spy looks at a role's stack a hundred times a second while logins come all at once. What waits is
left out, so that widths are shares of the CPU that the role's process used.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import shutil
import sys
import sysconfig
import tempfile
from pathlib import Path

import uvloop

from benchmarks import arrivals, logins
from benchmarks.measure import progress
from benchmarks.options import positive
from pipeline import logs
from pipeline.errors import WrongUse
from sandbox.network import Network

FOLDER = Path("docs") / "flames"
_WARM_UP = 300
_TITLE = re.compile(r'(<text id="title"[^>]*>)[^<]*')
"""py-spy writes its command line there."""


def main() -> int:
    options = _options()
    logs.configure("CRITICAL", "benchmark")
    for file in uvloop.run(record(options.logins, options.seconds, options.folder)):
        print(file)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.flame",
        description="Writes an SVG file a role. They differ from machine to machine.",
        epilog="Example: python -m benchmarks.flame --seconds 20 --folder /tmp",
    )
    parser.add_argument("--logins", type=positive, default=1000, help="at once, again and again")
    parser.add_argument("--seconds", type=positive, default=15, help="of looking")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="for the files")
    return parser.parse_args()


async def record(count: int, seconds: int, folder: Path) -> list[Path]:
    """Flame graphs of the roles, in this folder. Raises WrongUse."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        async with logins.opened(Path(scratch) / "herken", progress) as herken:
            keys = logins.Keys(herken)
            await keys.drive(arrivals.at_once(_WARM_UP))
            progress(f"looking at the roles for {seconds} s")
            looking = [
                asyncio.create_task(_looked_at(pid, seconds, folder / f"{role}.svg"))
                for role, pid in _roles(herken.running)
            ]
            while not all(each.done() for each in looking):
                await keys.drive(arrivals.at_once(count))
            return [await each for each in looking]


def _roles(running: Network) -> list[tuple[str, int]]:
    """Each role's name, and the process of who plays it in a login with a signing key."""
    return [
        (role.participant.role.name.lower(), role.process.pid)
        for role in running.roles
        if role.participant.name != logins.CHECKS_PASSWORDS
    ]


async def _looked_at(pid: int, seconds: int, file: Path) -> Path:
    """Raises WrongUse where it cannot look."""
    command = (_py_spy(), "record", "-p", str(pid), "-d", str(seconds), "-r", "100")
    process = await asyncio.create_subprocess_exec(
        *command,
        *("-f", "flamegraph", "-o", str(file)),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await process.communicate()
    if process.returncode:
        last = errors.decode().strip().splitlines()[-1:]
        raise WrongUse(f"py-spy may not look at other processes here: {''.join(last)}")
    file.write_text(_TITLE.sub(rf"\g<1>{file.stem}", file.read_text()))
    return file


def _py_spy() -> str:
    """Raises WrongUse."""
    found = shutil.which("py-spy", path=sysconfig.get_path("scripts")) or shutil.which("py-spy")
    if found is None:
        raise WrongUse("py-spy is not installed: `pip install py-spy`")
    return found


if __name__ == "__main__":
    try:
        sys.exit(main())
    except WrongUse as wrong:
        progress(str(wrong))
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
