"""/live and /ready over HTTP, for whoever restarts and routes.

live: the loop answers, and nothing made the service stop. ready: partitions are assigned, the
database answers, the keys can sign.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import Any

import uvicorn

Check = Callable[[], Coroutine[Any, Any, bool]]
Message = MutableMapping[str, Any]


class _Server(uvicorn.Server):
    """Leaves the signals to the service."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(host: str, port: int, checks: Mapping[str, Mapping[str, Check]]) -> None:
    """Serve until cancelled. `checks`: a path to the checks that it answers for."""

    async def app(
        scope: Message,
        _: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        found = {name: await _holds(check) for name, check in checks.get(scope["path"], {}).items()}
        known = scope["path"] in checks
        status = 404 if not known else 200 if all(found.values()) else 503
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(found).encode()})

    config = uvicorn.Config(app, host, port, log_config=None, lifespan="off", access_log=False)
    server = _Server(config)
    try:
        await server.serve()
    finally:
        if server.started:
            await server.shutdown()


async def _holds(check: Check) -> bool:
    try:
        return await check()
    except Exception:
        return False
