"""Every kind of command, and the rules that it is judged by."""

from __future__ import annotations

from registry.administration import (
    appointing,
    approving,
    assigning,
    links,
    registering,
    showing,
    withdrawing,
)
from registry.administration.done import Judged
from registry.administration.situation import Situation
from schemas.administration import CommandRefusal
from schemas.commands import (
    Accept,
    Appoint,
    Approve,
    Assign,
    Change,
    CommandContent,
    History,
    List,
    Register,
    RegisterLink,
    Withdraw,
    WithdrawPerson,
)


def decide(content: CommandContent, situation: Situation) -> Judged:  # noqa: PLR0911 -- one a kind
    """What a command leads to, or why it is refused."""
    match content:
        case Appoint():
            return appointing.appoint(content, situation)
        case Register():
            return registering.register(content, situation)
        case Change():
            return registering.change(content, situation)
        case RegisterLink():
            return links.register_link(content, situation)
        case Accept():
            return links.accept(content, situation)
        case Assign():
            return assigning.assign(content, situation)
        case _:
            return _decide_others(content, situation)


def _decide_others(
    content: Withdraw | WithdrawPerson | Approve | List | History, situation: Situation
) -> Judged:
    match content:
        case Withdraw():
            return withdrawing.withdraw(content, situation)
        case WithdrawPerson():
            return withdrawing.withdraw_person(content, situation)
        case Approve():
            return approving.approve(content, situation, finish)
        case List():
            return showing.show_list(content, situation)
        case History():
            return showing.show_history(content, situation)


def finish(content: CommandContent, situation: Situation) -> Judged:
    """Judge a command that waited, and do it."""
    match content:
        case Appoint():
            return appointing.appointed(content, situation)
        case Register():
            made = registering.mandate(content, situation)
            if isinstance(made, CommandRefusal):
                return made
            return registering.registered(made, situation)
        case RegisterLink():
            link = links.link(content, situation)
            return link if isinstance(link, CommandRefusal) else links.linked(link, situation)
    return CommandRefusal.NOT_FOUND
