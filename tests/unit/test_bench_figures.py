"""What the benchmarks make of their turns: medians, ratios, verdicts, tables, the highest rate."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Sequence

import pytest

from benchmarks import arrivals, figures
from benchmarks.figures import (
    ARGON2,
    BESIDE,
    HERKEN,
    PASSWORDS,
    RELAY,
    SATOSA,
    Ratio,
    Series,
    spread,
)
from benchmarks.highest import FACTOR, FIRST_RATE, Trial, held, highest_rate, next_rate
from benchmarks.lane import CLIENT, Groups, LaneFailed, Turn, measured
from benchmarks.measure import Measured, Sizes, Task, take_turn
from benchmarks.table import Report, document, markdown


def _turn(rate: float = 100.0, latency: float = 10.0, cpu: float = 8.0) -> Turn:
    """100 logins, of which the client's part is 1 ms."""
    return Turn([latency] * 100, 100 / rate, {"roles": cpu, CLIENT: 1.0})


def _lanes(**changed: Series) -> dict[str, Series]:
    def same(name: str, latency: float = 10.0, cpu: float = 8.0) -> Series:
        turns = [_turn(latency=latency, cpu=cpu) for _ in range(3)]
        return Series(name, turns, list(turns))

    lanes = {name: same(name) for name in (HERKEN, PASSWORDS, ARGON2, BESIDE)}
    lanes |= {RELAY: same(RELAY, latency=5.0), SATOSA: same(SATOSA, cpu=400.0)}
    return lanes | changed


def _ratio(name: str, lanes: dict[str, Series]) -> Ratio:
    return next(each for each in figures.ratios(lanes) if each.name.startswith(name))


def _report(lanes: dict[str, Series]) -> Report:
    return Report(
        at="2026-01-01 00:00 UTC",
        machine={"cores": "2"},
        versions={"herken": "1"},
        settings={"p99_goal_ms": 250.0},
        lanes=list(lanes.values()),
        highest=[Trial(40, 100), Trial(50, 300), Trial(50, 260)],
        memory_mb={"polder": 90.4},
        absent={"keycloak": "no Java"},
    )


def test_a_turn_counts_from_the_first_arrival_to_the_last_answer() -> None:
    async def slow() -> None:
        await asyncio.sleep(0.05)

    class Lane:
        name = "slow"

        async def drive(self, instants: Sequence[float]) -> list[float]:
            return await arrivals.drive(slow, instants)

        def processes(self) -> Groups:
            return {}

    turn = asyncio.run(measured(Lane(), arrivals.steadily(20, 0.2)))
    assert len(turn.latencies) == 4
    assert 0.2 <= turn.seconds < 5
    assert turn.percentile(50) >= 50


def test_a_latency_counts_from_the_scheduled_instant_when_the_loop_is_late() -> None:
    async def block() -> None:
        import time

        time.sleep(0.05)  # noqa: ASYNC251 -- that is the point

    latencies = asyncio.run(arrivals.drive(block, arrivals.at_once(3)))
    assert max(latencies) >= 150


def test_a_login_that_fails_fails_the_turn() -> None:
    async def refused() -> None:
        raise ValueError("refused")

    with pytest.raises(ExceptionGroup):
        asyncio.run(arrivals.drive(refused, arrivals.at_once(2)))


def test_a_ratio_is_taken_turn_by_turn() -> None:
    assert figures.ratio([10, 20, 90], [5, 10, 30]) == spread([2, 2, 3])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("P2", 50.0),
        ("P3", 1.0),
        ("P4, p50", 2.0),
        ("P4, p99", 2.0),
        ("P5, rate", 1.0),
        ("P5, p99", 1.0),
    ],
)
def test_each_ratio_compares_what_it_says(name: str, value: float) -> None:
    found = _ratio(name, _lanes())
    assert found.measured.median == pytest.approx(value)
    assert found.is_met


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("P2", Series(SATOSA, [_turn(cpu=300)] * 3)),
        ("P4, p50", Series(HERKEN, [_turn()] * 3, [_turn(latency=10.5)] * 3)),
        ("P4, p99", Series(HERKEN, [_turn()] * 3, [_turn(latency=15.5)] * 3)),
        ("P5, p99", Series(BESIDE, [], [_turn(latency=20.5)] * 3)),
    ],
)
def test_a_goal_is_not_met_when_it_is_missed_by_a_little(name: str, changed: Series) -> None:
    found = _ratio(name, _lanes(**{changed.name: changed}))
    assert not found.is_met
    assert found.verdict.endswith("NOT MET")


def test_a_ratio_is_left_out_when_one_of_its_lanes_was_not_run() -> None:
    lanes = _lanes()
    del lanes[SATOSA]
    assert all(not each.name.startswith("P2") for each in figures.ratios(lanes))


def test_the_table_says_what_was_measured_and_what_was_not() -> None:
    told = markdown(_report(_lanes()))
    assert "| herken | 100 (100 to 100) | 9.00 (9.00 to 9.00) | roles 8.00, client 1.00 |" in told
    assert "at least 40: met" in told
    assert "**40 logins/s**" in told
    assert "- keycloak: no Java" in told


def test_the_document_has_every_turn_by_itself() -> None:
    found = json.loads(json.dumps(document(_report(_lanes()))))
    assert len(found["lanes"][HERKEN]["at_once"]) == 3
    assert found["lanes"][HERKEN]["at_once"][0]["cpu_ms_a_login"] == {"roles": 8.0, CLIENT: 1.0}
    assert found["highest_rate"] == 40


@pytest.mark.parametrize(
    ("trials", "next_one"),
    [
        ([], FIRST_RATE),
        ([Trial(40, 250)], 40 * FACTOR),
        ([Trial(40, 251)], 40),
        ([Trial(40, 251), Trial(40, 249)], 40 * FACTOR),
        ([Trial(40, 251), Trial(40, 251)], None),
    ],
)
def test_the_next_rate_is_higher_until_one_fails_twice(
    trials: list[Trial], next_one: float | None
) -> None:
    assert next_rate(trials, 250) == next_one


def test_the_highest_rate_is_one_that_held() -> None:
    assert held([Trial(40, 100), Trial(50, 251), Trial(50, 251)], 250) == 40
    assert held([Trial(40, 251), Trial(40, 251)], 250) == 0


def test_the_search_ends_when_the_lane_cannot_keep_up() -> None:
    class Lane:
        """Bears 60 a second."""

        name = "lane"

        async def drive(self, instants: Sequence[float]) -> list[float]:
            rate = len(instants) / (max(instants) + instants[1])
            return [100.0 if rate < 60 else 900.0] * len(instants)

        def processes(self) -> Groups:
            return {}

    trials = asyncio.run(highest_rate(Lane(), 250, 10, lambda _: None))
    assert held(trials, 250) == 50
    assert [trial.rate for trial in trials] == [40, 50, 62.5, 62.5]


class _Refusing:
    name = "SATOSA"

    async def drive(self, instants: Sequence[float]) -> list[float]:
        async def refused() -> None:
            raise ValueError("no answer")

        return await arrivals.drive(refused, instants)

    def processes(self) -> Groups:
        return {}


def test_a_peer_that_fails_is_left_out_with_the_reason() -> None:
    found = Measured(lanes={"SATOSA": Series("SATOSA")})
    task = Task(_Refusing(), 2, is_peer=True)
    assert not asyncio.run(take_turn(task, Sizes(), found, warm_up=False))
    assert found.lanes == {}
    assert found.absent == {"satosa": "SATOSA: 2 logins failed, one with ValueError: no answer"}


def test_the_measurement_ends_when_a_lane_of_our_own_fails() -> None:
    with pytest.raises(LaneFailed):
        asyncio.run(take_turn(Task(_Refusing(), 2), Sizes(), Measured(), warm_up=True))


@pytest.mark.parametrize("wrong", ["--turns=0", "--rate=-1", "--logins=many", "--peers=ldap"])
def test_wrong_use_ends_with_2_and_says_what_is_wrong(wrong: str) -> None:
    command = [sys.executable, "-m", "benchmarks", wrong]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert wrong.partition("=")[2] in ended.stderr
