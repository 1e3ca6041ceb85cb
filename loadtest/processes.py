"""What each process of a network spends, and which of them come and go."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Final

import psutil

from loadtest.record import Process
from providers.credentials import argon2id
from sandbox import guardian
from sandbox.network import COMMANDS, Network

Found = Mapping[str, list[psutil.Process]]
"""Processes by the name under which they are told."""
Find = Callable[[], Found]
GENERATOR, KAFKA, POSTGRES, PASSWORDS = "generator", "kafka", "postgres", "passwords"
"""PASSWORDS: what checks passwords for the providers."""
_SERVERS: Final = {"java": KAFKA, "postgres": POSTGRES}
_COME_AND_GO: Final = (POSTGRES, PASSWORDS)
_GUARDIAN: Final = Path(guardian.__file__).name
_STARTERS: Final = ("up", "demo")


@dataclass
class _Spent:
    """Of one name: seconds of CPU by process, and resident megabytes."""

    cpu: dict[psutil.Process, float] = field(default_factory=dict)
    before: float = 0.0
    rss: list[float] = field(default_factory=list)
    there: set[psutil.Process] = field(default_factory=set)


class Processes:
    """Looks at them when asked: the first time is the start of the run. What a process that ended
    had spent when it was last seen still counts."""

    def __init__(self, find: Find) -> None:
        self._find = find
        self._spent: dict[str, _Spent] = defaultdict(_Spent)
        self._looked = False
        self._one_at_a_time = Lock()

    def look(self) -> tuple[dict[str, float], list[str]]:
        """Milliseconds of CPU since the last look, by name; and who ended or appeared. Threads may
        look, each in its turn."""
        with self._one_at_a_time:
            return self._look()

    def _look(self) -> tuple[dict[str, float], list[str]]:
        found, happened, spent = self._find(), list[str](), dict[str, float]()
        for name in {**self._spent, **found}:
            one, group = self._spent[name], set(found.get(name, ()))
            happened += _changes(name, one.there, group) if self._looked else ()
            before = sum(one.cpu.values())
            self._measure(one, group)
            spent[name] = (sum(one.cpu.values()) - before) * 1000
            one.there = group
        if not self._looked:
            self._begin()
        self._looked = True
        return spent, happened

    def _measure(self, one: _Spent, group: Iterable[psutil.Process]) -> None:
        rss = 0.0
        for process in group:
            with suppress(psutil.Error):
                times = process.cpu_times()
                one.cpu[process] = times.user + times.system
                rss = max(rss, process.memory_info().rss / 1_048_576)
        one.rss.append(rss)

    def _begin(self) -> None:
        """What was spent before the run does not count."""
        for one in self._spent.values():
            one.before = sum(one.cpu.values())

    def told(self) -> tuple[Process, ...]:
        """Of each name, what it came to over the run. Of several processes, the memory is that of
        the largest: those of one server share theirs."""
        return tuple(
            Process(
                name=name,
                cpu_ms=round((sum(one.cpu.values()) - one.before) * 1000, 1),
                rss_start=round(one.rss[0], 1),
                rss_end=round(one.rss[-1], 1),
                rss_max=round(max(one.rss), 1),
            )
            for name, one in self._spent.items()
        )


def _changes(name: str, before: set[psutil.Process], now: set[psutil.Process]) -> Iterator[str]:
    """Who ended and who appeared. Postgres has a process a connection, and passwords have one a
    core: they are told only where none is left, or there was none."""
    if name in _COME_AND_GO:
        if bool(before) is not bool(now):
            yield f"{name} ended" if before else f"{name} appeared"
        return
    yield from (f"{name} ended (process {gone.pid})" for gone in before - now)
    yield from (f"{name} appeared (process {new.pid})" for new in now - before)


# --- finding them


def of_own(network: Network) -> Find:
    """The processes of a network that this one started."""
    me = psutil.Process()

    def find() -> Found:
        found: dict[str, list[psutil.Process]] = {GENERATOR: [me]}
        for role in network.roles:
            if role.is_running:
                with suppress(psutil.Error):
                    process = psutil.Process(role.process.pid)
                    found[role.name] = [*found.get(role.name, ()), process]
        return {**found, **_servers([me])}

    return find


def of_running(kafka: str, named: Mapping[str, int]) -> Find:
    """The processes on this machine that take part in the network on this Kafka (HERKEN_KAFKA), the
    servers that were started with them, and those that are named (pids)."""
    me = psutil.Process()

    def find() -> Found:
        found: dict[str, list[psutil.Process]] = {GENERATOR: [me]}
        starters = set[psutil.Process]()
        for name, process in _roles(kafka):
            found.setdefault(name, []).append(process)
            with suppress(psutil.Error):
                starters |= {p for p in process.parents() if _is_herken(p.cmdline(), _STARTERS)}
        for name, pid in named.items():
            with suppress(psutil.Error):
                found[name] = [*found.get(name, ()), psutil.Process(pid)]
        return {**_servers(starters), **found}

    return find


def _roles(kafka: str) -> Iterator[tuple[str, psutil.Process]]:
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            words = process.cmdline()
            if (name := _role(words)) and process.environ().get("HERKEN_KAFKA") == kafka:
                yield name, process


def _role(words: list[str]) -> str | None:
    """What a process of a role is told as; None: it is none."""
    if argon2id.__name__ in words:
        return PASSWORDS
    if _is_herken(words, ("run",)):
        at = words.index("run")
        if words[at + 1] in COMMANDS.values():
            return "+".join(words[at + 2 :])
    return None


def _is_herken(words: list[str], commands: tuple[str, ...]) -> bool:
    """Whether a command line is `herken COMMAND ...`, however it is started; who only guards such
    a process has its command line too."""
    heads = [word.rpartition("/")[2] for word in words]
    if "herken" not in heads or _GUARDIAN in heads:
        return False
    return heads[heads.index("herken") + 1 :][:1] in [[command] for command in commands]


def _servers(starters: Iterable[psutil.Process]) -> dict[str, list[psutil.Process]]:
    """Kafka, Postgres and what checks passwords among what these have started."""
    found: dict[str, list[psutil.Process]] = {}
    for starter in starters:
        with suppress(psutil.Error):
            for child in starter.children(recursive=True):
                with suppress(psutil.Error):
                    if name := _SERVERS.get(child.name()) or _of_passwords(child):
                        found.setdefault(name, []).append(child)
    return found


def _of_passwords(process: psutil.Process) -> str | None:
    return PASSWORDS if argon2id.__name__ in process.cmdline() else None
