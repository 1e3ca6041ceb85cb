"""Redriving: a dead letter is published once more, as it was, and only once.

    <topic>.dlq --letters--> redrive --the records as they were--> <topic>
                                     --begun, done--> herken.redrives

A dead letter stays where it is until its retention ends. Which ones were redriven is on a topic of
the operator's own, `herken.redrives`: one partition, made at the first redrive, kept twice as long
as a dead letter. Its records have no headers; their key is the letter's place.

A redrive first writes `begun` for all that it wants, then reads that topic: whose `begun` came
first has the letter. Only then it publishes, and writes `done` when Kafka has it. So two redrives
at once share the letters, and one that is killed leaves some `unfinished`: published or not, nobody
knows. Only `--unfinished` takes those; a role that so gets a message twice handles it once.

Why not otherwise: Kafka deletes records from the beginning of a topic only, and forgets a group's
offsets before a dead letter. The marker that ends a transaction would count as lag on the role's
topic, and a transaction that is left open would halt the role.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import groupby
from uuid import uuid4

from aiokafka import AIOKafkaProducer, ConsumerRecord
from aiokafka.errors import KafkaError

from herken.kafka import administration, read
from herken.letters import Letter, exhumed, letter_of
from pipeline.errors import HerkenError
from pipeline.kafka import started
from sandbox.topology import TopicPlan, create
from schemas.codec import Record
from schemas.topics import DLQ_MAX_BYTES, DLQ_RETENTION_MS

REDRIVES = TopicPlan("herken.redrives", 1, 2 * DLQ_RETENTION_MS)
BEGUN, AGAIN, DONE = "begun", "again", "done"
_AT_ONCE = 200


@dataclass(frozen=True)
class Taken:
    """Which redrive has a letter, and whether it is done."""

    redrive: str
    done: bool = False


async def letters(servers: str, names: list[str]) -> list[Letter]:
    """What is on dead-letter topics, in order of topic, partition and offset."""
    taken = await _taken(servers)
    found = await read(servers, names, letter_of)
    in_order = sorted(found, key=lambda letter: (letter.topic, letter.partition, letter.offset))
    return [replace(letter, redriven=_state(taken.get(letter.place))) for letter in in_order]


def _state(taken: Taken | None) -> str:
    if taken is None:
        return "no"
    return "yes" if taken.done else "unfinished"


async def redrive(servers: str, chosen: Sequence[Letter], *, unfinished: bool) -> int:
    """Redrive letters of one topic; returns how many. `unfinished`: also those that another
    redrive has begun and not done.

    Raises ServerUnreachable; HerkenError where Kafka did not take everything.
    """
    if not chosen:
        return 0
    await create(servers, [REDRIVES], await _copies(servers, chosen[0].topic))
    producer = AIOKafkaProducer(
        bootstrap_servers=servers,
        acks="all",
        enable_idempotence=True,
        max_request_size=DLQ_MAX_BYTES,
    )
    async with started(servers, producer):
        try:
            return await _Redrive(servers, producer, uuid4().hex).run(chosen, unfinished=unfinished)
        except KafkaError as error:
            raise HerkenError(
                f"Kafka did not take everything ({type(error).__name__}): `herken dlq list` shows "
                "what is unfinished, `herken dlq redrive --unfinished` redrives it"
            ) from None


@dataclass(frozen=True)
class _Redrive:
    """One redrive, and its name among others."""

    servers: str
    producer: AIOKafkaProducer
    name: str

    async def run(self, chosen: Sequence[Letter], *, unfinished: bool) -> int:
        await self._mark(chosen, AGAIN if unfinished else BEGUN)
        taken = await _marks(self.servers)
        mine = [letter for letter in chosen if taken[letter.place] == Taken(self.name)]
        in_order = sorted(mine, key=lambda letter: (letter.partition, letter.offset))
        return sum([await self._publish(some) for some in _portions(in_order)])

    async def _publish(self, some: Sequence[Letter]) -> int:
        """Publish letters of one partition, then mark them: those that are there still."""
        wanted = {letter.offset: letter for letter in some}
        first, last = some[0], some[-1]
        span = (first.partition, first.offset, last.offset)
        raws = await read(
            self.servers, [first.topic], lambda raw: raw if raw.offset in wanted else None, span
        )
        dead = {raw.offset: exhumed(raw) for raw in raws}
        await self._send([letter.record for letter in dead.values() if letter is not None])
        await self._mark([wanted[offset] for offset in dead], DONE)
        return len(dead)

    async def _mark(self, some: Sequence[Letter], state: str) -> None:
        value = json.dumps({"redrive": self.name, "state": state}).encode()
        await self._send([Record(REDRIVES.name, one.place.encode(), value) for one in some])

    async def _send(self, records: Sequence[Record]) -> None:
        futures = [
            await self.producer.send(one.topic, one.value, one.key, headers=list(one.headers))
            for one in records
        ]
        await asyncio.gather(*futures)


def _portions(some: Sequence[Letter]) -> Iterator[list[Letter]]:
    """Of one partition each, and not too many at once."""
    for _, group in groupby(some, key=lambda letter: letter.partition):
        rest = list(group)
        while rest:
            yield rest[:_AT_ONCE]
            rest = rest[_AT_ONCE:]


# --- the operator's topic


async def _taken(servers: str) -> dict[str, Taken]:
    """Who has which letter, by the letters' places."""
    async with administration(servers) as kafka:
        is_there = REDRIVES.name in await kafka.list_topics()
    return await _marks(servers) if is_there else {}


async def _marks(servers: str) -> dict[str, Taken]:
    """The first that began a letter has it, until another one takes it on."""
    found: dict[str, Taken] = {}
    for place, name, state in await read(servers, [REDRIVES.name], _mark_in):
        held = found.get(place)
        if held is None or (state == AGAIN and not held.done):
            found[place] = Taken(name)
        elif state == DONE:
            found[place] = replace(held, done=True)
    return found


def _mark_in(raw: ConsumerRecord) -> tuple[str, str, str] | None:
    """What a record of ours says; nothing, where it is none of ours."""
    with suppress(KeyError, ValueError, TypeError, AttributeError):
        mark = json.loads(raw.value)
        return raw.key.decode(), mark["redrive"], mark["state"]
    return None


async def _copies(servers: str, name: str) -> int:
    """How many brokers have a topic."""
    async with administration(servers) as kafka:
        described = {topic["topic"]: topic["partitions"] for topic in await kafka.describe_topics()}
    return len(described[name][0]["replicas"])
