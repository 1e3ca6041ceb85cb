"""What a rule is, and how a table of them is judged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Generic, TypeVar

from pipeline.findings import Finding
from providers.authentication import Authentication
from schemas.refusals import RefusalCode

C = TypeVar("C")
C_contra = TypeVar("C_contra", contravariant=True)


@dataclass(frozen=True)
class Rule(Generic[C_contra]):
    """One rule over a case. It is named by what is the matter where it does not hold.

    holds   whether it does
    saw     what it looks at, in general terms; never whose it is
    needed  where it does not hold: what would have done
    source  which rule of the scheme it is, or CHOICE
    code    where it does not hold: what others are told
    """

    name: str
    holds: Callable[[C_contra], bool]
    saw: Callable[[C_contra], str]
    needed: str
    source: str
    code: RefusalCode = RefusalCode.AUTHENTICATION_FAILED

    def judge(self, case: C_contra) -> Finding:
        passed = self.holds(case)
        needed = "" if passed else self.needed
        return _finding(self.name, self.saw(case), passed, needed)


@lru_cache(maxsize=4096)
def _finding(rule: str, saw: str, passed: bool, needed: str) -> Finding:
    """Most findings are like others: making one costs more than judging."""
    return Finding(rule=rule, saw=saw, passed=passed, needed=needed)


@dataclass(frozen=True)
class Judged:
    """What a table of rules found; `code` is None where all hold."""

    findings: tuple[Finding, ...]
    code: RefusalCode | None


def judge(rules: Sequence[Rule[C]], case: C) -> Judged:
    """Judge rules in order, up to the first that does not hold."""
    findings: list[Finding] = []
    for rule in rules:
        findings.append(rule.judge(case))
        if not findings[-1].passed:
            return Judged(tuple(findings), rule.code)
    return Judged(tuple(findings), None)


def settle(
    row: Authentication, rules: Sequence[Rule[C]], case: C
) -> tuple[Authentication, RefusalCode | None]:
    """The row with what the rules found, and the code of the one that does not hold."""
    judged = judge(rules, case)
    return row.found(judged.findings), judged.code
