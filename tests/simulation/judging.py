"""A history that has ended, as its judges see it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, TypeVar

from schemas import codec, jose
from schemas.codec import Record
from schemas.message import Message
from schemas.messages import Outcome, Refused
from schemas.refusals import RefusalCode
from schemas.topics import OUTCOMES
from tests.simulation.actors import Sent
from tests.simulation.running import Published, Run

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


@lru_cache(maxsize=512)
def read(text: str, model: type[M]) -> M:
    """A message that a role signed: what is on the topics is read several times."""
    return codec.unverified(text, model)


def answer_of(published: Published) -> Answer:
    record = published.record
    outcome = read(record.value.decode(), Outcome)
    return Answer(published, outcome, record.topic.removeprefix(f"{OUTCOMES.name}."))


def rows_of(run: Run) -> list[Any]:
    model = run.cast.roles["duin"].row
    return [model.model_validate_json(r.body) for r in run.makelaar.ledger.rows.values()]


def claims_of(text: str) -> Any:
    return json.loads(jose.decode_base64url(text.split(".")[1]))
