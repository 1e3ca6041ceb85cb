"""What came of each login, and whether the run says anything. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final

from dienstverlener import Assertion, Refusal
from loadtest.mix import LoginKind
from loadtest.record import Ended, Latency
from sandbox.expecting import Known, differs
from sandbox.scenario import Expected

GRACE_SECONDS: Final = 5.0
"""CHOICE: an outcome may be so much later than its deadline: a sweep, and publishing."""
BEHIND_P99_MS: Final = 100.0
"""CHOICE: the generator fell behind where 1 of 100 arrivals was handed over later than this ..."""
BEHIND_MS, BEHIND_SHARE = 250.0, 0.01
"""... or more than this share of them later than that."""


class Verdict(StrEnum):
    """What came of a login: the fields of `record.Kind`."""

    AS_EXPECTED = "as_expected"
    WRONG = "wrong"
    MISSING = "missing"
    LATE = "late"
    DOUBLED = "doubled"
    NOT_PUBLISHED = "not_published"


FAILURES: Final = tuple(verdict for verdict in Verdict if verdict is not Verdict.AS_EXPECTED)
Counts = Mapping[LoginKind, Counter[Verdict]]


def judged(
    expect: Expected, found: Assertion | Refusal | str, late_by: float, known: Known
) -> tuple[Verdict, str]:
    """An outcome's verdict, and what is not as expected, in the scenario's words.

    found    what the client library verified; or why it did not
    late_by  seconds after the deadline; below 0: before it
    """
    if isinstance(found, str):
        return Verdict.WRONG, f"it does not verify: {found}"
    if differing := differs(expect, found, known):
        return Verdict.WRONG, ", ".join(differing)
    if late_by > GRACE_SECONDS:
        return Verdict.LATE, f"{late_by:.1f} s after its deadline"
    return Verdict.AS_EXPECTED, ""


def failed(counts: Counts, first: Mapping[tuple[LoginKind, Verdict], str]) -> list[str]:
    """Why the network did not do what it promises: how many, of which kind, and the first of them.
    Nothing: it did."""
    return [
        f"{came[verdict]} {kind}: {verdict.replace('_', ' ')} ({first[kind, verdict]})"
        for kind, came in counts.items()
        for verdict in FAILURES
        if came[verdict]
    ]


def invalid(
    lag: Latency, late_share: float, arrivals: int, finished: int, ended: Ended
) -> Sequence[str]:
    """Why the figures say nothing of the network.

    lag         how late arrivals were handed over; `late_share`: how many later than BEHIND_MS
    """
    reasons = []
    if lag.p99 > BEHIND_P99_MS or late_share > BEHIND_SHARE:
        reasons.append(
            f"the generator fell behind: 1 of 100 arrivals was {lag.p99:.0f} ms late or more, "
            f"{late_share:.1%} of them more than {BEHIND_MS:.0f} ms. Give it a core of its own, or "
            "ask for less"
        )
    if not arrivals:
        reasons.append("nobody came: make --duration longer, or --rate higher")
    elif not finished and ended is Ended.ON_TIME:
        reasons.append("no login came to what it must: there is nothing to measure")
    return reasons
