"""A batch through a stage's pure function, message by message.

Two messages of one login fold: the second is handled with the row that the first left. What was
claimed by an earlier message of the batch is taken for a later one. What the batch leads to is
signed at its end, all of it together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from pipeline.ledger import Handled, Row, Writes
from pipeline.shedding import UNHINDERED, Wait
from pipeline.stage import Key, Moment, Outgoing, RoleStages, Stage, Step
from schemas.codec import Faulty, Received, Record

Encode = Callable[[Mapping[UUID, Sequence[Outgoing]]], Mapping[UUID, Sequence[Record]]]
"""The records of what each input led to: all of a batch in one call."""


@dataclass(frozen=True)
class Item:
    """A record that was read and verified, how long it waited, and what the role's tables say about
    it."""

    record: Record
    found: Received[Any] | Faulty
    fact: Any = None
    wait: Wait = UNHINDERED

    @property
    def whole(self) -> Received[Any] | None:
        """What the role's tables are asked about: not what is wrong, or refused."""
        return None if isinstance(self.found, Faulty) or self.wait.is_refused else self.found

    @property
    def request_id(self) -> UUID:
        found = self.found
        return found.request_id if isinstance(found, Faulty) else found.message.request_id


@dataclass
class Fold:
    """The rows as they are while a batch is handled, and all that it led to so far.

    sent       what each input led to, not signed yet: `sign` makes it part of what is written
    positions  where each input stood
    """

    role: RoleStages[Any]
    encode: Encode
    rows: dict[UUID, Row]
    taken: frozenset[str] = frozenset()
    sent: dict[UUID, Sequence[Outgoing]] = field(default_factory=dict)
    positions: dict[UUID, str | None] = field(default_factory=dict)
    writes: Writes = field(default_factory=Writes)
    rejected: list[tuple[Record, str]] = field(default_factory=list)
    repeats: list[UUID] = field(default_factory=list)

    def handle(self, stage: Stage, item: Item, moment: Moment) -> None:
        """Handle one message; the same bytes a second time in one batch are nothing new."""
        if item.found.id in self.sent:
            return
        step = self._step(stage, item, moment)
        if step.reject is not None:
            self.rejected.append((item.record, step.reject))
            return
        self.take(item.found.id, item.request_id, step, item.record.position)

    def _step(self, stage: Stage, item: Item, moment: Moment) -> Step[Any]:
        row = self.row(item.request_id)
        if not isinstance(item.found, Faulty):
            busy = stage.busy if item.wait.is_refused else None
            return (busy or stage.handle)(row, item.found, item.fact, moment)
        if stage.faulty is None:
            return Step(reject=item.found.code)
        return stage.faulty(row, item.found, item.fact, moment)

    def row(self, request_id: UUID) -> Any:
        row = self.rows.get(request_id)
        return None if row is None else self.role.row.model_validate_json(row.body)

    def take(
        self, input_id: UUID, request_id: UUID, step: Step[Any], position: str | None = None
    ) -> None:
        """Take a step's effects up into the batch. `position`: where its input stands."""
        while any(each in self.taken or each in self.writes.claims for each in step.claims):
            step = step.lost() if step.lost else Step()
        if step.row is not None:
            self._store(request_id, step)
        if step.repeat is not None:
            self.repeats.append(step.repeat)
        self.writes.claims.update(dict.fromkeys(step.claims, input_id))
        self.writes.changes.extend(step.changes)
        for thing, revision in step.relies_on.items():
            self._rely_on(thing, revision)
        self.sent[input_id], self.positions[input_id] = step.send, position

    def writes_all_of(self, items: Sequence[Item]) -> bool:
        """Whether a row is written for each of these: only then is the row looked at, that it is
        still what it was taken for."""
        settled = not self.rejected and not self.repeats
        return settled and all(item.request_id in self.writes.rows for item in items)

    def sign(self) -> None:
        """Make records of all that is to be sent, once every message of the batch is handled."""
        for input_id, records in self.encode(self.sent).items():
            self.writes.handled[input_id] = Handled(records, self.positions[input_id])

    def _rely_on(self, thing: Key, revision: int) -> None:
        """Read twice in one batch, and changed in between: the older one does not hold."""
        before = self.writes.relied_on.get(thing, revision)
        self.writes.relied_on[thing] = min(before, revision)

    def _store(self, request_id: UUID, step: Step[Any]) -> None:
        version = self.rows[request_id].version if request_id in self.rows else 0
        written = self.writes.rows.get(request_id)
        next_version = written.version if written else version + 1
        row = Row(request_id, next_version, step.row.model_dump_json(), step.due_at)  # type: ignore[union-attr]
        self.rows[request_id] = self.writes.rows[request_id] = row

    @property
    def outputs(self) -> list[Record]:
        return [record for each in self.writes.handled.values() for record in each.outputs]
