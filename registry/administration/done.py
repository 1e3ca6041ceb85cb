"""What a command leads to, before it is written and told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.stage import Outgoing
from registry.events import Told
from registry.kept import Kept, Organisation
from schemas.administration import ChargeKind, CommandRefusal, ShownLine


@dataclass(frozen=True)
class Cost:
    """Something that costs an organisation money. `cause`: an object and its revision."""

    kind: ChargeKind
    organisation: Organisation
    cause: str


@dataclass(frozen=True)
class Done:
    """A command that is done.

    told       everything that changes, as it is afterwards
    relies_on  what else was read, and has to be as it was when this is written
    shown      lines to show, where nothing changes
    asks       queries to other registries
    """

    told: Sequence[Told] = ()
    relies_on: Sequence[Kept] = ()
    costs: Sequence[Cost] = ()
    asks: Sequence[Outgoing] = ()
    shown: Sequence[ShownLine] | None = None
    more: bool = False


Judged = Done | CommandRefusal
