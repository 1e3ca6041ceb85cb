"""The short part of `make faults`; and that the harness can fail: a worker that notes what it has
not published, a second outcome, and a point that nobody reaches are all found."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from pipeline.kafka import started
from pipeline.keys import Keys, utc_now
from pipeline.service import _records
from sandbox.scenario import Expected
from schemas import codec
from schemas.messages import Outcome
from schemas.refusals import RefusalCode
from schemas.topics import OUTCOMES
from tests.faults import ground
from tests.faults.fault import Arena, Fault, tried
from tests.faults.kills import Plan, at_points
from tests.faults.kinds import DIRECT
from tests.faults.points import TrappedService
from tests.faults.run import SHORT, arena
from tests.faults.table import shown
from tests.faults.verdicts import Allowed, Sent

SEED = 20_260_302
_SOON_SECONDS = 5


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def at_work(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Arena]:
    """A network with two workers a role, and people."""
    folder = tmp_path_factory.mktemp("faults")
    async with arena(folder, SEED, 1, lambda _: None) as ready:
        yield ready


@pytest.mark.timeout(300)
@pytest.mark.parametrize("fault", SHORT, ids=lambda fault: fault.name)
async def test_every_login_has_its_outcome_when(at_work: Arena, fault: Fault) -> None:
    row = await tried(fault, at_work)
    assert row.violations == [], shown([row], SEED)
    assert row.repetitions > 0


# --- the harness can fail


class NotesFirst(TrappedService):
    """Commits offsets before it publishes: what is lost in between is lost."""

    async def _handle(self, stage, limit, raw) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
        records = _records(raw, self._subscribers[stage.topic.name].consumer)
        outputs = await self.process(stage, records, limit)
        commits = self._commits[stage.topic.name]
        await commits.note(raw)
        await commits.flush()
        await self.publish(outputs)


async def _with_service(at_work: Arena, service: type[TrappedService] | None) -> None:
    """The makelaar's workers have it from now on."""
    crew = at_work.crew
    workers = crew.of("makelaar")
    await asyncio.gather(*(crew.leave(each) for each in workers))
    for each in workers:
        crew.posted(each, service=service)
    await crew.start(*workers)


@pytest.mark.timeout(180)
async def test_lost_login_is_found_when_offsets_are_committed_before_publishing(
    at_work: Arena,
) -> None:
    soon = {"answer_within_seconds": _SOON_SECONDS}
    await _with_service(at_work, NotesFirst)
    traps = at_work.crew.traps("makelaar")
    traps.arm("mandate-decisions", "before publish")
    sent = await at_work.people.log_in(replace(DIRECT, login=DIRECT.login.model_copy(update=soon)))
    await at_work.people.outcomes.settled([sent], _SOON_SECONDS)
    assert not traps.is_armed("mandate-decisions.before publish")  # it got there
    await _with_service(at_work, None)
    verdict = at_work.people.outcomes.judge([sent], Allowed())
    assert [each.what for each in verdict.violations] == ["0 distinct outcomes: nowhere"]


async def _second_outcome(at_work: Arena, sent: Sent) -> None:
    """The makelaar signs what he decided once more: other bytes, at another time."""
    network = at_work.crew.network
    keys = Keys(network.founded.secrets[ground.MAKELAAR], lambda: network.directory)
    topic, raw = OUTCOMES.of(ground.HARBOUR), await _outcome(at_work, sent.request_id)
    dienstverlener = network.directory.named(ground.HARBOUR)
    assert dienstverlener is not None
    message, now = codec.unverified(raw.decode(), Outcome), utc_now()
    audience = (dienstverlener.entity_id,)
    record = codec.encode_signed(topic, message, keys.signer(now), audience, uuid4(), now)
    producer = AIOKafkaProducer(bootstrap_servers=network.servers.kafka)
    async with started(network.servers.kafka, producer):
        await producer.send_and_wait(
            record.topic, record.value, record.key, headers=list(record.headers)
        )


async def _outcome(at_work: Arena, request_id: UUID) -> bytes:
    kafka, key = at_work.crew.network.servers.kafka, str(request_id).encode()
    consumer = AIOKafkaConsumer(
        OUTCOMES.of(ground.HARBOUR), bootstrap_servers=kafka, auto_offset_reset="earliest"
    )
    async with started(kafka, consumer):
        async for raw in consumer:
            if raw.key == key:
                return bytes(raw.value)
    raise LookupError(request_id)


@pytest.mark.timeout(120)
async def test_second_outcome_is_found_when_the_makelaar_signs_twice(at_work: Arena) -> None:
    outcomes = at_work.people.outcomes
    sent = await at_work.people.log_in(DIRECT)
    await outcomes.first(sent.request_id, 30)
    assert outcomes.judge([sent], Allowed()).violations == []
    await _second_outcome(at_work, sent)
    while len(outcomes.found[sent.request_id]) < 2:
        await asyncio.sleep(0.05)
    (found,) = outcomes.judge([sent], Allowed()).violations
    assert found.request_id == sent.request_id
    assert found.what.startswith("2 distinct outcomes: outcomes.havenmeester:")


@pytest.mark.timeout(120)
async def test_other_outcome_than_expected_is_found_when_a_login_ends_otherwise(
    at_work: Arena,
) -> None:
    expected = Expected(refusal=RefusalCode.NO_MANDATE)
    sent = await at_work.people.log_in(DIRECT)
    await at_work.people.outcomes.first(sent.request_id, 30)
    (found,) = at_work.people.outcomes.judge([replace(sent, expect=expected)], Allowed()).violations
    assert "instead of no_mandate" in found.what


@pytest.mark.timeout(120)
async def test_point_that_nobody_reaches_is_a_failure(at_work: Arena) -> None:
    plan = Plan({"makelaar": ("cancellations",)}, ("before read",), times=1, reached_seconds=1)
    row = await tried(Fault("nothing to cancel", at_points(plan), 5, rate=0), at_work)
    assert row.violations == ["makelaar: cancellations.before read was not reached in 1 s"]
