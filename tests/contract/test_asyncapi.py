"""The AsyncAPI document says what the code does: the same topics, the same messages, the same
writers and readers, and headers as the codec and the dead letters write them."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from jsonschema import Draft7Validator

from pipeline import dead_letters
from pipeline.catalogue import sign_entry
from schemas import codec, jose, published, topics
from schemas.asyncapi import role_name, short_name
from schemas.catalogue import CatalogueEntry
from schemas.codec import Record
from schemas.message import Message
from schemas.topics import DLQ_RETENTION_MS, MESSAGES, TOPICS, Topic
from schemas.values import Role

Json = dict[str, Any]
DOCUMENT: Json = json.loads((published.FOLDER / published.ASYNCAPI).read_text(encoding="utf-8"))
DEAD = [topic for topic in TOPICS if topic.has_dlq]
BETWEEN_REGISTRIES = (topics.CHAIN_INFORMATION_QUERIES, topics.CHAIN_INFORMATION)
"""Of one registry, and written by another."""
NOW = datetime(2026, 11, 18, 10, 0, tzinfo=UTC)
LOGIN = UUID("0b6f7a52-54cf-4f0e-8a31-2d2a7c1f9e10")
REGISTRY = "urn:etoegang:MR:00000099000000004000:entities:9000"
MAKELAAR = "urn:etoegang:HM:00000099000000001000:entities:9000"

# --- both sides in the same words

Line = tuple[str, ...]


def written_and_read(document: Json) -> set[Line]:
    """Topic, action, role and message, as the document has them."""
    found = set()
    for operation in document["operations"].values():
        channel = document["channels"][operation["channel"]["$ref"].rpartition("/")[2]]
        roles = [tag["name"] for tag in operation["tags"]]
        messages = [one["$ref"].rpartition("/")[2] for one in operation["messages"]]
        found.add((channel["address"], operation["action"], *roles, *messages))
    return found


def _lines(address: str, writer: str, reader: str, message: str) -> set[Line]:
    return {(address, "send", writer, message), (address, "receive", reader, message)}


def address(topic: Topic) -> str:
    return topic.of("{" + role_name(topic.owner) + "}")


def written_and_read_by_the_code() -> set[Line]:
    found: set[Line] = set()
    for topic in TOPICS:
        writer, reader = role_name(topic.writer), role_name(topic.reader)
        found |= _lines(address(topic), writer, reader, short_name(topic.message))
    for topic in DEAD:
        found |= _lines(f"{address(topic)}.dlq", role_name(topic.reader), "operator", "dead-letter")
    return found | _lines("catalogue", "scheme", "participant", "catalogue-entry.v1")


def channels(document: Json) -> set[Line]:
    """Address, owner, partitions, retention and messages, as the document has them."""
    found = set()
    for channel in document["channels"].values():
        kafka = channel["bindings"]["kafka"]
        numbers = kafka["partitions"], kafka["topicConfiguration"]["retention.ms"]
        names = (*channel["parameters"], *map(str, numbers), *channel["messages"])
        found.add((channel["address"], *names))
    return found


def _channel(topic: Topic) -> Line:
    numbers = str(topic.partitions), str(topic.retention_ms)
    return address(topic), role_name(topic.owner), *numbers, short_name(topic.message)


def _dead_channel(topic: Topic) -> Line:
    owner = role_name(topic.owner)
    return f"{address(topic)}.dlq", owner, "1", str(DLQ_RETENTION_MS), "dead-letter"


def channels_of_the_code() -> set[Line]:
    catalogue = ("catalogue", "1", "-1", "catalogue-entry.v1")
    return {*map(_channel, TOPICS), *map(_dead_channel, DEAD), catalogue}


def types(document: Json) -> set[Line]:
    """Message, CloudEvents type, content type, JWS type and payload, as the document has them."""
    return {
        (name, one["name"], one["contentType"], _jws_type(one), one["payload"]["$ref"])
        for name, one in document["components"]["messages"].items()
        if name not in ("dead-letter", "catalogue-entry.v1")
    }


def _jws_type(message: Json) -> str:
    return str(message.get("x-jws", {}).get("typ"))


def _type(topic: Topic) -> Line:
    content = "application/jose" if topic.signed else "application/json"
    jws = f"{topic.message.TYPE}+jwt" if topic.signed else "None"
    payload = f"#/components/schemas/{topic.message.__name__}"
    return short_name(topic.message), topic.message.TYPE, content, jws, payload


def differences(document: Json) -> set[Line]:
    """What only one of the two says."""
    return (
        (written_and_read(document) ^ written_and_read_by_the_code())
        | (channels(document) ^ channels_of_the_code())
        | (types(document) ^ set(map(_type, TOPICS)))
    )


def test_document_and_code_have_the_same_topics_messages_writers_and_readers() -> None:
    assert differences(DOCUMENT) == set()


def test_every_message_is_on_exactly_one_topic() -> None:
    on_topics = [topic.message.__name__ for topic in TOPICS]
    assert sorted(on_topics) == sorted(message.__name__ for message in MESSAGES)


def test_no_role_reads_what_it_writes() -> None:
    sent = {
        (topic, role) for topic, action, role, _ in written_and_read(DOCUMENT) if action == "send"
    }
    read = {
        (topic, role) for topic, action, role, _ in written_and_read(DOCUMENT) if action != "send"
    }
    assert {topic for topic, _ in sent & read} == set(map(address, BETWEEN_REGISTRIES))


def _swap(document: Json) -> None:
    document["operations"]["makelaar-sends-outcomes"]["tags"] = [{"name": "registry"}]


def _forget(document: Json) -> None:
    del document["operations"]["makelaar-receives-authn-requests"]


def _invent(document: Json) -> None:
    document["channels"]["extra"] = {**document["channels"]["outcomes"], "address": "x.{y}"}


def _move(document: Json) -> None:
    document["channels"]["outcomes"]["bindings"]["kafka"]["partitions"] = 5


def _retype(document: Json) -> None:
    document["components"]["messages"]["outcome.v1"]["name"] = "nl.herken.outcome.v2"


@pytest.mark.parametrize("change", [_swap, _forget, _invent, _move, _retype])
def test_document_that_says_something_else_is_found(change: Callable[[Json], None]) -> None:
    document = deepcopy(DOCUMENT)
    change(document)
    assert differences(document) != set()


# --- records as they are written


def example(message: type[Message]) -> Message:
    folder = published.FOLDER / "examples" / short_name(message) / "valid"
    return message.model_validate_json(min(folder.iterdir()).read_text(encoding="utf-8"))


def written(topic: Topic, signer: codec.Signer) -> Record:
    message = example(topic.message)
    if topic.writer is Role.REGISTRY:
        signer = codec.Signer(REGISTRY, signer.key)
    if topic.signed:
        return codec.encode_signed(topic.of("polder"), message, signer, (MAKELAAR,), LOGIN, NOW)
    return codec.encode_unsigned(topic.of("polder"), message, LOGIN, NOW)


@pytest.fixture(scope="module")
def signer() -> codec.Signer:
    return codec.Signer(MAKELAAR, jose.new_key())


def accepts(schema: Json, value: object) -> bool:
    whole = {**schema, "components": DOCUMENT["components"]}
    return Draft7Validator(whole).is_valid(value)


def header_values(record: Record) -> dict[str, str]:
    return {name: value.decode() for name, value in record.headers}


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_record_of_the_codec_has_the_headers_and_key_of_the_document(
    topic: Topic, signer: codec.Signer
) -> None:
    message = DOCUMENT["components"]["messages"][short_name(topic.message)]
    record = written(topic, signer)
    headers = header_values(record)
    assert accepts(message["headers"], headers)
    assert accepts(message["bindings"]["kafka"]["key"], record.key.decode())
    assert message["correlationId"]["location"] == "$message.payload#/request_id"
    assert record.key.decode() == str(example(topic.message).request_id)
    for name in headers:
        assert not accepts(message["headers"], {k: v for k, v in headers.items() if k != name})
    for name in ("ce_type", "ce_source", "content-type", "traceparent"):
        assert not accepts(message["headers"], {**headers, name: "something else"})


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_example_fits_the_payload_of_the_document(topic: Topic) -> None:
    message = DOCUMENT["components"]["messages"][short_name(topic.message)]
    data = example(topic.message).model_dump(mode="json")
    assert accepts(message["payload"], data)
    assert not accepts(message["payload"], {**data, "field_too_many": 1})


def test_dead_letter_has_the_headers_of_the_document(signer: codec.Signer) -> None:
    buried = dead_letters.bury(written(TOPICS[0], signer), "not_json", NOW)
    schema = DOCUMENT["components"]["messages"]["dead-letter"]["headers"]
    headers = header_values(buried)
    assert accepts(schema, headers)
    assert headers.keys() == schema["properties"].keys()
    for name in headers:
        assert not accepts(schema, {k: v for k, v in headers.items() if k != name})


# --- the catalogue


def entry() -> CatalogueEntry:
    folder = published.FOLDER / "examples" / "catalogue-entry.v1" / "valid"
    return CatalogueEntry.model_validate_json((folder / "all-fields.json").read_text())


def test_catalogue_is_compacted_by_its_dienstverlener_and_kept_for_ever() -> None:
    kafka = DOCUMENT["channels"]["catalogue"]["bindings"]["kafka"]
    assert kafka["topicConfiguration"] == {"cleanup.policy": ["compact"], "retention.ms": -1}


def test_record_of_the_catalogue_has_the_key_the_type_and_the_payload_of_the_document() -> None:
    message = DOCUMENT["components"]["messages"]["catalogue-entry.v1"]
    record = sign_entry(entry(), jose.new_key())
    assert record.topic == DOCUMENT["channels"]["catalogue"]["address"]
    assert accepts(message["bindings"]["kafka"]["key"], record.key.decode())
    assert accepts(message["headers"], header_values(record))
    assert jose.header_of(record.value.decode()).typ == message["x-jws"]["typ"]
    data = entry().model_dump(mode="json")
    assert accepts(message["payload"], data)
    assert not accepts(message["payload"], {**data, "field_too_many": 1})
