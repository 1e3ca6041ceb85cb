"""Where what a declaration rests on is ordered against whoever takes it away.

A login by session, and one by a consent that is remembered, lock those rows until they are written.
A logout or a revocation writes to the same rows, and only then is confirmed: what is declared after
that finds another revision here, and is judged again.
"""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from pipeline.stage import Connection

_TABLES = ("sessions", "consents")


async def still_hold(connection: Connection, relied_on: Mapping[UUID, int]) -> bool:
    """Lock these rows until the transaction ends; whether each is at the revision that was read."""
    ids, revisions = list(relied_on), list(relied_on.values())
    held = 0
    for table in _TABLES:
        found = await connection.fetch(
            f"SELECT id FROM {table} WHERE (id, revision) IN"  # noqa: S608
            " (SELECT * FROM unnest($1::uuid[], $2::int[])) ORDER BY id FOR SHARE",
            ids,
            revisions,
        )
        held += len(found)
    return held == len(ids)
