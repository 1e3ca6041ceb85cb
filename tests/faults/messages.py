"""Messages come twice, late, in another order, all over again, or cannot be read; clocks jump; a
handler has a bug, and what it could not handle is redriven."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import Any, Final

from sandbox.scenario import Expected
from schemas.refusals import RefusalCode
from schemas.topics import DLQ_SUFFIX, MANDATE_DECISIONS, OUTCOMES
from tests.faults import copies, ground
from tests.faults.crew import Worker
from tests.faults.fault import Arena, Fault
from tests.faults.kills import STAGES
from tests.faults.kinds import DIRECT, SECOND_VISIT, Kind
from tests.faults.points import SWEEP, TrappedService, Traps
from tests.faults.verdicts import LATE_BY_SECONDS, MISSED_SECONDS, Allowed

SECONDS: Final = 25.0
"""How long what goes on by itself goes on."""
LONGEST_DELAY_SECONDS: Final = 2.0
JUMP_SECONDS: Final = 60.0
_HELD_SECONDS: Final = 4
_OVERDUE: Final = Kind(
    0,
    DIRECT.login.model_copy(
        update={
            "name": "held back past its deadline",
            "answer_within_seconds": _HELD_SECONDS,
            "expect": Expected(refusal=RefusalCode.DEADLINE_PASSED),
        }
    ),
)


async def duplicates(arena: Arena, seconds: float = SECONDS) -> int:
    """A relay publishes every message of every topic once more."""
    network = arena.crew.network
    names = [name for _, name in copies.every_topic(network.directory)]
    async with copies.Echo(network.servers.kafka, names).going_on() as echo:
        await asyncio.sleep(seconds)
    arena.measured["messages published once more"] = echo.count
    return echo.count


async def reordering(arena: Arena) -> int:
    """Each batch of each stage waits for as long as chance has it: what was sent later on another
    topic is handled sooner."""
    files = [arena.crew.traps(role).delay for role in arena.crew.roles]
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(str(LONGEST_DELAY_SECONDS))
    await asyncio.sleep(SECONDS)
    for file in files:
        file.unlink()
    return 1


async def past_the_deadline(arena: Arena, logins: int = 20) -> int:
    """Nobody reads the provider's topics until the deadlines of these logins are over; then he
    answers, and the makelaar has answered already."""
    held = arena.crew.of("provider")
    for each in held:
        each.send(signal.SIGSTOP)
    for _ in range(logins):
        await arena.people.log_in(_OVERDUE)
    await asyncio.sleep(_HELD_SECONDS + 2)
    for each in held:
        each.send(signal.SIGCONT)
    await asyncio.sleep(3)
    await asyncio.gather(*(arena.crew.ready(each) for each in held))
    return logins


async def replay(arena: Arena) -> int:
    """Every group of every role reads its topic from the oldest message on: what was handled is
    handled no second time, and only outcomes of the same bytes are published."""
    crew, kafka = arena.crew, arena.crew.network.servers.kafka
    groups = list(_groups(arena))
    await asyncio.gather(*(crew.leave(each, signal.SIGTERM) for each in crew.workers))
    await asyncio.gather(
        *(copies.from_the_beginning(kafka, f"{who}.{kind}", topic) for who, kind, topic in groups)
    )
    await crew.start(*crew.workers)
    await _caught_up(arena)
    return len(groups)


def _groups(arena: Arena) -> list[tuple[str, str, str]]:
    """Participant, kind of topic, and topic of each group."""
    stages = [(r, stage) for r in arena.crew.roles for stage in STAGES[r] if stage != SWEEP]
    names = {role: arena.crew.of(role)[0].post.names for role in arena.crew.roles}
    return [(name, stage, f"{stage}.{name}") for role, stage in stages for name in names[role]]


async def _caught_up(arena: Arena) -> None:
    """A login that comes now is handled after all that was there."""
    sent = await arena.people.log_in(DIRECT)
    await arena.people.outcomes.first(sent.request_id, ground.DEADLINE_SECONDS)


async def poison(arena: Arena) -> int:
    """Rubbish on every topic with dead letters: each piece is buried, and the rest goes on."""
    network = arena.crew.network
    kafka = network.servers.kafka
    topics = [
        name
        for kind, name in copies.every_topic(network.directory)
        if kind.has_dlq and kind is not OUTCOMES  # read by dienstverleners, which bury it
    ]
    before = await copies.ends(kafka, [topic + DLQ_SUFFIX for topic in topics])
    count = await copies.poison(kafka, topics)
    lacking = await copies.buried(kafka, topics, before, count)
    arena.found += [f"{topic}: rubbish without a dead letter" for topic in lacking]
    return count * len(topics)


# --- clocks


async def clocks_jump(arena: Arena, jumps: int = 6) -> int:
    """The clocks of half of the workers are a minute ahead, then a minute behind, then right."""
    some = [each for each in arena.crew.workers if each.name.endswith("1")]
    arena.administration.rests = True  # who logs in too late or too early has no answer
    for number in range(jumps):
        wrong_by = (JUMP_SECONDS, -JUMP_SECONDS, 0)[number % 3]
        for each in some:
            each.post.clock.parent.mkdir(parents=True, exist_ok=True)
            each.post.clock.write_text(str(wrong_by))
        await asyncio.sleep(4)
    for each in some:
        each.post.clock.unlink()
    arena.administration.rests = False
    return jumps


# --- a bug, and its dead letters


class Buggy(TrappedService):
    """A makelaar that cannot handle what registries decide."""

    def __init__(self, traps: Traps, name: str, role: Any, *parts: Any) -> None:
        stages = [
            replace(each, handle=_fails) if each.topic is MANDATE_DECISIONS else each
            for each in role.stages
        ]
        super().__init__(traps, name, replace(role, stages=stages), *parts)


def _fails(*_: object) -> Any:
    raise LookupError("a bug")


@asynccontextmanager
async def _with_bug(arena: Arena, workers: Sequence[Worker]) -> AsyncIterator[None]:
    """They have the bug for the block."""
    for service in (Buggy, None):
        for each in workers:
            await arena.crew.leave(each, signal.SIGTERM)
            arena.crew.posted(each, service=service)
        await arena.crew.start(*workers)
        if service is not None:
            yield


async def redriven(arena: Arena, logins: int = 5) -> int:
    """A bug makes dead letters; it is mended, and they are redriven. Whose deadline allows it gets
    what he asked for; the others were refused, and get no second outcome."""
    network = arena.crew.network
    topic = MANDATE_DECISIONS.of(ground.MAKELAAR)
    mine = set()
    coming = copies.coming(network.servers.kafka, topic + DLQ_SUFFIX)
    async with coming as keys, _with_bug(arena, arena.crew.of("makelaar")):
        for _ in range(logins):
            for kind in (DIRECT, _OVERDUE):
                mine.add(str((await arena.people.log_in(kind)).request_id))
        await asyncio.sleep(_HELD_SECONDS + 2)
    arena.buggy.update(keys)  # managers log in to administer meanwhile
    if not mine <= keys:
        arena.found.append(f"{len(mine & keys)} dead letters of {len(mine)}")
    await _redrive(arena, topic)
    return len(mine)


async def _redrive(arena: Arena, topic: str) -> None:
    """As an operator does."""
    command = [sys.executable, "-m", "herken", "dlq", "redrive", topic, "--yes"]
    environment = {**os.environ, **arena.crew.network.environment}
    process = await asyncio.create_subprocess_exec(
        *command, env=environment, stdout=asyncio.subprocess.DEVNULL
    )
    if await process.wait() != 0:
        arena.found.append(f"herken dlq redrive ended with {process.returncode}")


_LATE = Allowed(
    frozenset({RefusalCode.DEADLINE_PASSED}),
    share=0.3,
    late_by=LATE_BY_SECONDS + MISSED_SECONDS,
)
_STOPPED = replace(_LATE, late_by=60.0)
"""All workers are away until their sessions are over, and then have everything to read."""
_WRONG_TIME = Allowed(
    frozenset(
        {
            RefusalCode.DEADLINE_PASSED,
            RefusalCode.REQUEST_EXPIRED,
            RefusalCode.REQUEST_FROM_THE_FUTURE,
            RefusalCode.PARTICIPANT_FAULT,
            RefusalCode.ASSERTION_EXPIRED,
            RefusalCode.BUSY,  # by a clock that is ahead it lay there for a minute
        }
    ),
    faults=frozenset({"from_the_future"}),
    kinds=frozenset({SECOND_VISIT.name}),
    apart=2 * JUMP_SECONDS,
    share=1.0,
    late_by=LATE_BY_SECONDS + MISSED_SECONDS + JUMP_SECONDS,
)
"""Clocks are promised to be within seconds of each other. Further apart, a request or an answer can
be refused for its time, and an outcome cannot be believed before it is signed; but there is one."""
SHORT_FAULT = Fault("every message twice", partial(duplicates, seconds=8), 12)
FAULTS = (
    Fault("every message twice", duplicates, 30),
    Fault("messages in another order", reordering, 30, _LATE),
    Fault("a message past its deadline", past_the_deadline, 15, rate=0),
    Fault("topics replayed from the start", replay, 60, _STOPPED, rate=2),
    Fault("rubbish on every topic", poison, 20),
    Fault("dead letters redriven", redriven, 40, rate=0),
    Fault("clocks a minute wrong", clocks_jump, 30, _WRONG_TIME),
)
