"""Programs that come in wheels: where they are, without running the wheel's own Python."""

from importlib.util import find_spec
from pathlib import Path

from sandbox.processes import ServerFailed


def folder_of(package: str, variable: str) -> Path:
    """The folder of an installed package.

    Raises: ServerFailed when it is not installed, naming the `variable` that does without it.
    """
    found = find_spec(package)
    if found is None or found.origin is None:
        raise not_installed(package, variable)
    return Path(found.origin).parent


def not_installed(package: str, variable: str) -> ServerFailed:
    """The error for a package of the extra that is missing."""
    return ServerFailed(
        f"{package} is not installed. Install herken[sandbox], or set {variable} to a server that "
        "runs already."
    )
