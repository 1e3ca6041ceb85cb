"""Plays a row: two logins beside each other, with the bad message in one of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from schemas.codec import Record
from schemas.topics import OUTCOMES
from tests.integration.bad_input.rows import Fate, Moment, Row
from tests.support.forge import Login, Place, Token
from tests.support.relay import Read, Relay, keys_of


async def play(relay: Relay, row: Row) -> Fate:
    """What becomes of a row's bad message, and of the logins around it."""
    relay.clear()
    browsers = [await relay.browser(row.login) for _ in range(2)]
    own = relay.begin(row.login, browsers[0])
    if row.moment is Moment.LATER:
        await relay.settle()
    other = relay.begin(row.login, browsers[1])
    put = _Put(relay, row, relay.logins[own], relay.logins[other])
    try:
        await relay.settle(put)
    except TimeoutError:
        return Fate(login="stalled")
    if put.bad is None:
        raise LookupError(f"no message came by on {row.at.name}: the row was not played")
    return _Seen(relay, row, put.bad, own, other).fate()


class _Put:
    """Puts the bad message where its row says."""

    def __init__(self, relay: Relay, row: Row, own: Login, other: Login) -> None:
        self._relay, self._row, self._own, self._other = relay, row, own, other
        self.bad: Record | None = None

    def __call__(self, batch: list[Record]) -> Sequence[list[Record]]:
        beside = self._other if self._row.moment is Moment.LATER else self._own
        is_there = batch[0].topic.startswith(f"{self._row.at.name}.")
        if self.bad is not None or not is_there or not any(r in beside.records for r in batch):
            return [batch]
        good = self._own.record(self._row.at)
        place = Place(self._relay.world, good, self._own, self._other)
        self.bad = replace(self._row.forge(place), position="0:0")
        return self._arranged(good, batch)

    def _arranged(self, good: Record, batch: list[Record]) -> Sequence[list[Record]]:
        """The other login's message is first or last, so that the bad one is in the middle."""
        bad, rest = [self.bad], [record for record in batch if record != good]
        if bad[0].topic != good.topic:  # type: ignore[union-attr]
            return [bad, batch] if self._row.moment is Moment.BEFORE else [batch, bad]  # type: ignore[list-item]
        arranged = {
            Moment.BEFORE: [*rest, *bad, good],
            Moment.AFTER: [good, *bad, *rest],
            Moment.INSTEAD: [*rest, *bad],
            Moment.LATER: [*bad, *rest],
        }
        return [arranged[self._row.moment]]  # type: ignore[list-item]


@dataclass(frozen=True)
class _Seen:
    """What was seen of a row that was played."""

    relay: Relay
    row: Row
    bad: Record
    own: UUID
    other: UUID

    def fate(self) -> Fate:
        theirs = [read for read in self._reads() if self._answers_bad(read)]
        own = [read for read in self._reads(self.own) if read not in theirs]
        if not own:  # the bad one was taken for the login's own request
            own, theirs = theirs, []
        verdict = _verdict(own)
        as_usual = verdict == self.row.login.usual
        return Fate(
            dead=self._reason(),
            told=_verdict(theirs) if theirs else None,
            login="" if as_usual else verdict,
            by="" if as_usual or not own else _ended_by(own[0]),
            other=self._others(),
            repeated=len(own) > len({read.record.value for read in own}),
            asked=self._prompts(self.own) - self._prompts(self.other),
            lost=tuple(d.reason for d in self.relay.dead if not _is_same(d.record, self.bad)),
        )

    def _reads(self, request_id: UUID | None = None) -> list[Read]:
        keys = keys_of(request_id) if request_id else ()
        return [r for r in self.relay.read if request_id is None or r.record.key in keys]

    def _answers_bad(self, read: Read) -> bool:
        if _is_same(read.record, self.bad) or _data(read).get("request") == self._text:
            return True
        return read.record.key == self.bad.key not in (*keys_of(self.own), *keys_of(self.other))

    @property
    def _text(self) -> str:
        return self.bad.value.decode(errors="replace")

    def _reason(self) -> str | None:
        """Why the bad message is a dead letter, with all its bytes as they were sent."""
        found = [d.reason for d in self.relay.dead if _is_same(d.record, self.bad)]
        return ", ".join(found) or None

    def _others(self) -> str:
        verdict = _verdict(self._reads(self.other))
        return "" if verdict == self.row.login.usual else verdict

    def _prompts(self, request_id: UUID) -> int:
        return len([r for r in self.relay.prompts if r.key == str(request_id).encode()])


def _is_same(one: Record, other: Record) -> bool:
    return replace(one, position="") == replace(other, position="")


def _verdict(reads: list[Read]) -> str:
    """What came of a login: one outcome, none, or several that differ."""
    different = {read.record.value: read.verdict for read in reads}
    return " and ".join(different.values()) or "nothing"


def _data(read: Read) -> dict[str, object]:
    return dict(Token.read(read.record.value.decode()).claims["data"])


def _ended_by(read: Read) -> str:
    """The topic of the message that ended the login; that of outcomes where the dienstverlener
    does not believe the assertion."""
    result = _data(read).get("result")
    is_asserted = isinstance(result, dict) and result["status"] == "assertion"
    return OUTCOMES.name if is_asserted and "assertion" not in read.verdict else read.cause
