"""Logins as a process left them last: what is guessed of them, and when nothing is."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from annotated_types import Ge

from pipeline.ledger import Known, Row
from pipeline.recent import DISTRUSTED_BATCHES, GOOD_FOR, MOST, Recent
from pipeline.settings import Settings
from pipeline.stage import Stage, Step
from schemas.topics import CANCELLATIONS, CONFIRMATIONS
from tests.unit.builders import NOW

SECOND = timedelta(seconds=1)
GOES_ON = Stage(CANCELLATIONS, lambda *_: Step())
BEGINS = Stage(CANCELLATIONS, lambda *_: Step(), begins=True)
ELSEWHERE = Stage(CONFIRMATIONS, lambda *_: Step())


def row(number: int, version: int = 1) -> Row:
    return Row(UUID(int=number), version, "{}", None)


def recent(*rows: Row) -> Recent:
    found = Recent()
    found.note(rows, NOW)
    return found


def ids(*numbers: int) -> set[UUID]:
    return {UUID(int=number) for number in numbers}


def test_rows_are_as_they_were_written_last() -> None:
    found = recent(row(1), row(2), row(1, version=2))
    guess = found.guess(GOES_ON, ids(1, 2), NOW)
    assert guess == Known({}, {UUID(int=1): row(1, 2), UUID(int=2): row(2)})


@pytest.mark.parametrize(
    ("stage", "guess"), [(BEGINS, Known({}, {UUID(int=1): row(1)})), (GOES_ON, None)]
)
def test_unknown_login_is_new_where_logins_begin_and_asked_for_elsewhere(
    stage: Stage, guess: Known | None
) -> None:
    assert recent(row(1)).guess(stage, ids(1, 2), NOW) == guess


@pytest.mark.parametrize("later", [GOOD_FOR, -SECOND])
def test_row_is_asked_for_when_it_is_old_or_the_clock_was_set_back(later: timedelta) -> None:
    assert recent(row(1)).guess(GOES_ON, ids(1), NOW + GOOD_FOR - SECOND) is not None
    assert recent(row(1)).guess(GOES_ON, ids(1), NOW + later) is None


def test_after_a_wrong_guess_all_is_asked_for_a_while_on_that_topic() -> None:
    found = recent(row(1))
    found.was_wrong(GOES_ON)
    guesses = [found.guess(GOES_ON, ids(1), NOW) for _ in range(DISTRUSTED_BATCHES + 1)]
    assert guesses == [None] * DISTRUSTED_BATCHES + [Known({}, {UUID(int=1): row(1)})]
    found.was_wrong(GOES_ON)
    assert found.guess(ELSEWHERE, ids(1), NOW) is not None


def test_no_ledger_forgets_a_row_that_is_still_known_here() -> None:
    (least,) = (
        each.ge for each in Settings.model_fields["ledger_hours"].metadata if isinstance(each, Ge)
    )
    assert timedelta(hours=float(str(least))) > GOOD_FOR


def test_the_longest_ago_are_forgotten() -> None:
    found = recent(row(1), *map(row, range(2, MOST + 1)), row(1), row(MOST + 1))
    assert found.guess(GOES_ON, ids(1, 3, MOST + 1), NOW) is not None
    assert found.guess(GOES_ON, ids(2), NOW) is None
