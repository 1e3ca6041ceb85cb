"""What came of each login, and whether the run says anything. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final

from dienstverlener import Assertion, Refusal
from loadtest.arrivals import Profile
from loadtest.mix import LoginKind
from loadtest.record import Ended, Latency
from sandbox.expecting import Known, differs
from sandbox.scenario import Expected
from schemas.refusals import RefusalCode

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
    TURNED_AWAY = "turned_away"


_NO_FAILURES: Final = (Verdict.AS_EXPECTED, Verdict.TURNED_AWAY)
FAILURES: Final = tuple(verdict for verdict in Verdict if verdict not in _NO_FAILURES)
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
    if isinstance(found, Refusal) and found.code is RefusalCode.BUSY:
        return Verdict.TURNED_AWAY, "the network was busy"
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


def turned_away(counts: Counts, profile: Profile) -> list[str]:
    """Why a load that was not meant to be too much was. CHOICE: a spike and a storm are meant to
    be, and who is turned away in one got what was promised: an answer at once."""
    count = sum(came[Verdict.TURNED_AWAY] for came in counts.values())
    if not count or profile in {Profile.SPIKE, Profile.STORM}:
        return []
    return [f"{count} turned away, because the network was busy: ask for less"]


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
