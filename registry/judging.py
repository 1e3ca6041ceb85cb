"""Rules as a table: each has a name, a source, and judges one thing.

`suffices` is what a decision rests on, and stops at the first rule that does not hold. `judge`
tells of every rule what it saw: for whoever wants to know why (`herken explain`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Generic, TypeVar

from pipeline.findings import Finding
from schemas.refusals import RefusalCode

S = TypeVar("S")
S_contra = TypeVar("S_contra", contravariant=True)


@dataclass(frozen=True)
class Rule(Generic[S_contra]):
    """One rule. Its name says what is wrong where it does not hold.

    source  the rule of the scheme, or CHOICE
    holds   whether it does, without any I/O
    saw     what it looked at, in general terms: never a name, a number or a pseudonym
    needed  the nearest thing that would pass, and who can bring it about
    code    what the makelaar is told where it does not hold
    """

    name: str
    source: str
    holds: Callable[[S_contra], bool]
    saw: Callable[[S_contra], str]
    needed: Callable[[S_contra], str]
    code: RefusalCode = RefusalCode.NO_MANDATE


@dataclass(frozen=True)
class Refusal:
    """What the makelaar is told, and why: that is for the registry's own operators only."""

    code: RefusalCode
    findings: tuple[Finding, ...]


def suffices(rules: Iterable[Rule[S]], subject: S) -> bool:
    """Whether every rule holds."""
    for rule in rules:  # noqa: SIM110 -- a generator costs as much as the rules
        if not rule.holds(subject):
            return False
    return True


def judge(rules: Iterable[Rule[S]], subject: S, about: str = "") -> tuple[Finding, ...]:
    """What every rule finds."""
    return tuple(_finding(rule, rule.holds(subject), subject, about) for rule in rules)


def passed(rules: Iterable[Rule[S]], subject: S, about: str = "") -> tuple[Finding, ...]:
    """The same of a subject that suffices, without judging it once more."""
    return tuple(_finding(rule, True, subject, about) for rule in rules)


def admit(rules: Sequence[Rule[S]], subject: S) -> Refusal | tuple[Finding, ...]:
    """What the rules find, in order; the first that does not hold refuses, and the later ones,
    which rest on it, are not judged."""
    found: list[Finding] = []
    for rule in rules:
        holds = rule.holds(subject)
        found.append(_finding(rule, holds, subject, ""))
        if not holds:
            return Refusal(rule.code, tuple(found))
    return tuple(found)


def failures(findings: Iterable[Finding]) -> int:
    """How many rules did not hold: the fewer, the nearer."""
    return sum(not finding.passed for finding in findings)


def failed(rule: str, saw: str, needed: str = "", about: str = "") -> Finding:
    """What is found where there is nothing to judge."""
    return Finding(rule=rule, saw=saw, passed=False, needed=needed, about=about)


def _finding(rule: Rule[Any], holds: bool, subject: Any, about: str) -> Finding:
    needed = "" if holds else rule.needed(subject)
    return _found(rule.name, rule.saw(subject), holds, needed, about)


@lru_cache(maxsize=16_384)
def _found(rule: str, saw: str, passed: bool, needed: str, about: str) -> Finding:
    """Findings are few and the same for ever: levels, dates, numbers of things."""
    return Finding(rule=rule, saw=saw, passed=passed, needed=needed, about=about)
