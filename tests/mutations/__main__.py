"""Mutate each rule, and see its test go red.

python -m tests.mutations               every rule; exit code 1 where one is not held by its test
python -m tests.mutations --only NAME   one rule, or several
python -m tests.mutations --page        writes docs/reference/rules.md, and runs nothing
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from time import monotonic

from tests.mutations.page import PAGE, page
from tests.mutations.running import Judged, Verdict, judge_all, unmutated
from tests.mutations.table import Rule, faults, rules


def main(arguments: Sequence[str]) -> int:
    """The exit code: 1 where a rule is not held by its test, 2 where the table does not fit."""
    options = _options(arguments)
    if options.page:
        PAGE.write_text(page(), encoding="utf-8")
        return 0
    chosen = [rule for rule in rules() if not options.only or rule.name in options.only]
    wrong = [*faults(chosen), *sorted({*options.only} - {rule.name for rule in chosen})]
    if wrong:
        return _say(*(f"does not fit: {line}" for line in wrong)) or 2
    as_it_is = unmutated(chosen)
    if as_it_is.returncode:
        return _say(as_it_is.stdout, "the tests fail before anything is mutated") or 1
    return _mutate(chosen, options.jobs)


def _mutate(chosen: Sequence[Rule], jobs: int) -> int:
    began = monotonic()
    held = [_told(judged) for judged in judge_all(chosen, jobs)]
    _say(
        f"{sum(held)} of {len(held)} mutations turn their test red, in {monotonic() - began:.0f} s"
    )
    return 0 if all(held) else 1


def _told(judged: Judged) -> bool:
    """Say what became of it, and of one that is not held what pytest said."""
    _say(f"{judged.verdict:<9} {judged.rule.name}")
    if judged.verdict is Verdict.BROKEN:
        _say(judged.said)
    return judged.verdict is Verdict.RED


def _say(*lines: str) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutations", description=__doc__)
    parser.add_argument("--only", nargs="+", metavar="NAME", default=[], help="only these rules")
    parser.add_argument("--jobs", type=int, default=2, help="so many at once")
    parser.add_argument("--page", action="store_true", help="write the page, and run nothing")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
