"""A command that waits for one more person to approve it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from pydantic import AwareDatetime

from registry.kept import Kept
from schemas.commands import COMMANDS, CommandContent
from schemas.values import Pseudonym

APPROVED_WITHIN: Final = timedelta(days=30)
"""CHOICE: how long a command waits for approval."""


class Awaiting(Kept):
    """`id` is the command's own; `approved_by`: the pseudonyms of who approved so far, at the
    registry's portal; `organisation`: whose it is."""

    TABLE = "awaiting"

    content: str
    organisation: UUID
    approved_by: tuple[Pseudonym, ...]
    registered_at: AwareDatetime
    done_at: datetime | None = None

    def is_open(self, now: datetime) -> bool:
        return self.done_at is None and now < self.registered_at + APPROVED_WITHIN

    @property
    def command(self) -> CommandContent:
        """What has to be done."""
        return COMMANDS.validate_json(self.content, strict=True)
