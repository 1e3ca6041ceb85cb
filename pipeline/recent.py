"""Logins as this process left them last, so that Postgres need not be asked for them again at once.

It is a guess: another process may have gone on with a login, and an input may have been handled
before. What is written is written over just what was guessed, or not at all; so a guess that is
wrong costs time and nothing else. Where nothing is written, nothing is guessed.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from pipeline.ledger import Known, Row
from pipeline.stage import Stage

MOST: Final = 2000
"""CHOICE: so many are remembered; of those on their way, the longest ago go first."""
GOOD_FOR: Final = timedelta(seconds=60)
"""CHOICE. Far shorter than a ledger keeps anything: what is forgotten there is not known here."""
DISTRUSTED_BATCHES: Final = 50
"""CHOICE: after a wrong guess, so many batches of its topic are asked for: what was sent twice once
is mostly sent twice again."""


class Recent:
    """The rows of one participant."""

    def __init__(self) -> None:
        self._rows: OrderedDict[UUID, tuple[datetime, Row]] = OrderedDict()
        self._distrusted: Counter[str] = Counter()

    def guess(self, stage: Stage, ids: Iterable[UUID], now: datetime) -> Known | None:
        """The rows of these logins, no input of which was handled before; None: ask. Where logins
        begin, one that is not known here is new."""
        if self._distrusted[stage.topic.name]:
            self._distrusted[stage.topic.name] -= 1
            return None
        found = {id_: self._row(id_, now) for id_ in ids}
        rows = {id_: row for id_, row in found.items() if row is not None}
        return Known({}, rows) if stage.begins or len(rows) == len(found) else None

    def _row(self, id_: UUID, now: datetime) -> Row | None:
        at, row = self._rows.get(id_, (now, None))
        return row if timedelta() <= now - at < GOOD_FOR else None

    def note(self, rows: Iterable[Row], now: datetime) -> None:
        """These were written."""
        for row in rows:
            self._rows[row.request_id] = now, row
            self._rows.move_to_end(row.request_id)
        while len(self._rows) > MOST:
            self._rows.popitem(last=False)

    def was_wrong(self, stage: Stage) -> None:
        self._distrusted[stage.topic.name] = DISTRUSTED_BATCHES
