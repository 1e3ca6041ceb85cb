"""Which charts a run has. Those over time share one axis, so that they can be read one under
another."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from hdrh.histogram import HdrHistogram

from loadtest.record import Happened, Kind, Latency, Run, Second
from loadtest.reporting import axes, words
from loadtest.reporting.axes import Axis
from loadtest.reporting.columns import Columns, Pick, Reduce, Values, largest, mean
from loadtest.reporting.plots import STYLES, Chart, Form, Line, Mark

Told = Callable[[float], str]
Histograms = Mapping[str, HdrHistogram]
_MOST_GROUPS: Final = 6
"""Lines of consumer groups that can be told apart, the others' included."""
_CLOSE: Final = 0.04
"""Marks that are nearer than this part of the axis share a label."""


@dataclass(frozen=True)
class OverTime:
    """What all charts over time have in common."""

    columns: Columns
    x: Axis
    points: tuple[tuple[float, str], ...]
    marks: tuple[Mark, ...]

    @classmethod
    def of(cls, run: Run) -> OverTime:
        columns = Columns.of(run.series)
        x = axes.time(max(columns.until, *(one.at for one in run.happened), 1.0), words.clock)
        points = tuple((at, words.clock(group[0].at)) for at, group in _groups(columns))
        return cls(columns, x, points, marks(run, x))

    def line(self, name: str, pick: Pick, reduce: Reduce, told: Told, style: int) -> Line:
        values = self.columns.column(pick, reduce)
        return Line(name, values, style, told=_all_told(values, told))

    def chart(self, title: str, about: str, y: Axis, lines: Sequence[Line], form: Form) -> Chart:
        return Chart(title, about, self.x, y, self.points, tuple(lines), form, self.marks)


def over_time(run: Run) -> list[Chart]:
    """All charts whose x axis is the run's time; none where the run has no seconds."""
    if not run.series:
        return []
    time = OverTime.of(run)
    return [
        throughput(run, time),
        latency(time),
        failures(time),
        in_flight(time),
        *lag(run, time),
        *cpu(run, time),
    ]


def throughput(run: Run, time: OverTime) -> Chart:
    lines = [
        time.line("finished as expected", lambda s: s.finished, mean, words.number, 0),
        time.line("arrivals", lambda s: s.scheduled, mean, words.number, 1),
    ]
    about = "While the network keeps up, what finished follows what arrived."
    if run.turned_away:
        lines.append(time.line("turned away", lambda s: s.turned_away, mean, words.number, 2))
    return time.chart("Logins a second", about, _linear(lines), lines, Form.LINES)


def latency(time: OverTime) -> Chart:
    lines = [
        time.line("99 of 100 (p99)", lambda s: s.p99, max, words.milliseconds, 1),
        time.line("half (p50)", lambda s: s.p50, max, words.milliseconds, 0),
    ]
    y = axes.log([value for line in lines for value in line.values], words.milliseconds)
    about = "Of the logins that finished in each second, from their scheduled instant; log scale."
    return time.chart("Latency", about, y, lines, Form.LINES)


def failures(time: OverTime) -> Chart:
    lines = [time.line("failed", lambda s: s.failed, sum, words.number, 1)]
    about = "Wrong, missing, late or doubled outcomes, when they were known."
    width = time.columns.width
    title = f"Failures in each {'second' if width == 1 else words.span(width)}"
    return time.chart(title, about, _linear(lines, least=1), lines, Form.BARS)


def in_flight(time: OverTime) -> Chart:
    lines = [time.line("in flight", lambda s: s.in_flight, max, words.number, 0)]
    about = "Logins that were published and had no outcome yet."
    return time.chart("Logins in flight", about, _linear(lines, least=1), lines, Form.LINES)


def lag(run: Run, time: OverTime) -> list[Chart]:
    """Of the consumer groups; no chart where it was not observed."""
    names = sorted({name for second in run.series for name in second.lag})
    most = {name: max(s.lag.get(name, 0) for s in run.series) for name in names}
    groups = largest(names, lambda name: most[name], _MOST_GROUPS)
    lines = [
        time.line(_called(group), _sum_of("lag", group), max, words.number, style)
        for style, group in enumerate(groups)
    ]
    about = "Records that each group had still to read."
    chart = time.chart("Consumer lag", about, _linear(lines, least=1), lines, Form.LINES)
    return [chart] if names else []


def cpu(run: Run, time: OverTime) -> list[Chart]:
    """Of all processes, upon one another; no chart where it was not observed."""
    names = sorted({name for second in run.series for name in second.cpu_ms})
    total = {name: sum(s.cpu_ms.get(name, 0.0) for s in run.series) for name in names}
    groups = largest(names, lambda name: total[name], STYLES)
    lines = [
        time.line(_called(group), _cores(group), mean, words.cores, style)
        for style, group in enumerate(groups)
    ]
    tops = [sum(map(_or_zero, at)) for at in zip(*(line.values for line in lines), strict=True)]
    about = "What each process used, the processes upon one another; 1 is one core, all the time."
    y = axes.linear(tops, words.short)
    return [time.chart("CPU in cores", about, y, lines, Form.STACK)] if names else []


# --- by percentile


def distribution(run: Run, histograms: Histograms) -> Chart | None:
    """The latency that so many of each kind stayed under; from the histograms where they are there,
    else from the summary."""
    kinds = [kind for kind in run.kinds if kind.latency.count]
    if not kinds:
        return None
    x = axes.percentiles(max(kind.latency.count for kind in kinds))
    lines = [_by_percentile(kind, histograms, x, n % STYLES) for n, kind in enumerate(kinds)]
    y = axes.log([value for line in lines for value in line.values], words.milliseconds)
    about = (
        "How many of 100 took less than this. To the right is what the slowest met: each step adds"
        " a nine. Both scales are logarithmic."
    )
    points = tuple((place, f"{_percent(place)} of 100") for place in _places(x))
    return Chart("Latency by percentile", about, x, y, points, tuple(lines))


def _by_percentile(kind: Kind, histograms: Histograms, x: Axis, style: int) -> Line:
    latency_at = _from_histogram(histograms.get(kind.name)) or _from_summary(kind.latency)
    values = tuple(
        latency_at(place) if place <= max(kind.latency.count, 2) else None for place in _places(x)
    )
    return Line(kind.name, values, style, told=_all_told(values, words.milliseconds))


def _from_histogram(histogram: HdrHistogram | None) -> Callable[[float], float] | None:
    if histogram is None:
        return None
    return lambda place: histogram.get_value_at_percentile(_percentage(place)) / 1000


def _from_summary(latency: Latency) -> Callable[[float], float]:
    """The percentiles that are known; between two of them, the next one above."""
    known = (
        *((2, latency.p50), (10, latency.p90), (20, latency.p95), (100, latency.p99)),
        *((1000, latency.p999), (10_000, latency.p9999)),
    )
    return lambda place: next((ms for at, ms in known if place <= at * 1.001), latency.max)


def _places(x: Axis) -> list[float]:
    """Twenty a decade, from 1 to the axis's end."""
    return [10 ** (step / 20) for step in range(round(20 * math.log10(x.high)) + 1)]


def _percentage(place: float) -> float:
    return 100 * (1 - 1 / place)


def _percent(place: float) -> str:
    digits = max(0, math.ceil(math.log10(place)) - 1)
    return f"{_percentage(place):.{digits}f}"


# --- what happened


def marks(run: Run, x: Axis) -> tuple[Mark, ...]:
    """Numbered as the page lists them; of those that lie close together, the first has the label
    of all."""
    close: list[list[tuple[int, Happened]]] = []
    for number, one in enumerate(sorted(run.happened, key=lambda one: one.at), 1):
        if close and x.place(one.at) - x.place(close[-1][0][1].at) < _CLOSE:
            close[-1].append((number, one))
        else:
            close.append([(number, one)])
    return tuple(mark for together in close for mark in _marks(together))


def _marks(together: Sequence[tuple[int, Happened]]) -> list[Mark]:
    first, last = together[0][0], together[-1][0]
    label = f"{first}" if first == last else f"{first}–{last}"
    return [
        Mark(
            one.at, label if number == first else "", f"{number}, {words.clock(one.at)}: {one.what}"
        )
        for number, one in together
    ]


# --- what lines are made of


def _groups(columns: Columns) -> list[tuple[float, tuple[Second, ...]]]:
    return [*zip(columns.at, columns.groups, strict=True)]


def _linear(lines: Sequence[Line], least: float = 0.0) -> Axis:
    values = [value for line in lines for value in line.values]
    return axes.linear(values, words.short, least_step=least)


def _all_told(values: Values, told: Told) -> tuple[str, ...]:
    return tuple("" if value is None else told(value) for value in values)


def _or_zero(value: float | None) -> float:
    return value or 0.0


def _called(group: Sequence[str]) -> str:
    return group[0] if len(group) == 1 else f"{len(group)} others"


def _sum_of(field: str, group: Sequence[str]) -> Pick:
    return lambda second: sum(getattr(second, field).get(name, 0) for name in group)


def _cores(group: Sequence[str]) -> Pick:
    milliseconds = _sum_of("cpu_ms", group)
    return lambda second: (milliseconds(second) or 0.0) / 1000
