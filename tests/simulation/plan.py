"""What a history is made of: logins, what is done beside them, and faults, drawn from its seed.

Everything stands in lists of small values, so that shrinking can leave any of it out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random
from typing import Final

from tests.simulation.cast import BY_NAME, PLAYERS
from tests.simulation.points import Point


class Form(StrEnum):
    """What a request is like when it is published."""

    WHOLE = "whole"
    EXPIRED = "expired"
    EARLY = "of a clock that is ahead"
    TAMPERED = "tampered with"


class Answering(StrEnum):
    """What the user does when he is asked something."""

    YES = "answers"
    TWICE = "answers twice"
    WRONG = "answers wrong, then right"
    CANCEL = "cancels"
    SILENT = "says nothing"


class Lie(StrEnum):
    """What a participant signs that is not so, although the scheme admitted him."""

    REQUEST = "its provider declares about another request"
    DECLARATION = "its registry permits for another declaration"


@dataclass(frozen=True)
class LoginPlan:
    """One request. `same_id`: it takes the request ID of this earlier login, where there is one.
    `lie`: who is dishonest in it. `busy`: it waits too long for who takes it up, or not by chance.
    """

    number: int
    player: str
    service: str
    provider: str | None = None
    high: bool = False
    within: int | None = None
    form: Form = Form.WHOLE
    same_id: int | None = None
    answering: Answering = Answering.YES
    lie: Lie | None = None
    busy: bool = False


class Doing(StrEnum):
    """What is done beside the messages that follow from each other."""

    REQUEST = "publishes the request"
    AGAIN = "publishes the same request again"
    ANEW = "publishes the same request, signed anew"
    CANCEL = "cancels"
    WITHDRAW = "withdraws what the login rests on"
    WITHDRAW_LINK = "withdraws the link of the chain"
    CLOCK = "the clock moves to the deadline"
    SKEW = "a process's clock is set"


@dataclass(frozen=True)
class Deed:
    """Done once the login has sent so many messages.

    amid    only while somebody decides something that this may come before or after
    number  how far the clock moves (ms after the deadline), by how much it is set (s), or which of
            several
    """

    doing: Doing
    login: int
    after: int
    amid: bool = False
    number: int = 0


class Harm(StrEnum):
    """What happens to a worker when it reaches a point."""

    CRASH = "its process dies"
    HANG = "its process hangs, and its partitions go to others"
    REBALANCE = "its participant's partitions change hands"
    LOST_ANSWER = "the database's answer is lost"
    TWICE = "Kafka appends its record twice"
    OFFSETS_LOST = "its group's offsets are lost"


@dataclass(frozen=True)
class Fault:
    """Strikes at the nth time that any worker reaches the point."""

    harm: Harm
    at: Point
    nth: int


@dataclass(frozen=True)
class Plan:
    """A whole history. `picks` is who takes each turn, where it is given; else `seed` says."""

    seed: str
    logins: Sequence[LoginPlan]
    deeds: Sequence[Deed]
    faults: Sequence[Fault]
    picks: Sequence[int] | None = field(default=None)


_HARMS: Final = (
    *(Harm.CRASH,) * 6,
    *(Harm.HANG,) * 3,
    *(Harm.REBALANCE,) * 2,
    *(Harm.LOST_ANSWER,) * 2,
    *(Harm.TWICE,) * 2,
    Harm.OFFSETS_LOST,
)
_DATABASE: Final = tuple(Point)[: tuple(Point).index(Point.PUBLISH)]
_ANYWHERE: Final = tuple(p for p in Point if p is not Point.RETRY)
_POINTS: Final = {Harm.LOST_ANSWER: _DATABASE, Harm.TWICE: (Point.PUBLISH,)}
_PLAYERS: Final = (*PLAYERS, BY_NAME["cor"], BY_NAME["cor"])
"""The one with a chain more often: his logins have the most steps, and meet the rarest races."""
_COUNTS: Final = (1, 1, 1, 1, 1, 2, 2, 2, 3)
_OFFSETS_MS: Final = (-1, 0, 0, 1, 200, 1000)
_SKEWS: Final = (-60, -5, -1, 1, 5, 60)


def draw(seed: str) -> Plan:
    """The plan of a history."""
    random = Random(seed)
    count = random.choice(_COUNTS)
    logins = [_login(random, seed, number) for number in range(count)]
    deeds = [Deed(Doing.REQUEST, number, 0) for number in range(count)]
    deeds += [
        _deed(random, random.randrange(count)) for _ in range(random.choice((0, 0, 1, 1, 2, 3)))
    ]
    faults = [_fault(random) for _ in range(random.choice((0, 1, 1, 2, 2, 3, 4)))]
    return Plan(seed, logins, deeds, faults)


def _login(random: Random, seed: str, number: int) -> LoginPlan:
    return LoginPlan(
        number,
        player=random.choice(_PLAYERS).name,
        service=random.choice(("eh3", "eh3", "eh4", "loods")),
        provider=random.choice((None, "aak", "botter", "botter")),
        high=random.random() < 0.1,
        within=random.choice((None, None, 30, 60)),
        form=random.choice((*(Form.WHOLE,) * 20, *Form)),
        same_id=random.randrange(number) if number and random.random() < 0.2 else None,
        answering=random.choice((*(Answering.YES,) * 6, *tuple(Answering)[1:])),
        lie=random.choice((*(None,) * 30, *Lie)),
        busy=Random(f"{seed}:{number}:busy").random() < 0.1,
    )


def _deed(random: Random, login: int) -> Deed:
    doing = random.choice(_DEEDS)
    number = 0
    if doing is Doing.CLOCK:
        number = random.choice(_OFFSETS_MS)
    elif doing is Doing.SKEW:
        number = random.choice(_SKEWS)
    elif doing is Doing.WITHDRAW:
        number = random.randrange(2)
    return Deed(doing, login, random.randrange(12), random.random() < 0.6, number)


_DEEDS: Final = (
    Doing.AGAIN,
    Doing.ANEW,
    *(Doing.CANCEL,) * 3,
    *(Doing.WITHDRAW,) * 4,
    Doing.WITHDRAW_LINK,
    *(Doing.CLOCK,) * 3,
    Doing.SKEW,
)


def _fault(random: Random) -> Fault:
    harm = random.choice(_HARMS)
    at = random.choice(_POINTS.get(harm, _ANYWHERE))
    most = 3 if at in _RARE else random.choice((4, 12))
    return Fault(harm, at, 1 + int(random.random() * most))


_RARE: Final = {Point.READ_DUE, Point.LOCK, Point.WRITE_CLAIMS, Point.CONFIRM}
"""Points that a history reaches a few times at most."""
