"""python -m tests.e2e.check_scenario [scenarios/polder.yaml]

Plays a whole scenario on a network of its own, and lets `herken check` judge its topics; then a
copy of them with one message altered, one removed and one outcome doubled. Exit code 0: nothing
was found in the first, and each of the three, and nothing else, in the second.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path

from pipeline.keys import Keys
from sandbox import cluster
from sandbox.kafka import JARS
from sandbox.network import Network, network
from sandbox.play import Player
from sandbox.scenario import Login
from sandbox.scenario_file import load
from tests.e2e.test_check import Checked, Faults, check_network, with_faults
from tests.support.copying import copied


async def main(file: Path) -> int:
    with tempfile.TemporaryDirectory() as name:
        playing = network(load(file), Path(name), progress=_say, deadline_seconds=60)
        async with playing as running, AsyncExitStack() as stack:
            wrong = await _play(running)
            whole = await check_network(running, "--json", "--logs", str(running.logs))
            _told("the topics as they are", whole)
            started = cluster.started(Path(name) / "copy", jars=JARS, progress=_say, stack=stack)
            address = (await started).address
            faults = await _spoil(running, address)
            spoilt = await check_network(running, "--json", HERKEN_KAFKA=address)
            _told("with one message altered, one removed, one outcome doubled", spoilt)
    named = {each["request_id"] for each in spoilt.report["violations"]}
    found = {what: request in named for what, request in vars(faults).items()}
    _say(f"found and named: {found}; others faulted: {len(named - set(vars(faults).values()))}")
    return int(wrong or whole.code != 0 or not all(found.values()) or len(named) != len(found))


async def _play(running: Network) -> int:
    """Play every step; how many were not as expected."""
    wrong = 0
    async with Player.ready(running.scenario, running.settings, running.folders) as player:
        for step in running.scenario.steps:
            playing = player.play(step) if isinstance(step, Login) else player.act(step)
            wrong += not (await playing).as_expected
    _say(f"{len(running.scenario.steps)} steps played, {wrong} not as expected")
    return wrong


async def _spoil(running: Network, address: str) -> Faults:
    faults = Faults()
    makelaar = next(each.name for each in running.directory.participants if each.role == "HM")
    keys = Keys.load(running.folders.network, running.folders.secrets, makelaar)
    change = with_faults(faults, keys.signer(running.founded.directory.issued_at))
    await copied(running.servers.kafka, address, running.directory, change)
    return faults


def _told(what: str, found: Checked) -> None:
    counted = Counter(each["invariant"] for each in found.report["violations"])
    _say(f"{what}: exit {found.code}, read {found.report['read']}")
    _say(f"  violations by invariant: {dict(sorted(counted.items())) or 'none'}")


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(asyncio.run(main(Path(*sys.argv[1:] or ["scenarios/polder.yaml"]))))
