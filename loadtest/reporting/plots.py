"""One chart as SVG: lines, bars or areas upon one another, with a tooltip at each point.

Nothing is told by colour alone: a line has its dashes, an area its name or number.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from typing import Final

import htpy as h

from loadtest.reporting.axes import Axis
from loadtest.reporting.columns import Values

WIDTH, HEIGHT = 720, 210
LEFT, RIGHT, TOP, BOTTOM = 58, 18, 18, 26
_IN_X, _IN_Y = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
_ROOM_FOR_NAME: Final = 15.0
STYLES: Final = 8
"""Colours and dashes that style.css has."""


class Form(StrEnum):
    LINES = "lines"
    BARS = "bars"
    STACK = "stack"


@dataclass(frozen=True)
class Line:
    """Values over the chart's points, and how a tooltip tells them."""

    name: str
    values: Values
    style: int
    told: tuple[str, ...] = ()


@dataclass(frozen=True)
class Mark:
    """Something that happened, at a place on the x axis."""

    at: float
    label: str
    what: str


@dataclass(frozen=True)
class Chart:
    """title   what it shows, with its unit
    about   one sentence for who cannot see it, and below it for who can
    points  places on the x axis, with what a tooltip calls them
    """

    title: str
    about: str
    x: Axis
    y: Axis
    points: tuple[tuple[float, str], ...]
    lines: tuple[Line, ...]
    form: Form = Form.LINES
    marks: tuple[Mark, ...] = field(default=())


def draw(chart: Chart, name: str) -> h.Element:
    """The chart's SVG; `name` is its own on the page."""
    labelled = f"{name}-title {name}-about"
    box = {"viewBox": f"0 0 {WIDTH} {HEIGHT}", "aria-labelledby": labelled}
    return h.svg(".chart", box, role="img")[
        h.title(id=f"{name}-title")[chart.title],
        h.desc(id=f"{name}-about")[chart.about],
        _y_grid(chart.y),
        _x_grid(chart.x),
        _drawn(chart),
        [_mark(mark, chart.x) for mark in chart.marks],
        _tooltips(chart),
    ]


def swatch(style: int, form: Form) -> h.Element:
    """The sample that a legend shows."""
    box = h.svg(".swatch", viewBox="0 0 30 12", aria_hidden="true")
    if form is Form.LINES:
        return box[h.path(f".line.s{style}", d="M0 6H30")]
    return box[h.rect(f".area.s{style}", width="30", height="12")]


# --- the grid


def _y_grid(axis: Axis) -> Iterator[h.Element]:
    for value, label in axis.ticks:
        y = _y(axis, value)
        yield h.path(".grid", d=f"M{LEFT} {_f(y)}H{WIDTH - RIGHT}")
        yield h.text(".y", x=str(LEFT - 6), y=_f(y + 4))[label]


def _x_grid(axis: Axis) -> Iterator[h.Element]:
    for index, (value, label) in enumerate(axis.ticks):
        x = _f(_x(axis, value))
        yield h.path(".tick", d=f"M{x} {HEIGHT - BOTTOM}v4")
        yield h.text(".x.odd" if index % 2 else ".x", x=x, y=str(HEIGHT - 6))[label]


# --- what is in it


def _drawn(chart: Chart) -> h.Node:
    if chart.form is Form.STACK:
        return _stack(chart)
    path = _bars if chart.form is Form.BARS else _path
    kind = "bar" if chart.form is Form.BARS else "line"
    xs = [_x(chart.x, place) for place, _ in chart.points]
    return [
        h.path(f".{kind}.s{line.style}", d=path(xs, _ys(chart.y, line))) for line in chart.lines
    ]


def _ys(axis: Axis, line: Line) -> list[float | None]:
    return [None if value is None else _y(axis, value) for value in line.values]


def _path(xs: Sequence[float], ys: Sequence[float | None]) -> str:
    """A gap where there is no value; a point that stands alone is a dot."""
    parts, open_ = [], False
    for x, y in zip(xs, ys, strict=True):
        if y is not None:
            parts.append(f"L{_f(x)} {_f(y)}" if open_ else f"M{_f(x)} {_f(y)}h0")
        open_ = y is not None
    return "".join(parts)


def _bars(xs: Sequence[float], ys: Sequence[float | None]) -> str:
    floor = HEIGHT - BOTTOM
    there = ((x, y) for x, y in zip(xs, ys, strict=True) if y is not None and y < floor)
    return "".join(f"M{_f(x)} {floor}V{_f(y)}" for x, y in there)


def _stack(chart: Chart) -> Iterator[h.Node]:
    """The first line on the floor, each next upon the one before it."""
    xs = [_x(chart.x, place) for place, _ in chart.points]
    below = [0.0] * len(xs)
    for line in chart.lines:
        above = [low + (value or 0.0) for low, value in zip(below, line.values, strict=True)]
        lows, highs = ([_y(chart.y, value) for value in edge] for edge in (below, above))
        yield h.path(f".area.s{line.style}", d=_band(xs, lows, highs))
        yield _name_within(line.name, xs, lows, highs)
        below = above


def _band(xs: Sequence[float], lows: Sequence[float], highs: Sequence[float]) -> str:
    there = [f"{_f(x)} {_f(y)}" for x, y in zip(xs, highs, strict=True)]
    back = [f"{_f(x)} {_f(y)}" for x, y in zip(reversed(xs), reversed(lows), strict=True)]
    return f"M{'L'.join(there + back)}Z"


def _name_within(
    name: str, xs: Sequence[float], lows: Sequence[float], highs: Sequence[float]
) -> h.Node:
    """A band's name, at the first place where the band is high enough for as long as it is."""
    half = max(1, len(xs) // 10)
    for middle in range(half, len(xs) - half, max(1, half // 2)):
        around = range(middle - half, middle + half + 1)
        if min(lows[index] - highs[index] for index in around) >= _ROOM_FOR_NAME:
            y = (lows[middle] + highs[middle]) / 2 + 4
            return h.text(".name", x=_f(xs[middle]), y=_f(y))[name]
    return None


def _mark(mark: Mark, axis: Axis) -> h.Element:
    x = _f(_x(axis, mark.at))
    line = h.path(".mark", d=f"M{x} {TOP}V{HEIGHT - BOTTOM}")
    return h.g[h.title[mark.what], line, h.text(".marked", x=x, y=str(TOP - 4))[mark.label]]


# --- tooltips


def _tooltips(chart: Chart) -> Iterator[h.Element]:
    """A column a point, from halfway to the one before to halfway to the next."""
    xs = [_x(chart.x, place) for place, _ in chart.points]
    edges = [LEFT, *((one + other) / 2 for one, other in pairwise(xs)), WIDTH - RIGHT]
    for index, (left, right) in enumerate(pairwise(edges)):
        if index < len(xs):
            place = {"x": _f(left), "width": _f(max(right - left, 0.1))}
            column = h.rect(".tip", place, y=str(TOP), height=str(_IN_Y))
            yield column[h.title[_tip(chart, index)]]


def _tip(chart: Chart, index: int) -> str:
    told = [f"{line.name}: {line.told[index]}" for line in chart.lines if line.told[index]]
    return "\n".join([chart.points[index][1], *told])


# --- places


def _x(axis: Axis, value: float) -> float:
    return LEFT + axis.place(value) * _IN_X


def _y(axis: Axis, value: float) -> float:
    return TOP + (1 - axis.place(value)) * _IN_Y


def _f(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
