"""Invariants 1, 2 and 7: how a request ends."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Final

from checker.facts import Fact, Violation, World
from checker.ids import output_id
from checker.judging.login import NO_LOGIN, Login

ASSERTED_FOR: Final = timedelta(minutes=2)
"""How long an assertion is valid from when it was decided."""
_R_CHARACTERS: Final = 42
"""Of a signature in base64url, those that hold nothing but its first half."""
_DEADLINES: Final = ("authentication-requests", "mandate-queries", "confirmation-queries")


def judge_outcomes(login: Login, world: World) -> Iterator[Violation]:
    """One distinct outcome for each request, in time, and never another one."""
    yield from _repeats(login)
    yield from _altered(login)
    yield from _distinct(login)
    for digest, requests in login.requests.items():
        ended = [each for each in ends(login, requests) if not is_no_login(each)]
        if ended:
            yield from _one(login, ended)
            yield from _in_time(login, world, digest, requests, ended)
            yield from _before_deadline(login, digest, ended)
        else:
            yield from _missing(login, world, digest, requests)


def ends(login: Login, requests: Iterable[Fact]) -> list[Fact]:
    """The outcomes of any of these signed requests, by their makelaar."""
    texts = {each.digest for each in requests}
    return [each for each in login.said("outcomes") if each.data.get("request") in texts]


def is_no_login(outcome: Fact) -> bool:
    return outcome.result.get("code") in NO_LOGIN


def _repeats(login: Login) -> Iterator[Violation]:
    """The same `jti` is the same message; of outcomes, the same bytes."""
    for sent in login.outputs.values():
        same = {_content(each) for each in sent}
        if len(same) > 1:
            places = tuple(each.place for each in sent)
            sentence = f"a {sent[0].kind} was sent again with other bytes under the same ID"
            yield Violation(7, login.request_id, places, sentence)


def _altered(login: Login) -> Iterator[Violation]:
    """In the place of what a message led to, there is something that does not hold."""
    for fact in login.facts:
        if fact.fault and fact.jti and not fact.carried and fact.jti not in login.outputs:
            cause = next((each for each in login.said_inputs if _leads(each, fact)), None)
            if cause is not None:
                sentence = f"it takes the place of a message, and does not hold: {fact.fault}"
                yield Violation(7, login.request_id, (fact.place, cause.place), sentence)


def _leads(cause: Fact, fact: Fact) -> bool:
    return output_id(cause.owner, 0, cause.input_id) == fact.jti


def _content(fact: Fact) -> object:
    """An ES256 signature (r, s) has a twin (r, n - s), that anybody can make: only of outcomes it
    counts."""
    if fact.kind == "outcomes":
        return fact.digest
    return fact.topic, fact.issued, fact.expires, str(fact.data), fact.signature[:_R_CHARACTERS]


def _distinct(login: Login) -> Iterator[Violation]:
    """One signed request text has one outcome."""
    by_text: dict[str, list[Fact]] = {}
    for outcome in login.said("outcomes"):
        by_text.setdefault(str(outcome.data.get("request")), []).append(outcome)
    for outcomes in by_text.values():
        if len({each.jti for each in outcomes}) > 1:
            yield _two(login, outcomes)


def _one(login: Login, ended: list[Fact]) -> Iterator[Violation]:
    """One request, signed once or more, has one outcome."""
    texts = {each.data.get("request") for each in ended}
    if len(texts) > 1 and len({each.jti for each in ended}) > 1:
        yield _two(login, ended)


def _two(login: Login, outcomes: list[Fact]) -> Violation:
    first: dict[str, Fact] = {}
    for each in outcomes:
        first.setdefault(each.jti, each)
    said = " and ".join(sorted(_named(each) for each in first.values()))
    places = tuple(each.place for each in first.values())
    return Violation(1, login.request_id, places, f"one request has several outcomes: {said}")


def _named(outcome: Fact) -> str:
    return str(outcome.result.get("code") or outcome.result.get("status"))


# --- in time


def said_deadline(login: Login, digest: str) -> datetime | None:
    """When a login ends by itself, as its makelaar says; None where he said nothing."""
    said = [
        datetime.fromisoformat(each.data["deadline"])
        for kind in _DEADLINES
        for each in login.said(kind)
        if each.data.get("request_digest") == digest
    ]
    return min(said, default=None)


def deadline(login: Login, world: World, digest: str, requests: list[Fact]) -> int:
    """When a login has to have ended; where nobody said so, as late as its makelaar may let it."""
    said = said_deadline(login, digest)
    if said is not None:
        return round(said.timestamp() * 1000)
    asked = requests[0].data.get("answer_within_seconds") or world.deadline_seconds
    return requests[0].timestamp + 1000 * min(asked, world.deadline_seconds)


def _in_time(
    login: Login, world: World, digest: str, requests: list[Fact], ended: list[Fact]
) -> Iterator[Violation]:
    late = ended[0].timestamp - deadline(login, world, digest, requests)
    if late > world.late_by:
        sentence = f"the outcome came {late / 1000:.1f} s after the deadline"
        yield Violation(2, login.request_id, (requests[0].place, ended[0].place), sentence)


def _before_deadline(login: Login, digest: str, ended: list[Fact]) -> Iterator[Violation]:
    """Nothing is asserted from the deadline on, by the clock of whoever asserts."""
    said = said_deadline(login, digest)
    for outcome in ended:
        until = outcome.result.get("not_on_or_after")
        if said and until and datetime.fromisoformat(until) - ASSERTED_FOR >= said:
            sentence = "it was asserted at its deadline or later"
            yield Violation(2, login.request_id, (outcome.place,), sentence)


def _missing(login: Login, world: World, digest: str, requests: list[Fact]) -> Iterator[Violation]:
    """None, although it was taken up and its time is over."""
    open_ = [each for each in requests if _is_unanswered(login, world, each)]
    if not open_ or "outcomes" in world.cut:
        return
    if world.now > deadline(login, world, digest, open_) + world.late_by:
        sentence = "the request was taken up, its deadline has passed, and it has no outcome"
        yield Violation(1, login.request_id, (open_[0].place,), sentence)


def _is_unanswered(login: Login, world: World, request: Fact) -> bool:
    taken = bool(login.led_to.get(request.input_id)) or world.is_committed(
        request.topic, request.partition, request.offset
    )
    dead = any(letter.data["origin"] == request.place for letter in login.letters)
    return taken and not dead and not ends(login, [request]) and not login.is_told_again(request)
