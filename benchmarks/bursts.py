"""Logins by key all at once, again and again: as many as a network can do, for long."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

from benchmarks import arrivals
from benchmarks.logins import BY_KEY, KEY_HOLDER, LoginRefused
from dienstverlener import Assertion, Dienstverlener
from loadtest.book import Book
from loadtest.ground import Ground
from sandbox import scenario as s
from sandbox.browser import Browser
from sandbox.person import Behaviour


async def repeat(where: Ground, count: int, most: int, book: Book, stop: asyncio.Event) -> None:
    """`count` at once, until `most` have ended or `stop` is set; counted in the book, where a burst
    in which one failed is the last."""
    async with _person(where) as login:
        while book.finished < most and not stop.is_set() and not book.failed:
            try:
                await arrivals.drive(login, arrivals.at_once(count))
                book.finished += count
            except (ExceptionGroup, TimeoutError) as error:
                book.failed += len(error.exceptions) if isinstance(error, ExceptionGroup) else 1


@asynccontextmanager
async def _person(where: Ground) -> AsyncIterator[arrivals.Login]:
    """Somebody with a signing key, and whom he logs in with."""
    owner, service = where.scenario.service(BY_KEY)
    async with (
        Browser.open(where.settings.kafka, where.folders) as browser,
        Dienstverlener.connect(owner.name, where.settings, hold_back=False) as client,
    ):
        who = Behaviour(browser.wallets.of(KEY_HOLDER))

        async def login() -> None:
            request_id = uuid4()
            browser.acting(request_id, who)
            outcome = await client.authenticate(s.service_id(owner, service), request_id=request_id)
            browser.left(request_id)
            if not isinstance(outcome, Assertion):
                raise LoginRefused(outcome.code)

        yield login
