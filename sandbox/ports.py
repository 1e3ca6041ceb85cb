"""Free ports on the loopback address."""

import random
import socket
from contextlib import ExitStack

LOOPBACK = "127.0.0.1"
# Below what systems hand out to outgoing connections, so that no client takes the port first.
_FIRST, _LAST = 20_000, 32_000
_ATTEMPTS = 200


def free(count: int) -> list[int]:
    """`count` different ports that nothing listens on now.

    Raises: OSError when there are none.
    """
    with ExitStack() as held:
        return [_bound(held) for _ in range(count)]


def _bound(held: ExitStack) -> int:
    for _ in range(_ATTEMPTS):
        port = random.randint(_FIRST, _LAST)  # noqa: S311  nothing secret
        listener = held.enter_context(socket.socket())
        try:
            listener.bind((LOOPBACK, port))
        except OSError:
            continue
        return port
    raise OSError(f"no free port on {LOOPBACK} between {_FIRST} and {_LAST}")
