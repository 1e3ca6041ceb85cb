"""What has to hold at the end of a history. Each finding begins with the number of the invariant.

Judged by what stands on the topics and in the offsets; the ledgers say only when something was
decided, and by which findings. What has to hold of assertions is in `grants`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from pipeline.shedding import FRESH
from schemas.refusals import RefusalCode
from schemas.topics import AUTHN_REQUESTS, CANCELLATIONS
from tests.simulation.grants import (
    assertions_hold,
    none_after_withdrawal,
    nothing_asserted_late,
    nothing_declared_late,
)
from tests.simulation.judging import Judging, answer_of, claims_of, rows_of
from tests.simulation.lying import BUSY_AFTER
from tests.simulation.plan import Form
from tests.simulation.running import GRACE, Run

NEVER: Final = frozenset({"handler_failed", "data_refused"})
"""Reasons of dead letters that are bugs: no record of a history is made for them."""


def judge(run: Run) -> list[str]:
    """All that does not hold."""
    judging = Judging(run, [answer_of(each) for each in run.outcomes], rows_of(run))
    return [*run.broken, *(found for rule in RULES for found in rule(judging))]


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
        issuer = claims_of(record.value.decode())["iss"]
        if stored and record.key == str(row.request_id).encode() and issuer == row.dienstverlener:
            yield stored.committed_at


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


def busy_after_a_wait(judging: Judging) -> Iterator[str]:
    """12: as busy is refused only what waited, as far as clocks agree, or is said to have."""
    run = judging.run
    asked = {r.value.decode(): r for r in run.topics.of(AUTHN_REQUESTS.of("duin"))[::-1]}
    for each in judging.answers:
        came = asked[each.outcome.request].queued
        said = run.actors.of(each.record.key)
        if each.code is RefusalCode.BUSY and came is not None and not (said and said.busy):
            waited = each.published.at.timestamp() - came.stamp + run.spread.total_seconds()
            if waited < BUSY_AFTER * FRESH:
                yield f"12: {each} came after {waited} s"


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
    busy_after_a_wait,
)
