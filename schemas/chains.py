"""How one registry finds where a chain is registered. The answer decides nothing: a link is
verified where it is registered, at every login.

Source: [AS] ketenmachtiging: chain-information query.
"""

from __future__ import annotations

from uuid import UUID

from pydantic import Field

from schemas.message import Message
from schemas.sealed import Identifier
from schemas.values import KvK, Level, Sealed, Value


class ChainQuestion(Value):
    """Sealed for the registry that is asked: does this one let that one act?"""

    principal: Identifier
    intermediary: KvK


class ChainInformationQuery(Message):
    """Registry to registry. The request ID is that of the assignment that it is asked for."""

    TYPE = "nl.herken.chain-information-query.v1"

    question: Sealed


class ChainLink(Value):
    """A link between the two, accepted and not withdrawn."""

    link: UUID
    services: tuple[UUID, ...]
    level: Level


class ChainLinks(Value):
    """Sealed for the registry that asked; none: none is registered here."""

    links: tuple[ChainLink, ...] = Field(default=(), max_length=20)


class ChainInformation(Message):
    """The registry that was asked, to who asked."""

    TYPE = "nl.herken.chain-information.v1"

    links: Sealed
