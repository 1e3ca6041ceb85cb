"""What a run leaves on disk: read again as it was, whole or not at all."""

from __future__ import annotations

import errno
import os
from collections import defaultdict
from pathlib import Path

import pytest
from hdrh.log import HistogramLogReader

from loadtest import record, recording
from loadtest.latencies import Latencies, histogram, percentile
from loadtest.results import run_of
from loadtest.running import Measured
from pipeline.errors import WrongUse
from tests.unit.test_load_judging import Book, begun, ended, result


@pytest.fixture
def measured() -> Measured:
    book = Book()
    ended(book, begun(book, 1, at=0.5), 0.7)
    ended(book, begun(book, 2, at=2.5), 2.9)
    return Measured(run_of(result(book)), book.latencies)


def read(folder: Path) -> dict[tuple[str, float], list[int]]:
    """By tag and second: how many values, and the largest (microseconds)."""
    reader = HistogramLogReader(str(folder / record.HLOG_FILE), histogram())
    found = {}
    while (one := reader.get_next_interval_histogram()) is not None:
        at = one.get_start_time_stamp() / 1000
        found[one.get_tag(), at] = [one.get_total_count(), one.get_max_value()]
    reader.close()
    return found


def test_run_is_read_again_as_it_was(measured: Measured, tmp_path: Path) -> None:
    recording.write(measured, tmp_path / "new" / "folder")
    assert record.read(tmp_path / "new" / "folder") == measured.run


def test_log_of_histograms_has_every_tag_in_its_second(measured: Measured, tmp_path: Path) -> None:
    recording.write(measured, tmp_path)
    found = read(tmp_path)
    assert set(found) == {
        ("generator", 0),
        ("generator", 2),
        ("login.direct", 0),
        ("login.direct", 2),
    }
    assert found["login.direct", 0] == [1, pytest.approx(200_000, rel=1e-3)]
    assert found["login.direct", 2] == [1, pytest.approx(400_000, rel=1e-3)]


def test_histograms_of_all_seconds_come_to_the_summary(tmp_path: Path) -> None:
    latencies = Latencies()
    for number in range(2000):
        latencies.add("login.direct", number % 7, 0.010 + number / 10_000)
    with (tmp_path / record.HLOG_FILE).open("w") as file:
        latencies.write(file)
    reader, whole = HistogramLogReader(str(tmp_path / record.HLOG_FILE), histogram()), histogram()
    while reader.add_next_interval_histogram(whole) is not None:
        pass
    reader.close()
    told = latencies.of(lambda _: True)
    assert whole.get_total_count() == told.count == 2000
    assert told.p99 == 207.9
    assert whole.get_value_at_percentile(99) / 1000 == pytest.approx(told.p99, rel=2e-3)


def test_nothing_is_left_half_written_where_the_disk_is_full(
    measured: Measured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording.write(measured, tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(WrongUse, match="No space left on device"):
        recording.write(measured, tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_folder_that_cannot_be_written_is_said_before_the_run(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(WrongUse, match="cannot be written to"):
        recording.require_writable(tmp_path / "file")
    recording.require_writable(tmp_path / "new")
    assert list((tmp_path / "new").iterdir()) == []


@pytest.mark.parametrize(
    ("percent", "value"),
    [(50, 50.0), (90, 90.0), (99, 99.0), (99.9, 100.0), (0, 1.0), (100, 100.0)],
)
def test_percentile_is_the_least_value_that_so_many_are_not_above(
    percent: float, value: float
) -> None:
    assert percentile([number * 1000 for number in range(1, 101)], percent) == value


def test_values_keep_to_what_a_histogram_can_have() -> None:
    latencies = Latencies()
    by_tag = defaultdict(float, {"least": -1.0, "most": 1e9})
    for tag, seconds in by_tag.items():
        latencies.add(tag, -1, seconds)
    assert latencies.of(lambda tag: tag == "least").max == 0.001
    assert latencies.of(lambda tag: tag == "most").max == pytest.approx(3_600_000, rel=1e-3)
