"""/live and /ready, as whoever restarts and routes reads them."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from pipeline import health
from sandbox import ports


class Switch:
    """A check that can be turned off, or made to raise."""

    def __init__(self) -> None:
        self.answer: bool | Exception = True

    async def __call__(self) -> bool:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
async def served() -> AsyncIterator[tuple[int, Switch]]:
    (port,), switch = ports.free(1), Switch()

    async def check() -> bool:
        return await switch()

    serving = asyncio.create_task(health.serve("127.0.0.1", port, {"/ready": {"database": check}}))
    yield port, switch
    serving.cancel()
    with suppress(asyncio.CancelledError):
        await serving


async def get(port: int, path: str) -> tuple[int, dict[str, bool]]:
    def fetch() -> tuple[int, dict[str, bool]]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    for _ in range(100):
        try:
            return await asyncio.to_thread(fetch)
        except urllib.error.URLError:
            await asyncio.sleep(0.02)
    raise TimeoutError


async def test_ready_is_200_when_every_check_holds(served: tuple[int, Switch]) -> None:
    assert await get(served[0], "/ready") == (200, {"database": True})


@pytest.mark.parametrize("answer", [False, OSError("gone")])
async def test_ready_is_503_and_names_the_check_when_one_does_not(
    served: tuple[int, Switch], answer: bool | Exception
) -> None:
    served[1].answer = answer
    assert await get(served[0], "/ready") == (503, {"database": False})


async def test_other_paths_are_404(served: tuple[int, Switch]) -> None:
    assert (await get(served[0], "/"))[0] == 404
