"""The smallest history that still fails: without whatever it does not need."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from tests.simulation.cast import Cast
from tests.simulation.invariants import judge
from tests.simulation.plan import Answering, Form, Plan
from tests.simulation.running import Run

MOST_TRIES = 250


class Shrinking:
    """Tries smaller plans, and keeps those that break one of the same invariants."""

    def __init__(self, cast: Cast, plan: Plan) -> None:
        self._cast, self._tries = cast, 0
        run = Run(cast, plan).play()
        self._wanted = {_number(each) for each in judge(run)}
        self.plan = replace(plan, picks=tuple(run.picks))

    def smallest(self) -> Plan:
        """Until nothing more can be left out, or the tries are used up."""
        before = None
        while before != self.plan and self._tries < MOST_TRIES:
            before = self.plan
            for part in ("logins", "deeds", "faults"):
                self._drop(part)
            self._calm()
            self._plain()
        return self.plan

    def _drop(self, part: str) -> None:
        """Leave out one at a time."""
        for number in reversed(range(len(getattr(self.plan, part)))):
            values = getattr(self.plan, part)
            self._try(replace(self.plan, **{part: (*values[:number], *values[number + 1 :])}))

    def _calm(self) -> None:
        """Let whoever was first go on, in as many turns as possible."""
        picks = self.plan.picks or ()
        self._try(replace(self.plan, picks=picks[: len(picks) // 2]))
        size = max(1, len(picks) // 2)
        while size:
            for start in range(0, len(self.plan.picks or ()), size):
                self._zero(start, size)
            size //= 2

    def _zero(self, start: int, size: int) -> None:
        picks = list(self.plan.picks or ())
        if any(picks[start : start + size]):
            picks[start : start + size] = [0] * len(picks[start : start + size])
            self._try(replace(self.plan, picks=tuple(_trimmed(picks))))

    def _plain(self) -> None:
        """Let each login be an ordinary one."""
        for number, login in enumerate(self.plan.logins):
            for change in _PLAINER:
                logins = list(self.plan.logins)
                logins[number] = replace(login, **change)
                if logins[number] != self.plan.logins[number]:
                    self._try(replace(self.plan, logins=tuple(logins)))

    def _try(self, plan: Plan) -> None:
        self._tries += 1
        if self._tries < MOST_TRIES and self._fails(plan):
            self.plan = plan

    def _fails(self, plan: Plan) -> bool:
        run = Run(self._cast, plan).play()
        return bool(self._wanted & {_number(each) for each in judge(run)})


_PLAINER: tuple[dict[str, Any], ...] = (
    {"same_id": None},
    {"form": Form.WHOLE},
    {"lie": None},
    {"answering": Answering.YES},
    {"within": None},
    {"high": False},
    {"player": "ans"},
    {"provider": "botter"},
    {"service": "eh3"},
)


def _number(violation: str) -> str:
    """What is violated: its number; of what has none, its first word."""
    return violation.partition(":")[0].split(" ")[0]


def _trimmed(picks: list[int]) -> list[int]:
    while picks and picks[-1] == 0:
        picks.pop()
    return picks


def story(cast: Cast, plan: Plan) -> Iterator[str]:
    """What happens in a history, and what does not hold at its end."""
    lines: list[str] = []
    found = judge(Run(cast, plan, lines).play())
    yield from _about(plan)
    yield from (f"{number:4}. {line}" for number, line in enumerate(_joined(lines), start=1))
    yield from (f"VIOLATED {each}" for each in found)


def _joined(lines: Sequence[str]) -> list[str]:
    """What one worker does without anybody else in between, on one line."""
    joined: list[str] = []
    for line in lines:
        worker, colon, what = line.partition("): ")
        if colon and joined and joined[-1].startswith(f"{worker}): "):
            joined[-1] += f"; {what}"
        else:
            joined.append(line)
    return joined


def _about(plan: Plan) -> Iterator[str]:
    for login in plan.logins:
        same = (
            f", with the request ID of login {login.same_id}" if login.same_id is not None else ""
        )
        yield (
            f"login {login.number}: {login.player} at {login.service}, by "
            f"{login.provider or 'choice'}; the request is {login.form}, the user "
            f"{login.answering}{same}"
        )
    for fault in plan.faults:
        yield f"fault: {fault.harm}, {fault.at} (the {fault.nth}. time)"


def told(cast: Cast, plan: Plan, *, shrunk: bool) -> Sequence[str]:
    """The story of a history, or of the smallest one that fails like it."""
    return list(story(cast, Shrinking(cast, plan).smallest() if shrunk else plan))


Tell = Callable[[Cast, Plan], Sequence[str]]
