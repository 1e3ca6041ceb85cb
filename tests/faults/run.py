"""Every fault that happens in production, on a real network with load on, and a table of what came
of each.

    python -m tests.faults.run [--seed N] [--only NAME,...] [--short] [--json] [--list]

Exit codes: 0 nothing is violated, 1 something is, 2 wrong use, 3 a server is unreachable.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import random
import re
import shutil
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from pipeline.errors import HerkenError
from sandbox.servers import running
from tests.faults import ground, kills, membership, messages, servers, storm
from tests.faults.administration import Administration
from tests.faults.checking import checked
from tests.faults.crew import working
from tests.faults.fault import Arena, Fault, Progress, Row, not_tried, tried
from tests.faults.load import people
from tests.faults.table import shown

FAULTS: tuple[Fault, ...] = (
    *kills.FAULTS,
    *membership.FAULTS,
    *messages.FAULTS,
    *storm.FAULTS,
    *servers.FAULTS,
)
SHORT: tuple[Fault, ...] = (kills.SHORT_FAULT, messages.SHORT_FAULT, membership.SHORT_FAULT)
"""What runs in `make test`, in 2 minutes."""
FOLDER = Path(".herken") / "faults"
LONGEST_SECONDS = 29 * 60
_TOLD_SECONDS = 10.0
ENVIRONMENT = {"HERKEN_LOG_LEVEL": "WARNING"}


@asynccontextmanager
async def arena(folder: Path, seed: int, brokers: int, progress: Progress) -> AsyncIterator[Arena]:
    """A network with its crew and its people, in a folder of its own."""
    async with AsyncExitStack() as stack:
        starting = running(folder, progress=progress, brokers=brokers, environ={})
        started = await stack.enter_async_context(starting)
        network = await ground.founded(started, folder, progress)
        progress("starting two workers a role")
        crew = await stack.enter_async_context(working(network, ENVIRONMENT))
        everybody = await stack.enter_async_context(people(network))
        administration = Administration(everybody)
        await stack.enter_async_context(administration.going_on())
        yield Arena(crew, everybody, administration, seed, progress, started)


async def rows(faults: Sequence[Fault], folder: Path, seed: int, progress: Progress) -> list[Row]:
    """Try these faults, one after the other; a network for each size of Kafka. What has not begun
    when time is over is not tried, which is a failure."""
    found: list[Row] = []
    until = time.monotonic() + LONGEST_SECONDS
    for brokers in sorted({fault.brokers for fault in faults}):
        these = [fault for fault in faults if fault.brokers == brokers]
        found += await _on(brokers, these, folder / f"brokers-{brokers}", seed, progress, until)
    return found


async def _on(
    brokers: int,
    faults: Sequence[Fault],
    folder: Path,
    seed: int,
    progress: Progress,
    until: float,
) -> list[Row]:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    found = []
    async with arena(folder, seed, brokers, progress) as ready:
        for fault in faults:
            if time.monotonic() > until:
                found.append(not_tried(fault))
                continue
            progress(f"{fault.name}: about {fault.seconds:.0f} s")
            found.append(await tried(fault, ready))
            progress(f"{fault.name}: {len(found[-1].violations)} violations")
        judged = await checked(ready, faults)
    return [*found, judged] if judged else found


def _progress() -> Progress:
    """To stderr; of what is told again and again with other numbers, once in 10 s."""
    began, told = time.monotonic(), dict[str, float]()

    def tell(what: str) -> None:
        now, kind = time.monotonic(), re.sub(r"[\d.]+", "", what)
        if now - told.get(kind, -_TOLD_SECONDS) >= _TOLD_SECONDS:
            told[kind] = now
            sys.stderr.write(f"{now - began:6.1f} s  {what}\n")

    return tell


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults.run",
        description="Faults on a real network with load on; a table of what came of each.",
        epilog='for example: python -m tests.faults.run --seed 7 --only "SIGTERM in the middle"',
    )
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--only", help="names of faults, with commas between")
    parser.add_argument("--short", action="store_true", help="those that run in `make test`")
    parser.add_argument("--list", action="store_true", help="the names of all faults")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="for data and logs")
    return parser.parse_args(argv)


def _chosen(only: str | None) -> Sequence[Fault]:
    """Raises SystemExit with 2 for a name that there is not."""
    wanted = [each.strip() for each in only.split(",")] if only else [f.name for f in FAULTS]
    unknown = set(wanted) - {each.name for each in FAULTS}
    if unknown:
        sys.stderr.write(f"no such fault: {', '.join(sorted(unknown))}; --list has them\n")
        raise SystemExit(2)
    return [each for each in FAULTS if each.name in wanted]


def main(argv: Sequence[str] | None = None) -> None:
    arguments = _arguments(argv)
    if arguments.list:
        sys.stdout.writelines(f"{each.name}\n" for each in FAULTS)
        return
    chosen = SHORT if arguments.short else _chosen(arguments.only)
    progress = _progress()
    progress(f"seed {arguments.seed}")
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # it tells of every lost connection
    try:
        found = asyncio.run(rows(chosen, arguments.folder, arguments.seed, progress))
    except HerkenError as error:
        sys.stderr.write(f"herken: {error}\n")
        raise SystemExit(3) from None
    if arguments.json:
        violations = sum(len(row.violations) for row in found)
        faults = [row.report() for row in found]
        text = json.dumps({"seed": arguments.seed, "violations": violations, "faults": faults})
    else:
        text = shown(found, arguments.seed)
    sys.stdout.write(f"{text}\n")
    raise SystemExit(1 if any(row.violations for row in found) else 0)


if __name__ == "__main__":
    main()
