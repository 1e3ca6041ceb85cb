"""What the endurance measurement says of its looks: what grew, from where on, and how fast."""

from __future__ import annotations

import pytest

from benchmarks.growing import Look, a_login, settled, slopes, told

ROWS = {"logins": 1, "inputs": 2, "claims": 3}


def look(logins: int, **memory_mb: float) -> Look:
    return Look(
        logins / 100, logins, memory_mb, ROWS, 4.0, 5.0, wal_mb=logins / 32, commits=7 + 3 * logins
    )


def test_growth_is_megabytes_in_100_000_logins() -> None:
    looks = [look(n * 50_000, flat=100.0, grows=100.0 + n) for n in range(10)]
    assert slopes(looks) == pytest.approx({"flat": 0.0, "grows": 2.0})


def test_what_fills_at_the_start_is_no_growth() -> None:
    looks = [look(n * 50_000, a=min(n, 2) * 50.0) for n in range(10)]
    assert slopes(looks) == pytest.approx({"a": 0.0})
    assert settled(looks)[0].logins == 100_000


def test_of_a_short_run_the_second_half_counts() -> None:
    assert [each.logins for each in settled([look(n * 10) for n in range(5)])] == [20, 30, 40]


@pytest.mark.parametrize("looks", [[], [look(0, a=1.0)], [look(0, a=1.0), look(0, a=2.0)]])
def test_nothing_is_said_of_growth_where_nobody_logged_in(looks: list[Look]) -> None:
    assert slopes(looks) == {}
    assert "process" not in told("n", "v", {}, {}, looks, 0).markdown


def test_what_a_login_makes_postgres_write_is_counted_between_two_looks() -> None:
    assert a_login([look(0), look(100), look(300)]) == {"wal_kb": 32.0, "commits": 3.0}
    assert a_login([look(0), look(0)]) == a_login([]) == {}


def test_process_that_came_later_is_left_out_of_growth_and_not_of_the_looks() -> None:
    looks = [look(0, a=1.0), look(10, a=1.0), look(20, a=1.0, b=9.0)]
    found = told("n", "went well", {"rate": 5}, {"cores": "2"}, looks, 7)
    assert set(found.document["mb_in_100000_logins"]) == {"a"}
    assert found.document["looks"][-1]["memory_mb"] == {"a": 1.0, "b": 9.0}
    assert found.document["failed"] == 7
    assert "20 logins, 7 failed. went well." in found.markdown
    assert "| a | 1 | 1 | +0.0 |" in found.markdown
    assert "| 0 | 20 | 1 | 2 | 3 | 4 | 5 |" in found.markdown
