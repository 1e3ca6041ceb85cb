"""The rules, without any I/O. Each takes the facts of one login, seen as a whole (`Login`), and
what is known beside them (`World`); it says what does not hold.

outcomes     1, 2, 7: how a request ends
evidence     3, 4, 6: what an assertion rests on
withdrawals  5: what is withdrawn grants nothing
sealing      8, 12: for whom, and what is readable by all
inputs       9, 10: what becomes of every message
reasons      11: why a login was refused
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from checker.facts import Fact, Violation, World
from checker.judging import evidence, inputs, outcomes, reasons, sealing, withdrawals
from checker.judging.login import Login

Judge = Callable[[Login, World], Iterator[Violation]]
JUDGES: tuple[Judge, ...] = (
    outcomes.judge_outcomes,
    evidence.judge_assertions,
    withdrawals.judge_withdrawals,
    sealing.judge_sealing,
    inputs.judge_inputs,
    reasons.judge_reasons,
)


def judge_login(facts: Sequence[Fact], world: World) -> list[Violation]:
    """What does not hold of one login. `facts`: all with its request ID as their key, dead letters
    included, and what is carried inside others only; in any order."""
    login = Login(facts)
    return [found for judge in JUDGES for found in judge(login, world)]
