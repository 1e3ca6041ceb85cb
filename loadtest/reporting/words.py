"""What the report says in words: numbers, durations, the verdict, how it was measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from loadtest.record import Ended, Kind, Run

FAULTS: Final = ("wrong", "missing", "late", "doubled", "not_published")
"""What may come of an arrival and fails a run."""


def number(value: float) -> str:
    """Three figures that matter, and thousands apart: 0.25, 9.8, 612, 110,160."""
    if value >= 100 or value == round(value):
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.3g}"


def short(value: float) -> str:
    """For a tick: 200, 50k, 2M."""
    if value >= 1_000_000:
        return f"{value / 1_000_000:g}M"
    return f"{value / 1000:g}k" if value >= 10_000 else f"{value:,g}"


def milliseconds(value: float) -> str:
    """41 ms, 0.25 ms, 1.5 s."""
    return f"{value / 1000:.3g} s" if value >= 1000 else f"{value:.3g} ms"


def cores(value: float) -> str:
    """0.25 cores."""
    return f"{value:.2f} cores"


def clock(seconds: float) -> str:
    """A moment of a run: 45 s, 2:30, 1:02:30."""
    if seconds < 120:
        return f"{seconds:g} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def span(seconds: float) -> str:
    """How long: 45 seconds, 3 minutes, 1 hour."""
    for size, one in ((3600, "hour"), (60, "minute")):
        if seconds >= 2 * size or round(seconds) == size:
            return _several(round(seconds / size, 1), one)
    return _several(round(seconds), "second")


def _several(count: float, one: str) -> str:
    return f"{number(count)} {one}" + ("" if count == 1 else "s")


@dataclass(frozen=True)
class Verdict:
    """One word, one sentence, and the reasons why the word is not `Passed`."""

    word: str
    sentence: str
    reasons: tuple[str, ...] = ()


def verdict(run: Run) -> Verdict:
    """What to think of a run, first of all."""
    if run.invalid:
        return Verdict("Invalid", _says_nothing(run), (*run.invalid, *run.failed))
    if run.failed or run.ended in {Ended.TOO_MANY_ERRORS, Ended.NETWORK_LOST}:
        return Verdict("Failed", f"{_faults(run)} {_speed(run)}", run.failed or (_ENDS[run.ended],))
    if run.ended is Ended.INTERRUPTED:
        return Verdict("Interrupted", f"Until then: {_all_well(run)}", (_ENDS[run.ended],))
    return Verdict("Passed", _all_well(run))


_ENDS: Final = {
    Ended.ON_TIME: "it ended on time",
    Ended.INTERRUPTED: "somebody ended it before its time",
    Ended.TOO_MANY_ERRORS: "it ended early: there were too many errors",
    Ended.NETWORK_LOST: "it ended early: Kafka did not answer any more",
}


def _all_well(run: Run) -> str:
    if not run.finished:
        return "no login finished."
    every = f"every one of {number(run.finished)} verified"
    return f"{_rate(run)}, {every}; {_half(run)}."


def _says_nothing(run: Run) -> str:
    """What failed is told all the same."""
    nothing = "This run says nothing of the network's speed."
    return f"{nothing} {_faults(run)}" if run.failed else nothing


def _speed(run: Run) -> str:
    return f"The others: {_rate(run)}; {_half(run)}." if run.finished else "No other finished."


def _rate(run: Run) -> str:
    return f"{number(run.throughput)} logins a second for {span(run.seconds)}"


def _half(run: Run) -> str:
    p50, p99 = milliseconds(run.latency.p50), milliseconds(run.latency.p99)
    return f"half took less than {p50}, 99 of 100 less than {p99}"


def _faults(run: Run) -> str:
    """Of all arrivals, which came to nothing good."""
    counts = {fault: sum(getattr(kind, fault) for kind in run.kinds) for fault in FAULTS}
    found = [f"{number(count)} {name(fault)}" for fault, count in counts.items() if count]
    if not found:
        return "What the network promises does not hold."
    scheduled = sum(kind.scheduled for kind in run.kinds)
    failed = number(sum(counts.values()))
    return f"{failed} of {number(scheduled)} logins failed: {', '.join(found)}."


def faults(kind: Kind) -> int:
    """How many of a kind's arrivals fail a run."""
    return sum(int(getattr(kind, fault)) for fault in FAULTS)


def name(code: str) -> str:
    """A field's name in words."""
    return code.replace("_", " ")


def method(run: Run) -> tuple[str, ...]:
    """How it was measured."""
    lag = milliseconds(run.generator_lag.p99)
    return (
        "Open loop: arrivals were drawn beforehand, and each was published at its instant, however"
        " many were still unanswered.",
        "A latency counts from the instant for which its arrival was scheduled until its outcome"
        " came: who is late, network or generator, hides nothing. The generator itself was less"
        f" than {lag} late for 99 of 100.",
        "Only outcomes count whose signatures, bindings and encryption were verified in full, and"
        " that say what their kind must come to.",
    )
