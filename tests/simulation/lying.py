"""A participant who signs what is not so. Nobody trusts him further than he must."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from pipeline.keys import Keys
from pipeline.ledger import Ledger
from pipeline.runner import Runner
from pipeline.stage import Outgoing, RoleStages
from schemas.codec import Record
from schemas.message import Message
from schemas.messages import Authenticated, AuthenticationResult, MandateDecision, Permit
from tests.simulation.plan import Lie

ANOTHER_REQUEST: Final = "a" * 43
ANOTHER_DECLARATION: Final = "a" * 86


class Liar(Runner):
    """The real runner, of somebody who lies where `lies` says so of a login."""

    def __init__(
        self,
        role: RoleStages[Any],
        keys: Keys,
        ledger: Ledger,
        clock: Callable[[], datetime],
        lies: Callable[[UUID], Lie | None],
    ) -> None:
        super().__init__(role, keys, ledger, clock)
        self._lies = lies

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
