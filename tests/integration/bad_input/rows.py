"""What a row of the table is: a bad message, what becomes of it, and the checks that stop it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from schemas.codec import Record
from schemas.topics import Topic
from tests.integration.bad_input.checks import Check
from tests.support.forge import Place
from tests.support.kinds import KEY, Kind


class Moment(StrEnum):
    """When the bad message comes, seen from the good one that it was made from. A good message
    of another login is in the same batch always."""

    BEFORE = "just before the good one"
    AFTER = "just after the good one"
    INSTEAD = "instead of the good one"
    LATER = "when the login has ended"


@dataclass(frozen=True)
class Fate:
    """What becomes of a bad message, and of two logins: its own, and one beside it.

    dead      the reason with which it is a dead letter, its bytes untouched; None: it is none
    told      what its sender is answered, beside the login's own outcome; None: nothing
    login     how its own login ends; empty: as if nothing had happened
    by        the topic of the message that ended it, where it did not end as usual
    other     how the other login ends; empty: as if nothing had happened
    repeated  whether the outcome is published once more, byte for byte
    asked     how many prompts the user sees more than usual
    lost      the reasons with which other messages are dead letters
    """

    dead: str | None = None
    told: str | None = None
    login: str = ""
    by: str = ""
    other: str = ""
    repeated: bool = False
    asked: int = 0
    lost: tuple[str, ...] = ()

    def __str__(self) -> str:
        parts = [
            self.dead and f"dead letter `{self.dead}`",
            self.told and f"its sender is told `{self.told}`",
            self.login and f"the login ends in `{self.login}`{self.by and f' ({self.by})'}",
            self.other and f"the other login ends in `{self.other}`",
            self.repeated and "the same outcome once more",
            self.asked and f"{self.asked:+} prompt for the user",
            self.lost and f"lost: {', '.join(f'`{reason}`' for reason in self.lost)}",
        ]
        return "; ".join(part for part in parts if part) or "taken, or passed over"


UNHARMED = Fate()
LOST = ("login_finished",)
"""The reason with which the good message is lost where the bad one was taken in its place."""
TAKEN = Fate(lost=LOST)


def dead(reason: str, **more: object) -> Fate:
    return Fate(dead=reason, **more)  # type: ignore[arg-type]


def told(code: str) -> Fate:
    return Fate(told=code)


def ends(verdict: str, by: str = "", **more: object) -> Fate:
    return Fate(login=verdict, by=by, **more)  # type: ignore[arg-type]


def refused(reason: str, **more: object) -> Fate:
    """A command is refused, by an event."""
    return ends(f"refused: {reason}", "mandate-commands", **more)


BY_RESULT = ends("participant_fault", "authentication-results")
BY_DECISION = ends("participant_fault", "mandate-decisions")
BY_CONFIRMATION = ends("participant_fault", "confirmations")
BY_DIENSTVERLENER = ends("participant_fault", "outcomes")
"""Who finds a participant at fault: the makelaar, by a result, a decision or a confirmation; or
whoever asked."""


@dataclass(frozen=True)
class Layer:
    """Checks that are turned off, and what becomes of the message without them: and without
    those of the layers before this one."""

    checks: tuple[Check, ...]
    then: Fate


@dataclass(frozen=True)
class Row:
    """A bad message: made by `forge` from the good one `at` a topic, in a `login` of some kind.

    layers    what stops it, outermost first
    on_kafka  whether it can be made for any network, and needs no login under way
    """

    name: str
    at: Topic
    forge: Callable[[Place], Record]
    fate: Fate
    layers: tuple[Layer, ...]
    moment: Moment = Moment.BEFORE
    login: Kind = KEY
    on_kafka: bool = True


@dataclass(frozen=True)
class Reading:
    """Something that is read once, and refused: a value, a file. `read` gets an empty folder, and
    says what came of it. `without` is what comes of it without the checks."""

    name: str
    read: Callable[[Path], str]
    says: str
    checks: tuple[Check, ...]
    without: str
