"""The model on paper: what it takes from the measurements, and what it makes of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import scaling
from benchmarks.scaling import BUSY, Costs, costs, need, tables

FULL = {"client": 9.0, "roles": 4.0, "Kafka": 1.0, "Postgres": 1.0}
ALONE = {"client": 9.0, "roles": 24.0, "Kafka": 12.0, "Postgres": 6.0}
COSTS = Costs(FULL, ALONE, role_share=0.5, wal_kb=64.0, ledger_kb=100.0)


def turn(cpu: dict[str, float]) -> dict[str, object]:
    return {"cpu_ms_a_login": cpu}


def test_cores_are_those_of_the_servers_with_room_for_bursts() -> None:
    found = need(100, COSTS)
    assert found.cores == pytest.approx((100 * 6 / 1000 / BUSY, 100 * 42 / 1000 / BUSY))


def test_partitions_are_as_many_as_the_largest_role_needs_processes() -> None:
    assert need(1000, COSTS).partitions == (4, 20)
    assert need(1, COSTS).partitions == (1, 1)


def test_brokers_are_three_and_more_where_they_have_more_to_take() -> None:
    few, many = need(10, COSTS), need(10_000, COSTS)
    assert few.brokers == 3
    assert few.kafka_mb == pytest.approx(10 * COSTS.wire_kb * 3 / 1024)
    assert many.brokers == -(-many.kafka_mb // scaling.BROKER_MB_A_SECOND)


def test_each_role_has_a_postgres_and_several_where_one_cannot_write_as_much() -> None:
    assert need(100, COSTS).databases == 3
    assert need(10_000, COSTS).databases == 9


def test_everything_grows_with_the_rate() -> None:
    one, ten = need(100, COSTS), need(1000, COSTS)
    for name in ("kafka_mb", "wal_mb", "ledger_gb", "outcomes_gb"):
        assert getattr(ten, name) == pytest.approx(10 * getattr(one, name))


def test_costs_are_medians_of_turns_and_counted_from_the_looks() -> None:
    lane = {"at_once": [turn({"roles": n}) for n in (1, 5, 3)], "steady": [turn({"roles": 9})]}
    looks = [
        {"rows": {"logins": 300}, "ledger_mb": 10},
        {"rows": {"logins": 30}, "ledger_mb": 9},
    ]
    cpu = {"generator": 50.0, "kafka": 50.0, "postgres": 50.0, "polder": 3.0, "sluis": 1.0}
    run = {"settings": {"CPU ms a login": cpu}, "a_login": {"wal_kb": 7}, "looks": looks}
    found = costs({"lanes": {"herken": lane}}, run)
    assert (found.full, found.alone) == ({"roles": 3}, {"roles": 9})
    assert (found.role_share, found.wal_kb) == (0.75, 7)
    assert found.ledger_kb == pytest.approx(10 * 1024 / 100)


def test_table_on_the_page_is_what_the_model_says_of_the_results_it_names() -> None:
    page = Path("docs/scaling.md").read_text()
    bench, endurance = (
        json.loads((scaling.RESULTS / name).read_text()) for name in scaling.named(page)
    )
    assert tables(costs(bench, endurance)) in page, "put there what benchmarks.scaling prints"
