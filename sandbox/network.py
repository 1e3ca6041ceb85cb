"""A whole network on this machine: servers, files, databases, topics, and a process a role.

async with network(scenario, Path(".herken/demo"), progress=print) as running:
    ...  # running.environment is what another process needs to take part
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from subprocess import Popen

from aiokafka import AIOKafkaProducer

from pipeline.catalogue_updates import publish
from pipeline.errors import HerkenError
from pipeline.kafka import started
from pipeline.keys import utc_now
from pipeline.settings import Settings
from sandbox import ports, seeding, topology
from sandbox.catalogue import entries
from sandbox.founding import Folders, Founded, found
from sandbox.guardian import guarded
from sandbox.processes import ended
from sandbox.scenario import Scenario
from sandbox.servers import Servers, running
from schemas.codec import Record
from schemas.directory import Directory, Participant
from schemas.values import Role

Progress = Callable[[str], None]
READY_SECONDS = 60.0
DRAIN_SECONDS = 20.0
ALONE = 6
"""CHOICE: up to so many participants each have a process of their own."""
COMMANDS = {Role.MAKELAAR: "makelaar", Role.PROVIDER: "provider", Role.REGISTRY: "registry"}


class RoleFailed(HerkenError):
    """A role's process did not start."""


@dataclass
class RoleProcess:
    """A running process, of one participant or of several of one role."""

    participants: tuple[Participant, ...]
    process: Popen[bytes]
    health_port: int

    @property
    def participant(self) -> Participant:
        """The one, or the first of them."""
        return self.participants[0]

    @property
    def name(self) -> str:
        """What its log is called after: whose it is."""
        return "+".join(each.name for each in self.participants)

    @property
    def is_running(self) -> bool:
        return self.process.poll() is None


@dataclass
class Network:
    """A running network."""

    scenario: Scenario
    folders: Folders
    logs: Path
    servers: Servers
    deadline_seconds: int
    founded: Founded
    roles: list[RoleProcess] = field(default_factory=list)

    @property
    def directory(self) -> Directory:
        return self.founded.directory

    @property
    def settings(self) -> Settings:
        """The settings with which this process takes part."""
        return Settings(
            kafka=self.servers.kafka,
            postgres=self.servers.postgres,
            network=self.folders.network,
            secrets=self.folders.secrets,
            deadline_seconds=self.deadline_seconds,
        )

    @property
    def environment(self) -> dict[str, str]:
        """What another process needs to take part."""
        return {
            "HERKEN_KAFKA": self.servers.kafka,
            "HERKEN_POSTGRES": self.servers.postgres,
            "HERKEN_NETWORK": str(self.folders.network.resolve()),
            "HERKEN_SECRETS": str(self.folders.secrets.resolve()),
            "HERKEN_DIENSTVERLENER": self.scenario.dienstverleners[0].name,
            "HERKEN_DEADLINE_SECONDS": str(self.deadline_seconds),
        }

    def start(self, *participants: Participant, **settings: str) -> RoleProcess:
        """Start one more process for a participant, or for several of one role; it shares the
        partitions with any other. `settings` are environment variables of its own."""
        (port,) = ports.free(1)
        own = {"HERKEN_HEALTH_PORT": str(port), **settings}
        environment = {**os.environ, **self.environment, **own}
        command, names = COMMANDS[participants[0].role], [each.name for each in participants]
        argv = [sys.executable, "-m", "herken", "run", command, *names]
        log_file = self.logs / f"{'+'.join(names)}.log"
        role = RoleProcess(participants, guarded(argv, env=environment, log_file=log_file), port)
        self.roles.append(role)
        return role

    def role(self, name: str) -> RoleProcess:
        """The newest process of a participant. Raises KeyError."""
        return {each.name: role for role in self.roles for each in role.participants}[name]

    def log_of(self, role: RoleProcess) -> Path:
        return self.logs / f"{role.name}.log"

    async def ready(self, role: RoleProcess) -> None:
        """Return when a role is ready. Raises RoleFailed."""
        log_file = self.log_of(role)
        try:
            async with asyncio.timeout(READY_SECONDS):
                while not await asyncio.to_thread(_is_ready, role.health_port):
                    if not role.is_running:
                        raise RoleFailed(f"{role.name} ended: its log is {log_file}")
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise RoleFailed(f"{role.name} is not ready: see {log_file}") from None

    async def stop(self, role: RoleProcess) -> None:
        """Let a role finish what it has in hand, and end it."""
        if role.is_running:
            role.process.send_signal(signal.SIGTERM)
        if not await ended(role.process, DRAIN_SECONDS):
            role.process.kill()
            await ended(role.process, DRAIN_SECONDS)


def _is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


@asynccontextmanager
async def network(
    scenario: Scenario, folder: Path, *, progress: Progress, deadline_seconds: int = 300
) -> AsyncIterator[Network]:
    """Found a network in a folder, with servers, start everything, stop everything.

    deadline_seconds  how long a login may take
    Raises ServerFailed, ServerUnreachable, RoleFailed.
    """
    async with running(folder, progress=progress) as servers:
        founding = network_on(servers, scenario, folder, progress, deadline_seconds)
        async with founding as running_network:
            yield running_network


@asynccontextmanager
async def network_on(
    servers: Servers, scenario: Scenario, folder: Path, progress: Progress, deadline_seconds: int
) -> AsyncIterator[Network]:
    """Found a network on servers that run already. Raises ServerUnreachable, RoleFailed."""
    made = await laid_out(servers, scenario, folder, progress, deadline_seconds)
    try:
        await start_roles(made, progress)
        yield made
    finally:
        await asyncio.gather(*(made.stop(role) for role in made.roles))


async def laid_out(
    servers: Servers, scenario: Scenario, folder: Path, progress: Progress, deadline_seconds: int
) -> Network:
    """A network with everything that it needs, and nobody at work yet. Raises ServerUnreachable."""
    folders, now = Folders(folder / "network", folder / "secrets"), utc_now()
    founded = found(scenario, folders, now)
    progress("setting up topics and databases")
    await asyncio.gather(
        topology.create(servers.kafka, topology.plan(founded.directory)),
        seeding.set_up(founded, servers.postgres),
    )
    await asyncio.gather(
        publish(servers.kafka, entries(scenario, now), folders.scheme()),
        fill(servers.kafka, servers.postgres, scenario, founded, now),
    )
    return Network(scenario, folders, folder / "logs", servers, deadline_seconds, founded)


async def fill(
    kafka: str, postgres: str, scenario: Scenario, founded: Founded, now: datetime
) -> None:
    """Register what the scenario says, and publish what tells of it. Raises ServerUnreachable."""
    producer = AIOKafkaProducer(bootstrap_servers=kafka, acks="all", enable_idempotence=True)

    async def tell(events: Sequence[Record]) -> None:
        futures = [
            await producer.send(e.topic, e.value, e.key, headers=list(e.headers)) for e in events
        ]
        await asyncio.gather(*futures)

    async with started(kafka, producer):
        await seeding.fill(scenario, founded, postgres, now, tell)


async def start_roles(running_network: Network, progress: Progress) -> None:
    """A process for each makelaar, provider and registry; or for each of these roles, where there
    are more participants than a laptop has room for."""
    groups = in_processes(running_network.directory)
    names = ", ".join("+".join(each.name for each in group) for group in groups)
    progress(f"starting {len(groups)} processes: {names}")
    began = [running_network.start(*group) for group in groups]
    await asyncio.gather(*(running_network.ready(role) for role in began))
    progress("the network is ready")


def in_processes(directory: Directory) -> list[tuple[Participant, ...]]:
    """Who runs together in one process."""
    participants = [p for p in directory.participants if p.role in COMMANDS]
    if len(participants) <= ALONE:
        return [(each,) for each in participants]
    return [tuple(p for p in participants if p.role is role) for role in COMMANDS]
