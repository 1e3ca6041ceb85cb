"""How `--mix` is read, and what of it the scenario has."""

from __future__ import annotations

import pytest

from loadtest.mix import USUAL, LoginKind, fitting, parsed
from pipeline.errors import WrongUse


@pytest.mark.parametrize(
    ("text", "weights"),
    [
        ("direct=1", {"direct": 1}),
        ("direct=80,chain=10,refused=5", {"direct": 80, "chain": 10, "refused": 5}),
        (" direct = 0.5 , timeout = 2 ", {"direct": 0.5, "timeout": 2}),
        ("direct=1,cancel=0", {"direct": 1}),
    ],
)
def test_mix_has_the_weight_of_each_kind(text: str, weights: dict[str, float]) -> None:
    assert parsed(text) == weights


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no kind ''"),
        ("direct", "'' is no weight of direct"),
        ("direct=", "'' is no weight of direct"),
        ("drect=1", "no kind 'drect': it has direct, chain"),
        ("direct=many", "'many' is no weight"),
        ("direct=-1", "'-1' is no weight"),
        ("direct=nan", "'nan' is no weight"),
        ("direct=inf", "'inf' is no weight"),
        ("direct=0,chain=0", "nothing in it"),
        ("direct=1,direct=2", "direct twice"),
        ("direct=1;chain=2", "'1;chain=2' is no weight"),
    ],
)
def test_bad_mix_is_refused_with_what_would_be_right(text: str, told: str) -> None:
    with pytest.raises(WrongUse) as refused:
        parsed(text)
    assert told in str(refused.value)
    assert "direct=80,chain=10" in str(refused.value)


def test_mix_that_the_scenario_has_not_is_refused_with_what_it_has() -> None:
    there = {LoginKind.DIRECT, LoginKind.CANCEL}
    with pytest.raises(WrongUse, match="no login of the kind chain; it has: cancel, direct"):
        fitting(parsed("direct=1,chain=1"), there, "")


def test_usual_mix_is_what_the_scenario_has_of_it() -> None:
    there = {LoginKind.DIRECT, LoginKind.TIMEOUT}
    assert fitting(None, there, "") == {"direct": 80, "timeout": 2}
    assert fitting(None, set(LoginKind), "") == USUAL


def test_scenario_without_any_login_to_repeat_is_refused() -> None:
    with pytest.raises(WrongUse, match="no login to repeat; it has: none at all"):
        fitting(None, set(), "")
