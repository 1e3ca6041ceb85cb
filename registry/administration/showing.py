"""List and History: what an organisation has, and what happened to it."""

from __future__ import annotations

from registry.administration import lines
from registry.administration.actors import As
from registry.administration.done import Done, Judged
from registry.administration.situation import Situation
from registry.administration.withdrawing import is_side
from registry.events import Past
from registry.kept import Assignment, Link, Mandate
from schemas.administration import CommandRefusal, ShownLine
from schemas.commands import History, List

_KINDS = {model.TABLE: model for model in (Mandate, Link, Assignment)}


def show_list(_: List, situation: Situation) -> Judged:
    """What the organisation of who asks has, and as intermediary accepted or can accept."""
    if not _may_look(situation):
        return CommandRefusal.NOT_AUTHORISED
    shown = [lines.line(thing, situation, thing.registered_at) for thing in situation.found.things]
    return Done(shown=shown, more=situation.found.more)


def show_history(_: History, situation: Situation) -> Judged:
    """Every revision of a thing of the organisation of who asks, oldest first."""
    thing = situation.thing
    if thing is None or not is_side(thing, situation):
        return CommandRefusal.NOT_FOUND
    if not _may_look(situation):
        return CommandRefusal.NOT_AUTHORISED
    return Done(shown=[_line(past, situation) for past in situation.found.past])


def _may_look(situation: Situation) -> bool:
    actor = situation.actor
    return actor.organisation is not None and actor.as_ is not As.OPERATOR


def _line(past: Past, situation: Situation) -> ShownLine:
    thing = _KINDS[past.recorded.table].model_validate_json(past.recorded.thing)
    return lines.line(thing, situation, past.at).model_copy(update={"state": _word(past)})


def _word(past: Past) -> str:
    """`registered`, `changed`, `withdrawn`."""
    return past.kind.value.partition("-")[2]
