"""The ways to log in that a relay plays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from schemas.commands import CommandContent
from schemas.dialogue import SessionCommandKind


@dataclass(frozen=True)
class Kind:
    """A way to log in, and what comes of it where nobody interferes.

    asks_for           the provider that the dienstverlener asks for
    chosen, acted_for  what the person chooses
    request            what else the dienstverlener's request says
    after              what was done before in the same browser, which the provider then knows
    idle               how long before
    portal             of this registry: `service` is one of its portal's, to log in as
    command            and what its portal commands then, under the login's own ID
    session_command    no login at all: what the user asks of his provider
    """

    name: str
    service: str
    usual: str
    asks_for: str | None = None
    chosen: str | None = None
    acted_for: str = "korenmolen"
    person: str = "ans"
    request: Mapping[str, Any] = field(default_factory=dict, hash=False)
    after: tuple[Kind, ...] = ()
    idle: timedelta = timedelta()
    uses_session: bool = False
    portal: str = ""
    command: CommandContent | None = None
    session_command: SessionCommandKind | None = None


KEY = Kind("key", "lozingsaangifte", "assertion EH4 for korenmolen")
PASSWORD = Kind("password", "omgevingsvergunning", "assertion EH3 for korenmolen", asks_for="dijk")
CHOICE = Kind(
    "choice",
    "parkeerontheffing",
    "assertion EH3 for scheepswerf",
    chosen="sluis",
    acted_for="scheepswerf",
)
