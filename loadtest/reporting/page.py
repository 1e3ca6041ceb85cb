"""The page: the verdict, key figures, charts, tables, and how it was measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import htpy as h
from markupsafe import Markup

from loadtest.record import Run
from loadtest.reporting import charts, words
from loadtest.reporting.charts import Histograms
from loadtest.reporting.columns import Columns
from loadtest.reporting.plots import Chart, Form, draw, swatch
from loadtest.reporting.tables import Table, tables

_STYLE: Final = Path(__file__).with_name("style.css")
_SIGNS: Final = {"Passed": "✓", "Failed": "✗", "Invalid": "?", "Interrupted": "…"}


def page(run: Run, histograms: Histograms) -> h.Renderable:
    """The whole of it. What the run says is escaped, wherever it came from."""
    title = f"Load test of {run.began:%Y-%m-%d %H:%M} UTC"
    return h.html(lang="en")[
        h.head[
            h.meta(charset="utf-8"),
            h.meta(name="viewport", content="width=device-width, initial-scale=1"),
            h.meta(name="color-scheme", content="light dark"),
            h.title[f"{words.verdict(run).word}: {title}"],
            h.style[Markup(_STYLE.read_text())],  # noqa: S704 - our own file
        ],
        h.body[
            h.header[h.p(".when")[title], _verdict(run)],
            h.main[
                _figures(run),
                _over_time(run),
                _by_percentile(run, histograms),
                h.section[h.h2["Figures"], map(_table, tables(run))],
                _method(run),
            ],
        ],
    ]


def _verdict(run: Run) -> h.Node:
    verdict = words.verdict(run)
    sign = h.span(aria_hidden="true")[_SIGNS[verdict.word], " "]
    return [
        h.h1(class_=f"verdict {verdict.word.lower()}")[sign, verdict.word],
        h.p(".sentence")[verdict.sentence],
        verdict.reasons and h.ul(".reasons")[(h.li[reason] for reason in verdict.reasons)],
    ]


def _figures(run: Run) -> h.Element:
    failed = sum(map(words.faults, run.kinds))
    latency = run.latency
    figures = (
        ("logins a second", words.number(run.throughput)),
        ("half took less than", words.milliseconds(latency.p50)),
        ("99 of 100", words.milliseconds(latency.p99)),
        ("999 of 1,000", words.milliseconds(latency.p999)),
        ("CPU a login, all processes", words.milliseconds(run.cpu_ms_per_login)),
        ("failed", words.number(failed)),
    )
    return h.dl(".figures")[(h.div[h.dt[what], h.dd[much]] for what, much in figures)]


# --- charts


def _over_time(run: Run) -> h.Node:
    drawn = charts.over_time(run)
    if not drawn:
        return None
    return h.section[
        h.h2["Over time"],
        _thinned(run),
        _happened(run),
        (_figure(chart, f"time-{number}") for number, chart in enumerate(drawn)),
    ]


def _thinned(run: Run) -> h.Node:
    width = Columns.of(run.series).width
    if width == 1:
        return None
    several = words.span(width)
    return h.p(".about")[
        f"A point stands for {several}: the mean of logins and CPU, the sum of failures, the worst"
        " of everything else."
    ]


def _happened(run: Run) -> h.Node:
    if not run.happened:
        return None
    items = (
        h.li[h.span(".at")[words.clock(round(one.at, 1))], " ", one.what]
        for one in sorted(run.happened, key=lambda one: one.at)
    )
    return [h.p(".about")["What happened; numbered in the charts:"], h.ol(".happened")[items]]


def _by_percentile(run: Run, histograms: Histograms) -> h.Node:
    chart = charts.distribution(run, histograms)
    if chart is None:
        return None
    return h.section[h.h2["Every kind of login"], _figure(chart, "percentiles")]


def _figure(chart: Chart, name: str) -> h.Element:
    nothing = all(not value for line in chart.lines for value in line.values)
    body = h.p(".nothing")["Nothing, all the time."] if nothing else draw(chart, name)
    return h.figure[
        h.figcaption[
            h.h3[chart.title], None if nothing else _legend(chart), h.p(".about")[chart.about]
        ],
        body,
    ]


def _legend(chart: Chart) -> h.Node:
    """Of areas, the uppermost first; of one line, none."""
    lines = chart.lines if chart.form is not Form.STACK else chart.lines[::-1]
    if len(lines) == 1:
        return None
    return h.ul(".legend")[(h.li[swatch(line.style, chart.form), line.name] for line in lines)]


# --- tables


def _table(table: Table) -> h.Node:
    """A table that is wider than the window scrolls by itself."""
    form = ".figures-table" if table.figures else ".pairs"
    return [
        h.h3[table.title],
        table.about and h.p(".about")[table.about],
        h.div(".scroll", role="region", tabindex="0", aria_label=table.title)[
            h.table(form)[_head(table.head), h.tbody[_rows(table.rows)]]
        ],
    ]


def _head(head: Sequence[str]) -> h.Node:
    if not any(head):
        return None
    return h.thead[h.tr[(h.th(scope="col")[text] for text in head)]]


def _rows(rows: Sequence[Sequence[str]]) -> Iterator[h.Element]:
    for first, *rest in rows:
        yield h.tr[h.th(scope="row")[first], (h.td[text] for text in rest)]


def _method(run: Run) -> h.Element:
    return h.section[
        h.h2["How it was measured"],
        h.ul(".method")[(h.li[sentence] for sentence in words.method(run))],
    ]
