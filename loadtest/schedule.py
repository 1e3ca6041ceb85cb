"""What is asked of a run, and from it every arrival: when, of which kind, by whom."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from math import isfinite
from random import Random
from typing import Any, Final

from loadtest.arrivals import Profile, Spacing, arrivals, stretches
from loadtest.mix import LoginKind, Mix
from loadtest.pool import Entry
from pipeline.errors import WrongUse

HIGHEST_RATE: Final = 20_000.0
"""A second. CHOICE: more than this program could sign; so high a rate is a slip of the pen."""
LONGEST_SECONDS: Final = 7 * 86_400.0


@dataclass(frozen=True)
class Load:
    """What is asked.

    rate        logins a second, at the height of the profile's own scale
    seconds     how long they keep coming
    mix         None: the usual one, as far as the scenario goes
    think       seconds that people take for each answer
    deadline    seconds within which a login has to end (but for those that have their own)
    max_failed  so many may fail before the run stops; None: 100, or 5 % of those that began
    insist      publish every request, also while the network is busy
    """

    rate: float
    seconds: float
    mix: Mix | None = None
    profile: Profile = Profile.CONSTANT
    spacing: Spacing = Spacing.POISSON
    users: int | None = None
    think: float = 0.0
    deadline: int = 30
    seed: int = 1
    max_failed: int | None = None
    insist: bool = False

    def require_sound(self) -> None:
        """Raises WrongUse."""
        faults = {
            f"--rate is logins a second: above 0, and at most {HIGHEST_RATE:.0f}": (
                not 0 < self.rate <= HIGHEST_RATE
            ),
            f"--duration is in seconds: above 0, and at most {LONGEST_SECONDS:.0f}": (
                not 0 < self.seconds <= LONGEST_SECONDS
            ),
            "--users is a number of people: 1 or more": self.users is not None and self.users < 1,
            "--think is in seconds: 0 or more": not (isfinite(self.think) and self.think >= 0),
            "--deadline is in whole seconds, from 1 to 600": not 1 <= self.deadline <= 600,
            "--deadline has to leave time to think: make --think shorter": (
                self.think >= self.deadline
            ),
            "--max-failed is a number of logins: 0 or more": (self.max_failed or 0) < 0,
        }
        for told, wrong in faults.items():
            if wrong:
                raise WrongUse(told)

    def allowed(self, scheduled: int) -> int:
        """How many may fail, of so many, before the run stops."""
        return self.max_failed if self.max_failed is not None else max(100, scheduled // 20)

    def settings(self) -> dict[str, Any]:
        """As the report has them."""
        return {
            "rate": self.rate,
            "duration": self.seconds,
            "profile": str(self.profile),
            "arrivals": str(self.spacing),
            "mix": {str(kind): weight for kind, weight in (self.mix or {}).items()},
            "users": self.users,
            "think": self.think,
            "deadline": self.deadline,
            "seed": self.seed,
            "insist": self.insist,
        }


@dataclass(frozen=True)
class Arrival:
    """A login to come: when (seconds since the start), the how manieth, of which kind, and which
    login of the scenario by whom."""

    at: float
    number: int
    kind: LoginKind
    entry: Entry
    person: str


def schedule(
    load: Load, mix: Mix, entries: Mapping[LoginKind, Sequence[Entry]]
) -> Iterator[Arrival]:
    """Every arrival, in order. The same load on the same scenario gives the same; when logins come
    does not depend on which they are."""
    parts = stretches(load.profile, load.rate, load.seconds)
    instants = arrivals(parts, load.spacing, _random(load, "arrivals"))
    kinds = _kinds(mix, _random(load, "kinds"))
    turns = {kind: _turns(entries[kind]) for kind in mix}
    for number, at in enumerate(instants):
        kind = next(kinds)
        entry, person = next(turns[kind])
        yield Arrival(at, number, kind, entry, person)


def _random(load: Load, what: str) -> Random:
    return Random(f"{load.seed} {what}")  # noqa: S311 -- a seed, and no secret


def _kinds(mix: Mix, random: Random) -> Iterator[LoginKind]:
    kinds, weights = list(mix), list(mix.values())
    while True:
        yield from random.choices(kinds, weights, k=64)


def _turns(entries: Sequence[Entry]) -> Iterator[tuple[Entry, str]]:
    """Each login in its turn, and of each the people in theirs."""
    for number in count():
        turn, index = divmod(number, len(entries))
        entry = entries[index]
        yield entry, entry.people[turn % len(entry.people)]
