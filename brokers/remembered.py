"""Which provider a user chose, where he asked to have it remembered: by the name that the
dienstverlener gave his browser, and so for that dienstverlener only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from pipeline.stage import Connection
from schemas.values import EntityID, Nonce

Browser = tuple[EntityID, Nonce]
"""A dienstverlener, and its own name for a browser."""


@dataclass(frozen=True)
class Remember:
    """A change: from now on, this browser's user is not asked where this provider fits. A later
    choice takes an earlier one's place."""

    browser: Browser
    provider: EntityID
    chosen_at: datetime

    async def __call__(self, connection: Connection) -> None:
        await connection.execute(
            "INSERT INTO remembered_means (dienstverlener, browser, provider, chosen_at)"
            " VALUES ($1, $2, $3, $4)"
            " ON CONFLICT (dienstverlener, browser) DO UPDATE"
            " SET provider = EXCLUDED.provider, chosen_at = EXCLUDED.chosen_at"
            " WHERE remembered_means.chosen_at <= EXCLUDED.chosen_at",
            *self.browser,
            self.provider,
            self.chosen_at,
        )


async def of_browsers(
    connection: Connection, browsers: Iterable[Browser]
) -> dict[Browser, EntityID]:
    """What is remembered for these browsers, where something is."""
    wanted = set(browsers)
    if not wanted:
        return {}
    found = await connection.fetch(
        "SELECT dienstverlener, browser, provider FROM remembered_means"
        " WHERE (dienstverlener, browser) IN (SELECT * FROM unnest($1::text[], $2::text[]))",
        [dienstverlener for dienstverlener, _ in wanted],
        [browser for _, browser in wanted],
    )
    return {(row["dienstverlener"], row["browser"]): row["provider"] for row in found}
