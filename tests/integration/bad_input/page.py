"""The table as a page of the documentation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.integration.bad_input.rows import Layer, Reading, Row
from tests.integration.bad_input.table import GROUPS, READINGS, ROWS

PAGE = Path("docs/reference/bad-input.md")
_INTRODUCTION = """\
# Bad input

<!-- Made from tests/integration/bad_input by `python -m tests.integration.bad_input`. -->

What becomes of each bad message, and which check stops it. {rows} messages and {readings} files and
values. Every row is played on the real roles and a real Postgres, with a good message of another
login in the same batch (where a stage takes more than one at once); that login is never harmed.
Then the check is turned off, to see that something else happens: what, is in the last column. A
numbered row has more than one line of defence: each is turned off in turn, the ones before it left
off.

A *dead letter* is on `<topic>.dlq`, with this reason and all bytes as they came. Where nothing is
said about the login, it ends as if the bad message had not come.
"""
_HEAD = ("Bad message", "Comes on", "What becomes of it", "Stopped by", "Without that")
_READINGS_HEAD = ("What is read", "What is said", "Stopped by", "Without that")


def page() -> str:
    """The whole page, in Markdown."""
    parts = [_INTRODUCTION.format(rows=len(ROWS), readings=len(READINGS))]
    for title, rows in GROUPS.items():
        parts.append(_section(title, _HEAD, (_cells(row) for row in rows)))
    readings = (_reading_cells(reading) for reading in READINGS)
    parts.append(_section("Files and values", _READINGS_HEAD, readings))
    return "\n".join(parts)


def _section(title: str, head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [_line(head), _line("---" for _ in head), *(_line(row) for row in rows)]
    return f"## {title}\n\n" + "\n".join(lines) + "\n"


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _cells(row: Row) -> tuple[str, ...]:
    stopped = _numbered(", ".join(str(check) for check in layer.checks) for layer in row.layers)
    without = _numbered(_without(layer) for layer in row.layers)
    when = f"`{row.at.name}`, {row.moment}"
    return _sentence(row.name), when, _sentence(str(row.fate)), stopped, without


def _without(layer: Layer) -> str:
    return _sentence(str(layer.then))


def _reading_cells(reading: Reading) -> tuple[str, ...]:
    checks = ", ".join(str(check) for check in reading.checks)
    return _sentence(reading.name), f"`{reading.says}`", checks, f"`{reading.without}`"


def _numbered(parts: Iterator[str]) -> str:
    """One part as it is; several, each with its number."""
    found = list(parts)
    if len(found) < 2:
        return "".join(found)
    return "<br>".join(f"{number}. {part}" for number, part in enumerate(found, 1))


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
