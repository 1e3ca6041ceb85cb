"""What the growth measurement says of its turns: ratios beside the smallest, and its verdict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import pytest

from benchmarks.figures import Series
from benchmarks.growth import GOAL, Grown, Size, Sizes, document, is_met, markdown
from benchmarks.growth_networks import AT_MOST, PEOPLE, Visits, scenario
from benchmarks.lane import Turn


@dataclass(frozen=True)
class Named:
    name: str


def turn(cpu_ms: float, latency: float = 10.0) -> Turn:
    return Turn([latency] * 3, 1.0, {"roles": cpu_ms, "Kafka": 1.0})


def size(name: str, *cpu_ms: float, latency: float = 10.0) -> Size:
    turns = [turn(cpu - 1.0, latency) for cpu in cpu_ms]
    return Size(cast(Visits, Named(name)), Series(name, turns, turns), role_mb=90)


def grown(*cpu_ms: float, latency: float = 10.0) -> Grown:
    smallest = size("10 things", 10.0, 20.0, 10.0)
    return Grown("things", [smallest, size("1,000 things", *cpu_ms, latency=latency)])


@pytest.mark.parametrize(
    ("cpu_ms", "met"), [((10, 20, 10), True), ((11, 22, 11), True), ((12, 24, 11), False)]
)
def test_goal_is_met_where_the_median_ratio_of_the_turns_is_within_a_tenth(
    cpu_ms: tuple[float, ...], met: bool
) -> None:
    found = [grown(*cpu_ms)]
    assert GOAL == 1.1
    assert is_met(found) is met
    assert document(found, Sizes(), "now")["is_met"] is met
    assert ("NOT MET" in markdown(found, Sizes(), "now")) is not met


def test_ratios_are_taken_turn_by_turn_beside_the_smallest() -> None:
    found = grown(15, 20, 5, latency=30.0)
    larger = found.sizes[1]
    assert vars(found.cpu_ratio(larger)) == {"median": 1.0, "least": 0.5, "most": 1.5}
    assert found.p50_ratio(larger).median == 3.0
    assert found.cpu_ratio(found.sizes[0]).most == 1.0


def test_document_has_each_size_with_its_groups() -> None:
    told: list[dict[str, Any]] = document([grown(11, 22, 11)], Sizes(), "now")["grown"]["things"]
    assert [each["size"] for each in told] == ["10 things", "1,000 things"]
    assert told[1]["cpu_ms_a_login"] == 11
    assert told[1]["cpu_ms_by_group"] == {"roles": 10.0, "Kafka": 1.0}
    assert told[1]["largest_role_mb"] == 90


def test_people_and_dienstverleners_that_log_in_are_as_many_whatever_the_size() -> None:
    made = scenario(["noord", "zuid"], AT_MOST)
    assert len(made.dienstverleners) == AT_MOST
    for registry in ("noord", "zuid"):
        assert sum(p.means[0].registry == registry for p in made.people) == PEOPLE
    assert len(made.mandates) == 2 * PEOPLE * AT_MOST
