"""Invariants 3, 4 and 6: what an assertion rests on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from checker.facts import SKEW_MS, Fact, Offered, Violation, World
from checker.ids import canonical
from checker.judging.login import LEVELS, NO_LOGIN, Login

_DECLARED = (
    ("declaration", "authentication-results", "AD", "authenticated"),
    ("decision", "mandate-decisions", "MR", "permit"),
    ("confirmation", "confirmations", "MR", "confirmed"),
)
"""Field of the assertion, kind of topic, role of who declares, and what he has to say."""


@dataclass(frozen=True, slots=True)
class Assertion:
    """An assertion with all that is inside it, each verified. `digest`: of the request."""

    outcome: Fact
    request: Fact
    digest: str
    declaration: Fact
    decision: Fact
    confirmation: Fact | None

    @property
    def declarations(self) -> tuple[Fact, ...]:
        more = (self.confirmation,) if self.confirmation else ()
        return (self.declaration, self.decision, *more)


Says = Iterator[str]


def judge_assertions(login: Login, world: World) -> Iterator[Violation]:
    """Every assertion rests on a request and on declarations that belong together."""
    for outcome in login.said("outcomes"):
        request = login.signed.get(str(outcome.data.get("request")))
        yield from _of_nobody(login, world, outcome, request)
        if outcome.result.get("status") == "assertion" and request is not None:
            yield from _judge(login, world, outcome, request)
    yield from _accepted_once(login)


def _judge(login: Login, world: World, outcome: Fact, request: Fact) -> Iterator[Violation]:
    missing = list(_missing(login, world, outcome))
    found = _assertion(login, outcome, request)
    if found is None:
        missing = missing or ["it lacks a declaration of its provider or registry"]
    says: dict[int, list[str]] = {3: missing, 4: [], 6: []}
    if found is not None:
        says[3] += [*_about(found), *_bound(found), *_caused(login, found)]
        says[4] += _levels(found, world)
        says[6] += _in_time(found, world)
    for invariant, sentences in says.items():
        for sentence in sentences:
            yield Violation(invariant, login.request_id, (outcome.place,), sentence)


def _of_nobody(
    login: Login, world: World, outcome: Fact, request: Fact | None
) -> Iterator[Violation]:
    """An outcome answers a request that its dienstverlener signed and published."""
    invariant = 3 if outcome.result.get("status") == "assertion" else 1
    sentence = None
    if request is None:
        sentence = "it answers a request that its dienstverlener did not sign for this login"
    elif request.carried and "authn-requests" not in world.cut:
        sentence = "it answers a request that is on no topic"
    if sentence:
        yield Violation(invariant, login.request_id, (outcome.place,), sentence)


def _assertion(login: Login, outcome: Fact, request: Fact) -> Assertion | None:
    found = [_declared(login, outcome, *each) for each in _DECLARED]
    declaration, decision, confirmation = found
    if declaration is None or decision is None:
        return None
    digest = login.digest_of(request)
    return Assertion(outcome, request, digest, declaration, decision, confirmation)


def _declared(
    login: Login, outcome: Fact, field: str, kind: str, role: str, status: str
) -> Fact | None:
    """What is inside an assertion, if it is what it has to be."""
    fact = login.signed.get(str(outcome.result.get(field)))
    if fact is None or fact.kind != kind or fact.malformed or fact.result.get("status") != status:
        return None
    return fact if fact.sender[13:15] == role else None


def _missing(login: Login, world: World, outcome: Fact) -> Says:
    for field, kind, _, status in _DECLARED:
        digest = outcome.result.get(field)
        if digest is None:
            continue
        fact = login.signed.get(str(digest))
        if fact is None:
            broken = login.broken.get(str(digest))
            why = broken.fault if broken else "it is not of this login"
            yield f"the {field} inside it does not hold: {why}"
        elif fact.result.get("status") != status:
            yield f"the {field} inside it does not say `{status}`"
        elif fact.carried and kind not in world.cut:
            yield f"the {field} inside it is on no topic of {kind}"


def _about(found: Assertion) -> Says:
    """All are about this request, this dienstverlener, this service."""
    request, outcome = found.request, found.outcome
    asked = {
        "request_digest": found.digest,
        "dienstverlener": request.sender,
        "service": request.data.get("service"),
    }
    for fact in found.declarations:
        other = [name for name, value in asked.items() if fact.result.get(name) != value]
        if canonical(str(fact.data.get("request_id"))) != outcome.key:
            other.append("request_id")
        if other:
            yield f"its message of {fact.kind} has another {', '.join(other)}"
        if request.sender not in fact.audience:
            yield f"its message of {fact.kind} was not for the dienstverlener"
    if outcome.result.get("service") != asked["service"]:
        yield "it is for another service than the one asked for"
    if outcome.sender not in request.audience or request.sender not in outcome.audience:
        yield "it is by, or for, another participant than the request"


def _bound(found: Assertion) -> Says:
    """One declaration is bound to the other, by whom it names."""
    declared, permit = found.declaration.result, found.decision.result
    wanted = found.request.data.get("provider")
    if wanted not in (None, found.declaration.sender):
        yield "another provider declared than the request asks for"
    if permit.get("declaration_signature") != found.declaration.signature:
        yield "the decision is bound to another declaration"
    if declared.get("registry") != found.decision.sender:
        yield "another registry decided than the provider named"
    obligation, confirmation = permit.get("obligation"), found.confirmation
    if (permit.get("legal") is None) is not (obligation is not None):
        yield "the permit has both a legal subject and an obligation, or neither"
    if (obligation is None) is not (confirmation is None):
        yield "the permit's obligation was not met, or there is a confirmation without one"
    if obligation and confirmation:
        yield from _confirmed(found.decision, obligation["registry"], confirmation)


def _confirmed(decision: Fact, registry: str, confirmation: Fact) -> Says:
    if confirmation.sender != registry:
        yield "another registry confirmed than the permit names"
    if confirmation.result.get("decision_signature") != decision.signature:
        yield "the confirmation is bound to another decision"
    more = set(confirmation.result.get("services", ())) - set(decision.result.get("services", ()))
    if more:
        yield "the confirmation holds for more services than were permitted"


def _caused(login: Login, found: Assertion) -> Says:
    """Its last declaration led to it."""
    cause = login.causes.get(found.outcome.jti)
    last = found.declarations[-1]
    if cause is not None and cause.digest != last.digest:
        yield f"a message of {cause.kind} led to it, and not the last declaration inside it"


# --- levels


def _levels(found: Assertion, world: World) -> Says:
    asserted = LEVELS.get(str(found.outcome.result.get("level")), -1)
    asked = [str(found.request.data.get("level") or "")]
    offered = offered_then(found, world)
    if offered is not None:
        asked.append(offered.level)
    if asserted < max(LEVELS.get(each, -1) for each in asked):
        yield "its level is below the one asked for, or the service's"
    for fact in found.declarations:
        if asserted > LEVELS.get(str(fact.result.get("level")), -1):
            yield f"its level is above that of its message of {fact.kind}"
    provider = world.participants.get(found.declaration.sender)
    highest = LEVELS.get(str(provider.highest_level), -1) if provider else -1
    if LEVELS.get(str(found.declaration.result.get("level")), -1) > highest:
        yield "the provider declared a level above the one that it is admitted for"


def offered_then(found: Assertion, world: World) -> Offered | None:
    """The service as the makelaar's catalogue had it; None where that version is not known any
    more."""
    version = found.outcome.result.get("catalogue_version") or 0
    known = world.offered.get(str(found.request.data.get("service")), ())
    return next(
        (o for o in known if o.version <= version and (o.until is None or version < o.until)), None
    )


# --- time


def _in_time(found: Assertion, world: World) -> Says:
    """Every declaration was valid when it was asserted."""
    used = found.outcome.issued
    slack = SKEW_MS + world.clock_bound
    for fact in found.declarations:
        if used >= fact.expires + slack or used + slack < fact.issued:
            yield f"its message of {fact.kind} was not valid when it was asserted"


def _accepted_once(login: Login) -> Iterator[Violation]:
    """A request ID begins one login at a makelaar."""
    begun: dict[str, dict[str, Fact]] = {}
    for digest, requests in login.requests.items():
        for request in requests:
            sent = login.led_to[request.input_id]
            if any(each.result.get("code") not in NO_LOGIN for each in sent):
                begun.setdefault(request.owner, {})[digest] = request
    for requests_by_digest in begun.values():
        if len(requests_by_digest) > 1:
            places = tuple(each.place for each in requests_by_digest.values())
            sentence = "two different requests with one ID were both accepted"
            yield Violation(6, login.request_id, places, sentence)
