"""Invariant 5: from the answer to a withdrawal on, nothing grants by what was withdrawn.

What a permit rests on is not in it. So it is judged by all that it could rest on: everything that
this person has at this registry for this organisation (of a chain: of this link). Where all of it
was withdrawn, and answered, before the decision, the decision is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from checker.facts import Fact, Violation, Withdrawable, World, milliseconds
from checker.judging.login import Login


def judge_withdrawals(login: Login, world: World) -> Iterator[Violation]:
    """No permit and no confirmation is decided after the answer to the withdrawal of all that it
    could rest on."""
    if not world.withdrawable:
        return
    for decision in login.said("mandate-decisions"):
        if decision.result.get("status") == "permit":
            yield from _judge(login, world, decision, could_rest_on(login, world, decision))
    for confirmation in login.said("confirmations"):
        if confirmation.result.get("status") == "confirmed":
            links = _links(login, world, confirmation)
            yield from _judge(login, world, confirmation, links)


def could_rest_on(login: Login, world: World, decision: Fact) -> list[Withdrawable]:
    """What the person has at this registry that fits. Empty where that cannot be known."""
    declared = login.said("authentication-results")
    signature = decision.result.get("declaration_signature")
    holder = next((d.opened.get("holder") for d in declared if d.signature == signature), None)
    held = [h for h in world.withdrawable.get(str(holder), ()) if h.registry == decision.sender]
    if decision.result.get("obligation") is not None:
        link = decision.opened.get("link")
        return [h for h in held if h.thing == "assignments" and link and h.link == link]
    numbers = frozenset(decision.opened.get("numbers", ()))
    return [h for h in held if h.thing == "mandates" and h.organisation & numbers]


def _links(login: Login, world: World, confirmation: Fact) -> Sequence[Withdrawable]:
    signature = confirmation.result.get("decision_signature")
    decisions = login.said("mandate-decisions")
    link = next((d.opened.get("link") for d in decisions if d.signature == signature), None)
    found = world.withdrawable.get(str(link), ())
    return [h for h in found if h.registry == confirmation.sender]


def _judge(
    login: Login, world: World, decision: Fact, held: Sequence[Withdrawable]
) -> Iterator[Violation]:
    answered = [each.answered for each in held if each.answered is not None]
    if not held or len(answered) < len(held):
        return
    after = milliseconds(decision.result["decided_at"]) - max(answered)
    if after > world.clock_bound:
        places = (decision.place, *(each.place for each in held))
        sentence = f"decided {after / 1000:.3f} s after the withdrawal of all it could rest on"
        yield Violation(5, login.request_id, places, sentence)
