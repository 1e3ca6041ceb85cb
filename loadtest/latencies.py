"""Latencies by the second, and what they come to as a whole. Values are whole microseconds."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from math import ceil
from typing import Final, TextIO

from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogWriter

from loadtest.record import Latency

_LONGEST: Final = 3_600_000_000
_DIGITS: Final = 3
Counts = Callable[[str], bool]
"""Which tags count."""


def histogram() -> HdrHistogram:
    """From a microsecond to an hour, three digits exact."""
    return HdrHistogram(1, _LONGEST, _DIGITS)


class Latencies:
    """Every value, by the second of the run that it belongs to and its tag (as in `record`)."""

    def __init__(self) -> None:
        self._seconds: dict[int, dict[str, array[int]]] = defaultdict(
            lambda: defaultdict(lambda: array("I"))
        )

    def add(self, tag: str, second: int, seconds: float) -> None:
        """One value. Below a microsecond counts as one, above an hour as an hour."""
        value = min(max(round(seconds * 1e6), 1), _LONGEST)
        self._seconds[max(second, 0)][tag].append(value)

    def tags(self) -> list[str]:
        return sorted({tag for by_tag in self._seconds.values() for tag in by_tag})

    def of(self, counts: Counts) -> Latency:
        """All values whose tags count, together."""
        return summary(self._values(counts))

    def share_above(self, counts: Counts, milliseconds: float) -> float:
        """How many of them are above this: from 0 to 1."""
        values = list(self._values(counts))
        return sum(v > milliseconds * 1000 for v in values) / len(values) if values else 0.0

    def at(self, second: int, counts: Counts, percents: Sequence[float]) -> list[float] | None:
        """Milliseconds at these percentiles of one second; None where there are no values."""
        by_tag = self._seconds.get(second, {})
        values = sorted(v for tag, found in by_tag.items() if counts(tag) for v in found)
        if not values:
            return None
        return [percentile(values, percent) for percent in percents]

    def _values(self, counts: Counts) -> Iterator[int]:
        for by_tag in self._seconds.values():
            for tag, found in by_tag.items():
                if counts(tag):
                    yield from found

    def write(self, file: TextIO) -> None:
        """As an HDR histogram log: a line for each second and tag, times since the run's start."""
        writer = HistogramLogWriter(file)
        writer.output_log_format_version()
        writer.output_base_time(0)
        file.write("#[StartTime: 0.000 (seconds since epoch)]\n")  # the library's own fails
        writer.output_legend()
        one = histogram()
        for second, by_tag in sorted(self._seconds.items()):
            one.set_start_time_stamp(second * 1000)
            one.set_end_time_stamp((second + 1) * 1000)
            for tag, values in sorted(by_tag.items()):
                _fill(one, values)
                file.write(f"Tag={tag},")  # the library's writer leaves it out; its reader has it
                writer.output_interval_histogram(one, max_value_unit_ratio=1000)


def _fill(one: HdrHistogram, values: Iterable[int]) -> None:
    begin, end = one.get_start_time_stamp(), one.get_end_time_stamp()
    one.reset()
    one.set_start_time_stamp(begin)
    one.set_end_time_stamp(end)
    for value in values:
        one.record_value(value)


def summary(values: Iterable[int]) -> Latency:
    """What values (microseconds) come to, in milliseconds, exactly. None of them: all zero."""
    found = sorted(values) or [0]  # no value is 0
    percents = {"p50": 50, "p90": 90, "p95": 95, "p99": 99, "p999": 99.9, "p9999": 99.99}
    return Latency(
        count=len(found) if found[-1] else 0,
        mean=round(sum(found) / len(found) / 1000, 3),
        max=found[-1] / 1000,
        **{name: percentile(found, percent) for name, percent in percents.items()},
    )


def percentile(found: Sequence[int], percent: float) -> float:
    """Of values in order (microseconds), in milliseconds: the least one that is not below so many
    of 100."""
    return found[max(0, ceil(len(found) * percent / 100) - 1)] / 1000
