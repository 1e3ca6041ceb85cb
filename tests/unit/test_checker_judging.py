"""The checker's rules, on one login: each invariant holds, and is seen not to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from checker.facts import Violation, Withdrawable
from checker.judging import judge_login
from tests.support.judged import (
    AAK,
    BAKEN,
    DUIN,
    EH2,
    EH4,
    HAVEN,
    KADE,
    REQUEST_ID,
    START,
    STEIGER,
    WORLD,
    Story,
    about,
    asked,
    asserted,
    authenticated,
    chain,
    direct,
    iso,
    permitted,
    refused,
    timed_out,
)


def broken(story: Story, **world: object) -> list[Violation]:
    return judge_login(story.facts, replace(WORLD, **world))


def numbers(story: Story, **world: object) -> list[int]:
    return sorted({each.invariant for each in broken(story, **world)})


def cancelled(story: Story) -> Story:
    """The dienstverlener cancels while the user is asked."""
    request = asked(story)
    question = {**about(request), "level": EH4, "deadline": iso(900_000)}
    first = story.add("authentication-requests", AAK, DUIN, question, request)
    story.add("challenges", AAK, AAK, {"nonce": "n"}, first)
    cancellation = story.add("cancellations", DUIN, HAVEN, {})
    refused(story, request, cancellation, "cancelled_by_dienstverlener")
    return story


def overtaken(story: Story) -> Story:
    """A cancellation that came before its request."""
    story.add("cancellations", DUIN, HAVEN, {})
    refused(story, asked(story), story.of("authn-requests"), "cancelled_by_dienstverlener")
    return story


def told_again(story: Story) -> Story:
    """A request that is published twice, and once more signed anew."""
    request = story.of("authn-requests")
    story.again(request)
    asked(story)
    story.again(story.of("outcomes"))
    return story


def reused(story: Story) -> Story:
    """Another request under the same ID, which is refused."""
    other = asked(story, level=EH2)
    refused(story, other, other, "request_id_reused")
    return story


def turned_away(story: Story) -> Story:
    """A request that is refused at the door, because there is too much to do."""
    request = asked(story)
    refused(story, request, request, "busy")
    return story


def dead(story: Story) -> Story:
    """A message that nobody can trust, and its dead letter."""
    forged = story.add("authn-requests", DUIN, None, {}, fault="signature_invalid", jti="")
    story.letter(forged)
    return story


HOLDS: dict[str, Callable[[], Story]] = {
    "direct": direct,
    "chain": chain,
    "deadline": timed_out,
    "cancelled": lambda: cancelled(Story()),
    "cancelled before it came": lambda: overtaken(Story()),
    "told again": lambda: told_again(direct()),
    "another request under its ID": lambda: reused(direct()),
    "a dead letter": lambda: dead(direct()),
    "busy": lambda: turned_away(Story()),
}


@pytest.mark.parametrize("kind", HOLDS)
def test_login_is_not_faulted_when_all_is_as_documented(kind: str) -> None:
    assert broken(HOLDS[kind]()) == []


@pytest.mark.parametrize("kind", HOLDS)
def test_login_is_not_faulted_when_every_message_came_twice(kind: str) -> None:
    story = HOLDS[kind]()
    for fact in [f for f in story.facts if f.kind != "dlq"]:
        again = story.again(fact)
        if fact.fault:
            story.letter(again)
    assert broken(story) == []


# --- what is found


def second_outcome(story: Story) -> Story:
    request, decision = story.of("authn-requests"), story.of("mandate-decisions")
    refused(story, request, decision, "participant_fault", number=1)
    return story


def both_accepted(story: Story) -> Story:
    other = asked(story, level=EH2)
    refused(story, other, other, "service_unknown")
    return story


def on_no_topic(story: Story, kind: str) -> Story:
    return story.change(kind, carried=story.of("outcomes").place)


def forged_evidence(story: Story) -> Story:
    fact = story.of("mandate-decisions")
    place = story.of("outcomes").place
    story.facts.append(replace(fact, fault="signature_invalid", carried=place, digest="forged"))
    return story.say("outcomes", decision="forged")


def handled_forgery(story: Story) -> Story:
    return story.change("signature-answers", fault="message_malformed")


def at_five(story: Story, seconds: float) -> Story:
    return story.change("outcomes", timestamp=START + 300_000 + round(1000 * seconds))


BROKEN: dict[str, tuple[list[int], Callable[[], Story]]] = {
    "no outcome": ([1, 10], lambda: timed_out().without("outcomes").without("challenges")),
    "two outcomes": ([1], lambda: second_outcome(direct())),
    "outcome of no request": ([3, 9], lambda: on_no_topic(direct(), "authn-requests")),
    "late": ([2], lambda: at_five(timed_out(), 5.1)),
    "declaration removed": ([3, 9, 10], lambda: direct().without("authentication-results")),
    "decision removed": ([3, 9, 10], lambda: direct().without("mandate-decisions")),
    "confirmation removed": ([3, 9, 10], lambda: chain().without("confirmations")),
    "declaration on no topic": (
        [3, 9, 10],
        lambda: on_no_topic(direct(), "authentication-results"),
    ),
    "decision forged": ([3], lambda: forged_evidence(direct())),
    "confirmation left out": ([3], lambda: chain().say("outcomes", confirmation=None)),
    "confirmed by another": ([3], lambda: chain().change("confirmations", sender=KADE.entity_id)),
    "of another request": (
        [3],
        lambda: direct().say("authentication-results", request_digest="x" * 43),
    ),
    "of another dienstverlener": (
        [3, 8],
        lambda: direct().say("mandate-decisions", dienstverlener=BAKEN.entity_id),
    ),
    "of another service": ([3], lambda: direct().say("mandate-decisions", service="urn:other")),
    "bound to another": ([3], lambda: direct().say("mandate-decisions", declaration_signature="x")),
    "decided by another": (
        [3, 8],
        lambda: direct().say("authentication-results", registry=STEIGER.entity_id),
    ),
    "not for the dienstverlener": (
        [3],
        lambda: direct().change("mandate-decisions", audience=(DUIN.entity_id,)),
    ),
    "denied, and asserted": ([3], lambda: direct().say("mandate-decisions", status="deny")),
    "above the mandate": ([4], lambda: direct().say("outcomes", level=EH4)),
    "above the means": ([4], lambda: direct().say("authentication-results", level=EH2)),
    "below what was asked": ([4], lambda: direct().say("outcomes", level=EH2)),
    "expired declaration": (
        [6],
        lambda: direct().change("mandate-decisions", expires=START - 90_000),
    ),
    "expired request": ([6], lambda: direct().change("authn-requests", expires=START - 90_000)),
    "untrusted, and handled": ([6], lambda: handled_forgery(direct())),
    "signed anew, and sent again": ([7], lambda: signed_anew(direct())),
    "asserted at the deadline": ([2], lambda: asserted_late(direct())),
    "taken for another request": ([1, 10], lambda: taken_for_another(direct())),
    "its reader failed": ([9], lambda: failed(direct())),
    "expired query": ([6], lambda: direct().change("mandate-queries", expires=START - 90_000)),
    "two requests with one ID": ([6], lambda: both_accepted(direct())),
    "outcome altered": (
        [1, 7, 10],
        lambda: direct().change("outcomes", fault="signature_invalid", sender=""),
    ),
    "outcome changed": ([7], lambda: changed_outcome(direct())),
    "challenge changed": ([7], lambda: changed_challenge(direct())),
    "sealed for another": (
        [8],
        lambda: direct().say("authentication-results", acting_subject="haven-enc"),
    ),
    "legal subject for another": ([8], lambda: direct().say("mandate-decisions", legal="duin-enc")),
    "challenge removed": ([10], lambda: direct().without("challenges")),
    "answer removed": ([9], lambda: direct().without("signature-answers")),
    "query removed": ([9, 10], lambda: direct().without("mandate-queries")),
    "no dead letter": ([10], lambda: dead_without_letter(direct())),
    "a letter of nothing": ([9], lambda: letter_of_nothing(direct())),
    "a letter without a reason": ([9], lambda: letter_without_reason(direct())),
    "a letter with other bytes": ([9], lambda: letter_with_other_bytes(direct())),
    "refused for no reason": ([11], lambda: wrong_reason(Story())),
    "a deadline for another reason": (
        [11],
        lambda: timed_out().say("outcomes", code="no_mandate"),
    ),
    "busy at a deadline": ([11], lambda: timed_out().say("outcomes", code="busy")),
    "a header that tells": ([12], lambda: direct().change("outcomes", amiss=("ce_subject",))),
}
COMMITTED = {
    (f"{kind}.{p.name}", 0): 100
    for kind, p in (
        *((k, DUIN) for k in ("authn-requests", "authentication-results", "mandate-decisions")),
        *((k, DUIN) for k in ("confirmations", "cancellations")),
        *((k, AAK) for k in ("authentication-requests", "signature-answers")),
        ("mandate-queries", KADE),
        ("confirmation-queries", STEIGER),
    )
}


def signed_anew(story: Story) -> Story:
    story.again(story.of("challenges"), digest="other bytes", signature="r" * 86)
    return story


def asserted_late(story: Story) -> Story:
    return story.say("outcomes", not_on_or_after=iso(900_000 + 120_000))


def taken_for_another(story: Story) -> Story:
    asked(story, level=EH2)
    return story


def failed(story: Story) -> Story:
    story.letter(story.of("authn-requests"), reason="handler_failed")
    return story


def changed_outcome(story: Story) -> Story:
    story.again(story.of("outcomes"), digest="other bytes")
    return story


def changed_challenge(story: Story) -> Story:
    story.again(story.of("challenges"), digest="other bytes", data={"nonce": "other"})
    return story


def dead_without_letter(story: Story) -> Story:
    story.add("authn-requests", DUIN, None, {}, fault="signature_invalid", jti="")
    return story


def letter_of_nothing(story: Story) -> Story:
    first = story.of("authn-requests")
    story.letter(first, data={"reason": "x", "omitted": "", "origin": "authn-requests.duin:0:99"})
    return story


def letter_without_reason(story: Story) -> Story:
    story.letter(story.of("authn-requests"), reason="")
    return story


def letter_with_other_bytes(story: Story) -> Story:
    story.letter(story.of("authn-requests"), digest="others")
    return story


def wrong_reason(story: Story) -> Story:
    request = asked(story)
    refused(story, request, request, "no_mandate")
    return story


@pytest.mark.parametrize("kind", BROKEN)
def test_violation_is_found_when_one_thing_is_otherwise(kind: str) -> None:
    wanted, made = BROKEN[kind]
    found = broken(made(), committed=COMMITTED)
    assert sorted({each.invariant for each in found}) == wanted, found
    assert all(each.request_id == REQUEST_ID and each.places for each in found)


@pytest.mark.parametrize("kind", BROKEN)
def test_every_place_named_is_that_of_a_record(kind: str) -> None:
    story = BROKEN[kind][1]()
    places = {fact.place for fact in story.facts}
    named = {place for each in broken(story, committed=COMMITTED) for place in each.places}
    assert named <= places


# --- what is no violation yet, or cannot be judged


def test_login_is_open_when_its_deadline_is_not_past() -> None:
    story = timed_out().without("outcomes")
    assert numbers(story, now=START + 304_000) == []
    assert numbers(story, now=START + 306_000) == [1]


def test_message_waits_when_its_reader_has_not_committed_it() -> None:
    story = direct().without("challenges")
    assert numbers(story, committed={**COMMITTED, ("authentication-requests.aak", 0): 0}) == []


def test_missing_input_is_not_judged_when_retention_took_some() -> None:
    story = direct().without("signature-answers")
    assert numbers(story, begins={("signature-answers.aak", 0): 5}) == []


def test_missing_declaration_is_not_judged_when_retention_took_it() -> None:
    story = on_no_topic(direct(), "authentication-results")
    begins = {("authentication-results.duin", 0): 5}
    assert numbers(story, begins=begins, committed=COMMITTED) == []


# --- withdrawals


def mandate(answered: int | None, **more: object) -> Withdrawable:
    made = Withdrawable(
        id="m",
        thing="mandates",
        registry=KADE.entity_id,
        holders=frozenset({"wim"}),
        organisation=frozenset({"molen"}),
        answered=answered,
        place="mandate-events.kade:0:7",
    )
    return replace(made, **more)


@pytest.mark.parametrize(
    ("held", "wanted"),
    [
        pytest.param([mandate(START - 1_000)], [5], id="withdrawn before"),
        pytest.param([mandate(START)], [], id="within the clocks' bound"),
        pytest.param([mandate(START + 2_000)], [], id="withdrawn after"),
        pytest.param([mandate(START - 5_000), mandate(None, id="n")], [], id="another one holds"),
        pytest.param([mandate(START - 5_000, organisation=frozenset({"x"}))], [], id="of another"),
        pytest.param([mandate(START - 5_000, registry="elsewhere")], [], id="elsewhere"),
    ],
)
def test_grant_after_a_withdrawal_is_found_when_nothing_else_could_carry_it(
    held: list[Withdrawable], wanted: list[int]
) -> None:
    assert numbers(direct(), withdrawable={"wim": held}) == wanted


def test_confirmation_after_a_withdrawal_is_found_when_the_link_was_withdrawn() -> None:
    story = chain()
    story.change("mandate-decisions", opened={"pseudonym": "p", "link": "l"})
    link = mandate(START - 2_000, id="l", thing="links", registry=STEIGER.entity_id)
    assert numbers(story, withdrawable={"l": [link]}) == [5]
    assert numbers(story, withdrawable={"l": [replace(link, answered=None)]}) == []


def test_login_is_judged_when_its_records_come_in_any_order() -> None:
    assert judge_login(list(reversed(direct().facts)), WORLD) == []


def test_nothing_is_found_when_there_is_nothing() -> None:
    story = Story()
    declared = authenticated(story, asked(story))
    request = story.of("authn-requests")
    decision = permitted(story, request, declared)
    asserted(story, request, decision, declared, decision)
    assert judge_login(story.facts, WORLD) == judge_login(direct().facts, WORLD) == []
