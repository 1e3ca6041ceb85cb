"""Thousands of histories of a whole network hold; and those that a bug breaks are found.

`python -m tests.simulation --histories 100000` plays more of them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from typing import Any
from unittest.mock import patch
from uuid import uuid4

import pytest

from brokers import evidence
from pipeline.fold import Fold
from pipeline.ledger import Handled
from pipeline.runner import Runner
from registry import rules as registry_rules
from registry.judging import Rule
from tests.simulation import campaign, coverage, running
from tests.simulation.__main__ import main
from tests.simulation.cast import cast
from tests.simulation.invariants import judge
from tests.simulation.memory import MemorySession
from tests.simulation.plan import draw
from tests.simulation.points import Point, reach
from tests.simulation.running import Run
from tests.simulation.shrinking import Shrinking, story
from tests.simulation.substitutes import substituted

HISTORIES, SEED = 5000, 1
PLAIN = "1:4"
"""A history of some length."""
Broken = list[Any]
"""Patches that make a bug."""


@pytest.mark.timeout(900)
def test_every_history_holds_and_each_kind_of_fault_is_in_them() -> None:
    report = campaign.campaign(SEED, HISTORIES, jobs=2)
    assert report.failures == {}
    assert report.histories == HISTORIES
    assert coverage.missing(report.seen) == []


@pytest.fixture
def _substituted() -> Iterator[None]:
    with substituted():
        yield


# --- the same history is the same everywhere


@pytest.mark.usefixtures("_substituted")
def test_history_is_the_same_when_it_is_played_again() -> None:
    first, second = ([], [])
    for told in (first, second):
        Run(cast(), draw(PLAIN), told).play()
    assert first == second
    assert len(first) > 50


@pytest.mark.usefixtures("_substituted")
def test_history_is_the_same_when_its_turns_are_given() -> None:
    everybody, plan, first, second = cast(), draw(PLAIN), [], []
    run = Run(everybody, plan, first).play()
    Run(everybody, replace(plan, picks=tuple(run.picks)), second).play()
    assert first == second


# --- bugs are found


async def _commits_first(process: Any, publish: Any, commit: Any) -> None:
    outputs = await process()
    await commit()
    await publish(outputs)


async def _never_publishes_what_is_left(runner: Runner, publish: Any) -> None:
    due = await runner.due()
    if due:
        await publish([record for records in due.values() for record in records])
        await runner.confirm(list(due))


async def _publishes_first(self: Runner, stage: Any, items: Any, taken: Any) -> Any:
    async with self._ledger.session() as session:
        before = await session.read(
            [item.found.id for item in items], [item.request_id for item in items]
        )
        fresh = [item for item in items if item.found.id not in before.handled]
        fold = Fold(self._role, self._encode, before.rows, taken)
        for item in await self._with_facts(stage, session, fresh, fold):
            fold.handle(stage, item, self._moment(item.found.id))
        fold.sign()
        await _publishing[0](fold.outputs)
        await session.store(fold.writes, self._role.kept)
    return [], fold.rejected


_publishing: list[Any] = []


class _PublishingRun(Run):
    def play(self) -> Run:
        _publishing[:] = [self._publish]
        return super().play()


async def _writes_any_version(self: MemorySession, writes: Any) -> None:
    await self.ledger.reach(Point.WRITE_ROWS)


async def _looks_at_no_claim(self: MemorySession, writes: Any) -> None:
    await self.ledger.reach(Point.WRITE_CLAIMS)


async def _locks_nothing(self: MemorySession, relied_on: Mapping[Any, int], _: Any) -> bool:
    await reach(Point.LOCK)
    return all(self.ledger.tables[key].revision == relied_on[key] for key in relied_on)


async def _holds_always(self: MemorySession, _: Any, __: Any) -> bool:
    return True


def _until_the_deadline(rule: Rule[Any]) -> Rule[Any]:
    if rule.name != "deadline_passed":
        return rule
    return replace(rule, holds=lambda question: question.now <= question.asked.deadline)


def _but_for_lateness(rules: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(rule for rule in rules if rule.name != "answer_too_late")


BUGS: dict[str, tuple[Callable[[], Broken], int, str]] = {
    "an input is never known again": (
        lambda: [patch("schemas.codec.message_id", lambda *_: uuid4())],
        300,
        "",
    ),
    "offsets are committed before publishing": (
        lambda: [patch.object(running, "deliver", _commits_first)],
        300,
        "10",
    ),
    "outputs are published before they are stored": (
        lambda: [
            patch.object(Runner, "_attempt", _publishes_first),
            patch.object(campaign, "Run", _PublishingRun),
        ],
        300,
        "",
    ),
    "what a sweep left is never published": (
        lambda: [patch.object(running, "deliver_due", _never_publishes_what_is_left)],
        2000,
        "1",
    ),
    "a row is written over any version": (
        lambda: [patch.object(MemorySession, "_write_rows", _writes_any_version)],
        300,
        "",
    ),
    "claims are not looked at": (
        lambda: [patch.object(MemorySession, "_write_claims", _looks_at_no_claim)],
        300,
        "1",
    ),
    "what a permit rests on is not locked": (
        lambda: [patch.object(MemorySession, "still_hold", _locks_nothing)],
        300,
        "5",
    ),
    "what a permit rests on is not looked at": (
        lambda: [patch.object(MemorySession, "still_hold", _holds_always)],
        300,
        "5",
    ),
    "a registry permits at the deadline": (
        lambda: [
            patch.object(
                registry_rules,
                "QUERY_RULES",
                tuple(map(_until_the_deadline, registry_rules.QUERY_RULES)),
            )
        ],
        2000,
        "2",
    ),
    "the makelaar asserts after the deadline": (
        lambda: [
            patch.object(evidence, name, _but_for_lateness(getattr(evidence, name)))
            for name in ("DECISION", "CONFIRMATION")
        ],
        2000,
        "2",
    ),
    "what was handled at this place is no redelivery": (
        lambda: [patch.object(Handled, "is_at", lambda *_: False)],
        300,
        "10",
    ),
    "the makelaar awaits every answer": (
        lambda: [patch("brokers.rules.is_awaited", lambda *_: None)],
        300,
        "1",
    ),
}
"""How a bug is made, within how many histories it is found, and which invariant finds it first."""


def _first_failure(within: int) -> tuple[int, list[str]]:
    """The first history that fails, and what it violates."""
    for start in range(0, within, 25):
        report = campaign.play(SEED, range(start, start + 25))
        if report.failures:
            return min(report.failures.items())
    pytest.fail(f"not found in {within} histories")


@pytest.mark.timeout(600)
@pytest.mark.usefixtures("_substituted")
@pytest.mark.parametrize("bug", BUGS)
def test_bug_is_found(bug: str) -> None:
    patches, within, number = BUGS[bug]
    with ExitStack() as stack:
        for each in patches():
            stack.enter_context(each)
        index, violations = _first_failure(within)
    assert any(each.startswith(f"{number}:") or not number for each in violations), index


COMES_AGAIN = "42:12"
"""A history in which an assertion is published once more, when it has expired."""


@pytest.mark.usefixtures("_substituted")
def test_assertion_has_to_hold_when_it_comes_first() -> None:
    run = Run(cast(), draw(COMES_AGAIN)).play()
    assert len(run.outcomes) > len({each.record.value for each in run.outcomes})
    assert judge(run) == []
    run.outcomes = [replace(each, at=each.at + timedelta(hours=1)) for each in run.outcomes]
    expired = [each for each in judge(run) if each.endswith("does not hold: expired")]
    assert len(expired) == 1


# --- a failing history is told


@pytest.mark.timeout(600)
@pytest.mark.usefixtures("_substituted")
def test_smallest_history_still_fails_and_ends_with_what_it_violates() -> None:
    with patch.object(MemorySession, "still_hold", _holds_always):
        everybody = cast()
        index, _ = _first_failure(2000)
        plan = draw(f"{SEED}:{index}")
        smallest = Shrinking(everybody, plan).smallest()
        lines, whole = list(story(everybody, smallest)), list(story(everybody, plan))
    assert lines[-1].startswith("VIOLATED 5: pier granted")
    assert len(smallest.logins) == 1
    assert len(lines) < len(whole)
    assert any("withdraws the link of the chain" in line for line in lines)
    assert judge(Run(cast(), smallest).play()) == []


@pytest.mark.timeout(600)
def test_command_fails_and_tells_a_history_when_a_bug_is_there(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with patch.object(Handled, "is_at", lambda *_: False):
        assert main(["--histories", "25", "--seed", "1", "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["holds"] is False
    (told,) = report["stories"].values()
    assert any(line.startswith("VIOLATED 10:") for line in told)


def test_command_tells_one_history_when_asked_to(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--replay", PLAIN]) == 0
    assert "login 0" in capsys.readouterr().out


@pytest.mark.parametrize("wrong", [["--histories", "0"], ["--replay", "7"], ["--jobs", "two"]])
def test_command_says_what_is_wrong_when_it_is_used_wrongly(
    wrong: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as raised:
        main(wrong)
    assert raised.value.code == 2
    assert repr(wrong[1]) in capsys.readouterr().err
