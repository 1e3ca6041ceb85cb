"""The whole table, by who is to blame."""

from __future__ import annotations

from tests.integration.bad_input import (
    answers,
    catalogue_files,
    chain_information,
    chain_outcomes,
    command_contents,
    commands,
    confirmation_queries,
    confirmations,
    consents,
    credentials,
    decisions,
    files,
    outcomes,
    queries,
    requests,
    results,
    session_commands,
    sessions,
    untrusted,
    wishes,
)
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
    "A dienstverlener or a user asks for means that cannot be": wishes.ROWS,
    "A user answers with a session that is not enough": sessions.ROWS,
    "A user commands what is not his": session_commands.ROWS,
    "A user agrees to what was not asked": consents.ROWS,
    "A makelaar asks a second registry what he should not": confirmation_queries.ROWS,
    "A second registry confirms what does not hold": confirmations.ROWS,
    "A makelaar asserts a chain that nobody declared": chain_outcomes.ROWS,
    "A portal commands by what does not hold": commands.ROWS,
    "A portal commands what cannot be": command_contents.ROWS,
    "Registries ask and tell each other what they should not": chain_information.ROWS,
}
READINGS = (*files.READINGS, *catalogue_files.READINGS)
ROWS = tuple(row for rows in GROUPS.values() for row in rows)
__all__ = ["GROUPS", "READINGS", "ROWS"]
