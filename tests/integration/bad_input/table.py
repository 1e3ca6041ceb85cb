"""The whole table, by who is to blame."""

from __future__ import annotations

from tests.integration.bad_input import (
    answers,
    credentials,
    decisions,
    outcomes,
    queries,
    requests,
    results,
    untrusted,
)
from tests.integration.bad_input.files import READINGS
from tests.integration.bad_input.rows import Row

GROUPS: dict[str, tuple[Row, ...]] = {
    "Nobody trusted said it": untrusted.ROWS,
    "A dienstverlener asks for what cannot be": requests.ROWS,
    "A makelaar asks what he should not": queries.ROWS,
    "A user answers what was not asked or not offered": answers.ROWS,
    "A user answers what is not his, or cannot be read": credentials.ROWS,
    "A provider declares what does not hold": results.ROWS,
    "A registry decides what does not hold": decisions.ROWS,
    "A makelaar asserts what nobody declared": outcomes.ROWS,
}
ROWS = tuple(row for rows in GROUPS.values() for row in rows)
__all__ = ["GROUPS", "READINGS", "ROWS"]
