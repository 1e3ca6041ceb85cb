"""What has to hold of every grant: on what it rests, at which level, and when it was decided."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from brokers.outcomes import ASSERTION_VALIDITY
from dienstverlener import Assertion
from dienstverlener.verify import verify
from schemas import codec, sealed
from schemas.codec import Record, Untrusted
from schemas.messages import (
    Asserted,
    Authenticated,
    AuthenticationResult,
    Confirmation,
    Confirmed,
    MandateDecision,
    Permit,
)
from schemas.topics import AUTHENTICATION_RESULTS, CONFIRMATIONS, MANDATE_DECISIONS
from schemas.values import Level
from tests.simulation.actors import Sent
from tests.simulation.cast import BY_NAME, CHAIN, LINK, MEANS_LEVEL, SERVICES, Player
from tests.simulation.judging import Answer, Judging, claims_of, read
from tests.simulation.plan import Form
from tests.simulation.running import Run

# --- assertions


def assertions_hold(judging: Judging) -> Iterator[str]:
    """3, 4, 6: as their dienstverlener verifies them, on declarations that were really made. The
    same bytes are judged when they come first: he drops them when they come again, and by then an
    assertion may have expired."""
    first: dict[Record, Answer] = {}
    for each in judging.answers:
        first.setdefault(replace(each.record, position="", queued=None), each)
    for each in first.values():
        if each.code is None:
            yield from _assertion(judging.run, each)


def _assertion(run: Run, answer: Answer) -> Iterator[str]:
    signed_at = codec.unverified_time(answer.record.value.decode())
    read_at = max(signed_at, answer.published.at)  # the makelaar's clock may be behind, or ahead
    try:
        found = verify(answer.record, run.cast.keys[answer.dienstverlener], read_at)
    except Untrusted as untrusted:
        yield f"3: {answer} is not trusted: {untrusted.reason}"
        return
    if not isinstance(found, Assertion):
        yield f"3: {answer} does not hold: {found.reason}"
        return
    yield from _declared(run, answer)
    yield from _level(run, answer, found)
    sent = next((s for s in run.actors.sent if s.text == answer.outcome.request), None)
    if sent is None or sent.form in (Form.EXPIRED, Form.TAMPERED):
        yield f"6: {answer} asserts for a request that is {sent.form if sent else 'nobody`s'}"


def _declared(run: Run, answer: Answer) -> Iterator[str]:
    asserted = answer.outcome.result
    inside = {
        AUTHENTICATION_RESULTS: asserted.declaration,  # type: ignore[union-attr]
        MANDATE_DECISIONS: asserted.decision,  # type: ignore[union-attr]
        CONFIRMATIONS: asserted.confirmation,  # type: ignore[union-attr]
    }
    for topic, text in inside.items():
        if text is not None and (topic.of("duin"), text.encode()) not in run.appended:
            yield f"3: {answer} holds what nobody published on {topic.name}"


def _level(run: Run, answer: Answer, found: Assertion) -> Iterator[str]:
    login = run.actors.of(answer.record.key)
    request = next(s for s in run.actors.sent if s.text == answer.outcome.request)
    asked = _asked(request)
    if login is None:
        yield f"4: {answer} is of no login"
        return
    most = min(_means_level(run, answer), _held_level(run, BY_NAME[login.player], found))
    if not asked <= found.level <= most:
        yield f"4: {answer}: asked {asked}, asserted {found.level}, at most {most}"


def _asked(request: Sent) -> Level:
    data = claims_of(request.text)["data"]
    level = next(level for id_, _, level in SERVICES.values() if id_ == data["service"])
    return max(level, Level(data["level"])) if data["level"] else level


def _means_level(run: Run, answer: Answer) -> Level:
    issuer = claims_of(answer.outcome.result.declaration)["iss"]  # type: ignore[union-attr]
    return next(MEANS_LEVEL[name] for name in MEANS_LEVEL if run.cast.entity(name) == issuer)


def _held_level(run: Run, player: Player, found: Assertion) -> Level:
    if not player.held:
        return Level.LOA1
    kvk = found.legal_subject.kvk
    tables = run.cast.tables
    key = player.held[player.whom.index(kvk)] if kvk in player.whom else None
    if key is None:
        return Level.LOA1
    level: Level = tables[player.registry][key].level
    return min(level, tables["pier"][LINK].level) if key == CHAIN else level


# --- withdrawals and deadlines


def none_after_withdrawal(judging: Judging) -> Iterator[str]:
    """5: no grant is committed after the withdrawal of what it rests on was."""
    run = judging.run
    for name in ("kade", "pier"):
        ledger = run.members[name].ledger
        if not ledger.changes:
            continue
        for stored in ledger.inputs.values():
            for output in stored.handled.outputs:
                key = _rests_on(run, output)
                if stored.committed_at > ledger.changes.get(key, stored.committed_at):
                    yield f"5: {name} granted by {key[0]} after it was withdrawn"  # type: ignore[index]


def _rests_on(run: Run, output: Record) -> Any:
    """What a registry's answer rests on; None where it grants nothing."""
    kind, text = output.topic.partition(".")[0], output.value.decode()
    if kind == CONFIRMATIONS.name:
        confirmed = read(text, Confirmation).result
        return LINK if isinstance(confirmed, Confirmed) else None
    permit = read(text, MandateDecision).result if kind == MANDATE_DECISIONS.name else 0
    if not isinstance(permit, Permit):
        return None
    if permit.obligation is not None:
        return CHAIN
    login = run.actors.of(output.key)
    player = BY_NAME[login.player] if login else BY_NAME["ans"]
    return player.held[player.whom.index(_kvk(run, permit))]


def _kvk(run: Run, permit: Permit) -> str:
    keys = next(k for k in run.cast.keys.values() if k.secrets.entity_id == permit.dienstverlener)
    legal = keys.open(permit.legal or "", sealed.LegalSubject)
    return legal.identifiers[0].value


def nothing_declared_late(judging: Judging) -> Iterator[str]:
    """2: nothing is declared at or after the deadline, by the clock of who declares it."""
    deadlines = {row.request_id: row.deadline for row in judging.rows}
    for topic, model in _DECLARING:
        for record in judging.run.topics.of(topic.of("duin")):
            message = read(record.value.decode(), model)
            result, deadline = message.result, deadlines.get(message.request_id)  # type: ignore[attr-defined]
            at = result.authenticated_at if isinstance(result, Authenticated) else None
            at = result.decided_at if isinstance(result, (Permit, Confirmed)) else at
            if at is not None and deadline is not None and at >= deadline:
                yield f"2: {record.topic} {record.position} was declared after the deadline"


_DECLARING: Final = (
    (AUTHENTICATION_RESULTS, AuthenticationResult),
    (MANDATE_DECISIONS, MandateDecision),
    (CONFIRMATIONS, Confirmation),
)


def nothing_asserted_late(judging: Judging) -> Iterator[str]:
    """2: nor is anything asserted then, by the makelaar's own clock."""
    deadlines = {row.request: row.deadline for row in judging.rows}
    for each in judging.answers:
        result, deadline = each.outcome.result, deadlines.get(each.outcome.request)
        if not isinstance(result, Asserted) or deadline is None:
            continue
        if result.not_on_or_after - ASSERTION_VALIDITY >= deadline:
            yield f"2: {each} was asserted after the deadline"
