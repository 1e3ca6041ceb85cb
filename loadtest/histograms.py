"""Reads `latency.hlog` again: a histogram of microseconds for each second and tag of a run."""

from __future__ import annotations

import binascii
import zlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hdrh.codec import HdrCookieException, HdrHistogramSettingsException, HdrLengthException
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader

from loadtest.record import HLOG_FILE, LOGIN
from pipeline.errors import WrongUse

_UNUSED: Final = HdrHistogram(1, 2, 1)
"""The reader wants one to add to; we have it make new ones."""
_AN_EPOCH: Final = 1e9
"""Seconds that are more than this are a date, others a time since the run began."""
_FAULTS: Final = (
    *(ValueError, IndexError, UnicodeDecodeError, binascii.Error, zlib.error),
    *(HdrCookieException, HdrLengthException, HdrHistogramSettingsException),
)


@dataclass(frozen=True)
class Interval:
    """What one second added under one tag. `at` is in seconds since the run began."""

    at: float
    tag: str
    histogram: HdrHistogram


def intervals(folder: Path) -> Iterator[Interval]:
    """Every line of the log. Raises WrongUse."""
    path = folder / HLOG_FILE
    try:
        with closing(HistogramLogReader(str(path), _UNUSED)) as log:
            while (histogram := log.get_next_interval_histogram()) is not None:
                at = histogram.get_start_time_stamp() / 1000 - _origin(log)
                yield Interval(at, histogram.get_tag() or "", histogram)
    except OSError:
        raise WrongUse(f"{path} cannot be read: `herken load --report` writes it") from None
    except _FAULTS:
        raise WrongUse(f"{path} is no log of histograms, or it was cut off") from None


def by_kind(folder: Path) -> dict[str, HdrHistogram]:
    """Over the whole run, one for each kind of login. Raises WrongUse."""
    found: dict[str, HdrHistogram] = {}
    for interval in intervals(folder):
        if interval.tag.startswith(LOGIN):
            kind = interval.tag.removeprefix(LOGIN)
            if kind in found:
                found[kind].add(interval.histogram)
            else:
                found[kind] = interval.histogram
    return found


def _origin(log: HistogramLogReader) -> float:
    """What a log's stamps count from: a log may have dates, by its format."""
    start = float(log.get_start_time_sec())
    return start if start > _AN_EPOCH else 0.0
