"""Dead letters are listed and shown without telling whose they are, and redriven once."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import re
from collections.abc import Sequence
from pathlib import Path
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaProducer, ConsumerRecord

from herken import letters, redrives
from herken.kafka import read
from herken.letters import Letter
from pipeline import dead_letters
from pipeline.kafka import started
from pipeline.keys import utc_now
from sandbox import topology
from sandbox.pytest_plugin import RunningNetwork
from sandbox.servers import Servers
from schemas import jose
from schemas.codec import Record
from tests.integration.test_cli import Quiet, herken

TYPE = ("ce_type", b"nl.herken.cancellation.v1")
NAME, KVK = "Korenmolen", "90000101"


@pytest.fixture(scope="module")
async def quiet(herken_servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Quiet:
    """A network in which nobody reads what is redriven."""
    made = Quiet(herken_servers, tmp_path_factory.mktemp("quiet"))
    await topology.create(herken_servers.kafka, topology.plan(made.directory))
    return made


async def publish(kafka: str, records: Sequence[Record]) -> list[str]:
    """Publish; returns each record's `topic:partition:offset`."""
    producer = AIOKafkaProducer(bootstrap_servers=kafka)
    async with started(kafka, producer):
        sent = [
            await producer.send_and_wait(r.topic, r.value, r.key, headers=list(r.headers))
            for r in records
        ]
    return [f"{one.topic}:{one.partition}:{one.offset}" for one in sent]


async def buried(quiet: Quiet, topic: str, count: int, reason: str = "not_json") -> list[Letter]:
    """Put dead letters on a topic's DLQ, and return those that are there then."""
    name = topic_of(quiet, topic)
    originals = [
        Record(name, f"key {i}".encode(), f"value {i}".encode(), (("h", b"\xff"), ("h", b"two")))
        for i in range(count)
    ]
    made = [dead_letters.bury(original, reason, utc_now()) for original in originals]
    await publish(quiet.servers.kafka, made)
    return await redrives.letters(quiet.servers.kafka, [f"{name}.dlq"])


def topic_of(quiet: Quiet, topic: str) -> str:
    kind, owner = topic.split(".")
    return f"{kind}.{quiet.prefix}{owner}"


async def on(kafka: str, topic: str) -> list[ConsumerRecord]:
    return await read(kafka, [topic], lambda raw: raw)


async def died(kafka: str, origin: str) -> Letter:
    """The dead letter of what was published there, once the role has refused it."""
    topic = origin.partition(":")[0] + ".dlq"
    async with asyncio.timeout(20):
        while True:
            for letter in await redrives.letters(kafka, [topic]):
                if letter.origin == origin:
                    return letter
            await asyncio.sleep(0.1)


# --- list and show, of what real roles have refused


async def test_garbage_on_a_topic_is_listed_with_its_origin_and_shows_nobodys_identity(
    herken_network: RunningNetwork,
) -> None:
    network = herken_network.network
    garbage = f'{{"{NAME}": "{KVK}", "request_id": "{KVK}"}}'.encode()
    headers = (TYPE, ("ce_id", KVK.encode()), (NAME, NAME.encode()))
    record = Record("cancellations.polder", KVK.encode(), garbage, headers)
    (origin,) = await publish(network.servers.kafka, [record])
    letter = await died(network.servers.kafka, origin)

    as_text, as_json, shown = await asyncio.gather(
        herken("dlq", "list", env=network.environment),
        herken("dlq", "list", "cancellations.polder", "--json", env=network.environment),
        herken("dlq", "show", letter.topic, letter.position, "--json", env=network.environment),
    )
    assert re.search(rf"{letter.position} .* not_jws +{origin} +{len(garbage)} +no\n", as_text.out)
    entry = letter.report()
    assert entry in as_json.document["dead_letters"]
    assert (entry["reason"], entry["size"], entry["redriven"]) == ("not_jws", len(garbage), "no")
    assert shown.document == entry | {
        "key": "(not shown)",
        "headers": {"ce_type": TYPE[1].decode(), "ce_id": "(not shown)", "others": 1},
        "value": {"form": "json", "names": ["request_id"], "others": 1},
    }


async def test_a_signed_message_shows_its_header_and_the_names_of_its_claims(
    herken_network: RunningNetwork,
) -> None:
    network, key = herken_network.network, jose.new_key()
    claims = {"iss": KVK, "exp": 1, "data": {"request_id": KVK, NAME: KVK}, "sub": NAME}
    text = jose.sign(json.dumps(claims).encode(), "nl.herken.cancellation.v1+jwt", key)
    record = Record("cancellations.polder", str(uuid4()).encode(), text.encode(), (TYPE,))
    (origin,) = await publish(network.servers.kafka, [record])
    letter = await died(network.servers.kafka, origin)
    place = (letter.topic, letter.position)

    as_json, as_text = await asyncio.gather(
        herken("dlq", "show", *place, "--json", env=network.environment),
        herken("dlq", "show", *place, "--value", env=network.environment),
    )
    assert letter.reason == "kid_unknown"
    assert as_json.document["value"] == {
        "form": "jws",
        "header": {"alg": "ES256", "kid": key.kid, "typ": "nl.herken.cancellation.v1+jwt"},
        "claims": {"names": ["data", "exp", "iss"], "others": 1},
        "data": {"names": ["request_id"], "others": 1},
    }
    assert text.split(".")[1] not in as_json.out
    described, _, value = as_text.out.partition("\n\n")
    assert re.search(r"^value\.claims\.names +data, exp, iss$", described, re.MULTILINE)
    assert (value, text in described) == (f"{text}\n", False)


async def test_list_says_so_when_there_are_none(quiet: Quiet) -> None:
    name = topic_of(quiet, "means-choices.polder")
    none, empty = await asyncio.gather(
        herken("dlq", "list", name, env=quiet.environment),
        herken("dlq", "list", name, "--json", env=quiet.environment),
    )
    assert (none.code, none.out) == (0, "no dead letters\n")
    assert empty.document == {"dead_letters": []}


@pytest.mark.parametrize(
    ("value", "form"),
    [
        (b"", "text"),
        (b"\xff", "bytes"),
        (b"\x1b[31m", "text"),
        (b"[" * 200_000, "text"),
        (b"[1]", "text"),
        (b'{"a": 1}', "json"),
        (b"a.b.c", "text"),
        (b"....", "text"),
        (b"W10.W10.x", "text"),
        (b"e30.W10.x", "jws"),
        (b"e30.//.x", "jws"),
        (b'e30.eyJkYXRhIjpbMV19."', "jws"),
    ],
)
async def test_a_value_of_any_form_is_described(value: bytes, form: str) -> None:
    raw = record_of(Record("authn-requests.polder.dlq", b"\xff", value))
    assert letters.letter_of(raw).reason == letters.NO_LETTER
    described = letters.content(raw)
    assert described["value"]["form"] == form
    assert described["key"] == letters.HIDDEN
    assert dict(letters.flat(described))["value.form"] == form


@pytest.mark.parametrize(
    ("algorithm", "shown"),
    [
        ("ES256", "ES256"),
        ("nl.herken.ES256-MTH", "nl.herken.ES256-MTH"),
        ("none", "none"),
        ("nl.herken.ES256-MTH ans", letters.HIDDEN),
        ("nlxherken.ES256-MTH", letters.HIDDEN),
        ("ans de molenaar", letters.HIDDEN),
    ],
)
async def test_an_algorithm_is_shown_where_it_is_one(algorithm: str, shown: str) -> None:
    header = jose.base64url(json.dumps({"alg": algorithm}).encode())
    raw = record_of(Record("authn-requests.polder.dlq", b"", f"{header}.e30.x".encode()))
    assert letters.content(raw)["value"]["header"]["alg"] == shown


async def test_a_value_gives_no_orders_to_a_terminal() -> None:
    assert letters.printable("a\x1b[2J\x9b\u202e\tb\né") == "a\\x1b[2J\\x9b\\u202e\tb\né"


def record_of(record: Record) -> ConsumerRecord:
    """A record as Kafka's client reads it."""
    return ConsumerRecord(
        topic=record.topic,
        partition=0,
        offset=7,
        timestamp=0,
        timestamp_type=0,
        key=record.key,
        value=record.value,
        checksum=None,
        serialized_key_size=0,
        serialized_value_size=0,
        headers=record.headers,
    )


# --- redrive


async def test_one_is_redriven_as_it_was_and_not_twice(quiet: Quiet) -> None:
    first, second = await buried(quiet, "authn-requests.polder", 2)
    arguments = ("dlq", "redrive", first.topic, second.position, "--yes")
    once = await herken(*arguments, env=quiet.environment)
    again = await herken(*arguments, "--json", env=quiet.environment)
    target = topic_of(quiet, "authn-requests.polder")
    assert (once.code, once.out) == (0, f"1 dead letter redriven to {target}\n")
    assert again.code == 1
    assert again.document == {"topic": target, "redriven": 0, "unfinished": 0}
    (redriven,) = await on(quiet.servers.kafka, target)
    assert (redriven.key, redriven.value) == (b"key 1", b"value 1")
    assert list(redriven.headers) == [("h", b"\xff"), ("h", b"two")]
    listed = await redrives.letters(quiet.servers.kafka, [first.topic])
    assert [letter.redriven for letter in listed] == ["no", "yes"]


async def test_all_of_a_reason_are_redriven_and_then_the_rest(quiet: Quiet) -> None:
    await buried(quiet, "cancellations.polder", 3, "kid_unknown")
    await buried(quiet, "cancellations.polder", 2, "not_json")
    target = topic_of(quiet, "cancellations.polder")
    counts = []
    for wish in (["--reason", "kid_unknown"], []):
        ran = await herken(
            "dlq", "redrive", target, *wish, "--yes", "--json", env=quiet.environment
        )
        assert ran.code == 0
        counts.append(ran.document["redriven"])
    assert counts == [3, 2]
    assert len(await on(quiet.servers.kafka, target)) == 5


async def test_two_redrives_at_once_publish_each_letter_once(quiet: Quiet) -> None:
    kafka, name = quiet.servers.kafka, topic_of(quiet, "mandate-queries.terp")
    there = await buried(quiet, "mandate-queries.terp", 450)
    counts = await asyncio.gather(
        redrives.redrive(kafka, there, unfinished=False),
        redrives.redrive(kafka, there[::-1], unfinished=False),
    )
    values = [raw.value for raw in await on(kafka, name)]
    assert sum(counts) == 450
    assert sorted(values) == sorted(f"value {i}".encode() for i in range(450))
    assert {one.redriven for one in await redrives.letters(kafka, [f"{name}.dlq"])} == {"yes"}


async def test_what_an_interrupted_redrive_began_is_redriven_only_when_asked_for(
    quiet: Quiet,
) -> None:
    begun, _ = await buried(quiet, "code-answers.dijk", 2)
    await topology.create(quiet.servers.kafka, [redrives.REDRIVES])
    mark = json.dumps({"redrive": "killed", "state": redrives.BEGUN}).encode()
    await publish(quiet.servers.kafka, [Record(redrives.REDRIVES.name, begun.place.encode(), mark)])
    arguments = ("dlq", "redrive", begun.topic, "--yes")
    passed = await herken(*arguments, env=quiet.environment)
    assert "1 dead letter redriven" in passed.out
    assert "1 unfinished" in passed.out
    asked = await herken(*arguments, "--unfinished", "--json", env=quiet.environment)
    assert (asked.document["redriven"], asked.document["unfinished"]) == (1, 0)
    values = {raw.value for raw in await on(quiet.servers.kafka, begun.topic[: -len(".dlq")])}
    assert values == {b"value 0", b"value 1"}


async def test_what_is_no_dead_letter_is_listed_and_never_redriven(quiet: Quiet) -> None:
    name = topic_of(quiet, "authentication-results.polder")
    await publish(quiet.servers.kafka, [Record(f"{name}.dlq", b"k", b"v", (("dlq_at", b"x"),))])
    (stray,) = await redrives.letters(quiet.servers.kafka, [f"{name}.dlq"])
    ran = await herken("dlq", "redrive", name, "--yes", env=quiet.environment)
    assert stray.reason == letters.NO_LETTER
    assert ran.out.startswith("0 dead letters redriven")
    assert await on(quiet.servers.kafka, name) == []


async def test_a_mark_that_is_none_of_ours_is_passed_over(quiet: Quiet) -> None:
    await topology.create(quiet.servers.kafka, [redrives.REDRIVES])
    strange = [b"\xff", b"[]", b"1", b"{}", b""]
    records = [Record(redrives.REDRIVES.name, b"\xff", value) for value in strange]
    await publish(quiet.servers.kafka, records)
    ran = await herken("dlq", "list", topic_of(quiet, "outcomes.waterdam"), env=quiet.environment)
    assert ran.code == 0


# --- asking


async def test_redrive_exits_2_when_nobody_can_be_asked(quiet: Quiet) -> None:
    name = topic_of(quiet, "cancellations.polder")
    ran = await herken("dlq", "redrive", name, env=quiet.environment)
    assert (ran.code, ran.out) == (2, "")
    assert "--yes" in ran.err


@pytest.mark.parametrize(("answer", "code", "count"), [(b"n\n", 1, 0), (b"y\n", 0, 1)])
async def test_redrive_asks_on_a_terminal(
    answer: bytes, code: int, count: int, quiet: Quiet
) -> None:
    kind = "means-choices" if count else "mandate-decisions"
    (letter,) = await buried(quiet, f"{kind}.polder", 1)
    ours, theirs = pty.openpty()
    try:
        os.write(ours, answer)
        ran = await herken("dlq", "redrive", letter.topic, env=quiet.environment, stdin=theirs)
    finally:
        os.close(ours)
        os.close(theirs)
    target = letter.topic[: -len(".dlq")]
    assert ran.code == code
    assert f"Publish 1 dead letter on {target} once more?" in ran.err
    assert len(await on(quiet.servers.kafka, target)) == count


# --- wrong use


async def test_a_topic_or_position_that_is_not_there_exits_2_and_says_what_is(
    quiet: Quiet,
) -> None:
    name = topic_of(quiet, "cancellations.polder")
    wrong = {
        ("list", name.replace("cancell", "cancel")): f"did you mean {name}.dlq?",
        ("show", name, "3"): "0:3",
        ("show", name, "0:999999"): f"`herken dlq list {name}.dlq`",
        ("redrive", name, "0:999999", "--yes"): f"`herken dlq list {name}.dlq`",
    }
    runs = (herken("dlq", *arguments, env=quiet.environment) for arguments in wrong)
    for said, ran in zip(wrong.values(), await asyncio.gather(*runs), strict=True):
        assert (ran.code, ran.out) == (2, "")
        assert said in ran.err


async def test_topics_that_were_never_made_exit_2_and_say_how(
    herken_servers: Servers, tmp_path: Path
) -> None:
    bare = Quiet(herken_servers, tmp_path)
    ran = await herken("dlq", "list", env=bare.environment)
    assert (ran.code, ran.out) == (2, "")
    assert "`herken setup topics`" in ran.err
