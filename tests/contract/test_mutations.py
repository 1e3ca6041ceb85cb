"""The table of rules against tests fits the project; and what runs it tells red from green."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.mutations.page import PAGE, page
from tests.mutations.running import Verdict, judge, judge_all, unmutated
from tests.mutations.table import Rule, faults, rules

# --- the table


def test_every_rule_has_its_place_in_the_code_its_test_and_its_mutation() -> None:
    assert faults(rules()) == []


def test_page_is_what_the_table_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == page()


# --- a project of three lines

CODE = '''\
"""Ages."""

ADULT = 18


def is_adult(age: int) -> bool:
    return age >= ADULT
'''
TESTS = """\
from ages import is_adult


def test_adult() -> None:
    assert is_adult(18)


def test_child() -> None:
    assert not is_adult(3)
"""
HELD: dict[str, Any] = {
    "name": "adult_from_eighteen",
    "rule": "Who is eighteen is an adult.",
    "source": "CHOICE",
    "file": "ages.py",
    "where": "is_adult",
    "test": "test_ages.py::test_adult",
    "old": "age >= ADULT",
    "new": "age > ADULT",
}


def rule(**changes: Any) -> Rule:
    return Rule(**{**HELD, **changes})


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "ages.py").write_text(CODE)
    (folder / "test_ages.py").write_text(TESTS)
    return folder


def test_a_rule_that_fits_has_no_faults(project: Path) -> None:
    assert faults([rule(), rule(name="constant", where="ADULT", old="18", new="21")], project) == []


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"file": "years.py"}, "years.py is not there"),
        ({"old": "age > 20"}, "the old text occurs 0 times in ages.py"),
        ({"old": "ADULT", "new": "AGE"}, "the old text occurs 2 times in ages.py"),
        ({"old": "ADULT = 18", "new": "ADULT = 21"}, "the old text is not in is_adult"),
        ({"where": "is_child"}, "the old text is not in is_child"),
        ({"new": "age >"}, "the new text does not parse"),
        ({"test": "test_ages.py::test_elder"}, "test_ages.py::test_elder is not there"),
        ({"test": "test_years.py::test_adult"}, "test_years.py::test_adult is not there"),
    ],
)
def test_a_rule_that_does_not_fit_is_found(
    project: Path, changes: dict[str, str], fault: str
) -> None:
    assert faults([rule(**changes)], project) == [f"adult_from_eighteen: {fault}"]


def test_a_rule_that_occurs_twice_is_found(project: Path) -> None:
    assert faults([rule(), rule()], project) == ["adult_from_eighteen: occurs twice"]


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, Verdict.RED),
        ({"test": "test_ages.py::test_child"}, Verdict.SURVIVED),
        ({"old": "def is_adult", "new": "def is_grown"}, Verdict.BROKEN),
    ],
)
def test_mutation_is_red_only_when_its_test_fails(
    project: Path, changes: dict[str, str], verdict: Verdict
) -> None:
    assert judge(rule(**changes), project).verdict is verdict
    assert (project / "ages.py").read_text() == CODE


def test_project_itself_is_not_touched(project: Path) -> None:
    (judged,) = judge_all([rule()], 1, project)
    assert judged.verdict is Verdict.RED
    assert sorted(path.name for path in project.iterdir()) == ["ages.py", "test_ages.py"]


def test_tests_are_run_unmutated_first(project: Path) -> None:
    assert unmutated([rule()], project).returncode == 0
    (project / "ages.py").write_text(CODE.replace("18", "21"))
    assert unmutated([rule()], project).returncode == 1
