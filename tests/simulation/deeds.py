"""What is done beside the messages that follow from each other: when it can be, and how."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from pipeline.errors import RETRIABLE
from pipeline.ledger import Conflict
from schemas import codec
from schemas.messages import Outcome
from schemas.topics import AUTHN_REQUESTS
from tests.simulation import tables
from tests.simulation.cast import BY_NAME, LINK
from tests.simulation.memory import MemorySession
from tests.simulation.network import Member
from tests.simulation.plan import Deed, Doing

if TYPE_CHECKING:
    from tests.simulation.running import Run

_STANDSTILL = 40
"""Steps for which a clock that was moved stays where it is: a great deal happens in one instant."""
_STARTING = AUTHN_REQUESTS.name
"""While a login is being started, its deadline is not known, and no clock moves to another's."""


class Deeds:
    """Those of one history that are still to be done."""

    def __init__(self, run: Run, deeds: Sequence[Deed]) -> None:
        self.run, self._left = run, list(deeds)

    def ready(self) -> list[Deed]:
        return [deed for deed in self._left if self._is_ready(deed)]

    def hasten(self) -> bool:
        """Nobody has anything else to do: whatever waits for something is done now. Whether there
        is any."""
        self._left = [_at_once(deed) for deed in self._left]
        return bool(self._left)

    def _is_ready(self, deed: Deed) -> bool:
        key = self._key(deed)
        if key is None:  # its login was left out
            return True
        if self.run.progress[key] < deed.after:
            return False
        at_work = {task.what for task in self.run.tasks}
        if deed.doing is Doing.CLOCK and _STARTING in at_work:
            return False
        return not deed.amid or not _AMID[deed.doing].isdisjoint(at_work)

    def _key(self, deed: Deed) -> bytes | None:
        id_ = self.run.actors.ids.get(deed.login)
        return None if id_ is None else str(id_).encode()

    def do(self, deed: Deed) -> None:
        self._left.remove(deed)
        if deed.login not in self.run.actors.logins:
            return
        self.run.tell(f"login {deed.login}: {deed.doing}")
        self.run.seen[f"deed: {deed.doing}"] += 1
        match deed.doing:
            case Doing.REQUEST | Doing.ANEW:
                now, anew = self.run.clock.now(), deed.doing is Doing.ANEW
                self.run.append(self.run.actors.request(deed.login, now, anew=anew))
            case Doing.AGAIN:
                record = self.run.actors.again(deed.login)
                if record is not None:
                    self.run.append(record)
            case Doing.CANCEL:
                self.run.append(self.run.actors.cancellation(deed.login, self.run.clock.now()))
            case Doing.CLOCK:
                self._to_deadline(deed)
            case Doing.SKEW:
                self._set_clock(deed)
            case _:
                self._withdraw(deed)

    def _to_deadline(self, deed: Deed) -> None:
        """Never so far that others' outcomes would be late only because nobody had a turn."""
        waiting = self._awaited_until()
        row = waiting.get(self.run.actors.ids[deed.login])
        if row is not None:
            to = row + timedelta(milliseconds=deed.number)
            self.run.clock.move_to(min(to, min(waiting.values()) + timedelta(seconds=1)))
            self.run.stands_still_until = self.run.steps + _STANDSTILL
            self.run.tell(
                f"  it is {self.run.clock.now():%H:%M:%S.%f}, the deadline {row:%H:%M:%S.%f}"
            )

    def _awaited_until(self) -> dict[UUID, datetime]:
        """The deadlines of logins without a published outcome."""
        told = {
            codec.unverified(o.record.value.decode(), Outcome).request for o in self.run.outcomes
        }
        model, rows = self.run.cast.roles["duin"].row, self.run.makelaar.ledger.rows
        logins = [model.model_validate_json(row.body) for row in rows.values()]
        return {each.request_id: each.deadline for each in logins if each.request not in told}

    def _set_clock(self, deed: Deed) -> None:
        every = [process for member in self.run.members.values() for process in member.processes]
        process = every[self.run.pick(len(every))]
        process.offset = timedelta(seconds=deed.number)
        self.run.spread = max(self.run.spread, 2 * abs(process.offset))
        self.run.tell(f"  the clock of {process.name} is {deed.number} s off")

    def _withdraw(self, deed: Deed) -> None:
        player = BY_NAME[self.run.actors.logins[deed.login].player]
        if deed.doing is Doing.WITHDRAW_LINK:
            self.run.start("withdrawal", None, self._withdrawing(self.run.members["pier"], LINK))
        elif player.held:
            key = player.held[deed.number % len(player.held)]
            registry = self.run.members[player.registry]
            self.run.start("withdrawal", None, self._withdrawing(registry, key))

    async def _withdrawing(self, registry: Member, key: Any) -> None:
        """Until it is written; then it is answered."""
        ledger = registry.ledger
        while ledger.tables[key].withdrawn_at is None:
            try:
                await tables.withdraw(MemorySession(ledger), key, self.run.clock.now())
            except (Conflict, *RETRIABLE):
                self.run.seen["withdrawal tried again"] += 1
        self.run.withdrawn[key] = min(self.run.withdrawn.get(key, self.run.steps), self.run.steps)
        self.run.tell(f"  answered: {key[0]} is withdrawn")


def _at_once(deed: Deed) -> Deed:
    return replace(deed, after=0, amid=False)


_RESULTS = {"authentication-results", "mandate-decisions", "confirmations", "means-choices"}
_DECISIONS = {"mandate-queries", "representation-choices", "confirmation-queries"}
_ANYTHING = {*_RESULTS, *_DECISIONS, "authn-requests", "signature-answers"}
_AMID = {
    **dict.fromkeys(Doing, _ANYTHING),
    Doing.CANCEL: {*_RESULTS, "authn-requests", "deadline"},
    Doing.CLOCK: {"mandate-decisions", "confirmations", *_DECISIONS},
    Doing.WITHDRAW: _DECISIONS,
    Doing.WITHDRAW_LINK: {"confirmation-queries"},
}
"""What somebody has to be in the middle of."""
