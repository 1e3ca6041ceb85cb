"""The report of a run: what it says, and that anybody can read it."""

from __future__ import annotations

import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import typer

from herken.commands import load_reports
from loadtest import record, report
from loadtest.record import HLOG_FILE, REPORT_FILE, RUN_FILE, Ended, Happened, Kind, Run
from loadtest.reporting import axes, charts, columns, tables, words
from loadtest.reporting.plots import STYLES, draw
from pipeline.errors import WrongUse
from tests.support.load_runs import Drawn, drawn, log_of

STYLE = (Path(charts.__file__).parent / "style.css").read_text()
HOSTILE = "<script>alert(1)</script>\"'&--></style></svg>"
VOID = {"meta", "img"}


@pytest.fixture(scope="module")
def killed() -> Drawn:
    return drawn(3, seconds=60, rate=60, killed_at=21)


@pytest.fixture(scope="module")
def calm() -> Drawn:
    return drawn(4, seconds=20, rate=30)


def written(one: Drawn, folder: Path) -> str:
    one.write(folder)
    return report.write(one.run, folder).read_text(encoding="utf-8")


def changed(one: Drawn, **changes: Any) -> Run:
    return one.run.model_copy(update=changes)


# --- that it can be read


class Page(HTMLParser):
    """Which elements there are, with their attributes; each has to be closed in its turn."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def count(self, tag: str) -> int:
        return Counter(name for name, _ in self.elements)[tag]


def fetched(page: Page) -> list[str]:
    """What a page would get from elsewhere, or run."""
    names = [
        tag for tag, _ in page.elements if tag in {"script", "link", "img", "iframe", "object"}
    ]
    given = {"src", "href", "onload", "onclick", "style"}
    return names + [name for _, attributes in page.elements for name in attributes if name in given]


def test_the_page_is_whole_and_needs_nothing_else(killed: Drawn, tmp_path: Path) -> None:
    text = written(killed, tmp_path)
    page = Page(text)
    assert text.startswith("<!doctype html>")
    assert fetched(page) == []
    assert "url(" not in text
    assert "@import" not in text
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        (HLOG_FILE, REPORT_FILE, RUN_FILE)
    )


@pytest.mark.parametrize("planted", ["<script>1</script>", "<img src='x'>", "<p onclick='x'></p>"])
def test_what_a_page_would_fetch_or_run_is_found(planted: str) -> None:
    assert fetched(Page(planted)) != []


def test_what_the_run_says_is_escaped_wherever_it_came_from(calm: Drawn, tmp_path: Path) -> None:
    second = calm.run.series[3].model_copy(update={"lag": {HOSTILE: 4}, "cpu_ms": {HOSTILE: 900.0}})
    run = changed(
        calm,
        settings={HOSTILE: HOSTILE, "mix": {HOSTILE: [HOSTILE]}},
        versions={HOSTILE: HOSTILE},
        failed=(HOSTILE,),
        kinds=tuple(kind.model_copy(update={"name": HOSTILE}) for kind in calm.run.kinds[:1]),
        hops=tuple(hop.model_copy(update={"name": HOSTILE}) for hop in calm.run.hops[:1]),
        processes=(calm.run.processes[0].model_copy(update={"name": HOSTILE}),),
        happened=(Happened(at=3, what=HOSTILE),),
        series=(*calm.run.series[:3], second, *calm.run.series[4:]),
    )
    text = report.write(run, tmp_path).read_text()
    assert fetched(Page(text)) == []
    assert "alert(1)</" not in text
    assert text.count("alert(1)") >= 12


def test_every_chart_is_named_and_described(killed: Drawn, tmp_path: Path) -> None:
    page = Page(written(killed, tmp_path))
    ids = {attributes["id"] for _, attributes in page.elements if "id" in attributes}
    drawings = [a for tag, a in page.elements if tag == "svg" and a.get("role") == "img"]
    assert len(drawings) == 7
    labels = [label for each in drawings for label in (each["aria-labelledby"] or "").split()]
    assert len(labels) == len(set(labels)) == 14
    assert set(labels) <= ids


def test_every_chart_is_sound_xml_with_all_its_points_on_it(killed: Drawn) -> None:
    for chart in charts.over_time(killed.run):
        drawing = ElementTree.fromstring(str(draw(chart, "one")))
        assert len(drawing.findall("rect")) == 60
        places = [float(n) for n in re.findall(r"-?\d+\.?\d*", " ".join(paths(drawing)))]
        assert min(places) >= 0
        assert max(places) <= 720


def paths(drawing: ElementTree.Element) -> list[str]:
    return [path.attrib["d"] for path in drawing.iter("path")]


def test_no_two_lines_differ_by_colour_alone() -> None:
    dashes = [
        re.search(rf"\.line\.s{n} {{ stroke-dasharray: ([^;]*);", STYLE) for n in range(STYLES)
    ]
    found = [match[1] if match else "solid" for match in dashes]
    assert len(set(found)) == STYLES


def luminance(colour: str) -> float:
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_texts_and_the_verdict_stand_out_from_the_paper_in_both_themes(theme: int) -> None:
    """WCAG AA: 4.5 to 1."""
    colours = dict(re.findall(r"--(\w+): (#\w{6}|#fff)\b", STYLE.split("@media")[theme]))
    paper = "#ffffff" if colours["paper"] == "#fff" else colours["paper"]
    for name in ("ink", "soft", "good", "bad", "doubt"):
        assert contrast(colours[name], paper) >= 4.5, name
    assert contrast("#888888", "#ffffff") < 4.5


def test_a_legend_of_areas_is_in_the_order_in_which_they_lie(killed: Drawn, tmp_path: Path) -> None:
    text = written(killed, tmp_path)
    legend = re.findall(r"</svg>(\w+)</li>", text[text.index("CPU in cores") :])
    assert legend[:5] == ["postgres", "kafka", "registry", "provider", "makelaar"]


# --- what is not there


def test_a_run_in_which_nothing_came_is_reported(calm: Drawn, tmp_path: Path) -> None:
    nothing = calm.run.latency.model_copy(update=dict.fromkeys(["count", "p50", "p99", "max"], 0))
    run = changed(calm, kinds=(), hops=(), series=(), latency=nothing, happened=())
    text = report.write(run, tmp_path).read_text()
    assert Page(text).count("svg") == 0
    assert "no login finished" in text


def test_a_run_of_which_nothing_was_observed_has_no_such_charts(calm: Drawn) -> None:
    bare = tuple(s.model_copy(update={"lag": {}, "cpu_ms": {}}) for s in calm.run.series)
    found = [chart.title for chart in charts.over_time(changed(calm, series=bare))]
    assert found == ["Logins a second", "Latency", "Failures in each second", "Logins in flight"]


def test_the_percentiles_of_a_run_without_its_histograms_are_those_of_the_summary(
    calm: Drawn,
) -> None:
    chart = charts.distribution(calm.run, {})
    assert chart is not None
    assert chart.lines[0].values[-1] is None
    assert calm.run.kinds[0].latency.p90 in chart.lines[0].values


def test_the_percentiles_are_those_of_the_histograms_where_they_are_there(
    calm: Drawn, tmp_path: Path
) -> None:
    with_them = written(calm, tmp_path)
    (tmp_path / HLOG_FILE).unlink()
    assert report.write(calm.run, tmp_path).read_text() != with_them
    histograms = {"direct": log_of([10.0] * 75 + [500.0] * 25)}
    chart = charts.distribution(calm.run, histograms)
    assert chart is not None
    found = dict(zip((label for _, label in chart.points), chart.lines[0].told, strict=True))
    assert (found["50 of 100"], found["90 of 100"]) == ("10 ms", "500 ms")


def test_a_chart_of_nothing_but_zeros_says_so(calm: Drawn, tmp_path: Path) -> None:
    text = written(calm, tmp_path)
    after = text[text.index("Failures in each second") :]
    assert after.index("Nothing, all the time.") < after.index("<figure")


def test_a_report_that_cannot_be_written_says_so(calm: Drawn, tmp_path: Path) -> None:
    with pytest.raises(WrongUse, match=r"report.html cannot be written: No such file"):
        report.write(calm.run, tmp_path / "nowhere")


# --- the verdict


def kind(**counts: int) -> Kind:
    none = dict.fromkeys(("published", "as_expected", "turned_away", *words.FAULTS), 0)
    latency = drawn(seconds=1).run.latency
    return Kind(name="direct", latency=latency, **{"scheduled": 100, **none, **counts})


@pytest.mark.parametrize(
    ("changes", "word", "sentence"),
    [
        (
            {},
            "Passed",
            "1.5 logins a second for 1 minute, every one of 90 verified; half took less than"
            " 41 ms, 99 of 100 less than 180 ms.",
        ),
        (
            {"kinds": (kind(as_expected=90, missing=7, wrong=3),), "failed": ("7 missing",)},
            "Failed",
            "10 of 100 logins failed: 3 wrong, 7 missing. The others: 1.5 logins a second for"
            " 1 minute; half took less than 41 ms, 99 of 100 less than 180 ms.",
        ),
        (
            {"kinds": (kind(not_published=100),), "failed": ("100 not published",)},
            "Failed",
            "100 of 100 logins failed: 100 not published. No other finished.",
        ),
        (
            {"failed": ("a process died",)},
            "Failed",
            "What the network promises does not hold. The others: 1.5 logins a second for"
            " 1 minute; half took less than 41 ms, 99 of 100 less than 180 ms.",
        ),
        ({"invalid": ("late",)}, "Invalid", "This run says nothing of the network's speed."),
        (
            {
                "kinds": (kind(as_expected=90, wrong=10),),
                "invalid": ("late",),
                "failed": ("10 wrong",),
            },
            "Invalid",
            "This run says nothing of the network's speed. 10 of 100 logins failed: 10 wrong.",
        ),
        (
            {"ended": Ended.INTERRUPTED},
            "Interrupted",
            "Until then: 1.5 logins a second for 1 minute, every one of 90 verified; half took"
            " less than 41 ms, 99 of 100 less than 180 ms.",
        ),
    ],
)
def test_the_verdict_in_a_sentence(
    calm: Drawn, changes: dict[str, Any], word: str, sentence: str
) -> None:
    latency = calm.run.latency.model_copy(update={"p50": 41.0, "p99": 180.0})
    base = {"kinds": (kind(as_expected=90),), "seconds": 60.0, "latency": latency}
    found = words.verdict(changed(calm, **{**base, **changes}))
    assert (found.word, found.sentence) == (word, sentence)


def test_a_run_that_lost_kafka_failed_even_where_no_reason_is_given(calm: Drawn) -> None:
    found = words.verdict(changed(calm, ended=Ended.NETWORK_LOST))
    assert (found.word, found.reasons) == (
        "Failed",
        ("it ended early: Kafka did not answer any more",),
    )


def test_what_failed_is_among_the_reasons_of_an_invalid_run(calm: Drawn) -> None:
    found = words.verdict(changed(calm, invalid=("fell behind",), failed=("3 wrong",)))
    assert found.reasons == ("fell behind", "3 wrong")


def test_the_verdict_and_its_reasons_are_on_top_of_the_page(killed: Drawn, tmp_path: Path) -> None:
    text = written(killed, tmp_path)
    verdict = words.verdict(killed.run)
    assert verdict.word == "Failed"
    assert text.index(verdict.sentence) < text.index(verdict.reasons[0]) < text.index("<svg")


# --- numbers


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.254, "0.254"),
        (9.81, "9.81"),
        (41.26, "41.3"),
        (612.4, "612"),
        (110160, "110,160"),
    ],
)
def test_a_number(value: float, text: str) -> None:
    assert words.number(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.2, "0.2"), (1500, "1,500"), (50_000, "50k"), (2_500_000, "2.5M")]
)
def test_a_tick(value: float, text: str) -> None:
    assert words.short(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.256, "0.256 ms"), (41, "41 ms"), (180.4, "180 ms"), (1500, "1.5 s")]
)
def test_a_latency(value: float, text: str) -> None:
    assert words.milliseconds(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(45, "45 s"), (20.4, "20.4 s"), (150, "2:30"), (3750, "1:02:30")]
)
def test_a_moment(value: float, text: str) -> None:
    assert words.clock(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1, "1 second"),
        (45, "45 seconds"),
        (60, "1 minute"),
        (90, "90 seconds"),
        (180, "3 minutes"),
        (3600, "1 hour"),
        (5400, "90 minutes"),
        (9000, "2.5 hours"),
    ],
)
def test_how_long(value: float, text: str) -> None:
    assert words.span(value) == text


# --- scales and points


@pytest.mark.parametrize(
    ("values", "ticks"),
    [
        ([0], [0, 0.2, 0.4, 0.6, 0.8, 1]),
        ([3.2], [0, 1, 2, 3, 4]),
        ([430, None], [0, 100, 200, 300, 400, 500]),
        ([1000], [0, 200, 400, 600, 800, 1000]),
    ],
)
def test_a_linear_axis_has_round_ticks_up_to_the_highest(
    values: list[float | None], ticks: list[float]
) -> None:
    axis = axes.linear(values, words.short)
    assert [tick for tick, _ in axis.ticks] == pytest.approx(ticks)
    assert axis.place(max(v or 0 for v in values)) <= 1


def test_what_is_counted_has_whole_ticks() -> None:
    assert [tick for tick, _ in axes.linear([2], words.short, least_step=1).ticks] == [0, 1, 2]


@pytest.mark.parametrize(
    ("values", "ticks"),
    [
        ([40, 180], [20, 50, 100, 200]),
        ([0.5, 0.5], [0.5, 1, 2, 5]),
        ([1, 30_000], [1, 10, 100, 1000, 10_000]),
        ([], [1, 2, 5, 10]),
        ([0, None], [1, 2, 5, 10]),
    ],
)
def test_a_log_axis_holds_every_value(values: list[float | None], ticks: list[float]) -> None:
    axis = axes.log(values, str)
    assert [tick for tick, _ in axis.ticks] == pytest.approx(ticks)
    assert all(axis.low <= value <= axis.high for value in values if value)


@pytest.mark.parametrize(
    ("seconds", "last"), [(5, 5), (60, 60), (180, 180), (3600, 3600), (90_000, 80_000)]
)
def test_a_time_axis_has_few_ticks_at_round_moments(seconds: float, last: float) -> None:
    ticks = [tick for tick, _ in axes.time(seconds, words.clock).ticks]
    assert 3 <= len(ticks) <= 8
    assert ticks[-1] == last


@pytest.mark.parametrize(
    ("samples", "labels"),
    [
        (1, ["0", "50", "90"]),
        (1000, ["0", "50", "90", "99", "99.9"]),
        (1001, ["0", "50", "90", "99", "99.9", "99.99"]),
    ],
)
def test_an_axis_of_percentiles_goes_as_far_as_the_samples_bear(
    samples: int, labels: list[str]
) -> None:
    assert [label for _, label in axes.percentiles(samples).ticks] == labels


def test_a_place_on_a_log_axis() -> None:
    axis = axes.log([1, 100], str)
    assert [axis.place(value) for value in (0, 1, 10, 100, 500)] == pytest.approx([0, 0, 0.5, 1, 1])


def test_many_seconds_share_points_and_none_is_lost(calm: Drawn) -> None:
    series = [calm.run.series[0].model_copy(update={"at": at, "failed": 1}) for at in range(1000)]
    found = columns.Columns.of(series)
    assert found.width == 5
    assert len(found.groups) == 200
    assert found.at[0] == 2.5
    assert sum(value or 0 for value in found.column(lambda s: s.failed, sum)) == 1000
    assert max(value or 0 for value in found.column(lambda s: s.at, max)) == 999


def test_failures_that_share_a_point_are_added_and_the_worst_latency_is_shown(calm: Drawn) -> None:
    one = calm.run.series[0]
    series = tuple(
        one.model_copy(update={"at": at, "failed": 1, "p99": 900.0 if at == 7 else 50.0})
        for at in range(720)
    )
    found = {chart.title: chart for chart in charts.over_time(changed(calm, series=series))}
    assert set(found["Failures in each 3 seconds"].lines[0].values) == {3}
    assert found["Latency"].lines[0].values[2] == 900


def test_who_was_turned_away_stands_beside_the_arrivals_where_somebody_was(calm: Drawn) -> None:
    def lines(run: Run) -> dict[str, columns.Values]:
        (chart,) = (c for c in charts.over_time(run) if c.title == "Logins a second")
        return {line.name: line.values for line in chart.lines}

    assert lines(calm.run).keys() == {"finished as expected", "arrivals"}
    kinds = [kind.model_copy(update={"turned_away": 7}) for kind in calm.run.kinds]
    series = [each.model_copy(update={"turned_away": 7}) for each in calm.run.series]
    found = lines(changed(calm, series=tuple(series), kinds=tuple(kinds)))
    assert set(found["turned away"]) == {7}


def test_a_point_has_no_value_where_none_of_its_seconds_has(calm: Drawn) -> None:
    series = [s.model_copy(update={"p50": None if s.at < 4 else 7.0}) for s in calm.run.series]
    found = columns.Columns.of(series, most=10)
    assert found.column(lambda s: s.p50, max)[:3] == (None, None, 7.0)


def test_a_line_has_a_gap_where_there_is_no_value(calm: Drawn) -> None:
    series = tuple(
        s.model_copy(update={"p50": None} if s.at in {5, 6} else {}) for s in calm.run.series
    )
    (chart,) = (c for c in charts.over_time(changed(calm, series=series)) if c.title == "Latency")
    drawing = ElementTree.fromstring(str(draw(chart, "one")))
    lines = {
        p.attrib["class"]: p.attrib["d"]
        for p in drawing.iter("path")
        if "line" in p.attrib["class"]
    }
    assert lines["line s0"].count("M") == 2
    assert lines["line s1"].count("M") == 1


def test_the_smallest_of_many_processes_are_told_together() -> None:
    sizes = {f"p{n}": float(n) for n in range(10)}
    found = columns.largest([*sizes], lambda name: sizes[name], 4)
    assert found == [["p9"], ["p8"], ["p7"], ["p6", "p5", "p4", "p3", "p2", "p1", "p0"]]
    assert columns.largest(["a", "b"], lambda name: 0, 4) == [["a"], ["b"]]


def test_the_processes_lie_upon_one_another_up_to_their_sum(killed: Drawn) -> None:
    (chart,) = (c for c in charts.over_time(killed.run) if c.title == "CPU in cores")
    second = killed.run.series[10]
    found = sum(line.values[10] or 0 for line in chart.lines)
    assert found == pytest.approx(sum(second.cpu_ms.values()) / 1000)
    assert chart.y.high >= found
    drawing = ElementTree.fromstring(str(draw(chart, "one")))
    areas = [re.findall(r"[ML](\S+) (\S+?)(?=[LZ])", d) for d in paths(drawing) if d.endswith("Z")]
    tops = [float(area[10][1]) for area in areas]
    assert tops == sorted(tops, reverse=True)
    assert tops[-1] == pytest.approx(18 + (1 - found / chart.y.high) * 166, abs=0.1)


# --- what happened


def test_marks_that_lie_close_together_share_a_label(calm: Drawn) -> None:
    happened = tuple(Happened(at=at, what=f"at {at}") for at in (15, 3, 3.2))
    run = changed(calm, happened=happened)
    found = charts.marks(run, axes.time(20, words.clock))
    assert [(mark.at, mark.label) for mark in found] == [(3, "1–2"), (3.2, ""), (15, "3")]
    assert found[2].what == "3, 15 s: at 15"


def test_what_happened_is_listed_in_its_order_and_marked_on_each_chart_over_time(
    killed: Drawn, tmp_path: Path
) -> None:
    run = changed(killed, happened=killed.run.happened[::-1])
    text = report.write(run, tmp_path).read_text()
    assert text.index("ended, with signal 9") < text.index("is there again")
    marked = [len(chart.marks) for chart in charts.over_time(killed.run)]
    assert marked == [3] * 6


# --- tables


def test_the_tables_hold_every_count_and_figure(killed: Drawn) -> None:
    found = {table.title: table for table in tables.tables(killed.run)}
    assert [*found] == [
        *("What came of them", "Latency", "Hops", "Processes", "Settings", "Versions"),
    ]
    direct = killed.run.kinds[0]
    row = dict(
        zip(found["What came of them"].head, found["What came of them"].rows[0], strict=True)
    )
    assert row["missing"] == words.number(direct.missing)
    assert row["as expected"] == words.number(direct.as_expected)
    assert ("mix", "direct 80, chain 12, refused 8") in found["Settings"].rows
    assert ("rate", "60") in found["Settings"].rows
    assert "think" not in {row[0] for row in found["Settings"].rows}
    assert all(len(row) == len(t.head) for t in found.values() for row in t.rows)


# --- the command


def test_the_report_is_written_again_from_the_run_s_files(
    calm: Drawn, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = written(calm, tmp_path)
    (tmp_path / REPORT_FILE).unlink()
    app = typer.Typer()
    load_reports.register(app)
    app(["report", str(tmp_path)], standalone_mode=False)
    assert capsys.readouterr().out == f"{tmp_path / REPORT_FILE}\n"
    assert (tmp_path / REPORT_FILE).read_text() == text
    assert record.read(tmp_path) == calm.run
