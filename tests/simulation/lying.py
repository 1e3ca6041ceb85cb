"""A participant who signs what is not so. Nobody trusts him further than he must."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from pipeline.keys import Keys
from pipeline.ledger import Ledger
from pipeline.runner import Runner
from pipeline.shedding import Wait
from pipeline.stage import Outgoing, RoleStages, Stage
from schemas.codec import Record
from schemas.message import Message
from schemas.messages import Authenticated, AuthenticationResult, MandateDecision, Permit
from tests.simulation.plan import Lie

BUSY_AFTER: Final = 0.5
"""Seconds: fifty steps of a history."""
ANOTHER_REQUEST: Final = "a" * 43
ANOTHER_DECLARATION: Final = "a" * 86


class Liar(Runner):
    """The real runner, of somebody who lies where `lies` says so of a login, and has too much to do
    where `busy` says so of a key."""

    def __init__(
        self,
        role: RoleStages[Any],
        keys: Keys,
        ledger: Ledger,
        clock: Callable[[], datetime],
        lies: Callable[[UUID], Lie | None],
        monotonic: Callable[[], float],
        busy: Callable[[bytes], bool],
    ) -> None:
        super().__init__(role, keys, ledger, clock, BUSY_AFTER, monotonic)
        self._lies, self._busy = lies, busy

    def _waits(self, stage: Stage, records: Sequence[Record]) -> Sequence[Wait]:
        """As they are, and some too long."""
        waits = super()._waits(stage, records)
        return [
            Wait(BUSY_AFTER, True) if stage.busy and self._busy(record.key) else wait
            for record, wait in zip(records, waits, strict=True)
        ]

    def _encode_one(self, input_id: UUID, number: int, out: Outgoing) -> Record:
        lie = self._lies(out.message.request_id)
        told = out if lie is None else replace(out, message=_told(out.message, lie))
        return super()._encode_one(input_id, number, told)


def _told(message: Message, lie: Lie) -> Message:
    match message, lie:
        case AuthenticationResult(result=Authenticated() as result), Lie.REQUEST:
            changed: dict[str, Any] = {"request_digest": ANOTHER_REQUEST}
        case MandateDecision(result=Permit() as result), Lie.DECLARATION:
            changed = {"declaration_signature": ANOTHER_DECLARATION}
        case _:
            return message
    return message.model_copy(update={"result": result.model_copy(update=changed)})
