"""What every message of the network has."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from schemas.values import Value


class Message(Value):
    """What every message has. `TYPE` is its CloudEvents type, its version included."""

    TYPE: ClassVar[str]
    VALID_SECONDS: ClassVar[int] = 600

    request_id: UUID
