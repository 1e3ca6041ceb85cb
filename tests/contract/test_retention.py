"""What is kept has an end, and nothing is forgotten that can come again."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from brokers.role import makelaar
from pipeline.settings import Settings
from pipeline.stage import RoleStages
from providers.role import provider
from registry.role import registry
from sandbox import topology
from sandbox.topology import TopicPlan
from schemas.topics import CATALOGUE, CHARGES, FOREVER_MS, MANDATE_EVENTS
from tests.unit.builders import world

PLANS = topology.plan(world().directory)
ROLES: dict[str, RoleStages] = {  # type: ignore[type-arg]
    "duin": makelaar(world().keys("duin"), 300),
    "aak": provider(world().keys("aak"), 3),
    "kade": registry(world().keys("kade")),
}
SETTINGS = Settings(kafka="k:9092", network=Path("network"), secrets=Path("secrets"))
MARGIN = timedelta(hours=12)
A_YEAR = timedelta(days=365)
"""Source: [AS] message IDs unique for at least 12 months."""


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.name)
def test_every_topic_says_how_long_it_keeps_and_when_a_segment_is_closed(plan: TopicPlan) -> None:
    for_ever = {CATALOGUE, MANDATE_EVENTS.name, CHARGES.name}
    retention, kind = int(plan.config["retention.ms"]), plan.name.split(".")[0]
    assert (retention == FOREVER_MS) is (kind in for_ever and not plan.name.endswith(".dlq"))
    assert (
        plan.compacted is (plan.config["cleanup.policy"] == "compact") is (plan.name == CATALOGUE)
    )
    if retention != FOREVER_MS:
        assert 0 < int(plan.config["segment.ms"]) <= retention / 4
        assert plan.kept_ms == retention + int(plan.config["segment.ms"])


def test_compacted_topic_is_compacted_within_a_day_or_so() -> None:
    (plan,) = (plan for plan in PLANS if plan.compacted)
    assert timedelta(milliseconds=int(plan.config["segment.ms"])) <= timedelta(days=1)


@pytest.mark.parametrize("name", ROLES)
def test_role_remembers_for_longer_than_kafka_can_deliver_again(name: str) -> None:
    plans = {plan.name: plan for plan in PLANS}
    kept = [plans[stage.topic.of(name)].kept_ms for stage in ROLES[name].stages]
    assert kept
    assert FOREVER_MS not in kept
    longest = timedelta(milliseconds=max(kept))
    assert timedelta(hours=SETTINGS.ledger_hours) >= longest + MARGIN


def test_what_is_used_once_counts_as_used_for_a_year_and_longer_than_what_it_led_to() -> None:
    claims = timedelta(days=SETTINGS.claims_days)
    assert claims >= A_YEAR
    assert claims >= timedelta(hours=SETTINGS.ledger_hours)
