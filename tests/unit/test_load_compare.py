"""Two runs compared: what is chance is called no difference, and what is not is found."""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import replace
from itertools import accumulate
from pathlib import Path
from random import Random

import pytest
import typer

from herken.commands import load_reports
from loadtest.bootstrap import FEWEST_BLOCKS, Percentiles, interval, student, tail
from loadtest.compare import (
    SHORTEST_SECONDS,
    Figure,
    Measured,
    compare,
    comparison,
    counts,
    cut,
)
from loadtest.histograms import intervals
from loadtest.record import HLOG_FILE, RUN_FILE, Run
from pipeline.errors import WrongUse
from tests.support.load_runs import Drawn, drawn

RUN = drawn(seconds=1).run


def percentiles(blocks: list[list[float]]) -> Percentiles:
    values = sorted({value for block in blocks for value in block})
    found = [Counter(block) for block in blocks]
    rows = (tuple(accumulate(block[value] for value in values)) for block in found)
    return Percentiles(tuple(values), tuple(rows))


def measured(
    random: Random, *, slower: float = 1.0, dearer: float = 1.0, blocks: int = 10
) -> Measured:
    """A run of blocks of 5 s with about 130 logins each, that drift together."""
    sizes = [round(random.gauss(130, 8)) for _ in range(blocks)]
    drifts = [slower * random.lognormvariate(0, 0.04) for _ in sizes]
    latencies = [
        [round(40 * drift * random.lognormvariate(0, 0.4), 1) for _ in range(size)]
        for size, drift in zip(sizes, drifts, strict=True)
    ]
    return Measured(
        run=RUN,
        seconds=(5,) * blocks,
        finished=tuple(sizes),
        cpu_ms=tuple(dearer * 15 * size * random.gauss(1, 0.03) for size in sizes),
        latency={"all": percentiles(latencies)},
    )


def said(seed: int, *, slower: float = 1.0, dearer: float = 1.0) -> dict[str, str]:
    random = Random(seed)
    a, b = measured(random), measured(random, slower=slower, dearer=dearer)
    return {figure.name: figure.says for figure in compare(a, b, resamples=150, seed=seed)}


# --- chance, and what is more


def test_two_draws_of_the_same_are_no_difference_in_ninety_of_a_hundred() -> None:
    found = Counter(
        name for seed in range(100) for name, says in said(seed).items() if says == "no difference"
    )
    assert set(found) == {"throughput", "CPU a login", "all p50", "all p90", "all p99"}
    assert min(found.values()) >= 90


def test_a_shift_of_ten_percent_is_found() -> None:
    every = [said(seed, slower=1.1, dearer=0.9) for seed in range(20)]
    found = Counter((name, says) for one in every for name, says in one.items())
    assert found["all p50", "higher"] >= 18
    assert found["CPU a login", "lower"] >= 18


def test_an_interval_holds_the_ratio_and_is_the_same_for_the_same_seed() -> None:
    a, b = measured(Random(1)), measured(Random(2), slower=1.3)
    first, again = [*compare(a, b, resamples=200)], [*compare(a, b, resamples=200)]
    assert first == again
    sure = [figure for figure in first if figure.low is not None]
    assert len(sure) == 5
    assert all(f.low <= f.ratio <= f.high for f in sure if f.low and f.ratio and f.high)


def test_a_percentile_that_few_logins_are_above_is_told_without_an_interval() -> None:
    found = {
        figure.name: figure
        for figure in compare(measured(Random(1)), measured(Random(2)), resamples=50)
    }
    rare = found["all p99.9"]
    assert rare.ratio is not None
    assert (rare.low, rare.high, rare.says) == (None, None, "cannot be said")


def test_a_run_of_few_blocks_has_no_interval() -> None:
    a, b = measured(Random(1), blocks=FEWEST_BLOCKS), measured(Random(2), blocks=FEWEST_BLOCKS - 1)
    assert all(figure.says == "cannot be said" for figure in compare(a, b, resamples=50))
    assert any(figure.says != "cannot be said" for figure in compare(a, a, resamples=50))


def test_a_figure_that_only_one_run_has_is_told_alone() -> None:
    a, b = measured(Random(1)), measured(Random(2))
    only = replace(b, latency={"chain": b.latency["all"]})
    found = {figure.name: figure for figure in compare(a, only, resamples=20)}
    assert found["all p50"].a is not None
    assert (found["all p50"].b, found["all p50"].says) == (None, "cannot be said")
    assert (found["chain p50"].a, found["chain p50"].b is not None) == (None, True)


@pytest.mark.parametrize(
    ("low", "high", "ratio", "says"),
    [
        (0.9, 1.1, 1.02, "no difference"),
        (1.0, 1.1, 1.05, "no difference"),
        (1.01, 1.1, 1.05, "higher"),
        (0.8, 0.99, 0.9, "lower"),
        (None, None, 0.9, "cannot be said"),
        (None, None, None, "cannot be said"),
    ],
)
def test_an_interval_that_holds_1_is_no_difference(
    low: float | None, high: float | None, ratio: float | None, says: str
) -> None:
    assert Figure("all p50", "ms", 1.0, 1.0, ratio, low, high).says == says


# --- the statistics


def test_a_percentile_is_that_of_the_blocks_that_were_drawn() -> None:
    found = percentiles([[1, 2, 3, 4], [10, 20, 30, 40]])
    assert found.at(0.5, [1, 1]) == 4
    assert found.at(0.5, [2, 0]) == 2
    assert found.at(0.5, [0, 1]) == 20
    assert found.at(1.0, [1, 1]) == 40
    assert found.at(0.5, [0, 0]) is None
    assert percentiles([[], []]).at(0.5, [1, 1]) is None


@pytest.mark.parametrize(("degrees", "true"), [(4, 2.776), (9, 2.262), (30, 2.042), (10**6, 1.960)])
def test_student_s_quantile_is_that_of_the_tables(degrees: int, true: float) -> None:
    assert student(1.95996, degrees) == pytest.approx(true, rel=0.005)


def test_the_interval_is_wider_where_blocks_are_few() -> None:
    assert tail(10**6) == pytest.approx(0.025, rel=1e-3)
    assert tail(5) < tail(10) < tail(60) < 0.025
    a = [1.0] * 1001
    b = [n / 1000 for n in range(1001)]
    assert interval(a, b, 10**6) == (
        pytest.approx(0.025, abs=0.002),
        pytest.approx(0.975, abs=0.002),
    )
    assert interval(a, b, 10)[0] < 0.02  # type: ignore[operator]
    assert interval([None], [1.0], 10) == (None, None)


# --- what of a run counts


def test_the_first_and_last_seconds_do_not_count() -> None:
    assert [at for at in range(20) if counts(at, 20)] == list(range(5, 18))


@pytest.mark.parametrize(
    ("seconds", "sizes"), [(4, []), (23, [5] * 4), (300, [5] * 60), (3600, [60] * 60)]
)
def test_blocks_are_of_equal_length_and_not_too_many(seconds: int, sizes: list[int]) -> None:
    series = [RUN.series[0].model_copy(update={"at": at}) for at in range(seconds)]
    blocks = cut(series)
    assert [len(block) for block in blocks] == sizes
    assert [s.at for block in blocks for s in block] == list(range(sum(sizes)))


def test_the_slow_start_of_a_run_is_left_out(tmp_path: Path) -> None:
    """Where it were not, p50 would be ten times as high."""
    folder = drawn(1, seconds=40, rate=40, slower=lambda at: 50 if at < 5 else 1).write(tmp_path)
    found = of(folder)
    assert found.seconds == (5,) * 6
    whole = found.latency["all"].at(0.99, [1] * 6)
    assert whole is not None
    assert whole < 400


def test_logins_that_nobody_answers_are_told_but_not_among_all(tmp_path: Path) -> None:
    one = drawn(1, seconds=40, rate=40)
    values = {**one.values, "timeout": [[5000.0] * 20 for _ in range(40)]}
    found = of(Drawn(one.run, values).write(tmp_path))
    assert found.latency["timeout"].at(0.5, [1] * 6) == pytest.approx(5000, rel=0.001)
    assert (found.latency["all"].at(0.9, [1] * 6) or 0) < 200


def of(folder: Path) -> Measured:
    run = Run.model_validate_json((folder / RUN_FILE).read_bytes())
    return Measured.of(run, intervals(folder))


# --- whether they can be compared


def bare(run: Run) -> Measured:
    return Measured(run, (), (), (), {})


def test_runs_that_were_asked_for_other_things_are_said_not_to_be_comparable() -> None:
    other = RUN.model_copy(
        update={
            "settings": {**RUN.settings, "rate": 7, "mix": {"direct": 1}, "seed": 99},
            "versions": {**RUN.versions, "cores": "64", "herken": "0.2.0"},
            "invalid": ("the generator fell behind",),
            "failed": ("1 direct missing",),
        }
    )
    found = comparison(bare(RUN), bare(other))
    assert [*found.differs] == [
        "other rate: 100.0 and 7",
        f"other mix: {RUN.settings['mix']} and {{'direct': 1}}",
        "other machine: cores 2 and 64",
        "B says nothing of the network: the generator fell behind",
        "B failed: 1 direct missing",
    ]
    assert "herken: 0.1.0 and 0.2.0" in found.notes
    assert comparison(bare(RUN), bare(RUN)).differs == ()


def test_a_run_that_is_too_short_says_how_long_it_has_to_be() -> None:
    assert (
        f"too short for intervals: a run needs at least {SHORTEST_SECONDS} s"
        in comparison(bare(RUN), bare(RUN)).notes
    )


# --- the command


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    root = tmp_path_factory.mktemp("compared")
    slower = drawn(2, seconds=45, rate=60, slower=lambda at: 1.5)
    return drawn(1, seconds=45, rate=60).write(root / "a"), slower.write(root / "b")


def run_command(*words: str | Path) -> None:
    app = typer.Typer()
    load_reports.register(app)
    app([str(word) for word in words], standalone_mode=False)


def test_compare_prints_both_runs_and_what_is_more_than_chance(
    folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    run_command("compare", *folders)
    lines = capsys.readouterr().out.splitlines()
    (line,) = (line for line in lines if line.startswith("all p50, ms"))
    assert line.endswith("higher")
    assert "- the first 5 s and the last 2 s of each are left out" in lines


def test_compare_prints_a_document(
    folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    run_command("compare", *folders, "--json")
    found = json.loads(capsys.readouterr().out)
    (p50,) = (figure for figure in found["figures"] if figure["name"] == "all p50")
    assert p50["says"] == "higher"
    assert p50["low"] < p50["ratio"] < p50["high"]
    assert math.isclose(p50["ratio"], p50["b"] / p50["a"])


@pytest.mark.parametrize(
    ("file", "content", "told"),
    [
        (RUN_FILE, None, "run.json cannot be read: is this a folder of"),
        (RUN_FILE, "{}", "run.json is no run of format 1"),
        (HLOG_FILE, None, "latency.hlog cannot be read"),
        (HLOG_FILE, "Tag=login.direct,0.0,1.0,1.0,HISTFAAAAA", "latency.hlog is no log of"),
    ],
)
def test_a_bad_folder_is_named_with_what_is_wrong(
    folders: tuple[Path, Path], tmp_path: Path, file: str, content: str | None, told: str
) -> None:
    for name in (RUN_FILE, HLOG_FILE):
        (tmp_path / name).write_bytes((folders[0] / name).read_bytes())
    (tmp_path / file).unlink()
    if content is not None:
        (tmp_path / file).write_text(content)
    with pytest.raises(WrongUse, match=told):
        run_command("compare", folders[0], tmp_path)
