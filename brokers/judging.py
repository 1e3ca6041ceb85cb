"""A table of rules over one case, and what it finds.

A rule's name is the stable reason that is given where it does not hold. Rules are judged in their
order, up to the first that does not hold: that one says what the login ends with.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Generic, NamedTuple, TypeVar

from pipeline.findings import Finding
from schemas.refusals import RefusalCode

C = TypeVar("C")
C_contra = TypeVar("C_contra", contravariant=True)


class Seen(NamedTuple):
    """What a rule looked at, whether it holds, and what would have held where it does not."""

    holds: bool
    saw: str
    needed: str = ""


@dataclass(frozen=True)
class Rule(Generic[C_contra]):
    """One rule: its name, where it comes from, what it looks at, and the code of the refusal where
    it does not hold."""

    name: str
    source: str
    look: Callable[[C_contra], Seen]
    code: RefusalCode = RefusalCode.PARTICIPANT_FAULT

    def finding(self, case: C_contra) -> Finding:
        seen = self.look(case)
        return _finding(self.name, seen.saw, seen.holds, "" if seen.holds else seen.needed)


@dataclass(frozen=True)
class Judged:
    """What the rules found. `code`: with what the login is refused; None: all of them hold. `fits`:
    names of providers that would have done, where that is the reason."""

    findings: tuple[Finding, ...] = ()
    code: RefusalCode | None = None
    fits: tuple[str, ...] = ()


def judge(rules: Sequence[Rule[C]], case: C) -> Judged:
    """Judge rule by rule, up to the first that does not hold."""
    findings: list[Finding] = []
    for rule in rules:
        findings.append(rule.finding(case))
        if not findings[-1].passed:
            return Judged(tuple(findings), rule.code)
    return Judged(tuple(findings))


@lru_cache(maxsize=1024)
def _finding(rule: str, saw: str, passed: bool, needed: str) -> Finding:
    """The same findings come again and again, and are not made anew."""
    return Finding(rule=rule, saw=saw, passed=passed, needed=needed)


def ended(reason: str, saw: str, needed: str = "") -> Finding:
    """What ends a login by itself: a deadline, a cancellation, somebody's refusal."""
    return Finding(rule=reason, saw=saw, passed=False, needed=needed)
