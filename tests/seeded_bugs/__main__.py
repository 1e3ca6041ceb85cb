"""Put bugs into copies of the project, and see that each is found.

python -m tests.seeded_bugs                every bug; exit code 1 where one is not found
python -m tests.seeded_bugs --only NAME    one bug, or several
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from time import monotonic
from typing import Any

from tests.seeded_bugs.finders import Search
from tests.seeded_bugs.running import Tried, try_all, without_bugs
from tests.seeded_bugs.table import Bug, bugs, faults


def main(arguments: Sequence[str]) -> int:
    """The exit code: 1 where a bug is not found, or a finder finds one where there is none; 2 where
    the table does not fit."""
    options = _options(arguments)
    chosen = [bug for bug in bugs() if not options.only or bug.name in options.only]
    wrong = [*faults(chosen), *sorted({*options.only} - {bug.name for bug in chosen})]
    if wrong:
        return _say(*(f"does not fit: {line}" for line in wrong)) or 2
    began = monotonic()
    control = options.skip_control or _is_clean(chosen)
    tried = [_told(each) for each in try_all(chosen, options.jobs)]
    found = sum(each.search.found for each in tried)
    _say(f"{found} of {len(tried)} bugs found, in {monotonic() - began:.0f} s")
    if options.json:
        sys.stdout.write(json.dumps({"bugs": [_row(each) for each in tried], "clean": control}))
    return 0 if control and found == len(tried) else 1


def _is_clean(chosen: Sequence[Bug]) -> bool:
    """Every finder is asked, also after one that is wrong."""
    return False not in [_clean(*found) for found in without_bugs(chosen)]


def _clean(finder: str, search: Search) -> bool:
    """Whether a finder finds nothing where nothing is wrong; said, where it is otherwise."""
    holds = search.violations == 0
    _say(f"{'clean' if holds else 'NOT CLEAN':<9} {search.seconds:4.0f} s  {finder}, without a bug")
    if not holds:
        _say(search.said[-2000:])
    return holds


def _told(tried: Tried) -> Tried:
    search, bug = tried.search, tried.bug
    verdict = "found" if search.found else "NO VERDICT" if search.violations is None else "MISSED"
    by = f"{bug.finder} {bug.arguments}".strip()
    _say(f"{verdict:<9} {search.seconds:4.0f} s  {bug.name:<36} {by}: {_numbers(bug)}")
    if not search.found:
        _say(search.said[-2000:])
    return tried


def _numbers(bug: Bug) -> str:
    return "invariant " + ", ".join(str(number) for number in bug.breaks)


def _row(tried: Tried) -> dict[str, Any]:
    return {
        "name": tried.bug.name,
        "what": tried.bug.what,
        "breaks": tried.bug.breaks,
        "finder": tried.bug.finder,
        "found": tried.search.found,
        "violations": tried.search.violations,
        "seconds": round(tried.search.seconds, 1),
    }


def _say(*lines: str) -> None:
    sys.stderr.write("".join(f"{line}\n" for line in lines))
    sys.stderr.flush()


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.seeded_bugs",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", nargs="+", metavar="NAME", default=[], help="only these bugs")
    parser.add_argument("--jobs", type=int, default=1, help="so many at once")
    parser.add_argument("--skip-control", action="store_true", help="do not run without a bug")
    parser.add_argument("--json", action="store_true", help="the table as JSON on stdout, too")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
