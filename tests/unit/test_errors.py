"""What Postgres raises is told apart by whose fault it is. No message is to blame for a server."""

import asyncpg
import pytest

from pipeline.errors import BAD_DATA, CRASH, RETRIABLE

BY_CONSEQUENCE = {
    BAD_DATA: ("22", "23"),
    CRASH: ("28", "3D", "3F", "42"),
    RETRIABLE: ("08", "25", "40", "53", "55", "57", "58", "XX"),
}
"""The first two characters of an SQLSTATE are its class.
Source: PostgreSQL 18, appendix A, error codes."""


def raised_as(sqlstate_class: str) -> list[type[Exception]]:
    """Every exception that asyncpg has for a class of SQLSTATEs."""
    every = [each for each in vars(asyncpg).values() if isinstance(each, type)]
    return [e for e in every if str(getattr(e, "sqlstate", "")).startswith(sqlstate_class)]


@pytest.mark.parametrize(
    ("consequence", "sqlstate_class"),
    [(consequence, each) for consequence, classes in BY_CONSEQUENCE.items() for each in classes],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_error_has_the_consequence_of_its_class(
    consequence: tuple[type[Exception], ...], sqlstate_class: str
) -> None:
    errors = raised_as(sqlstate_class)
    assert errors
    assert [e.__name__ for e in errors if not issubclass(e, consequence)] == []
    others = [e for other in BY_CONSEQUENCE if other is not consequence for e in other]
    assert [e.__name__ for e in errors if issubclass(e, tuple(others))] == []


@pytest.mark.parametrize(
    "error", [asyncpg.InternalClientError, asyncpg.InterfaceError, ConnectionResetError]
)
def test_lost_connection_is_tried_again_however_it_shows(error: type[Exception]) -> None:
    assert issubclass(error, RETRIABLE)
    assert not issubclass(error, BAD_DATA + CRASH)
