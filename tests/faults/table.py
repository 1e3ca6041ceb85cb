"""The table of a run, for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tests.faults.fault import Row

_HEADS = ("fault", "times", "logins", "outcomes", "turned", "repeats", "violations", "seconds")
_SHOWN = 20


def shown(rows: Sequence[Row], seed: int) -> str:
    """The table, what was measured, and the violations."""
    cells = [_HEADS, *(_cells(row) for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(_HEADS))]
    lines = ["  ".join(_aligned(row, widths)) for row in cells]
    return "\n".join([f"seed {seed}", *lines, *_measured(rows), *_violations(rows)])


def _cells(row: Row) -> tuple[str, ...]:
    numbers = (row.repetitions, row.logins, row.outcomes, row.turned, row.repeats)
    return (row.fault, *map(str, numbers), str(len(row.violations)), f"{row.seconds:.0f}")


def _aligned(row: Sequence[str], widths: Sequence[int]) -> Iterator[str]:
    yield row[0].ljust(widths[0])
    yield from (cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))


def _measured(rows: Sequence[Row]) -> Iterator[str]:
    for row in rows:
        yield from (f"{row.fault}: {what}: {value}" for what, value in row.measured.items())


def _violations(rows: Sequence[Row]) -> Iterator[str]:
    for row in rows:
        yield from (f"VIOLATION {row.fault}: {each}" for each in row.violations[:_SHOWN])
        if len(row.violations) > _SHOWN:
            yield f"VIOLATION {row.fault}: and {len(row.violations) - _SHOWN} more"
