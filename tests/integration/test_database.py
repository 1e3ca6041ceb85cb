"""A Postgres that hangs takes connections and never answers: nobody waits for it without end."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial

import pytest

from pipeline import database
from pipeline.errors import ServerUnreachable


@pytest.fixture
async def hung() -> AsyncIterator[str]:
    """The DSN of a server that reads and says nothing."""

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(-1)
        writer.close()

    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    async with server:
        yield f"postgresql://somebody:secret@127.0.0.1:{server.sockets[0].getsockname()[1]}/herken"


@pytest.mark.parametrize("opened", [database.connect, partial(database.pool, size=2)])
async def test_server_is_unreachable_when_it_hangs(
    opened: Callable[[str], Awaitable[object]], hung: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "CONNECT_SECONDS", 0.2)
    async with asyncio.timeout(30):
        with pytest.raises(ServerUnreachable, match="does not answer") as raised:
            await opened(hung)
    assert "secret" not in str(raised.value)
