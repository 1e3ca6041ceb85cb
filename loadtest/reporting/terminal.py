"""A comparison and a limit, as lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from loadtest.compare import Comparison, Figure
from loadtest.limits import Limit, Trial
from loadtest.reporting.words import number

Row = tuple[str, ...]


def comparison(found: Comparison) -> Iterator[str]:
    """What cannot be compared first, then the figures, then how to read them."""
    yield from (f"NOT COMPARABLE  {why}" for why in found.differs)
    head = ("", "A", "B", "B/A", "95 %", "")
    yield from columns([head, *map(_figure, found.figures)], right=range(1, 5))
    yield from (f"- {note}" for note in found.notes)


def _figure(figure: Figure) -> Row:
    sure = figure.low is not None and figure.high is not None
    return (
        f"{figure.name}, {figure.unit}",
        _value(figure.a),
        _value(figure.b),
        f"{figure.ratio:.3f}" if figure.ratio is not None else "",
        f"{figure.low:.3f}-{figure.high:.3f}" if sure else "",
        figure.says,
    )


def _value(value: float | None) -> str:
    return "" if value is None else number(value)


def limit(found: Limit) -> Iterator[str]:
    """Every trial in order, and the answer."""
    head = ("rate", "logins/s", "p50 ms", "p99 ms", "CPU ms a login", "", "")
    yield from columns([head, *map(_row, found.trials)], right=range(5))
    yield found.says


def trial(one: Trial) -> str:
    """As soon as it is over."""
    why = one.why or f"p99 is {number(one.p99_ms)} ms"
    return f"{one.rate:g} logins a second: {one.came}, {why}"


def _row(one: Trial) -> Row:
    figures = (one.throughput, one.p50_ms, one.p99_ms, one.cpu_ms_per_login)
    return (f"{one.rate:g}", *map(number, figures), str(one.came), one.why)


def columns(rows: Sequence[Row], right: Sequence[int]) -> Iterator[str]:
    """As wide as they need; numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (
            cell.rjust(width) if place in right else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield "  ".join(cells).rstrip()
