"""Tells a run, while it goes on and when it is over, in lines of text. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from loadtest.record import Ended, Kind, Latency, Run, Second
from loadtest.reporting.words import FAULTS, name

_ENDED = {
    Ended.INTERRUPTED: "It was interrupted.",
    Ended.TOO_MANY_ERRORS: "It was broken off: too much failed.",
    Ended.NETWORK_LOST: "It was broken off: Kafka did not answer any more.",
}


def figures(second: Second, finished: int, failed: int) -> dict[str, str]:
    """A running run: its last second, and what finished and failed in all."""
    return {
        "elapsed": f"{second.at + 1:.0f} s",
        "began": str(second.scheduled),
        "finished": str(second.finished),
        "turned away": str(second.turned_away),
        "under way": str(second.in_flight),
        "p50": _milliseconds(second.p50),
        "p99": _milliseconds(second.p99),
        "lag": str(sum(second.lag.values())),
        "finished in all": str(finished),
        "failed in all": str(failed),
    }


def _milliseconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f} ms"


def so_far(second: Second, finished: int, failed: int) -> str:
    """The same in one line."""
    told = figures(second, finished, failed)
    return ", ".join(f"{name} {value}" for name, value in told.items())


def summary(run: Run) -> str:
    """What a run came to: counts, latencies, CPU, verdict."""
    return "\n".join(
        [
            "",
            *_counted(run),
            "",
            *_latencies(run),
            "",
            *_processes(run),
            "",
            *(f"{each.at:7.1f} s  {each.what}" for each in run.happened),
            *verdict(run),
        ]
    )


def verdict(run: Run) -> Iterator[str]:
    """Whether it passed, and if not, why."""
    if run.ended in _ENDED:
        yield _ENDED[run.ended]
    yield from (f"INVALID: {why}" for why in run.invalid)
    yield from (f"FAILED: {why}" for why in run.failed)
    if not run.invalid and not run.failed:
        yield (
            f"PASSED: {run.finished} logins, every one verified, {run.throughput:.1f} a second; "
            f"half took {run.latency.p50:.0f} ms or less, 99 of 100 {run.latency.p99:.0f} ms"
        )
        yield from _turned_away(run)


def _turned_away(run: Run) -> Iterator[str]:
    count, began = run.turned_away, sum(kind.scheduled for kind in run.kinds)
    if count:
        yield f"{count} of {began} were turned away, because the network was busy"


def _counted(run: Run) -> Iterator[str]:
    names = ("as_expected", *FAULTS, "turned_away")
    told = map(name, names)
    yield _row("", ["began", *told])
    for kind in run.kinds:
        counted = [getattr(kind, each) for each in names]
        yield _row(kind.name, [kind.scheduled, *counted])


def _latencies(run: Run) -> Iterator[str]:
    yield _row("latency, ms", ["p50", "p90", "p99", "p99.9", "largest"])
    yield from (_latency(kind.name, kind.latency) for kind in run.kinds if kind.latency.count)
    yield _latency(_together(run.kinds), run.latency)
    yield _latency("handed over late", run.generator_lag)


def _together(kinds: Iterable[Kind]) -> str:
    return "all but timeout" if any(k.name == "timeout" for k in kinds) else "all"


def _latency(name: str, found: Latency) -> str:
    values = (found.p50, found.p90, found.p99, found.p999, found.max)
    return _row(name, [f"{value:.1f}" for value in values])


def _processes(run: Run) -> Iterator[str]:
    yield _row("process", ["CPU ms a login", "cores", "MB at most"])
    finished, seconds = max(run.finished, 1), max(run.wall_seconds, 0.001)
    for each in run.processes:
        cores = each.cpu_ms / 1000 / seconds
        yield _row(
            each.name, [f"{each.cpu_ms / finished:.2f}", f"{cores:.2f}", f"{each.rss_max:.0f}"]
        )
    yield _row("all", [f"{run.cpu_ms_per_login:.2f}"])


def _row(name: str, cells: Sequence[object]) -> str:
    return f"  {name:<24}" + "".join(f"{cell!s:>15}" for cell in cells)
