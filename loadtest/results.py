"""What a run came to, from everything that was counted and seen in it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from loadtest.book import Book
from loadtest.judging import BEHIND_MS, Verdict, failed, invalid, turned_away
from loadtest.latencies import Latencies
from loadtest.mix import LoginKind
from loadtest.record import HOP, LAG, LOGIN, Ended, Happened, Hop, Kind, Process, Run
from loadtest.schedule import Load
from loadtest.watching import Look, counts, second


@dataclass(frozen=True)
class Result:
    """Everything that was counted and seen. `seconds`: how long arrivals went on."""

    began: datetime
    load: Load
    versions: Mapping[str, str]
    seconds: float
    ended: Ended
    book: Book
    looks: Sequence[Look]
    processes: tuple[Process, ...]
    happened: Sequence[Happened]


def run_of(result: Result) -> Run:
    """The run, as it is kept."""
    book, latencies = result.book, result.book.latencies
    lag = latencies.of(lambda tag: tag == LAG)
    behind = latencies.share_above(lambda tag: tag == LAG, BEHIND_MS)
    arrived = book.scheduled.total()
    return Run(
        began=result.began,
        settings=result.load.settings(),
        versions=dict(result.versions),
        seconds=round(result.seconds, 3),
        wall_seconds=round(max(book.last_at, result.seconds), 3),
        ended=result.ended,
        invalid=tuple(invalid(lag, behind, arrived, book.finished, result.ended)),
        failed=(*_ended(result), *_failed(result)),
        latency=latencies.of(counts),
        generator_lag=lag,
        kinds=tuple(_kind(kind, book) for kind in LoginKind if book.scheduled[kind]),
        hops=tuple(_hops(latencies)),
        processes=result.processes,
        series=tuple(second(at, book, result.looks) for at in range(len(result.looks))),
        happened=(*result.happened, *_left(result)),
    )


def _ended(result: Result) -> Iterator[str]:
    """What ended it, where that is a failure."""
    if result.ended is Ended.NETWORK_LOST:
        yield "Kafka did not answer any more: what is told here is what came before that"
    if result.ended is Ended.TOO_MANY_ERRORS:
        yield f"it was broken off after {result.book.failed} failures"


def _failed(result: Result) -> Iterator[str]:
    """What the network did not do, or not for all of them."""
    counts = result.book.counts
    yield from failed(counts, result.book.first)
    yield from turned_away(counts, result.load.profile)


def _left(result: Result) -> Iterator[Happened]:
    if result.book.in_flight:
        what = f"the run ended with {result.book.in_flight} logins under way"
        yield Happened(at=round(result.seconds, 3), what=what)


def _kind(kind: LoginKind, book: Book) -> Kind:
    came = book.counts[kind]
    return Kind(
        name=str(kind),
        scheduled=book.scheduled[kind],
        published=book.published[kind],
        latency=book.latencies.of(lambda tag: tag == f"{LOGIN}{kind}"),
        **{str(verdict): came[verdict] for verdict in Verdict},
    )


def _hops(latencies: Latencies) -> Iterator[Hop]:
    for tag in (tag for tag in latencies.tags() if tag.startswith(HOP)):
        found = latencies.of(lambda other, tag=tag: other == tag)  # type: ignore[misc]
        yield Hop(name=tag.removeprefix(HOP), latency=found)
