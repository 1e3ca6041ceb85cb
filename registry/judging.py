"""Rules as a table: each has a name, a source, and judges one thing.

`suffices` is what a decision rests on, and stops at the first rule that does not hold. `judge`
tells of every rule what it saw: for whoever wants to know why (`herken explain`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pipeline.findings import Finding
from schemas.refusals import RefusalCode

S = TypeVar("S")
S_contra = TypeVar("S_contra", contravariant=True)
Words = tuple[str, str]
"""What a rule saw, in general terms; and the nearest thing that would pass, and from whom."""


@dataclass(frozen=True)
class Rule(Generic[S_contra]):
    """One rule. Its name says what is wrong where it does not hold.

    holds   whether it does, without any I/O
    says    what it saw, and what would pass: never a name, a number or a pseudonym
    source  the rule of the scheme, or CHOICE
    code    what the makelaar is told where it does not hold
    """

    name: str
    source: str
    holds: Callable[[S_contra], bool]
    says: Callable[[S_contra], Words]
    code: RefusalCode = RefusalCode.NO_MANDATE


@dataclass(frozen=True)
class Refusal:
    """What the makelaar is told, and why: that is for the registry's own operators only."""

    code: RefusalCode
    findings: tuple[Finding, ...]


def suffices(rules: Iterable[Rule[S]], subject: S) -> bool:
    """Whether every rule holds."""
    return all(rule.holds(subject) for rule in rules)


def judge(rules: Iterable[Rule[S]], subject: S, about: str = "") -> tuple[Finding, ...]:
    """What every rule finds."""
    return tuple(_finding(rule, rule.holds(subject), subject, about) for rule in rules)


def admit(rules: Sequence[Rule[S]], subject: S) -> Refusal | tuple[Finding, ...]:
    """What the rules find, in order; the first that does not hold refuses, and the later ones,
    which rest on it, are not judged."""
    found: list[Finding] = []
    for rule in rules:
        passed = rule.holds(subject)
        found.append(_finding(rule, passed, subject, ""))
        if not passed:
            return Refusal(rule.code, tuple(found))
    return tuple(found)


def failures(findings: Iterable[Finding]) -> int:
    """How many rules did not hold: the fewer, the nearer."""
    return sum(not finding.passed for finding in findings)


def failed(rule: str, saw: str, needed: str = "", about: str = "") -> Finding:
    """What is found where there is nothing to judge."""
    return Finding(rule=rule, saw=saw, passed=False, needed=needed, about=about)


def _finding(rule: Rule[Any], passed: bool, subject: Any, about: str) -> Finding:
    saw, needed = rule.says(subject)
    return Finding.model_construct(
        rule=rule.name, saw=saw, passed=passed, needed="" if passed else needed, about=about
    )
