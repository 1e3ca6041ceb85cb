"""Invariants 8 and 12, of one record: for whom its parts are sealed, and what everybody reads."""

from __future__ import annotations

from collections.abc import Iterator

from checker.facts import Fact, Participant, Violation, World, field
from checker.judging.login import Login
from checker.topics import DLQ, KINDS


def judge_sealing(login: Login, world: World) -> Iterator[Violation]:
    """What a participant seals, only its addressee can open; keys and headers are formal."""
    for fact in login.facts:
        if fact.sender and not fact.malformed:
            yield from _sealed(login, world, fact)
        if fact.amiss and (fact.kind == DLQ or not fact.fault):
            sentence = f"not of its documented form: {', '.join(map(_named, fact.amiss))}"
            yield Violation(12, login.request_id, (fact.place,), sentence)


def _named(part: str) -> str:
    return "the key" if part == "key" else "a header" if len(part) > 40 else f"header {part}"


def _sealed(login: Login, world: World, fact: Fact) -> Iterator[Violation]:
    for path, whom in KINDS[fact.kind].seals:
        kid = field(fact.data, path)
        if kid is None:
            continue
        addressee = _addressee(fact, whom, world)
        use = "front" if whom == "front" else "enc"
        if addressee is None or kid not in addressee.keys.get(use, ()):
            sentence = f"{path} is sealed with a key that is not its addressee's"
            yield Violation(8, login.request_id, (fact.place,), sentence)


def _addressee(fact: Fact, whom: str, world: World) -> Participant | None:
    owner = world.names.get(fact.owner)
    if whom in ("owner", "front"):
        return owner
    if whom == "portal":
        return world.participants.get(owner.portal or "") if owner else None
    return world.participants.get(str(field(fact.data, whom)))
