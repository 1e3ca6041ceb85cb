"""How a run ends: on time, broken off, without Kafka, or with nothing to say. Kafka is played here;
on the real one it is tried in tests/e2e/test_load.py."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError

from herken.load import exit_code
from loadtest import running
from loadtest.connecting import Connected
from loadtest.ground import Ground
from loadtest.mix import LoginKind
from loadtest.pool import Pool
from loadtest.record import Ended, Run, Second
from loadtest.schedule import Load
from pipeline.errors import ServerUnreachable
from pipeline.settings import Settings
from sandbox.founding import Folders
from schemas.codec import Record
from schemas.topics import OUTCOMES
from tests.unit.test_load_driving import Asking, Crowd, message
from tests.unit.test_load_judging import POOL, SCENARIO, assertion

NOWHERE = Path("nowhere")
SETTINGS = Settings(kafka="127.0.0.1:1", network=NOWHERE, secrets=NOWHERE)
DIRECT = Pool({LoginKind.DIRECT: POOL.entries[LoginKind.DIRECT][:1]}, {})
GROUND = Ground(SETTINGS, Folders(NOWHERE, NOWHERE), SCENARIO, DIRECT, dict, {})


@dataclass
class Wire:
    """Kafka, with a network behind it that answers each request at once.

    takes    whether a record is ever acknowledged
    answers  whether there is an outcome
    blocks   for how long (seconds) each record holds up the whole program
    """

    takes: bool = True
    answers: bool = True
    blocks: float = 0.0
    fails: Exception | None = None
    _outcomes: list[Any] = field(default_factory=list)

    async def send(self, record: Record) -> asyncio.Future[Any]:
        time.sleep(self.blocks)  # noqa: ASYNC251 -- on purpose: nothing else gets its turn
        taken: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if self.takes:
            taken.set_result(None)
        if self.takes and self.answers:
            self._outcomes.append(message(OUTCOMES.of("waterdam"), record.key))
        return taken

    async def read(self) -> Sequence[Any]:
        await asyncio.sleep(0.005)
        if self.fails is not None:
            raise self.fails
        came, self._outcomes = self._outcomes, []
        return came

    def ends(self) -> dict[Any, int]:
        return {}

    def brokers(self) -> set[str]:
        return {"1"}


@dataclass
class Lags:
    away: bool = False

    async def look(self) -> dict[str, int]:
        if self.away:
            raise ServerUnreachable("away")
        return {"polder.authn-requests": 3}


@dataclass
class Ran:
    run: Run
    shown: list[Second]


async def ran(
    wire: Wire, *, away: bool = False, after: float = 99, comes_to: Any = None, **load: Any
) -> Ran:
    """A run of direct logins, 100 a second for a good second."""
    asking: Any = Asking(comes_to or assertion())
    crowd: Any = Crowd()
    kafka: Any = wire
    lags: Any = Lags(away)
    everybody = Connected({"zuiveringsschap": asking, "waterdam": asking}, crowd, kafka, lags)
    mix = {LoginKind.DIRECT: 1.0}
    asked = Load(**{"rate": 100.0, "seconds": 1.1, "mix": mix, "deadline": 1, **load})
    stop, shown = asyncio.Event(), list[Second]()
    asyncio.get_running_loop().call_later(after, stop.set)
    going = running._Going(GROUND, asked, everybody, stop, lambda second, _: shown.append(second))
    return Ran((await going.run()).run, shown)


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounds that a test can wait for."""
    monkeypatch.setattr(running, "LOST_SECONDS", 0.4)
    monkeypatch.setattr(running, "LINGER_SECONDS", 0.2)
    monkeypatch.setattr(running, "_AFTERWARDS_SECONDS", 0.05)


async def test_run_ends_when_all_have_come_and_ended() -> None:
    found = await ran(Wire())
    run = found.run
    assert (run.ended, run.failed) == (Ended.ON_TIME, ())
    assert exit_code(run.model_copy(update={"invalid": ()})) == 0
    assert run.seconds == 1.1
    assert 60 < run.finished < 160
    assert sum(second.finished for second in run.series) == run.finished == run.latency.count
    assert sum(second.scheduled for second in run.series) == run.kinds[0].scheduled
    assert found.shown[0].lag == {"polder.authn-requests": 3}


async def test_kafka_that_takes_nothing_any_more_ends_it_with_what_there_is() -> None:
    run = (await ran(Wire(takes=False), seconds=600)).run
    (kind,) = run.kinds
    assert (run.ended, exit_code(run)) == (Ended.NETWORK_LOST, 3)
    assert kind.published == 0
    assert kind.not_published == kind.scheduled > 10
    assert run.seconds < 5
    assert "Kafka did not answer any more" in run.failed[0]


async def test_kafka_that_tells_nothing_any_more_ends_it_too() -> None:
    run = (await ran(Wire(), away=True, seconds=600)).run
    assert run.ended is Ended.NETWORK_LOST
    assert run.happened[0].what == "Kafka does not answer"


async def test_generator_that_is_too_slow_makes_its_run_invalid() -> None:
    run = (await ran(Wire(blocks=0.02), rate=100, seconds=0.8)).run
    assert "fell behind" in run.invalid[0]
    assert run.generator_lag.p99 > 250
    assert exit_code(run) == 1


async def test_outcomes_that_never_come_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loadtest.book.GRACE_SECONDS", 0.1)
    run = (await ran(Wire(answers=False), seconds=0.3, max_failed=1000)).run
    (kind,) = run.kinds
    assert kind.missing == kind.scheduled > 10
    assert (run.ended, exit_code(run)) == (Ended.ON_TIME, 1)
    assert 1.3 < run.wall_seconds < 5


async def test_too_many_wrong_outcomes_break_it_off() -> None:
    run = (await ran(Wire(), comes_to="signature_invalid", seconds=600, max_failed=9)).run
    assert (run.ended, exit_code(run)) == (Ended.TOO_MANY_ERRORS, 1)
    assert run.kinds[0].wrong > 9
    assert "it does not verify: signature_invalid" in run.failed[1]


async def test_interrupted_run_exits_with_130_and_tells_what_was_under_way() -> None:
    run = (await ran(Wire(answers=False), seconds=600, deadline=60, after=0.5)).run
    assert (run.ended, run.failed, exit_code(run)) == (Ended.INTERRUPTED, (), 130)
    assert 0.4 < run.seconds < 3
    assert "logins under way" in run.happened[-1].what


async def test_reader_goes_on_when_kafka_fails_and_a_bug_in_it_ends_the_run() -> None:
    run = (await ran(Wire(fails=KafkaConnectionError()), seconds=0.2, after=0.5)).run
    assert run.ended is Ended.INTERRUPTED
    with pytest.raises(LookupError, match="a bug"):
        await ran(Wire(fails=LookupError("a bug")), seconds=600)


async def test_brokers_that_go_and_come_are_told() -> None:
    wire, times = Wire(), iter([{"1", "2"}, {"1"}, {"1", "2"}])
    changed: Any = SimpleNamespace(
        send=wire.send, read=wire.read, ends=wire.ends, brokers=lambda: next(times, {"1", "2"})
    )
    run = (await ran(changed, seconds=1.5, max_failed=9999)).run
    told = [each.what for each in run.happened]
    assert told[:2] == ["broker 2 is gone", "broker 2 is there"]
