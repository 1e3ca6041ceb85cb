"""The one runner: a batch of records in, a batch of records out, everything between stored.

Decode and verify each message by itself; load rows and facts in one query each; fold; sign all that
comes of it together; write in one transaction; return what to publish. Whoever calls it publishes
that and then commits the offsets, last. A crash anywhere leads to redelivery, and a redelivery to
the same bytes.
"""

from __future__ import annotations

import asyncio
import math
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Any
from uuid import UUID

import structlog

from pipeline import dead_letters
from pipeline.errors import BAD_DATA, CRASH, RETRIABLE
from pipeline.fold import Fold, Item
from pipeline.keys import Keys, utc_now
from pipeline.ledger import Conflict, Handled, Known, Ledger, Row, Session, WrongGuess
from pipeline.recent import Recent
from pipeline.shedding import UNHINDERED, Shedding, Wait
from pipeline.stage import Batch, HandleDue, Moment, Outgoing, RoleStages, Stage
from schemas import codec
from schemas.codec import Record, Untrusted
from schemas.directory import Directory

log = structlog.get_logger()

Dead = tuple[Record, str]
Settled = tuple[list[Record], list[Dead]]
"""What to publish, and what could not be handled, each with its reason."""

_FIRST_WAIT_SECONDS, _LONGEST_WAIT_SECONDS = 0.1, 5.0
_CONFIRMED_WITHIN = timedelta(seconds=5)
_PRUNED_AT_ONCE = 1000


class Runner:
    """Runs the stages of one participant. `busy_after`: seconds that a message may wait longer than
    others before a stage refuses it, where it can."""

    def __init__(
        self,
        role: RoleStages[Any],
        keys: Keys,
        ledger: Ledger,
        clock: Callable[[], datetime] = utc_now,
        busy_after: float = math.inf,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._role, self._keys, self._ledger, self._clock = role, keys, ledger, clock
        self._monotonic = monotonic
        self._shedding, self._recent = Shedding(busy_after), Recent()

    async def process(self, stage: Stage, records: Sequence[Record]) -> list[Record]:
        """Handle a batch, and return what it leads to: messages and dead letters."""
        items, dead = self._decode(stage, records)
        outputs, more_dead = await self._settle(stage, items)
        return outputs + [self._bury(record, reason) for record, reason in dead + more_dead]

    # --- reading

    def _decode(self, stage: Stage, records: Sequence[Record]) -> tuple[list[Item], list[Dead]]:
        directory, me = self._keys.directory, self._keys.me
        items, dead = list[Item](), list[Dead]()
        for record, wait in zip(records, self._waits(stage, records), strict=True):
            try:
                found = codec.decode(record, stage.topic, me, directory, self._clock())
                items.append(Item(record, found, wait=wait))
            except Untrusted as untrusted:
                dead.append((record, untrusted.reason))
        return items, dead

    def _waits(self, stage: Stage, records: Sequence[Record]) -> Sequence[Wait]:
        """How long each waited: of all stages, though not all refuse what waited too long."""
        waits = self._shedding.look(records, self._monotonic())
        return waits if stage.busy is not None else [UNHINDERED] * len(records)

    # --- handling

    async def _settle(self, stage: Stage, items: list[Item]) -> Settled:
        """Settle a batch; where it fails for what one message holds, settle each by itself."""
        if not items:
            return [], []
        try:
            return await self._retrying(stage, items)
        except CRASH:
            raise
        except Exception as error:
            if len(items) == 1:
                return [], [(items[0].record, self._reason(stage, items[0], error))]
        settled = [await self._settle(stage, [item]) for item in items]
        return [r for out, _ in settled for r in out], [d for _, dead in settled for d in dead]

    def _reason(self, stage: Stage, item: Item, error: Exception) -> str:
        reason = "data_refused" if isinstance(error, BAD_DATA) else "handler_failed"
        log.error(
            "message_not_handled",
            topic=stage.topic.name,
            request_id=str(item.request_id),
            reason=reason,
            error=type(error).__name__,
            where=_innermost(error),
        )
        return reason

    async def _retrying(self, stage: Stage, items: list[Item]) -> Settled:
        """Try until the servers answer, waiting longer each time; at once after a conflict."""
        wait, taken = _FIRST_WAIT_SECONDS, frozenset[str]()
        guess = self._recent.guess(stage, {item.request_id for item in items}, self._clock())
        while True:
            try:
                return await self._attempt(stage, items, taken, guess)
            except WrongGuess:
                self._recent.was_wrong(stage)
            except Conflict as conflict:
                taken |= conflict.taken
            except RETRIABLE as error:
                log.warning("retry", topic=stage.topic.name, error=type(error).__name__, wait=wait)
                await asyncio.sleep(wait)
                wait = min(2 * wait, _LONGEST_WAIT_SECONDS)
            guess = None

    async def _attempt(
        self, stage: Stage, items: list[Item], taken: frozenset[str], guess: Known | None
    ) -> Settled:
        """`guess`: what seems to be known; None: it is asked for. Raises Conflict."""
        async with self._ledger.session() as session:
            before = guess or await _known(session, items)
            fresh = [item for item in items if item.found.id not in before.handled]
            fold = Fold(self._role, self._encode, before.rows, taken)
            for item in await self._with_facts(stage, session, fresh, fold):
                fold.handle(stage, item, self._moment(item.found.id, item))
            if guess and not fold.writes_all_of(items):
                raise WrongGuess
            fold.sign()
            if fold.writes.handled:
                await session.store(fold.writes, self._role.kept, guess is not None)
            self._recent.note(fold.writes.rows.values(), self._clock())
            _log_handled(stage, fresh, fold)
            repeated = await session.handled(fold.repeats) if fold.repeats else {}
        again = [*_redelivered(items, before.handled), *repeated.values()]
        return [record for each in again for record in each.outputs] + fold.outputs, fold.rejected

    async def _with_facts(
        self, stage: Stage, session: Session, items: list[Item], fold: Fold
    ) -> list[Item]:
        """Each item with its fact. What is faulty or refused has none of its own: it gets what is
        known."""
        known = self._role.known()
        whole = [item.whole for item in items if item.whole is not None]
        if stage.facts is None or not whole:
            return [replace(item, fact=known) for item in items]
        batch = Batch(session.connection, whole, fold.row, known, self._clock())
        facts = iter(await stage.facts(batch))
        return [replace(item, fact=next(facts) if item.whole else known) for item in items]

    def _moment(self, input_id: UUID, item: Item | None = None) -> Moment:
        now, nonce = self._clock(), secrets.token_urlsafe(24)
        if item is None:
            return Moment(now, nonce, input_id)
        queued = item.record.queued
        waited = max(0.0, now.timestamp() - queued.stamp) if queued else 0.0
        return Moment(now, nonce, input_id, waited, item.wait.seconds)

    # --- writing

    def _encode(self, sent: Mapping[UUID, Sequence[Outgoing]]) -> dict[UUID, Sequence[Record]]:
        """The records of what each input led to, all by one signature."""
        directory, me = self._keys.directory, self._keys.me
        drafts = [
            _draft(id_, f"{me.name}.{number}", out, directory)
            for id_, some in sent.items()
            for number, out in enumerate(some)
        ]
        if not drafts:
            return dict.fromkeys(sent, ())
        now = self._clock()
        records = iter(codec.encode_all(drafts, self._keys.signer(now), now))
        return {id_: list(islice(records, len(some))) for id_, some in sent.items()}

    def _bury(self, record: Record, reason: str) -> Record:
        log.warning("dead_letter", topic=record.topic, position=record.position, reason=reason)
        return dead_letters.bury(record, reason, self._clock())

    # --- what is due

    async def is_anything_due(self) -> bool:
        """Whether a sweep has anything to do, now."""
        now = self._clock()
        async with self._ledger.session() as session:
            return await session.is_anything_due(now, now - _CONFIRMED_WITHIN)

    async def due(self, limit: int = 200) -> dict[UUID, Sequence[Record]]:
        """Handle the rows whose time has come. The caller publishes, then confirms."""
        if self._role.due is None:
            return {}
        async with self._ledger.session() as session, session.transaction():
            rows = await session.due_rows(self._clock(), limit)
            fold = Fold(self._role, self._encode, {row.request_id: row for row in rows})
            for row in rows:
                self._handle_due(fold, row, self._role.due)
            fold.sign()
            if rows:
                await session.write(fold.writes, unconfirmed=True)
        return {id_: handled.outputs for id_, handled in fold.writes.handled.items()}

    def _handle_due(self, fold: Fold, row: Row, due: HandleDue) -> None:
        input_id = codec.message_id("due", f"{row.request_id}@{row.version}")
        step = due(fold.row(row.request_id), self._role.known(), self._moment(input_id))
        fold.take(input_id, row.request_id, step)

    async def unconfirmed(self) -> dict[UUID, Sequence[Record]]:
        """What an earlier sweep decided, and perhaps never published."""
        before = self._clock() - _CONFIRMED_WITHIN
        async with self._ledger.session() as session:
            return await session.unconfirmed(before, limit=200)

    async def confirm(self, ids: Sequence[UUID]) -> None:
        """Note that these are published."""
        async with self._ledger.session() as session:
            await session.confirm(ids)

    # --- what is old

    async def prune(self, keep: timedelta, keep_claims: timedelta) -> bool:
        """Forget some of what is kept for longer than this; whether there may be more."""
        now = self._clock()
        async with self._ledger.session() as session:
            return await session.prune(now - keep, now - keep_claims, _PRUNED_AT_ONCE)


async def _known(session: Session, items: Sequence[Item]) -> Known:
    ids = [item.found.id for item in items]
    return await session.read(ids, {item.request_id for item in items})


def _draft(input_id: UUID, scope: str, out: Outgoing, directory: Directory) -> codec.Draft:
    """What is to be signed: by itself, where one who may read it asks for that."""
    jti = codec.message_id(scope, str(input_id))
    readers = (out.owner.entity_id, *out.also)
    known = map(directory.participant, readers)
    plain = any(each.plain_signatures for each in known if each is not None)
    return codec.Draft(out.topic.of(out.owner.name), out.message, readers, jti, plain)


def _redelivered(items: Sequence[Item], before: Mapping[UUID, Handled]) -> list[Handled]:
    """Of the inputs that were handled before, those whose outputs may not have been published."""
    known = [(before[item.found.id], item) for item in items if item.found.id in before]
    return [handled for handled, item in known if handled.is_at(item.record.position)]


def _log_handled(stage: Stage, items: list[Item], fold: Fold) -> None:
    for item in items:
        sent = fold.writes.handled.get(item.found.id)
        if sent is not None:
            topics = [record.topic for record in sent.outputs]
            log.info(
                "handled", topic=stage.topic.name, request_id=str(item.request_id), sent=topics
            )


def _innermost(error: BaseException) -> str:
    """Where an error was raised: file and line, nothing of its text, which may be personal."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_name}:{trace.tb_lineno}" if trace else "?"
