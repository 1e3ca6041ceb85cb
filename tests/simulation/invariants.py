"""What has to hold at the end of a history. Each finding begins with the number of the invariant.

Judged by what stands on the topics and in the offsets; the ledgers say only when something was
decided, and by which findings.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, TypeVar

from brokers.outcomes import ASSERTION_VALIDITY
from dienstverlener import Assertion
from dienstverlener.verify import verify
from schemas import codec, jose, sealed
from schemas.codec import Record, Untrusted
from schemas.message import Message
from schemas.messages import (
    Asserted,
    Authenticated,
    AuthenticationResult,
    Confirmation,
    Confirmed,
    MandateDecision,
    Outcome,
    Permit,
    Refused,
)
from schemas.refusals import RefusalCode
from schemas.topics import (
    AUTHENTICATION_RESULTS,
    CANCELLATIONS,
    CONFIRMATIONS,
    MANDATE_DECISIONS,
    OUTCOMES,
)
from schemas.values import Level
from tests.simulation.actors import Sent
from tests.simulation.cast import (
    BY_NAME,
    CHAIN,
    LINK,
    MEANS_LEVEL,
    SERVICES,
    Player,
)
from tests.simulation.plan import Form
from tests.simulation.running import GRACE, Published, Run

M = TypeVar("M", bound=Message)
AT_THE_DOOR: Final = frozenset(
    {
        RefusalCode.REQUEST_EXPIRED,
        RefusalCode.REQUEST_FROM_THE_FUTURE,
        RefusalCode.REQUEST_MALFORMED,
        RefusalCode.REQUEST_ID_REUSED,
    }
)
"""Refusals of a request that started no login."""
NEVER: Final = frozenset({"handler_failed", "data_refused"})
"""Reasons of dead letters that are bugs: no record of a history is made for them."""


@dataclass(frozen=True)
class Answer:
    """An outcome, read."""

    published: Published
    outcome: Outcome
    dienstverlener: str

    @property
    def record(self) -> Record:
        return self.published.record

    @property
    def code(self) -> RefusalCode | None:
        result = self.outcome.result
        return result.code if isinstance(result, Refused) else None

    @property
    def is_at_the_door(self) -> bool:
        return self.code in AT_THE_DOOR

    def __str__(self) -> str:
        return f"{self.record.topic} {self.record.position} ({self.code or 'assertion'})"


@dataclass(frozen=True)
class Judging:
    """A history that has ended, and its outcomes."""

    run: Run
    answers: Sequence[Answer]
    rows: Sequence[Any]

    def to(self, sent: Sent) -> list[Answer]:
        """The outcomes that answer these very bytes."""
        return [
            each
            for each in self.answers
            if each.outcome.request == sent.text and each.dienstverlener == sent.dienstverlener
        ]


def judge(run: Run) -> list[str]:
    """All that does not hold."""
    judging = Judging(run, [_read(each) for each in run.outcomes], _rows(run))
    return [*run.broken, *(found for rule in RULES for found in rule(judging))]


@lru_cache(maxsize=512)
def read(text: str, model: type[M]) -> M:
    """A message that a role signed: what is on the topics is read several times."""
    return codec.unverified(text, model)


def _read(published: Published) -> Answer:
    record = published.record
    outcome = read(record.value.decode(), Outcome)
    return Answer(published, outcome, record.topic.removeprefix(f"{OUTCOMES.name}."))


def _rows(run: Run) -> list[Any]:
    model = run.cast.roles["duin"].row
    return [model.model_validate_json(r.body) for r in run.makelaar.ledger.rows.values()]


# --- one outcome


def one_outcome(judging: Judging) -> Iterator[str]:
    """1, 7: one distinct outcome for each signed request, and none for what nobody sent."""
    sent = {(each.text, each.dienstverlener) for each in judging.run.actors.sent}
    found: dict[tuple[str, str], set[bytes]] = {}
    for each in judging.answers:
        key = each.outcome.request, each.dienstverlener
        found.setdefault(key, set()).add(each.record.value)
        if key not in sent:
            yield f"1: {each} answers what nobody sent"
    for (_, whose), values in found.items():
        if len(values) > 1:
            yield f"1: {len(values)} different outcomes for one request of {whose}"


def every_request_is_answered(judging: Judging) -> Iterator[str]:
    """1: also one that was signed anew: by the outcome of what it repeats."""
    sent = [each for each in judging.run.actors.sent if each.form is not Form.TAMPERED]
    answered = {(each.outcome.request, each.dienstverlener) for each in judging.answers}
    digests = {e.digest for e in sent if (e.text, e.dienstverlener) in answered}
    for each in sent:
        if each.digest not in digests:
            yield f"1: no outcome for request {each.request_id} of {each.dienstverlener}"


def accepted_once(judging: Judging) -> Iterator[str]:
    """1, 6: what was accepted has an outcome of its own, and no other content with its ID has."""
    for row in judging.rows:
        mine = [a for a in judging.answers if a.outcome.request_id == row.request_id]
        own = {a.record.value for a in mine if a.outcome.request == row.request}
        if len(own) != 1:
            yield f"1: {len(own)} outcomes for accepted login {row.request_id}"
        for each in mine:
            if each.outcome.request != row.request and not each.is_at_the_door:
                yield f"6: {each} is a second login with the same request ID"


def in_time(judging: Judging) -> Iterator[str]:
    """2: by the deadline and the grace, as far as clocks agree."""
    for row in judging.rows:
        times = [a.published.at for a in judging.answers if a.outcome.request == row.request]
        late = min(times, default=row.deadline) - row.deadline
        if late > GRACE + judging.run.spread:
            yield f"2: the outcome of {row.request_id} came {late.total_seconds()} s late"


def cancellations_stand(judging: Judging) -> Iterator[str]:
    """1: what was cancelled before it ended, ends as cancelled; unless it was refused at once."""
    ledger = judging.run.makelaar.ledger
    inputs = ledger.inputs
    for row in (each for each in judging.rows if ledger.rows[each.request_id].version > 1):
        ended = inputs.get(row.answered_by)
        cancelled = [
            s for s in _cancellations(judging.run, row) if ended and s < ended.committed_at
        ]
        codes = {a.code for a in judging.answers if a.outcome.request == row.request}
        if cancelled and codes != {RefusalCode.CANCELLED_BY_DIENSTVERLENER}:
            yield f"1: {row.request_id} was cancelled in time, and goes on"


def _cancellations(run: Run, row: Any) -> Iterator[int]:
    """The steps at which its dienstverlener's cancellations were committed."""
    for record in run.topics.of(CANCELLATIONS.of("duin")):
        stored = run.makelaar.ledger.inputs.get(run.input_id(record.topic, record.value))
        issuer = _claims(record.value.decode())["iss"]
        if stored and record.key == str(row.request_id).encode() and issuer == row.dienstverlener:
            yield stored.committed_at


# --- assertions


def assertions_hold(judging: Judging) -> Iterator[str]:
    """3, 4, 6: as their dienstverlener verifies them, on declarations that were really made."""
    for each in judging.answers:
        if each.code is None:
            yield from _assertion(judging.run, each)


def _assertion(run: Run, answer: Answer) -> Iterator[str]:
    text = answer.record.value.decode()
    try:
        found = verify(
            answer.record, run.cast.keys[answer.dienstverlener], codec.unverified_time(text)
        )
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
    data = _claims(request.text)["data"]
    level = next(level for id_, _, level in SERVICES.values() if id_ == data["service"])
    return max(level, Level(data["level"])) if data["level"] else level


def _means_level(run: Run, answer: Answer) -> Level:
    issuer = _claims(answer.outcome.result.declaration)["iss"]  # type: ignore[union-attr]
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


def _claims(text: str) -> Any:
    return json.loads(jose.decode_base64url(text.split(".")[1]))


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
    """6: nothing is declared at or after the deadline, by the clock of who declares it."""
    deadlines = {row.request_id: row.deadline for row in judging.rows}
    for topic, model in _DECLARING:
        for record in judging.run.topics.of(topic.of("duin")):
            message = read(record.value.decode(), model)
            result, deadline = message.result, deadlines.get(message.request_id)  # type: ignore[attr-defined]
            at = result.authenticated_at if isinstance(result, Authenticated) else None
            at = result.decided_at if isinstance(result, (Permit, Confirmed)) else at
            if at is not None and deadline is not None and at >= deadline:
                yield f"6: {record.topic} {record.position} was declared after the deadline"


_DECLARING: Final = (
    (AUTHENTICATION_RESULTS, AuthenticationResult),
    (MANDATE_DECISIONS, MandateDecision),
    (CONFIRMATIONS, Confirmation),
)


def nothing_asserted_late(judging: Judging) -> Iterator[str]:
    """6: nor is anything asserted then, by the makelaar's own clock."""
    deadlines = {row.request: row.deadline for row in judging.rows}
    for each in judging.answers:
        result, deadline = each.outcome.result, deadlines.get(each.outcome.request)
        if not isinstance(result, Asserted) or deadline is None:
            continue
        if result.not_on_or_after - ASSERTION_VALIDITY >= deadline:
            yield f"6: {each} was asserted after the deadline"


# --- inputs and offsets


def every_input_ends(judging: Judging) -> Iterator[str]:
    """9: handled and sent, dropped as a duplicate, or dead-lettered with a reason."""
    run = judging.run
    for topic in run.topics.groups:
        for record in run.topics.of(topic):
            fault = run.unsettled(record)
            if fault is not None:
                yield f"9: {topic} {record.position}: {fault}"
    for origin, reason in run.dead.items():
        if reason in NEVER:
            yield f"9: {origin} was dead-lettered: {reason}"


def everything_is_sent(judging: Judging) -> Iterator[str]:
    """9: what a ledger stored to send, stands on its topic."""
    run = judging.run
    for name, member in run.members.items():
        for stored in member.ledger.inputs.values():
            for output in stored.handled.outputs:
                if (output.topic, output.value) not in run.appended:
                    yield f"9: {name} never sent what it stored for {output.topic}"


def all_is_read(judging: Judging) -> Iterator[str]:
    """10: at the end every group has committed all of its topic."""
    for topic, group in judging.run.topics.groups.items():
        if [len(log) for log in group.logs] != group.committed:
            yield f"10: {topic} is committed up to {group.committed} only"


def refusals_are_explained(judging: Judging) -> Iterator[str]:
    """11: a refused login has one finding that failed, the last; an asserted one has none."""
    codes = {a.outcome.request: a.code for a in judging.answers}
    for row in judging.rows:
        failed = [finding for finding in row.findings if not finding.passed]
        refused = codes.get(row.request) is not None
        if row.request in codes and (
            len(failed) != int(refused) or failed != [row.findings[-1]][:refused]
        ):
            yield f"11: {len(failed)} reasons for the end of {row.request_id}"


RULES: Final = (
    one_outcome,
    every_request_is_answered,
    accepted_once,
    in_time,
    cancellations_stand,
    assertions_hold,
    none_after_withdrawal,
    nothing_declared_late,
    nothing_asserted_late,
    every_input_ends,
    everything_is_sent,
    all_is_read,
    refusals_are_explained,
)
