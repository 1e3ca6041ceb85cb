"""Kafka's jars: which ones (jars/jgo.lock.toml), fetched from Maven Central through jgo, verified.

`python -m sandbox.maven` resolves jars/jgo.toml anew and renews the lock file.
"""

import asyncio
import hashlib
import shutil
import tempfile
import tomllib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.processes import ServerFailed
from sandbox.wheels import not_installed

if TYPE_CHECKING:
    from jgo.maven import MavenContext

SPEC = Path(__file__).parent / "jars" / "jgo.toml"
LOCK = SPEC.with_name("jgo.lock.toml")
_AT_ONCE = 8
_ATTEMPTS = 3


@dataclass(frozen=True)
class Jar:
    """A locked jar and the SHA-256 that its file must have."""

    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def name(self) -> str:
        return f"{self.artifact}-{self.version}.jar"


def locked() -> list[Jar]:
    """The jars of the lock file."""
    dependencies = tomllib.loads(LOCK.read_text())["dependencies"]
    return [Jar(d["groupId"], d["artifactId"], d["version"], d["sha256"]) for d in dependencies]


async def present(folder: Path, progress: Callable[[str], None]) -> list[Path]:
    """The locked jars in `folder`, those fetched that were not there, all verified.

    Raises: ServerFailed when one cannot be fetched, or is not what the lock file says.
    """
    jars = locked()
    absent = [jar for jar in jars if not (folder / jar.name).exists()]
    if absent:
        progress(f"fetching {len(absent)} of Kafka's {len(jars)} jars (once)")
        await asyncio.to_thread(_fetch, folder, absent)
    await asyncio.to_thread(_verify, folder, jars)
    return [folder / jar.name for jar in jars]


def _verify(folder: Path, jars: list[Jar]) -> None:
    for jar in jars:
        if hashlib.sha256((folder / jar.name).read_bytes()).hexdigest() != jar.sha256:
            raise ServerFailed(
                f"{folder / jar.name} is not the file that {LOCK.name} names: its SHA-256 differs. "
                "Delete it and start again, and it is fetched anew."
            )


def _fetch(folder: Path, jars: list[Jar]) -> None:
    """Each jar comes to its place whole: another process may be looking, this one may be killed."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="fetching-", dir=folder) as incoming:
        context = _maven(Path(incoming))
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for jar, fetched in zip(
                jars, pool.map(partial(_fetch_one, context), jars), strict=True
            ):
                fetched.replace(folder / jar.name)


def _fetch_one(context: "MavenContext", jar: Jar) -> Path:
    wanted = context.project(jar.group, jar.artifact).at_version(jar.version).artifact()
    reason: Exception | None = None
    for _ in range(_ATTEMPTS):
        shutil.rmtree(context.repo_cache / wanted.component.path_prefix, ignore_errors=True)
        try:
            return wanted.resolve()
        except (OSError, RuntimeError) as error:  # requests' errors are OSErrors
            reason = error
    raise ServerFailed(
        f"{jar.name} could not be fetched from Maven Central: {reason}. Look at the network, or "
        "set HERKEN_KAFKA to a Kafka that runs already."
    )


def _maven(cache: Path) -> "MavenContext":
    """jgo's access to Maven Central, or to the mirrors in the user's own configuration of jgo."""
    try:
        from jgo.config import GlobalSettings  # noqa: PLC0415  an extra, and slow to import
        from jgo.maven import MavenContext  # noqa: PLC0415
    except ModuleNotFoundError:
        raise not_installed("jgo", "HERKEN_KAFKA") from None
    return MavenContext(repo_cache=cache, remote_repos=GlobalSettings.load().repositories or None)


def renew_lock() -> None:
    """Resolve jgo.toml from nothing and write what comes out to the lock file."""
    from jgo.env import EnvironmentBuilder, EnvironmentSpec, LockFile  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as scratch:
        context = _maven(Path(scratch))
        builder = EnvironmentBuilder(context, cache_dir=Path(scratch))
        wanted = builder.spec_to_dependencies(EnvironmentSpec.load(SPEC))
        inputs, others = context.resolver.resolve(wanted)
        needed = [*inputs, *(jar for jar in others if jar.scope in {"compile", "runtime"})]
        LockFile.from_resolved_dependencies(needed, environment_name="kafka").save(LOCK)


if __name__ == "__main__":
    renew_lock()
