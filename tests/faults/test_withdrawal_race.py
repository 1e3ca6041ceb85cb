"""No decision grants by what was withdrawn before it, however many workers decide; and the race
that says so does notice it where one does. `python -m tests.faults.withdrawal_race` runs 5,000."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from sandbox.servers import running
from tests.faults.withdrawal_race.ground import Kind
from tests.faults.withdrawal_race.judging import Decision, Judged
from tests.faults.withdrawal_race.racing import race

WITHDRAWALS = 150


async def _race(folder: Path, *, broken: bool) -> Judged:
    async with running(folder, progress=lambda _: None) as servers:
        return await race(servers, folder, withdrawals=WITHDRAWALS, broken=broken)


@pytest.mark.timeout(300)
async def test_no_grant_is_decided_after_the_withdrawal_when_three_workers_decide(
    tmp_path: Path,
) -> None:
    report = (judged := await _race(tmp_path, broken=False)).report()
    assert judged.holds, report
    assert set(report["by_kind"]) == {str(kind) for kind in Kind}
    assert report["permits_concurrent"] > WITHDRAWALS / 10
    assert report["denials"] > WITHDRAWALS


@pytest.mark.timeout(300)
async def test_grants_after_the_withdrawal_are_found_when_workers_lock_nothing(
    tmp_path: Path,
) -> None:
    judged = await _race(tmp_path, broken=True)
    assert len(judged.violations) > 0
    assert not judged.holds


@pytest.mark.parametrize(
    ("status", "microseconds", "is_violation"),
    [
        ("permit", -1, False),
        ("permit", 0, True),
        ("permit", 1, True),
        ("confirmed", 1, True),
        ("deny", 1, False),
    ],
)
def test_grant_is_a_violation_when_it_was_not_committed_before_the_withdrawal(
    status: str, microseconds: int, is_violation: bool
) -> None:
    decision = Decision("mandate", status, timedelta(microseconds=microseconds))
    assert decision.is_violation is is_violation
