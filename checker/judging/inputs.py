"""Invariants 9 and 10: what becomes of every message that a role reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from checker.facts import SKEW_MS, Fact, Violation, World
from checker.ids import seed_id
from checker.judging.login import Login
from checker.topics import KINDS

_ANSWERED = ("challenges", "authentication-results", "consent-prompts")
LEADS_TO: Final[Mapping[str, tuple[str, ...]]] = {
    "authn-requests": ("means-prompts", "authentication-requests", "outcomes"),
    "means-choices": ("authentication-requests", "outcomes"),
    "authentication-requests": ("challenges", "authentication-results"),
    "password-answers": _ANSWERED,
    "code-answers": _ANSWERED,
    "signature-answers": _ANSWERED,
    "session-answers": _ANSWERED,
    "consent-choices": _ANSWERED,
    "authentication-results": ("mandate-queries", "outcomes"),
    "mandate-queries": ("mandate-decisions", "representation-prompts"),
    "representation-choices": ("mandate-decisions",),
    "mandate-decisions": ("outcomes", "confirmation-queries"),
    "confirmation-queries": ("confirmations", "charges"),
    "confirmations": ("outcomes",),
    "cancellations": ("outcomes",),
    "session-commands": ("session-confirmations",),
    "mandate-commands": ("mandate-events", "charges", "chain-information-queries"),
    "chain-information-queries": ("chain-information",),
    "chain-information": ("mandate-events",),
}
"""What each kind of message can lead to (docs/explanation/one-login.md, chains.md)."""
_CAUSED_BY: Final[Mapping[str, tuple[str, ...]]] = {
    kind: tuple(cause for cause, sent in LEADS_TO.items() if kind in sent) for kind in KINDS
}
_UNDER_OTHER_KEYS: Final = frozenset({"charges", "chain-information-queries"})
"""What is sent under another key than that of its cause."""
_GOING_ON: Final = frozenset(
    {
        *("means-prompts", "authentication-requests", "challenges", "mandate-queries"),
        *("representation-prompts", "confirmation-queries", "chain-information"),
    }
)
_GRANTED: Final = frozenset({"assertion", "authenticated", "permit", "confirmed"})
"""What a message leads to that is no refusal."""
_FAILED: Final = "handler_failed"
"""The reason of a dead letter that is the reader's fault."""
_NOT_TRUSTED_THEN: Final = frozenset({"kid_unknown", "key_not_valid"})
"""Whoever read it may have had another directory."""


def judge_inputs(login: Login, world: World) -> Iterator[Violation]:
    """Every input ends, and is committed only then; nothing comes of nothing."""
    for input_id, times in login.inputs.items():
        sent = login.led_to[input_id]
        yield from _unprocessed(login, world, times, sent)
        yield from _unexpected(login, times[0], sent)
        yield from _out_of_time(login, world, times[0], sent)
    yield from _letters(login, world)
    yield from _orphans(login, world)


# --- every input ends


def _unprocessed(
    login: Login, world: World, times: list[Fact], sent: list[Fact]
) -> Iterator[Violation]:
    first = times[0]
    if sent or _ends_silently(login, first):
        return
    dead = {letter.data["origin"] for letter in login.letters}
    left = [each for each in times if each.place not in dead]
    passed = [each for each in left if world.is_committed(each.topic, each.partition, each.offset)]
    if not passed or not world.cut.isdisjoint((*LEADS_TO[first.kind], "dlq")):
        return
    if world.committed is None:
        sentence = "nothing came of it: no message, no dead letter, no documented end"
        yield Violation(9, login.request_id, (passed[0].place,), sentence)
    else:
        sentence = "its reader committed past it, and no message and no dead letter came of it"
        yield Violation(10, login.request_id, (passed[0].place,), sentence)


def _ends_silently(login: Login, fact: Fact) -> bool:
    """The ends that leave no trace of their own (docs/explanation/exactly-once.md)."""
    if fact.fault:
        return False
    match fact.kind:
        case "authn-requests":
            return login.is_told_again(fact)
        case "mandate-commands":
            return _is_known_already(login, fact)
        case "cancellations":
            return _cancels_nothing(login, fact)
        case "chain-information":
            return True
    return False


def _is_known_already(login: Login, fact: Fact) -> bool:
    """The same, signed anew: what is known is told again."""
    mine = (each for each in login.said(fact.kind) if each.sender == fact.sender)
    return any(each.digest != fact.digest and login.led_to[each.input_id] for each in mine)


def _cancels_nothing(login: Login, fact: Fact) -> bool:
    """It came before its request, or after the outcome."""
    requests = [each for each in login.said("authn-requests") if each.sender == fact.sender]
    begun = [each for each in requests if login.led_to[each.input_id]]
    return not begun or bool(login.said("outcomes"))


# --- nothing comes of nothing


def _unexpected(login: Login, cause: Fact, sent: list[Fact]) -> Iterator[Violation]:
    if sent and cause.fault and cause.fault not in _NOT_TRUSTED_THEN:
        sentence = f"it was handled, although nobody can trust it ({cause.fault})"
        yield Violation(6, login.request_id, (cause.place, sent[0].place), sentence)
    for each in sent:
        if each.kind not in LEADS_TO[cause.kind]:
            sentence = f"a message of {cause.kind} led to one of {each.kind}"
            yield Violation(9, login.request_id, (cause.place, each.place), sentence)


def _out_of_time(login: Login, world: World, cause: Fact, sent: list[Fact]) -> Iterator[Violation]:
    """What had expired, or was from the future, when it was read, is refused at most."""
    slack = SKEW_MS + world.clock_bound
    for each in sent if cause.jti else ():
        goes_on = each.kind in _GOING_ON or each.result.get("status") in _GRANTED
        early, late = each.issued + slack < cause.issued, each.issued - slack >= cause.expires
        if goes_on and (early or late):
            how = "had expired" if late else "was from the future"
            sentence = f"a message of {cause.kind} {how} when it was taken up"
            yield Violation(6, login.request_id, (cause.place, each.place), sentence)
            return


def _orphans(login: Login, world: World) -> Iterator[Violation]:
    for jti, sent in login.outputs.items():
        first = sent[0]
        if jti in login.causes or first.fault or first.kind in _UNDER_OTHER_KEYS:
            continue
        if not world.cut.isdisjoint(_CAUSED_BY[first.kind]) or _comes_by_itself(
            login, first, world
        ):
            continue
        sentence = f"what led to this message of {first.kind} is on no topic"
        yield Violation(9, login.request_id, (first.place,), sentence)


def _comes_by_itself(login: Login, fact: Fact, world: World) -> bool:
    """A deadline, or what a registry had from the start."""
    sender = world.participants[fact.sender].name
    if fact.kind == "outcomes":
        return login.is_due(fact, sender)
    return fact.kind == "mandate-events" and seed_id(sender, fact.data) == fact.jti


# --- dead letters


def _letters(login: Login, world: World) -> Iterator[Violation]:
    places = {fact.place: fact for fact in login.facts}
    for letter in login.letters:
        wrong = _wrong_letter(letter, places, world)
        if wrong:
            yield Violation(9, login.request_id, (letter.place,), wrong)


def _wrong_letter(letter: Fact, places: Mapping[str, Fact], world: World) -> str | None:
    if not letter.data["reason"]:
        return "a dead letter without a reason"
    origin = str(letter.data["origin"])
    found = places.get(origin)
    if found and not found.fault and not found.malformed and letter.data["reason"] == _FAILED:
        return f"{origin} holds, and its reader failed at it ({_FAILED})"
    kind = letter.owner.partition(".")[0]
    if found is None:
        if kind in world.cut or kind not in KINDS or letter.data["omitted"]:
            return None
        return f"a dead letter of {origin}, where no such record is"
    same = letter.data["omitted"] or found.digest == letter.digest
    return None if same else f"a dead letter with other bytes than {origin}"
