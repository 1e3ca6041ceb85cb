"""Plays histories of a whole network in memory, and judges each.

    python -m tests.simulation --histories 100000 --seed 1 --jobs 2
    python -m tests.simulation --failures 1 --stories 0   stop at the first that fails, tell nothing
    python -m tests.simulation --replay 1:4711            that history, as a story
    python -m tests.simulation --replay 1:4711 --shrink   the smallest one that fails like it

Exit codes: 0 all hold, 1 some do not, 2 wrong use.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from typing import Any

from tests.simulation import coverage
from tests.simulation.campaign import Report, campaign, seed_of
from tests.simulation.cast import cast
from tests.simulation.plan import draw
from tests.simulation.shrinking import told
from tests.simulation.substitutes import substituted


def main(arguments: Sequence[str] | None = None) -> int:
    asked = _parser().parse_args(arguments)
    if asked.replay is not None:
        return _replay(asked.replay, shrunk=asked.shrink)
    report = campaign(asked.seed, asked.histories, asked.jobs, _progress, asked.failures)
    _say("\n")
    stories = _stories(report, asked.stories)
    text = json.dumps(_as_json(report, stories)) if asked.json else _as_text(report, stories)
    sys.stdout.write(f"{text}\n")
    return 0 if report.holds else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.simulation",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--histories", type=_count, default=5000, help="how many (default 5000)")
    parser.add_argument("--seed", type=int, default=1, help="the same seed: the same histories")
    parser.add_argument("--jobs", type=_count, default=1, help="processes (default 1)")
    parser.add_argument("--failures", type=_count, default=20, help="stop after (default 20)")
    parser.add_argument("--stories", type=int, default=1, help="failures told (default 1)")
    parser.add_argument("--replay", type=_place, metavar="SEED:INDEX", help="tell one history")
    parser.add_argument("--shrink", action="store_true", help="with --replay: the smallest one")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    return parser


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 on")
    return int(text)


def _place(text: str) -> str:
    seed, _, index = text.partition(":")
    if not (seed.removeprefix("-").isdecimal() and index.isdecimal()):
        raise argparse.ArgumentTypeError(f"{text!r} is not SEED:INDEX, as in 1:4711")
    return text


def _replay(place: str, *, shrunk: bool) -> int:
    with substituted():
        lines = told(cast(), draw(place), shrunk=shrunk)
    sys.stdout.write("\n".join([*lines, ""]))
    return int(any(line.startswith("VIOLATED") for line in lines))


def _stories(report: Report, most: int) -> dict[str, Sequence[str]]:
    """The smallest history for each of the first failures."""
    places = [seed_of(report.seed, index) for index in sorted(report.failures)[:most]]
    with substituted():
        everybody = cast()
        return {place: told(everybody, draw(place), shrunk=True) for place in places}


def _progress(report: Report) -> None:
    each = 1000 * report.seconds / report.histories
    _say(f"\r{report.histories} histories, {len(report.failures)} fail, {each:.1f} ms each")


def _say(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()


def _as_json(report: Report, stories: dict[str, Sequence[str]]) -> dict[str, Any]:
    return {
        "seed": report.seed,
        "histories": report.histories,
        "holds": report.holds,
        "steps": report.steps,
        "seconds": round(report.seconds, 1),
        "violations": len(report.failures),
        "failures": report.failures,
        "stories": stories,
        "seen": dict(sorted(report.seen.items())),
        "missing": coverage.missing(report.seen),
    }


def _as_text(report: Report, stories: dict[str, Sequence[str]]) -> str:
    lines = [f"{count:9} {what}" for what, count in sorted(report.seen.items())]
    lines += [f"    never {what}" for what in coverage.missing(report.seen)]
    for index, violations in sorted(report.failures.items()):
        lines += [f"FAILED {seed_of(report.seed, index)} {each}" for each in violations]
    for place, story in stories.items():
        lines += [f"--- the smallest history that fails like {place}", *story]
    found = "all hold" if report.holds else f"{len(report.failures)} do not hold"
    steps = f"{report.steps} steps in {report.seconds:.0f} s"
    return "\n".join(
        [*lines, f"{report.histories} histories of seed {report.seed}, {steps}: {found}"]
    )


if __name__ == "__main__":
    sys.exit(main())
