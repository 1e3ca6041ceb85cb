"""What makelaars ask a registry, about somebody in it at random; how long it takes to answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any
from uuid import uuid4

import asyncpg

from benchmarks.registry_data import Size, id_of, kvk_of_intermediary, principal
from pipeline.runner import Runner
from pipeline.stage import Stage
from pipeline.store import Store
from registry.role import registry
from schemas.codec import Record, unverified
from schemas.messages import Confirmation, Deny, MandateDecision, Obligation
from schemas.sealed import ActingSubject
from schemas.topics import (
    AUTHENTICATION_RESULTS,
    CONFIRMATION_QUERIES,
    CONFIRMATIONS,
    MANDATE_DECISIONS,
    MANDATE_QUERIES,
    Topic,
)
from tests.unit import builders as b

_EVERYBODY = {"audience": (b.DUIN, b.HAVEN, b.KADE)}


def direct(size: Size, random: Random) -> Record:
    """For whom may this person act? By a mandate of his own."""
    return _mandate_query("person", random.randrange(size.people))


def chain(size: Size, random: Random) -> Record:
    """For whom may this person act? As an intermediary's employee."""
    return _mandate_query("employee", random.randrange(size.chains))


def confirmation(size: Size, random: Random) -> Record:
    """Does this link hold? Asked by the permit of another registry."""
    number, request = random.randrange(size.chains), uuid4()
    claim = b.claim(
        link=id_of("link", number),
        principal=principal(number, size),
        intermediary=kvk_of_intermediary(number % size.intermediaries),
    )
    obliged = Obligation(registry=b.KADE, claim=b.sealed_for("kade", claim))
    decision = b.mandate_decision(b.permit(legal=None, obligation=obliged), request_id=request)
    text = b.signed(MANDATE_DECISIONS, "duin", decision, "pier", **_EVERYBODY).value.decode()
    asked = b.confirmation_query(decision=text, request_id=request)
    return b.signed(CONFIRMATION_QUERIES, "kade", asked, "duin", jti=request)


def _mandate_query(kind: str, number: int) -> Record:
    request = uuid4()
    subject = ActingSubject(subject=id_of(f"subject of {kind}", number))
    declared = b.authenticated(acting_subject=b.sealed_for("kade", subject))
    result = b.authentication_result(declared, request_id=request)
    text = b.signed(AUTHENTICATION_RESULTS, "duin", result, "aak", **_EVERYBODY).value.decode()
    asked = b.mandate_query(declaration=text, request_id=request)
    return b.signed(MANDATE_QUERIES, "kade", asked, "duin", jti=request)


Ask = Callable[[Size, Random], Record]
KINDS: dict[str, tuple[Topic, Ask]] = {
    "direct mandate": (MANDATE_QUERIES, direct),
    "chain, first half": (MANDATE_QUERIES, chain),
    "chain, confirmation": (CONFIRMATION_QUERIES, confirmation),
}


@dataclass
class Timings:
    """Of one kind of question to one registry, in seconds."""

    single: list[float] = field(default_factory=list)
    batches: list[float] = field(default_factory=list)


class Asked:
    """A registry that answers, and how long each answer took."""

    def __init__(self, pool: asyncpg.Pool, size: Size) -> None:
        keys = b.world().keys("kade")
        role = registry(keys)
        self.pool, self.size, self._random = pool, size, Random(7)
        self._runner = Runner(role, keys, Store(pool), lambda: b.NOW)
        self._stages = {stage.topic: stage for stage in role.stages}
        self.timings = {kind: Timings() for kind in KINDS}

    async def batch(self, kind: str, count: int) -> float:
        """The seconds that so many questions take together. Raises RuntimeError."""
        topic, ask = KINDS[kind]
        records = [ask(self.size, self._random) for _ in range(count)]
        return await self._timed(self._stages[topic], records)

    async def _timed(self, stage: Stage, records: Sequence[Record]) -> float:
        began = time.perf_counter()
        answers = await self._runner.process(stage, records)
        seconds = time.perf_counter() - began
        if sum(map(_is_granted, answers)) != len(records):
            raise RuntimeError("a registry that has a mandate for everybody refused somebody")
        return seconds

    async def statements(self, kind: str) -> list[tuple[str, Sequence[Any]]]:
        """The reading SQL statements, with their values, by which one question is answered."""
        topic, ask = KINDS[kind]
        seen: list[tuple[str, Sequence[Any]]] = []

        def keep(logged: Any) -> None:
            if logged.query.lstrip().upper().startswith(("SELECT", "WITH")) and logged.args:
                seen.append((logged.query, logged.args))

        async with self.pool.acquire() as connection:
            connection.add_query_logger(keep)
            try:
                only = Runner(
                    registry(b.world().keys("kade")),
                    b.world().keys("kade"),
                    _One(connection),
                    lambda: b.NOW,
                )
                await only.process(self._stages[topic], [ask(self.size, self._random)])
            finally:
                connection.remove_query_logger(keep)
        return seen


class _One(Store):
    """A store with one connection, which is watched."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def connection(self) -> Any:
        return self

    async def __aenter__(self) -> Any:
        return self._connection

    async def __aexit__(self, *error: object) -> None:
        """The connection is its owner's."""


def _is_granted(record: Record) -> bool:
    """Whether it is an answer that lets somebody act; a charge is another thing."""
    kinds = {MANDATE_DECISIONS.of("duin"): MandateDecision, CONFIRMATIONS.of("duin"): Confirmation}
    message = kinds.get(record.topic)
    return bool(message) and not isinstance(unverified(record.value.decode(), message).result, Deny)
