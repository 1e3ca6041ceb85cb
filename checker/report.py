"""What a check found: how much was read, what was judged, what not and why, what does not hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from checker.facts import INVARIANTS, Violation

_SHOWN = 50
"""Violations of one invariant that are told of one by one; all are counted."""


@dataclass
class Report:
    """`counts`: by name, how much was read and judged; `found`: by invariant, how many violations;
    `not_judged`: by invariant, what could not be judged and why."""

    counts: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    found: Counter[int] = field(default_factory=Counter)
    violations: dict[int, list[Violation]] = field(default_factory=dict)
    not_judged: dict[int, list[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        return not sum(self.found.values())

    def add(self, violations: Sequence[Violation], more: Mapping[int, int] | None = None) -> None:
        """Violations; `more`: how many there are of each invariant, where not all are here."""
        counted = Counter(each.invariant for each in violations) if more is None else Counter(more)
        self.found.update(counted)
        for each in violations:
            shown = self.violations.setdefault(each.invariant, [])
            if len(shown) < _SHOWN:
                shown.append(each)

    def without(self, invariant: int, why: str) -> None:
        self.not_judged.setdefault(invariant, []).append(why)

    # --- told

    def document(self) -> dict[str, Any]:
        """The report as JSON."""
        return {
            "holds": self.holds,
            "read": {name: self.counts[name] for name in _READ},
            "seconds": round(self.seconds, 1),
            "invariants": [self._invariant(number) for number in INVARIANTS],
            "violations": [asdict(v) for number in INVARIANTS for v in self._of(number)],
            "notes": self.notes,
        }

    def _of(self, number: int) -> list[Violation]:
        return self.violations.get(number, [])

    def _invariant(self, number: int) -> dict[str, Any]:
        return {
            "number": number,
            "says": INVARIANTS[number],
            "judged": {name: self.counts[name] for name in _JUDGED[number]},
            "violations": self.found[number],
            "not_judged": self.not_judged.get(number, []),
        }

    def lines(self) -> list[str]:
        """The report as text."""
        read = ", ".join(f"{self.counts[name]:,} {_WORDS.get(name, name)}" for name in _READ)
        told = [f"read {read}, in {self.seconds:.1f} s", "", *map(self._row, INVARIANTS), ""]
        for number in INVARIANTS:
            told += [f"{number:>2}  not judged: {w}" for w in self.not_judged.get(number, [])]
        told += self.notes
        for number in INVARIANTS:
            told += [line for each in self._of(number) for line in _violation(each)]
            if self.found[number] > len(self._of(number)):
                told.append(f"and {self.found[number] - len(self._of(number)):,} more of {number}")
        return told

    def _row(self, number: int) -> str:
        judged = ", ".join(
            f"{self.counts[name]:,} {_WORDS.get(name, name)}" for name in _JUDGED[number]
        )
        state = f"{self.found[number]:,} violations" if self.found[number] else "holds"
        if number in self.not_judged:
            state += ", as far as judged"
        return f"{number:>2}  {INVARIANTS[number]:<76} {judged:<34} {state}"


_READ = ("topics", "messages", "logins", "letters", "bytes")
_WORDS = {"letters": "dead letters", "lines": "log lines", "opened": "opened permits"}
_JUDGED: Mapping[int, Sequence[str]] = {
    1: ("logins",),
    2: ("logins",),
    3: ("assertions",),
    4: ("assertions",),
    5: ("opened",),
    6: ("assertions",),
    7: ("logins",),
    8: ("messages", "opened"),
    9: ("inputs", "letters"),
    10: ("inputs",),
    11: ("refusals", "records_read"),
    12: ("messages", "lines"),
}
_WORDS |= {"records_read": "records"}


def _violation(found: Violation) -> list[str]:
    whose = f"request {found.request_id}: " if found.request_id else ""
    return [
        "",
        f"{found.invariant:>2}  {whose}{found.sentence}",
        *(f"      {p}" for p in found.places),
    ]
