"""The bugs fit the project; and what tries them tells found from missed and from no verdict."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.seeded_bugs import finders
from tests.seeded_bugs.finders import Finder, search
from tests.seeded_bugs.running import try_one
from tests.seeded_bugs.table import Bug, apply, bugs, faults


def test_every_bug_says_what_it_is_and_its_patch_applies() -> None:
    assert faults(bugs()) == []


def test_there_are_twenty_bugs_and_most_invariants_are_broken_by_one() -> None:
    found = bugs()
    assert len(found) >= 20
    assert len({number for bug in found for number in bug.breaks}) >= 10


# --- a project of two files

LOOKING = """\
import json
import sys


from ages import ADULT

print(json.dumps({"violations": [] if ADULT == 18 else ["too young"]}))
sys.exit(ADULT != 18)
"""
PATCH = """\
What: Children are adults.
Breaks: 12
Finder: looking

--- a/ages.py
+++ b/ages.py
@@ -1 +1 @@
-ADULT = 18
+ADULT = 8
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "project"
    root.mkdir()
    (root / "ages.py").write_text("ADULT = 18\n")
    (root / "looking.py").write_text(LOOKING)
    monkeypatch.setitem(finders.FINDERS, "looking", Finder("looking"))
    return root


def bug(folder: Path, patch: str = PATCH) -> Bug:
    (folder / "child.patch").write_text(patch)
    return bugs(folder)[0]


def test_bug_is_found_in_a_copy_and_the_project_is_not_touched(
    project: Path, tmp_path: Path
) -> None:
    tried = try_one(bug(tmp_path), project)
    assert (tried.search.found, tried.search.violations) == (True, 1)
    assert (project / "ages.py").read_text() == "ADULT = 18\n"


def test_bug_is_missed_when_its_finder_finds_nothing(project: Path, tmp_path: Path) -> None:
    harmless = PATCH.replace("+ADULT = 8", "+ADULT = 18  # or so")
    assert try_one(bug(tmp_path, harmless), project).search.violations == 0


@pytest.mark.parametrize("change", ["+ADULT =", "+import nothing_like_it"])
def test_there_is_no_verdict_when_the_finder_crashes(
    project: Path, tmp_path: Path, change: str
) -> None:
    crashing = PATCH.replace("+ADULT = 8", change)
    assert try_one(bug(tmp_path, crashing), project).search.violations is None


@pytest.mark.parametrize(
    ("printed", "code", "violations"),
    [
        ({"violations": []}, 0, 0),
        ({"violations": 0}, 0, 0),
        ({"violations": [1, 2]}, 1, 2),
        ({"violations": 3}, 1, 3),
        ({"violations": [1]}, 0, None),
        ({"violations": []}, 1, None),
        ({"violations": [1]}, 2, None),
        ([], 0, None),
    ],
)
def test_verdict_is_what_report_and_exit_code_say_together(
    tmp_path: Path, printed: object, code: int, violations: int | None
) -> None:
    text = f"import sys; print({json.dumps(printed)!r}); sys.exit({code})"
    (tmp_path / "said.py").write_text(text)
    assert search(Finder("said"), "", tmp_path).violations == violations


@pytest.mark.parametrize(("code", "violations"), [(0, 0), (1, 1), (2, None), (4, None)])
def test_verdict_is_what_the_exit_code_says_where_there_is_no_report(
    tmp_path: Path, code: int, violations: int | None
) -> None:
    (tmp_path / "said.py").write_text(f"import sys; print('{{}}'); sys.exit({code})")
    assert search(Finder("said", reports=False), "", tmp_path).violations == violations


def test_finder_that_does_not_end_gives_no_verdict(tmp_path: Path) -> None:
    (tmp_path / "endless.py").write_text("import time; time.sleep(60)")
    found = search(Finder("endless", seconds=0.5), "", tmp_path)
    assert (found.violations, found.said) == (None, "it did not end")


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (("ADULT = 18", "ADULT = 21"), "child: its patch does not apply"),
        (("Breaks: 12", "Breaks: 13"), "child: there are twelve invariants"),
        (("Finder: looking", "Finder: nobody"), "child: there is no finder nobody"),
    ],
)
def test_bug_that_does_not_fit_is_named(
    project: Path, tmp_path: Path, change: tuple[str, str], fault: str
) -> None:
    (found,) = faults([bug(tmp_path, PATCH.replace(*change))], project)
    assert found.startswith(fault)


def test_patch_without_its_three_lines_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="What, Breaks and Finder"):
        bug(tmp_path, PATCH.replace("Breaks: 12\n", ""))


def test_what_cannot_be_applied_says_so(project: Path, tmp_path: Path) -> None:
    assert "ages.py" in apply(bug(tmp_path, PATCH.replace("18", "17")), project)
