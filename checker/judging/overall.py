"""What is judged over all logins, and what each adds to it: 8 (pairwise), 11 (the participants'
own records), and how much there was to judge."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from checker.facts import Fact, Violation, World
from checker.judging.login import NO_LOGIN, Login


class Pair(NamedTuple):
    """A pseudonym, the dienstverlener that has it, whom it stands for (all as digests), and where.
    `whom` is empty where it could not be opened."""

    pseudonym: str
    dienstverlener: str
    whom: str
    place: str


class Refusal(NamedTuple):
    """A login that ended with a refusal: by whose word, and where it is."""

    request_id: str
    makelaar: str
    decider: str
    code: str
    place: str


def pairs(login: Login) -> list[Pair]:
    """The pseudonyms of a login's permits, as far as they could be opened."""
    return [
        Pair(
            permit.opened["pseudonym"],
            str(permit.result.get("dienstverlener")),
            _whom(login, permit),
            permit.place,
        )
        for permit in login.said("mandate-decisions")
        if "pseudonym" in permit.opened
    ]


def _whom(login: Login, permit: Fact) -> str:
    """The person at this registry, and for whom he acts himself: in a chain, the intermediary."""
    declared = login.said("authentication-results")
    signature = permit.result.get("declaration_signature")
    holder = next((d.opened.get("holder") for d in declared if d.signature == signature), None)
    intermediary = permit.opened.get("intermediary")
    numbers = [intermediary] if intermediary else permit.opened.get("numbers", [])
    return " ".join([permit.sender, holder, *numbers]) if holder and numbers else ""


def judge_pairs(
    shared: Iterable[tuple[str, str, str]], torn: Iterable[tuple[str, str, str]]
) -> Iterator[Violation]:
    """`shared`: pseudonyms that two dienstverleners have; `torn`: people who have two at one. Each
    with two places."""
    for _, one, other in shared:
        yield Violation(8, "", (one, other), "two dienstverleners have the same pseudonym")
    for _, one, other in torn:
        sentence = "one person has two pseudonyms at one dienstverlener, for one organisation"
        yield Violation(8, "", (one, other), sentence)


# --- why


def refusals(login: Login, world: World) -> list[Refusal]:
    """The refusals with which a login began and ended."""
    found = {}
    for outcome in login.said("outcomes"):
        code = outcome.result.get("code")
        if code and code not in NO_LOGIN and outcome.jti not in found:
            makelaar = world.participants[outcome.sender].name
            decider = _decider(login, world, outcome) or makelaar
            found[outcome.jti] = Refusal(login.request_id, makelaar, decider, code, outcome.place)
    return list(found.values())


def _decider(login: Login, world: World, outcome: Fact) -> str:
    """Who refused, where it was not the makelaar himself."""
    cause = login.causes.get(outcome.jti)
    if cause is None or cause.result.get("code") != outcome.result.get("code"):
        return ""
    sender = world.participants.get(cause.sender)
    return sender.name if sender else ""


def judge_record(refusal: Refusal, rows: Mapping[str, Mapping[str, Any] | None]) -> str | None:
    """What is wrong with the participants' own records of a refusal; `rows`: of makelaar and
    decider, what each kept of the login, None where nothing."""
    for name in dict.fromkeys((refusal.makelaar, refusal.decider)):
        if name not in rows:
            continue
        row = rows[name]
        if row is None:
            return f"{name} refused, and has no record of the login"
        failed = [each["rule"] for each in row.get("findings", ()) if not each["passed"]]
        if not failed:
            return f"{name} refused, and its record has no rule that failed"
    return None


# --- how much there was


def counts(login: Login, world: World) -> Counter[str]:
    """How much of what a login has to judge."""
    outcomes = login.said("outcomes")
    permits = [f for f in login.said("mandate-decisions") if f.result.get("status") == "permit"]
    return Counter(
        logins=len(login.requests),
        assertions=sum(each.result.get("status") == "assertion" for each in outcomes),
        refusals=sum("code" in each.result for each in outcomes),
        permits=len(permits),
        opened=sum("pseudonym" in each.opened for each in permits),
        inputs=len(login.inputs),
        waiting=sum(_waits(times, world) for times in login.inputs.values()),
        letters=len(login.letters),
        records=sum(not each.carried for each in login.facts),
        untrusted=sum(bool(each.fault) and not each.carried for each in login.facts),
    )


def _waits(times: Iterable[Fact], world: World) -> bool:
    return not any(world.is_committed(f.topic, f.partition, f.offset) for f in times)
