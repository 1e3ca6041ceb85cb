"""The log of histograms, read again."""

from __future__ import annotations

from pathlib import Path

import pytest

from loadtest.histograms import by_kind, intervals
from loadtest.record import HLOG_FILE
from pipeline.errors import WrongUse
from tests.support.load_runs import log_of, write_log

VALUES = {
    "direct": [[10.0, 20.0], [], [30.0, 1000.0]],
    "chain": [[], [0.5], [7.25]],
}


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    write_log(tmp_path, VALUES)
    found = {(one.at, one.tag): one.histogram for one in intervals(tmp_path)}
    assert [*found] == [
        *((0.0, "login.direct"), (1.0, "login.chain")),
        *((2.0, "login.direct"), (2.0, "login.chain")),
    ]
    assert found[2.0, "login.direct"].get_total_count() == 2
    assert found[2.0, "login.direct"].get_max_value() == pytest.approx(1_000_000, rel=1e-3)
    assert found[1.0, "login.chain"].get_min_value() == pytest.approx(500, rel=1e-3)


def test_the_seconds_of_a_kind_are_added(tmp_path: Path) -> None:
    write_log(tmp_path, VALUES)
    found = by_kind(tmp_path)
    assert {kind: one.get_total_count() for kind, one in found.items()} == {"direct": 4, "chain": 2}
    assert found["direct"].get_value_at_percentile(50) == pytest.approx(20_000, rel=1e-3)


def test_what_is_no_login_is_no_kind(tmp_path: Path) -> None:
    coded = log_of([5]).encode().decode()
    (tmp_path / HLOG_FILE).write_text(f"Tag=generator,0.0,1.0,5.0,{coded}\n0.0,1.0,5.0,{coded}\n")
    assert by_kind(tmp_path) == {}
    assert [one.tag for one in intervals(tmp_path)] == ["generator", ""]


def test_stamps_that_are_dates_count_from_the_start_that_the_log_names(tmp_path: Path) -> None:
    coded = log_of([5]).encode().decode()
    line = f"Tag=login.direct,1772443812.500,1.000,5.0,{coded}\n"
    (tmp_path / HLOG_FILE).write_text(
        f"#[StartTime: 1772443802.000 (seconds since epoch), x]\n{line}"
    )
    assert [one.at for one in intervals(tmp_path)] == [10.5]


@pytest.mark.parametrize("kept", [20, 60])
def test_a_log_that_was_cut_off_is_no_log(tmp_path: Path, kept: int) -> None:
    write_log(tmp_path, VALUES)
    path = tmp_path / HLOG_FILE
    text = path.read_text()
    path.write_text(text[: text.index("HISTFAAAA") + kept])
    with pytest.raises(WrongUse, match=r"latency.hlog is no log of histograms"):
        [*intervals(tmp_path)]
