"""Keycloak, a general identity provider: a login with a password through its browser flow.

Its own distribution from Maven Central, on the Java runtime that the sandbox uses, with a database
of its own beside herken's. As a production build, and with what was found to be fastest: sessions
in memory, a gigabyte of heap, logging of warnings only; passwords hashed as it does by itself.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
import shutil
import subprocess
import tempfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import psutil

from benchmarks.children import asked, child, observed
from benchmarks.figures import KEYCLOAK
from benchmarks.lane import CLIENT, Groups
from benchmarks.logins import servers
from benchmarks.peers import environments
from benchmarks.peers.environments import PEERS, Unavailable
from sandbox import ports
from sandbox.guardian import guarded
from sandbox.java import environment, java
from sandbox.processes import stop, until_ready

VERSION = "26.7.3"
_SHA256 = "27a6535553c3cdcd083872ba40629efafb3475e3b758e0c6f691395561dd0f1f"
_START_SECONDS = 180.0
_REALM, _CLIENT, _USERS, _PASSWORD = "bench", "dienstverlener", 100, "zeven-zeilen-op-zondag"
_REDIRECT = "http://127.0.0.1/dienstverlener"
_BUILT = ("--db=postgres", "--features-disabled=persistent-user-sessions")
_RUN = (
    *("--optimized", "--http-enabled=true", "--hostname-strict=false", "--cache=local"),
    *("--import-realm", "--log-level=warn", "--http-host=127.0.0.1"),
)


@dataclass(frozen=True)
class Keycloak:
    """A running server, and who logs in."""

    server: psutil.Process
    driver: asyncio.subprocess.Process
    name: str = KEYCLOAK

    async def drive(self, instants: Sequence[float]) -> list[float]:
        return await asked(self.driver, instants)

    def processes(self) -> Groups:
        return {
            "own": self.server.children(recursive=True),
            "Postgres": servers()["Postgres"],
            CLIENT: observed([self.driver]),
        }


@asynccontextmanager
async def opened(
    folder: Path, postgres: str, progress: Callable[[str], None]
) -> AsyncIterator[Keycloak]:
    """The server, ready, and its client. `postgres`: DSN of a superuser.

    Raises Unavailable, ServerFailed, ChildFailed.
    """
    client = await environments.python(environments.CLIENTS, progress)
    home = await asyncio.to_thread(_installed, progress)
    secret = secrets.token_urlsafe(24)
    _write_realm(home, secret)
    (port,) = ports.free(1)
    folder.mkdir(parents=True, exist_ok=True)
    options = (f"--http-port={port}", *await _database(postgres))
    argv = [str(home / "bin" / "kc.sh"), "start", *_RUN, *options]
    log = folder / "keycloak.log"
    progress(f"starting Keycloak {VERSION}")
    server = guarded(argv, env=_environment(), log_file=log)
    realm = f"http://127.0.0.1:{port}/realms/{_REALM}"
    try:
        await until_ready("Keycloak", server, log, lambda: _answers(realm), seconds=_START_SECONDS)
        settings = _settings(folder, realm, secret)
        module = ("benchmarks.peers.oidc_logins", str(settings))
        async with child(*module, python=client, log=folder / "logins.log") as driver:
            yield Keycloak(psutil.Process(server.pid), driver)
    finally:
        await stop(server)


def versions() -> dict[str, str]:
    return {"Keycloak": VERSION}


async def _answers(realm: str) -> bool:
    def ask() -> bool:
        try:
            with urllib.request.urlopen(realm, timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    return await asyncio.to_thread(ask)


async def _database(postgres: str) -> list[str]:
    """A new database of its own, and how to reach it."""
    name = f"keycloak_{secrets.token_hex(4)}"
    admin = await asyncpg.connect(postgres)
    try:
        await admin.execute(f"CREATE DATABASE {name}")
    finally:
        await admin.close()
    parts = urlsplit(postgres)
    return [
        f"--db-url=jdbc:postgresql://{parts.hostname}:{parts.port}/{name}",
        f"--db-username={parts.username}",
        f"--db-password={parts.password}",
    ]


# --- installing


def _installed(progress: Callable[[str], None]) -> Path:
    """The distribution, fetched and built if it was not. Raises Unavailable."""
    home = (PEERS / f"keycloak-{VERSION}").absolute()
    if not home.exists():
        PEERS.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=PEERS, prefix="fetching-") as scratch:
            progress(f"fetching Keycloak {VERSION}, 177 MB (once)")
            with zipfile.ZipFile(_fetched(Path(scratch))) as archive:
                archive.extractall(scratch)
            progress("building Keycloak (once)")
            _build(Path(scratch).absolute() / home.name)
            shutil.move(str(Path(scratch) / home.name), home)
    return home


def _fetched(scratch: Path) -> Path:
    from jgo.config import GlobalSettings
    from jgo.maven import MavenContext

    context = MavenContext(
        repo_cache=scratch / "maven", remote_repos=GlobalSettings.load().repositories or None
    )
    wanted = context.project("org.keycloak", "keycloak-quarkus-dist").at_version(VERSION)
    try:
        found: Path = wanted.artifact(packaging="zip").resolve()
    except (OSError, RuntimeError) as error:
        raise Unavailable(f"Keycloak could not be fetched from Maven Central: {error}") from None
    if hashlib.sha256(found.read_bytes()).hexdigest() != _SHA256:
        raise Unavailable("what Maven Central has as Keycloak is not what was locked")
    return found


def _build(home: Path) -> None:
    script = home / "bin" / "kc.sh"
    script.chmod(0o755)
    built = subprocess.run(
        [str(script), "build", *_BUILT],
        check=False,
        env=_environment(),
        capture_output=True,
        text=True,
    )
    if built.returncode:
        raise Unavailable(f"Keycloak cannot be built: {built.stdout[-300:]}{built.stderr[-300:]}")


def _environment() -> dict[str, str]:
    home = java().parents[1]
    heap = {"JAVA_OPTS_KC_HEAP": "-Xms1g -Xmx1g"}
    return {**environment(), "JAVA_HOME": str(home), "JAVA": str(java()), **heap}


# --- its realm


def _write_realm(home: Path, secret: str) -> None:
    folder = home / "data" / "import"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{_REALM}-realm.json").write_text(json.dumps(_realm(secret)))


def _realm(secret: str) -> dict[str, Any]:
    client = {
        "clientId": _CLIENT,
        "secret": secret,
        "redirectUris": [_REDIRECT],
        "standardFlowEnabled": True,
        "publicClient": False,
    }
    return {
        "realm": _REALM,
        "enabled": True,
        "sslRequired": "none",
        "bruteForceProtected": False,
        "eventsEnabled": False,
        "clients": [client],
        "users": [_user(number) for number in range(_USERS)],
    }


def _user(number: int) -> dict[str, Any]:
    """Whole, so that nobody is asked to complete his profile."""
    name = f"gebruiker-{number}"
    names = {"firstName": "Test", "lastName": name, "email": f"{name}@korenmolen.example"}
    password = {"type": "password", "value": _PASSWORD, "temporary": False}
    return {
        **{"username": name, "enabled": True, "emailVerified": True},
        **names,
        "credentials": [password],
    }


def _settings(folder: Path, realm: str, secret: str) -> Path:
    path = folder / "client.json"
    content = {
        "realm": realm,
        "client": _CLIENT,
        "secret": secret,
        "redirect": _REDIRECT,
        "users": [f"gebruiker-{number}" for number in range(_USERS)],
        "password": _PASSWORD,
    }
    path.write_text(json.dumps(content))
    return path
