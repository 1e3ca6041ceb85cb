"""What a run of the load tester leaves behind: `run.json` beside `latency.hlog` in one folder.

Times within a run are seconds since its start (`at`); latencies are milliseconds from the instant
for which an arrival was scheduled, whoever was late in between; CPU is milliseconds of one core.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, ValidationError

from pipeline.errors import WrongUse

FORMAT: Final = 1
RUN_FILE, HLOG_FILE, REPORT_FILE = "run.json", "latency.hlog", "report.html"
LOGIN, HOP, LAG = "login.", "hop.", "generator"
"""Tags in the log of histograms: `login.<kind>`, `hop.<kind of topic>`, and how late arrivals were
published (`generator`). Values there are microseconds; a line is one second of the run."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Ended(StrEnum):
    """Why a run came to its end."""

    ON_TIME = "on_time"
    INTERRUPTED = "interrupted"
    TOO_MANY_ERRORS = "too_many_errors"
    NETWORK_LOST = "network_lost"


class Latency(_Frozen):
    """Of all that were verified as expected, in milliseconds. None of them: all zero."""

    count: int
    mean: float
    p50: float
    p90: float
    p95: float
    p99: float
    p999: float
    p9999: float
    max: float


class Kind(_Frozen):
    """What came of the arrivals of one kind.

    scheduled   by the open loop
    published   Kafka took the request
    as_expected verified in full, and what this kind must come to
    wrong       verified, and something else; or it did not verify
    missing     no outcome by its deadline and the grace after it
    late        as expected, but after its deadline and the grace
    doubled     a second, different outcome
    not_published  Kafka did not take the request
    turned_away    refused as busy by the network, or held back by its client while it is busy
    """

    name: str
    scheduled: int
    published: int
    as_expected: int
    wrong: int
    missing: int
    late: int
    doubled: int
    not_published: int
    turned_away: int
    latency: Latency


class Hop(_Frozen):
    """From the login's message before it, to a message of this kind of topic."""

    name: str
    latency: Latency


class Process(_Frozen):
    """CPU over the run, and resident memory in megabytes."""

    name: str
    cpu_ms: float
    rss_start: float
    rss_end: float
    rss_max: float


class Second(_Frozen):
    """One second of the run.

    finished  outcomes as expected that came in it
    failed    wrong, missing, late or doubled ones that were known in it
    turned_away  refused as busy, or held back, in it
    p50, p99  of what finished in it; None where nothing did
    lag       records that each consumer group had still to read, by its name
    cpu_ms    each process's CPU in it, by its name
    """

    at: float
    scheduled: int
    published: int
    finished: int
    failed: int
    turned_away: int = 0
    in_flight: int
    p50: float | None
    p99: float | None
    lag: dict[str, int]
    cpu_ms: dict[str, float]


class Happened(_Frozen):
    """Something that a reader of the charts wants to know: a process that ended, a broker lost."""

    at: float
    what: str


class Run(_Frozen):
    """The whole run.

    settings      what was asked: rate, duration, profile, arrivals, mix, users, seed, scenario …
    versions      of herken, Python, aiokafka, Kafka, PostgreSQL, and the machine's cores and memory
    seconds       how long arrivals went on
    wall_seconds  until the last outcome came, or was given up
    invalid       why the figures say nothing of the network, as when the generator fell behind
    failed        why the network did not do what it promises. Empty: passed
    latency       of all kinds but `timeout`, which takes as long as it is given; so in each second
    """

    format: int = FORMAT
    began: datetime
    settings: dict[str, Any]
    versions: dict[str, str]
    seconds: float
    wall_seconds: float
    ended: Ended
    invalid: tuple[str, ...]
    failed: tuple[str, ...]
    latency: Latency
    generator_lag: Latency
    kinds: tuple[Kind, ...]
    hops: tuple[Hop, ...]
    processes: tuple[Process, ...]
    series: tuple[Second, ...]
    happened: tuple[Happened, ...]

    @property
    def finished(self) -> int:
        """Outcomes as expected."""
        return sum(kind.as_expected for kind in self.kinds)

    @property
    def turned_away(self) -> int:
        """Refused as busy, or held back."""
        return sum(kind.turned_away for kind in self.kinds)

    @property
    def throughput(self) -> float:
        """Outcomes as expected a second, while arrivals went on."""
        return self.finished / self.seconds if self.seconds else 0.0

    @property
    def cpu_ms_per_login(self) -> float:
        """Of all processes together, the generator's included; 0 where nothing finished."""
        spent = sum(process.cpu_ms for process in self.processes)
        return spent / self.finished if self.finished else 0.0


def read(folder: Path) -> Run:
    """A run that was written before. Raises WrongUse."""
    path = folder / RUN_FILE
    try:
        return Run.model_validate_json(path.read_bytes())
    except OSError:
        raise WrongUse(
            f"{path} cannot be read: is this a folder of `herken load --report`?"
        ) from None
    except ValidationError as error:
        raise WrongUse(
            f"{path} is no run of format {FORMAT}: {error.error_count()} faults"
        ) from None
