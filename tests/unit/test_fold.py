"""A batch through a stage's pure function, with a stage that counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from pydantic import BaseModel

from pipeline.fold import Fold, Item
from pipeline.ledger import Handled, Row
from pipeline.stage import Connection, Moment, Outgoing, RoleStages, Stage, Step
from schemas.codec import Faulty, Received, Record
from schemas.messages import Cancellation
from schemas.topics import CANCELLATIONS
from tests.unit.builders import NOW, REQUEST, fault, moment, world

OTHER = UUID(int=99)
LATER = NOW + timedelta(minutes=1)
LIFE = frozenset({"once"})


class Count(BaseModel):
    """How often something was said in a login."""

    times: int


Count_ = Count | None
Says = Callable[[Count_, Received[Any], Any, Moment], Step[Count]]


def cancellation(request_id: UUID = REQUEST) -> Cancellation:
    return Cancellation(request_id=request_id)


def out(times: int) -> Outgoing:
    return Outgoing(CANCELLATIONS, world().named("duin"), cancellation(UUID(int=times)))


def counting(row: Count_, _: Received[Any], __: Any, ___: Moment) -> Step[Count]:
    times = row.times + 1 if row else 1
    return Step(Count(times=times), due_at=LATER, send=[out(times)])


def always(step: Step[Any]) -> Says:
    return lambda *_: step


def stage(handle: Says = counting, **changes: Any) -> Stage:
    return Stage(CANCELLATIONS, handle, **changes)


def encode(sent: Any) -> dict[UUID, list[Record]]:
    """Records that say what they come from."""
    return {id_: [_said(id_, o.message.request_id) for o in some] for id_, some in sent.items()}


def _said(input_id: UUID, request_id: UUID) -> Record:
    return Record("t", b"", f"{input_id.int}>{request_id.int}".encode())


def item(number: int, request_id: UUID = REQUEST, fact: Any = None) -> Item:
    """The message with this number as its ID."""
    found = Received(cancellation(request_id), world().named("haven"), UUID(int=number), "")
    return Item(Record("t", b"", str(number).encode()), found, fact)


def faulty_item(number: int = 1) -> Item:
    return Item(Record("t", b"", b"faulty"), fault("expired", "haven", id=UUID(int=number)))


def fold(*rows: Row, **changes: Any) -> Fold:
    role = RoleStages(Count, lambda: None, [stage()])
    return Fold(role, encode, {row.request_id: row for row in rows}, **changes)


def row(times: int, version: int = 4, request_id: UUID = REQUEST) -> Row:
    return Row(request_id, version, Count(times=times).model_dump_json(), None)


def folded(*items: Item, says: Says = counting, into: Fold | None = None) -> Fold:
    found = into or fold()
    for one in items:
        found.handle(stage(says), one, moment())
    found.sign()
    return found


def texts(found: Fold) -> list[str]:
    return [record.value.decode() for record in found.outputs]


# --- rows


def test_first_message_of_a_login_makes_its_row() -> None:
    found = folded(item(1))
    assert found.writes.rows == {REQUEST: Row(REQUEST, 1, '{"times":1}', LATER)}
    assert texts(found) == ["1>1"]


def test_two_messages_of_one_login_fold() -> None:
    found = folded(item(1), item(2), into=fold(row(7)))
    assert found.writes.rows == {REQUEST: Row(REQUEST, 5, '{"times":9}', LATER)}
    assert texts(found) == ["1>8", "2>9"]
    assert found.writes.handled.keys() == {UUID(int=1), UUID(int=2)}


def test_messages_of_two_logins_do_not_meet() -> None:
    found = folded(item(1), item(2, OTHER), into=fold(row(7), row(3, 1, OTHER)))
    assert found.writes.rows == {
        REQUEST: Row(REQUEST, 5, '{"times":8}', LATER),
        OTHER: Row(OTHER, 2, '{"times":4}', LATER),
    }


def test_row_stays_when_a_step_leaves_it() -> None:
    found = folded(item(1), says=always(Step(send=[out(5)])), into=fold(row(7)))
    assert found.writes.rows == {}
    assert texts(found) == ["1>5"]


def test_row_is_read_as_the_model_of_the_role() -> None:
    assert fold(row(7)).row(REQUEST) == Count(times=7)
    assert fold().row(REQUEST) is None


# --- the same bytes


def test_same_bytes_are_handled_once_in_a_batch() -> None:
    found = folded(item(1), item(1), item(2), item(1))
    assert found.writes.rows[REQUEST].body == '{"times":2}'
    assert texts(found) == ["1>1", "2>2"]


def test_step_is_noted_though_it_sends_nothing() -> None:
    found = folded(item(1), says=always(Step()))
    assert found.writes.handled == {UUID(int=1): Handled([], "")}


def test_all_that_a_batch_leads_to_is_encoded_once_at_its_end() -> None:
    calls: list[list[int]] = []

    def encode_(sent: Any) -> dict[UUID, list[Record]]:
        calls.append([id_.int for id_ in sent])
        return encode(sent)

    found = replace(fold(), encode=encode_)
    for number in (1, 2):
        found.handle(stage(), item(number), moment())
        assert (calls, found.writes.handled, found.outputs) == ([], {}, [])
    found.sign()
    assert calls == [[1, 2]]
    assert texts(found) == ["1>1", "2>2"]


# --- claims


def claiming(lost: Step[Count] | None = None) -> Says:
    def handle(row: Count_, *_: Any) -> Step[Count]:
        step = counting(row, *_)
        return Step(step.row, send=step.send, claims=LIFE, lost=(lambda: lost) if lost else None)

    return handle


def test_claim_is_noted_with_the_message_that_made_it() -> None:
    assert folded(item(3), says=claiming()).writes.claims == {"once": UUID(int=3)}


@pytest.mark.parametrize("lost", [Step(Count(times=0), send=[out(0)]), None])
def test_claim_is_lost_to_an_earlier_message_of_the_batch(lost: Step[Count] | None) -> None:
    found = folded(item(1), item(2, OTHER), says=claiming(lost))
    assert found.writes.claims == {"once": UUID(int=1)}
    assert texts(found) == (["1>1", "2>0"] if lost else ["1>1"])
    assert (OTHER in found.writes.rows) is (lost is not None)
    assert UUID(int=2) in found.writes.handled


def test_claim_is_lost_to_another_worker() -> None:
    lost = Step(Count(times=0), send=[out(0)])
    found = folded(item(1), says=claiming(lost), into=fold(taken=LIFE))
    assert (texts(found), found.writes.claims) == (["1>0"], {})


def test_other_claims_are_no_reason_to_lose() -> None:
    found = folded(item(1), says=claiming(), into=fold(taken=frozenset({"another"})))
    assert found.writes.claims == {"once": UUID(int=1)}


def test_step_that_was_lost_can_be_lost_too() -> None:
    last = Step(Count(times=0), send=[out(0)])
    second = Step(Count(times=1), claims=frozenset({"twice"}), lost=lambda: last)
    first: Step[Count] = Step(claims=LIFE, lost=lambda: second)
    assert texts(folded(item(1), says=always(first), into=fold(taken=LIFE | {"twice"}))) == ["1>0"]
    found = folded(item(1), says=always(first), into=fold(taken=LIFE))
    assert found.writes.claims == {"twice": UUID(int=1)}


# --- changes, repeats, rejections


async def _no_change(_: Connection) -> None:
    return None


def test_changes_are_gathered_in_order() -> None:
    other = always(Step(changes=[_no_change, _no_change]))
    found = folded(item(1), item(2), says=other)
    assert found.writes.changes == [_no_change] * 4


@pytest.mark.parametrize("order", [(3, 4), (4, 3)])
def test_older_revision_is_relied_on_when_two_messages_read_another(
    order: tuple[int, int],
) -> None:
    """So that the whole batch is handled again: one of the two was decided by what is no more."""

    def says(_: Any, received: Received[Any], __: Any, ___: Moment) -> Step[Any]:
        return Step(relies_on={"thing": order[received.id.int - 1], "other": 1})

    found = folded(item(1), item(2, OTHER), says=says)
    assert found.writes.relied_on == {"thing": 3, "other": 1}


def test_repeat_is_noted_beside_what_is_new() -> None:
    found = folded(item(1), says=always(Step(repeat=OTHER)), into=fold(row(7)))
    assert (found.repeats, found.outputs, found.writes.rows) == ([OTHER], [], {})
    assert folded(item(1)).repeats == []


def test_rejected_message_changes_nothing() -> None:
    effects = Step(Count(times=9), send=[out(9)], claims=LIFE, repeat=OTHER, changes=[_no_change])
    rejecting = Step(
        effects.row,
        send=effects.send,
        claims=LIFE,
        repeat=OTHER,
        changes=[_no_change],
        reject="not_asked",
    )
    found = folded(item(1), says=always(rejecting), into=fold(row(7)))
    assert found.rejected == [(item(1).record, "not_asked")]
    assert (found.writes.rows, found.writes.handled, found.writes.claims) == ({}, {}, {})
    assert (found.writes.changes, found.repeats, found.outputs) == ([], [], [])
    assert found.row(REQUEST) == Count(times=7)


def test_handler_gets_row_fact_and_moment() -> None:
    seen: list[tuple[Any, ...]] = []

    def handle(*given: Any) -> Step[Count]:
        seen.append(given)
        return Step()

    one = item(1, fact="fact")
    folded(one, says=handle, into=fold(row(7)))
    assert seen == [(Count(times=7), one.found, "fact", moment())]


# --- what is faulty


def test_faulty_message_is_rejected_for_what_is_wrong_unless_somebody_answers_it() -> None:
    found = folded(faulty_item())
    assert found.rejected == [(faulty_item().record, "expired")]


def test_faulty_message_is_answered_where_the_stage_does() -> None:
    def answer(row: Count_, found: Faulty, _: Any, __: Moment) -> Step[Count]:
        assert found.code == "expired"
        return Step(Count(times=row.times + 10) if row else None, send=[out(1)])

    found = fold(row(7))
    found.handle(stage(faulty=answer), faulty_item(), moment())
    found.sign()
    assert found.writes.rows[REQUEST].body == '{"times":17}'
    assert texts(found) == ["1>1"]


# --- what a guess needs


def rejecting(step: Step[Any]) -> Says:
    return lambda row, *_: counting(row, *_) if row is None else step


@pytest.mark.parametrize(
    ("says", "whole"),
    [
        (counting, True),
        (rejecting(Step(reject="late")), False),
        (rejecting(Step(repeat=UUID(int=1))), False),
        (always(Step(send=[out(1)])), False),
        (always(Step()), False),
    ],
)
def test_all_is_written_only_where_each_message_leads_to_a_row(says: Says, whole: bool) -> None:
    items = [item(1), item(2), item(3, OTHER)]
    assert folded(*items, says=says).writes_all_of(items) is whole
