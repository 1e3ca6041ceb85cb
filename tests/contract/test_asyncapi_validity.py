"""The AsyncAPI document is valid AsyncAPI 3.0.

AsyncAPI's own JSON Schema (the npm package `@asyncapi/specs`) is on no registry that Python's
locked requirements reach. So validity rests on `Document` below: the objects of AsyncAPI 3.0.0 that
we use, closed to every field and value that the specification does not have. What passes is valid;
not all that is valid passes. FastStream's models of AsyncAPI 3 read the document besides. What no
schema can express is checked by itself: references, operations against channels, parameters.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from functools import reduce
from operator import getitem
from typing import Annotated, Any, Literal

import pytest
from faststream.specification.asyncapi.v3_0_0.schema import ApplicationSchema
from jsonschema import Draft7Validator
from jsonschema.exceptions import SchemaError
from pydantic import BaseModel, ConfigDict, Field, PositiveInt, StringConstraints, ValidationError

from schemas import published

Json = dict[str, Any]
DOCUMENT: Json = json.loads((published.FOLDER / published.ASYNCAPI).read_text(encoding="utf-8"))

# --- AsyncAPI 3.0.0, as far as we use it

Key = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]+$")]
Location = Annotated[str, StringConstraints(pattern=r"^\$message\.(header|payload)#(/[^/~]+)+$")]


class Closed(BaseModel):
    """Nothing optional is null, no text becomes a number, no field is unknown."""

    model_config = ConfigDict(extra="forbid", strict=True, populate_by_name=True)


class Reference(Closed):
    ref: Annotated[str, StringConstraints(pattern="^#/")] = Field(alias="$ref")


class License(Closed):
    name: str


class Info(Closed):
    title: str
    version: str
    description: str
    license: License


class Parameter(Closed):
    description: str


class TopicConfiguration(Closed):
    cleanup_policy: list[Literal["compact", "delete"]] = Field(alias="cleanup.policy")
    retention_ms: Annotated[int, Field(alias="retention.ms", ge=-1)]


class KafkaChannel(Closed):
    partitions: PositiveInt
    topic_configuration: TopicConfiguration = Field(alias="topicConfiguration")
    version: Literal["0.5.0"] = Field(alias="bindingVersion")


class ChannelBindings(Closed):
    kafka: KafkaChannel


class Channel(Closed):
    address: str
    messages: dict[Key, Reference]
    parameters: dict[Key, Parameter]
    bindings: ChannelBindings
    description: str = ""


class Tag(Closed):
    name: str


class Operation(Closed):
    action: Literal["send", "receive"]
    channel: Reference
    messages: list[Reference]
    tags: list[Tag]


class KafkaMessage(Closed):
    key: Json
    version: Literal["0.5.0"] = Field(alias="bindingVersion")


class MessageBindings(Closed):
    kafka: KafkaMessage


class CorrelationId(Closed):
    location: Location


class MessageObject(Closed):
    name: str
    title: str
    summary: str
    content_type: str = Field(alias="contentType")
    headers: Json
    payload: Json
    bindings: MessageBindings
    correlation_id: CorrelationId = Field(
        CorrelationId(location="$message.payload#/x"), alias="correlationId"
    )
    max_value_bytes: int = Field(0, alias="x-max-value-bytes")
    jws: Json = Field({}, alias="x-jws")


class Components(Closed):
    messages: dict[Key, MessageObject]
    schemas: dict[Key, Json]


class Document(Closed):
    asyncapi: Literal["3.0.0"]
    id: Annotated[str, StringConstraints(pattern=r"^urn:[a-z]+:[a-z]+$")]
    info: Info
    default_content_type: str = Field(alias="defaultContentType")
    channels: dict[Key, Channel]
    operations: dict[Key, Operation]
    components: Components


# --- the checks: each raises or lists what is wrong


def form_faults(document: Json, model: type[BaseModel] = Document) -> list[str]:
    """Where the model refuses the document."""
    try:
        model.model_validate(document)
    except ValidationError as error:
        return [".".join(map(str, one["loc"])) for one in error.errors()]
    return []


def references(value: Any) -> Iterator[str]:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if isinstance(value, dict) and isinstance(value.get("$ref"), str):
        yield value["$ref"]
    for one in inner:
        yield from references(one)


def resolved(document: Json, reference: str) -> Any:
    """What a reference inside the document points to. Raises KeyError."""
    return _inner(document, tuple(reference.removeprefix("#/").split("/")))


def dangling(document: Json) -> list[str]:
    def is_dangling(reference: str) -> bool:
        try:
            return not reference.startswith("#/") or not resolved(document, reference)
        except (KeyError, TypeError):
            return True

    return sorted({one for one in references(document) if is_dangling(one)})


def stray_operations(document: Json) -> list[str]:
    """Operations that are not on a channel, or whose message is not one of their channel's."""

    def is_stray(operation: Json) -> bool:
        channel = operation["channel"]["$ref"]
        own = [one["$ref"].startswith(f"{channel}/messages/") for one in operation["messages"]]
        return not channel.startswith("#/channels/") or not own or not all(own)

    return [name for name, one in document["operations"].items() if is_stray(one)]


def loose_parameters(document: Json) -> list[str]:
    """Channels whose address and parameters do not name the same."""
    return [
        name
        for name, channel in document["channels"].items()
        if [f"{{{one}}}" for one in channel["parameters"]]
        != [part for part in channel["address"].split(".") if part.startswith("{")]
    ]


def schemas_in(document: Json) -> Iterator[tuple[str, Json]]:
    """All JSON Schemas of the document, by where they are."""
    yield from document["components"]["schemas"].items()
    for name, message in document["components"]["messages"].items():
        yield f"headers of {name}", message["headers"]
        yield f"payload of {name}", message["payload"]
        yield f"key of {name}", message["bindings"]["kafka"]["key"]


def schema_faults(document: Json) -> list[str]:
    """Schemas that are not JSON Schema draft 7, which AsyncAPI's own schema format extends: there,
    `discriminator` is the name of a field."""

    def is_faulty(schema: Json) -> bool:
        try:
            Draft7Validator.check_schema(schema)
        except SchemaError:
            return True
        return not isinstance(schema.get("discriminator", ""), str)

    return [name for name, schema in schemas_in(document) if is_faulty(schema)]


def faults(document: Json) -> list[str]:
    """All that keeps the document from being valid; the form first, the rest rests on it."""
    return form_faults(document) or [
        *form_faults(document, ApplicationSchema),
        *dangling(document),
        *stray_operations(document),
        *loose_parameters(document),
        *schema_faults(document),
    ]


def test_document_is_valid_asyncapi_3() -> None:
    assert faults(DOCUMENT) == []


CHANNEL, OPERATION = "authn-requests", "dienstverlener-sends-authn-requests"
MESSAGE, SCHEMA = "authn-request.v1", "AuthnRequest"


def _inner(document: Json, path: tuple[str, ...]) -> Any:
    return reduce(getitem, path, document)


def _set(*path: str, to: Any) -> Callable[[Json], None]:
    return lambda document: _inner(document, path[:-1]).__setitem__(path[-1], to)


def _drop(*path: str) -> Callable[[Json], None]:
    return lambda document: _inner(document, path[:-1]).__delitem__(path[-1])


MUTATIONS: list[tuple[Callable[[Json], None], str]] = [
    (_drop("info", "version"), "info.version"),
    (_set("asyncapi", to="2.6.0"), "asyncapi"),
    (_set("topics", to={}), "topics"),
    (_set("channels", "a b", to={}), "channels.a b.[key]"),
    (_set("channels", CHANNEL, "publish", to={}), f"channels.{CHANNEL}.publish"),
    (_set("channels", CHANNEL, "address", to=7), f"channels.{CHANNEL}.address"),
    (_set("channels", CHANNEL, "address", to="authn-requests.{hm}"), CHANNEL),
    (_set("channels", CHANNEL, "parameters", to={}), CHANNEL),
    (_drop("channels", CHANNEL, "messages", MESSAGE), f"#/channels/{CHANNEL}/messages/{MESSAGE}"),
    (_set("operations", OPERATION, "action", to="publish"), f"operations.{OPERATION}.action"),
    (_drop("operations", OPERATION, "channel"), f"operations.{OPERATION}.channel"),
    (_set("operations", OPERATION, "channel", "$ref", to="#/channels/none"), "#/channels/none"),
    (_set("operations", OPERATION, "channel", "$ref", to="#/channels/outcomes"), OPERATION),
    (_set("operations", OPERATION, "messages", to=[]), OPERATION),
    (_drop("components", "schemas", SCHEMA), f"#/components/schemas/{SCHEMA}"),
    (_set("components", "schemas", SCHEMA, "type", to="record"), SCHEMA),
    (_set("components", "schemas", SCHEMA, "discriminator", to={}), SCHEMA),
    (
        _set("components", "messages", MESSAGE, "headers", "allOf", to={}),
        f"headers of {MESSAGE}",
    ),
    (_set("components", "messages", MESSAGE, "payload", to={"type": 1}), f"payload of {MESSAGE}"),
    (
        _set("components", "messages", MESSAGE, "bindings", "kafka", "key", "type", to="uuid"),
        f"key of {MESSAGE}",
    ),
    (
        _set("components", "messages", MESSAGE, "correlationId", "location", to="payload.id"),
        f"components.messages.{MESSAGE}.correlationId.location",
    ),
    (
        _set("components", "messages", MESSAGE, "content-type", to="application/json"),
        f"components.messages.{MESSAGE}.content-type",
    ),
]


@pytest.mark.parametrize(("change", "where"), MUTATIONS, ids=[where for _, where in MUTATIONS])
def test_invalid_document_is_found_out(change: Callable[[Json], None], where: str) -> None:
    document = deepcopy(DOCUMENT)
    change(document)
    assert where in faults(document)


def test_models_of_faststream_refuse_an_invalid_document() -> None:
    document = deepcopy(DOCUMENT)
    _set("operations", OPERATION, "action", to="publish")(document)
    assert form_faults(document, ApplicationSchema) == [f"operations.{OPERATION}.action"]
