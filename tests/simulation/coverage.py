"""What histories contained: one in which nothing happens cannot fail."""

from __future__ import annotations

from collections import Counter
from typing import Final

from schemas.messages import Outcome, Refused
from tests.simulation.judging import read
from tests.simulation.plan import Doing, Harm
from tests.simulation.points import Point
from tests.simulation.running import Run

RESULTS: Final = ("authentication-results", "mandate-decisions", "confirmations")


def of(run: Run) -> Counter[str]:
    """What one history contained."""
    seen = run.seen.copy()
    for member in run.members.values():
        seen += member.ledger.seen
    distinct = {each.record.value for each in run.outcomes}
    seen["outcome published again"] += len(run.outcomes) - len(distinct)
    for value in distinct:
        seen[f"outcome: {_ending(value)}"] += 1
    seen["several logins at once"] += len(run.plan.logins) > 1
    return seen


def _ending(value: bytes) -> str:
    result = read(value.decode(), Outcome).result
    if isinstance(result, Refused):
        return str(result.code)
    return "assertion of a chain" if result.confirmation else "assertion"


def wanted() -> list[str]:
    """What enough histories must have contained: every fault at every point, every race in both
    orders, every ending."""
    struck = [
        f"{harm.name.lower()} {point}"
        for harm in (Harm.CRASH, Harm.HANG, Harm.REBALANCE)
        for point in Point
        if point is not Point.RETRY
    ]
    races = [f"race: {one} before {other}" for one in RESULTS for other in ("cancellations",)]
    races += [f"race: cancellations before {result}" for result in RESULTS]
    races += [f"race: deadline before {each}" for each in (*RESULTS, "cancellations")]
    return [*struck, *races, *(f"deed: {doing}" for doing in Doing), *_OTHERS]


_OTHERS: Final = (
    "lost_answer before the commit",
    "lost_answer after the commit, before it knows",
    "offsets_lost before a publication",
    "twice before a publication",
    "commit refused",
    "conflict: a claim",
    "conflict: a revision",
    "conflict: an input",
    "due row left to who has it locked",
    "outcome published again",
    "several logins at once",
    "withdrawal tried again",
    "wrong guess",
    "outcome: assertion",
    "outcome: assertion of a chain",
    "outcome: authentication_failed",
    "outcome: busy",
    "outcome: cancelled_by_dienstverlener",
    "outcome: cancelled_by_user",
    "outcome: deadline_passed",
    "outcome: no_mandate",
    "outcome: participant_fault",
    "outcome: request_expired",
    "outcome: request_from_the_future",
    "outcome: request_id_reused",
    "dead letter: login_finished",
    "dead letter: nonce_refused",
    "dead letter: signature_invalid",
)


def missing(seen: Counter[str]) -> list[str]:
    """What never happened."""
    return [each for each in wanted() if not seen[each]]
