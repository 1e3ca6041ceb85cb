"""The untrusted rows of the table on real topics, among good logins; and what only Kafka lets
through, on a network of its own, because it is made to bring a role down."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from itertools import islice
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaProducer

from dienstverlener import Assertion, NoOutcome, Refusal
from pipeline.dead_letters import DeadLetterRecord
from pipeline.kafka import started
from sandbox.network import network_on
from sandbox.play import Player
from sandbox.pytest_plugin import DEADLINE_SECONDS, RunningNetwork
from sandbox.scenario_file import load
from sandbox.servers import Servers
from schemas.codec import Record
from schemas.topics import AUTHN_REQUESTS, DLQ_MAX_BYTES, OUTCOMES, Topic
from tests.integration.bad_input import untrusted
from tests.integration.bad_input.network import SCENARIO, new_prefix, renamed
from tests.integration.bad_input.on_kafka import buried, captured, forged, publish, world
from tests.integration.bad_input.rows import Row
from tests.support.forge import Login, with_headers

PERSON, DIENSTVERLENER, SERVICE = "ans", "zuiveringsschap", "lozingsaangifte"
LOGINS = 30
LONGEST_SECONDS = 15.0
"""Far more than a login takes on a busy machine, far less than its deadline."""
ROWS = [row for row in untrusted.ROWS if row.on_kafka]


@dataclass
class Run:
    """Good logins and bad messages, and what became of them."""

    sent: dict[str, Record]
    outcomes: list[Assertion | Refusal | None] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    dead: list[DeadLetterRecord] = field(default_factory=list)

    async def login(self, network: RunningNetwork, dienstverlener: str) -> None:
        began = time.monotonic()
        self.outcomes.append(await _outcome(network, dienstverlener, uuid4()))
        self.seconds.append(time.monotonic() - began)


async def _outcome(
    network: RunningNetwork, dienstverlener: str, request_id: UUID
) -> Assertion | Refusal | None:
    """What comes of a login; None where nothing does, for longer than one takes."""
    client, service = network.dienstverleners[dienstverlener], network.service(SERVICE)
    try:
        return await client.authenticate(service, request_id=request_id, timeout=LONGEST_SECONDS)
    except NoOutcome:
        return None


async def _captured(network: RunningNetwork, dienstverlener: str) -> Login:
    """A good login, to make bad messages from."""
    request_id = uuid4()
    assert isinstance(await _outcome(network, dienstverlener, request_id), Assertion)
    return await captured(network.network, dienstverlener, str(request_id))


async def _mixed(
    network: RunningNetwork, run: Run, dienstverlener: str, producers: Sequence[AIOKafkaProducer]
) -> None:
    """Start all logins and publish all bad messages, in turn; return when all have ended."""
    producer, compressing = producers
    each, left = -(-len(run.sent) // LOGINS), iter(run.sent.values())
    async with asyncio.TaskGroup() as logins:
        for _ in range(LOGINS):
            logins.create_task(run.login(network, dienstverlener))
            for record in islice(left, each):
                fits = len(record.value) < DLQ_MAX_BYTES
                await publish(producer if fits else compressing, record)


async def _played(network: RunningNetwork, run: Run, dienstverlener: str) -> Run:
    kafka = network.network.servers.kafka
    producers = [
        AIOKafkaProducer(bootstrap_servers=kafka, max_request_size=DLQ_MAX_BYTES),
        AIOKafkaProducer(
            bootstrap_servers=kafka, max_request_size=2 * DLQ_MAX_BYTES, compression_type="gzip"
        ),
    ]
    async with started(kafka, *producers):
        await _mixed(network, run, dienstverlener, producers)
    run.dead = await buried(kafka, list(run.sent.values()))
    return run


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def run(herken_network: RunningNetwork) -> Run:
    """Every untrusted row that needs no login under way, among good logins."""
    with herken_network.at_the_browser(PERSON):
        login = await _captured(herken_network, DIENSTVERLENER)
        everybody = world(herken_network.network)
        sent = {row.name: forged(row, everybody, login) for row in ROWS}
        return await _played(herken_network, Run(sent), DIENSTVERLENER)


async def test_every_good_login_is_granted_when_bad_messages_come_between(run: Run) -> None:
    assert [type(outcome) for outcome in run.outcomes] == [Assertion] * LOGINS


async def test_no_good_login_is_delayed_when_bad_messages_come_between(run: Run) -> None:
    assert max(run.seconds) < LONGEST_SECONDS


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
async def test_bad_message_is_a_dead_letter_when_it_comes_by_kafka(run: Run, row: Row) -> None:
    sent = run.sent[row.name]
    assert [dead.reason for dead in run.dead if dead.record == sent] == [row.fate.dead]


# --- what only Kafka lets through


@dataclass(frozen=True)
class Poison:
    """A record that is bad in a way that the libraries below do not expect."""

    name: str
    made: Callable[[Record], Record]
    reason: str
    at: Topic = AUTHN_REQUESTS
    copies: int = 2


def _header(value: object) -> Callable[[Record], Record]:
    return lambda good: replace(good, headers=(("ce_type", value),))  # type: ignore[arg-type]


MANY = 12
"""So that some come in one batch with a good message, whatever their partition."""
POISONS = [
    Poison("a header that is not UTF-8", _header(b"\xff"), "type_refused", copies=MANY),
    Poison("a header without a value", _header(None), "type_refused", copies=MANY),
    Poison(
        "a key of almost 2 MB that is not UTF-8",
        lambda good: replace(good, key=good.key + b"\xff" * 1_900_000),
        "key_refused",
    ),
    Poison(
        "a header of almost 2 MB",
        lambda good: with_headers(good, ce_type="A" * 1_900_000),
        "type_refused",
    ),
    Poison(
        "a value of 5 MB that was compressed to less than Kafka's limit",
        lambda good: replace(good, value=bytes(5_000_000)),
        "too_large",
    ),
    Poison(
        "a value of almost 2 MB among the outcomes",
        lambda good: replace(good, value=bytes(1_900_000)),
        "too_large",
        OUTCOMES,
    ),
]


def _copies(poison: Poison, good: Record) -> Iterator[tuple[str, Record]]:
    for number in range(poison.copies):
        yield f"{poison.name} {number}", poison.made(replace(good, key=str(uuid4()).encode()))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def own_network(
    herken_servers: Servers, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[RunningNetwork, str]]:
    """A network that nobody else uses, and the prefix of its names."""
    prefix, folder = new_prefix(), tmp_path_factory.mktemp("poisoned")
    scenario = renamed(load(SCENARIO), prefix)
    founding = network_on(herken_servers, scenario, folder, lambda _: None, DEADLINE_SECONDS)
    async with AsyncExitStack() as stack:
        network = await stack.enter_async_context(founding)
        playing = Player.ready(scenario, network.settings, network.folders)
        yield RunningNetwork(network, await stack.enter_async_context(playing)), prefix


@pytest.mark.parametrize("poison", POISONS, ids=lambda poison: poison.name)
async def test_role_goes_on_when_a_message_is_poison(
    own_network: tuple[RunningNetwork, str], poison: Poison
) -> None:
    network, prefix = own_network
    with network.at_the_browser(PERSON):
        login = await _captured(network, prefix + DIENSTVERLENER)
        good = login.record(poison.at)
        run = await _played(network, Run(dict(_copies(poison, good))), prefix + DIENSTVERLENER)
    assert [type(outcome) for outcome in run.outcomes] == [Assertion] * LOGINS
    assert [role.participant.name for role in network.network.roles if not role.is_running] == []
    for sent in run.sent.values():
        assert [dead.reason for dead in run.dead if _is_of(dead, sent)] == [poison.reason]


def _is_of(dead: DeadLetterRecord, sent: Record) -> bool:
    """Whether a dead letter is of a record, as much of it as fits into one."""
    record = dead.record
    return (
        bool(record.key) and sent.key.startswith(record.key) and sent.value.startswith(record.value)
    )
