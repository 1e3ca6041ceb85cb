"""Work beside a block begins with it and ends with it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine

import pytest

from pipeline.beside import beside


async def _for_ever(seen: list[str]) -> None:
    seen.append("began")
    try:
        await asyncio.sleep(3600)
    finally:
        seen.append("ended")


async def test_work_goes_on_while_the_block_runs_and_ends_with_it() -> None:
    seen: list[str] = []
    async with beside(_for_ever(seen)) as task:
        await asyncio.sleep(0)
        assert (seen, task.done()) == (["began"], False)
    assert seen == ["began", "ended"]


async def test_work_ends_when_the_block_fails() -> None:
    seen: list[str] = []
    with pytest.raises(LookupError):
        await _fail_beside(_for_ever(seen))
    assert seen == ["began", "ended"]


async def _fail_beside(work: Coroutine[None, None, None]) -> None:
    async with beside(work):
        await asyncio.sleep(0)
        raise LookupError


async def test_what_the_work_raised_is_raised_at_the_end_of_the_block() -> None:
    with pytest.raises(LookupError):
        await _sleep_beside(_fail())


async def _fail() -> None:
    raise LookupError


async def _sleep_beside(work: Coroutine[None, None, None]) -> None:
    async with beside(work):
        await asyncio.sleep(0)
