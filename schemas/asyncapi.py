"""The topics as an AsyncAPI 3.0 document: one channel a kind of topic, with its participant as the
parameter; who sends and who receives as operations, the role as their tag. The catalogue is one
channel more, that of the scheme: its records are no CloudEvents, and are compacted by their key.

The value of a signed topic is a compact JWS: its payload schema is that of the `data` claim, and
`x-jws` gives the type and the other claims.

Sources: AsyncAPI 3.0.0; its Kafka bindings 0.5.0; CloudEvents 1.0 Kafka binding (binary mode).
"""

from __future__ import annotations

from typing import Any, Final

from schemas.administration import MandateEvent
from schemas.catalogue import CatalogueEntry
from schemas.codec import MAX_VALUE_BYTES, typ_of
from schemas.jose import ALGORITHMS, SIGNING_ALGORITHM
from schemas.message import Message
from schemas.topics import CATALOGUE, DLQ_RETENTION_MS, DLQ_SUFFIX, FOREVER_MS, TOPICS, Topic
from schemas.values import ENTITY_ID, Role

Object = dict[str, Any]

KEY: Final = "request_id"
"""The field that is the key of every record."""
DEAD_LETTER: Final = "dead-letter"
OPERATOR: Final = "operator"
SCHEME: Final = "scheme"
EVERYBODY: Final = "participant"
ENTRY: Final = "catalogue-entry.v1"
ENTRY_KEY: Final = "dienstverlener"
USER_SOURCE: Final = "urn:herken:user"
_BINDING_VERSION: Final = "0.5.0"
_NAMESPACE: Final = "nl.herken."

_TRACEPARENT: Final = "^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$"
_CLOUD_EVENT: Final[Object] = {
    "ce_id": {"type": "string", "format": "uuid"},
    "ce_source": {"type": "string"},
    "ce_specversion": {"const": "1.0"},
    "ce_time": {"type": "string", "format": "date-time"},
    "ce_type": {"type": "string"},
    "content-type": {"type": "string"},
    "traceparent": {"type": "string", "pattern": _TRACEPARENT},
}
_NL_GOV: Final[Object] = {
    "ce_source": {"type": "string", "pattern": r"^urn:nld:oin:[0-9]{20}:systeem:mr-[0-9]{4}$"},
    "ce_subject": {"type": "string", "format": "uuid"},
    "ce_dataschema": {"const": "urn:herken:schema:mandate-event.v1"},
}
_DEAD_LETTER_HEADERS: Final[Object] = {
    "dlq_at": {"type": "string", "format": "date-time"},
    "dlq_headers": {"type": "string", "description": "The headers as they were, as JSON."},
    "dlq_origin": {"type": "string", "description": "topic:partition:offset"},
    "dlq_reason": {"type": "string", "description": "A stable code."},
}


def short_name(message: type[Message]) -> str:
    """`authn-request.v1`: the message's type without the network's namespace."""
    return message.TYPE.removeprefix(_NAMESPACE)


def role_name(writer: str) -> str:
    """`makelaar`; who has no role in the network (`user`, `operator`) is called what he is."""
    return writer.name.lower() if isinstance(writer, Role) else writer


def document(version: str, definitions: Object) -> Object:
    """The document; `definitions` are the schemas of all models, by name."""
    return {
        "asyncapi": "3.0.0",
        "id": "urn:herken:network",
        "info": {
            "title": "herken",
            "version": version,
            "description": "The topics of an event-driven eHerkenning network.",
            "license": {"name": "EUPL-1.2"},
        },
        "defaultContentType": "application/jose",
        "channels": _channels(),
        "operations": _operations(),
        "components": {
            "messages": _messages(),
            "schemas": {**definitions, "CloudEvent": _object(_CLOUD_EVENT)},
        },
    }


def _object(properties: Object) -> Object:
    return {"type": "object", "properties": properties, "required": sorted(properties)}


def _with_dead_letters() -> list[Topic]:
    return [topic for topic in TOPICS if topic.has_dlq]


# --- channels


def _channels() -> Object:
    own = {topic.name: _channel(topic) for topic in TOPICS}
    dead = {topic.name + DLQ_SUFFIX: _dead_letter_channel(topic) for topic in _with_dead_letters()}
    return {**own, **dead, CATALOGUE: _catalogue_channel()}


def _channel(topic: Topic) -> Object:
    return {
        "address": topic.of(f"{{{role_name(topic.owner)}}}"),
        "messages": {short_name(topic.message): _component(short_name(topic.message))},
        "parameters": _owner(topic),
        "bindings": _kafka_topic(topic.partitions, topic.retention_ms),
    }


def _dead_letter_channel(topic: Topic) -> Object:
    return {
        "address": topic.of(f"{{{role_name(topic.owner)}}}") + DLQ_SUFFIX,
        "description": f"What the {role_name(topic.reader)} could not read of {topic.name}.",
        "messages": {DEAD_LETTER: _component(DEAD_LETTER)},
        "parameters": _owner(topic),
        "bindings": _kafka_topic(1, DLQ_RETENTION_MS),
    }


def _catalogue_channel() -> Object:
    return {
        "address": CATALOGUE,
        "description": "What every dienstverlener offers: the newest record of each is the truth.",
        "messages": {ENTRY: _component(ENTRY)},
        "parameters": {},
        "bindings": _kafka_topic(1, FOREVER_MS, "compact"),
    }


def _component(message: str) -> Object:
    return {"$ref": f"#/components/messages/{message}"}


def _owner(topic: Topic) -> Object:
    owner = role_name(topic.owner)
    return {owner: {"description": f"The name in the directory of the {owner} whose topic it is."}}


def _kafka_topic(partitions: int, retention_ms: int, policy: str = "delete") -> Object:
    settings = {"cleanup.policy": [policy], "retention.ms": retention_ms}
    return _kafka({"partitions": partitions, "topicConfiguration": settings})


def _kafka(binding: Object) -> Object:
    return {"kafka": {**binding, "bindingVersion": _BINDING_VERSION}}


# --- operations


def _operations() -> Object:
    found: Object = {}
    for topic in TOPICS:
        found |= _pair(topic.name, short_name(topic.message), topic.writer, topic.reader)
    for topic in _with_dead_letters():
        found |= _pair(topic.name + DLQ_SUFFIX, DEAD_LETTER, topic.reader, OPERATOR)
    return found | _pair(CATALOGUE, ENTRY, SCHEME, EVERYBODY)


def _pair(channel: str, message: str, writer: str, reader: str) -> Object:
    sender, receiver = role_name(writer), role_name(reader)
    return {
        f"{sender}-sends-{channel}": _operation("send", sender, channel, message),
        f"{receiver}-receives-{channel}": _operation("receive", receiver, channel, message),
    }


def _operation(action: str, role: str, channel: str, message: str) -> Object:
    reference = f"#/channels/{channel}"
    return {
        "action": action,
        "channel": {"$ref": reference},
        "messages": [{"$ref": f"{reference}/messages/{message}"}],
        "tags": [{"name": role}],
    }


# --- messages


def _messages() -> Object:
    own = {short_name(topic.message): _message(topic) for topic in TOPICS}
    return {**own, DEAD_LETTER: _dead_letter(), ENTRY: _entry()}


def _message(topic: Topic) -> Object:
    model = topic.message
    found = {
        "name": model.TYPE,
        "title": model.__name__,
        "summary": (model.__doc__ or "").splitlines()[0],
        "contentType": _content_type(topic),
        "headers": _headers(topic),
        "payload": {"$ref": f"#/components/schemas/{model.__name__}"},
        "correlationId": {"location": f"$message.payload#/{KEY}"},
        "bindings": _key(),
    }
    return {**found, "x-max-value-bytes": MAX_VALUE_BYTES, **_jws(topic)}


def _content_type(topic: Topic) -> str:
    return "application/jose" if topic.signed else "application/json"


def _headers(topic: Topic) -> Object:
    entity = {"type": "string", "pattern": ENTITY_ID.pattern}
    own = {
        "ce_source": entity if topic.signed else {"const": USER_SOURCE},
        "ce_type": {"const": topic.message.TYPE},
        "content-type": {"const": _content_type(topic)},
    }
    of_its_own = _object(own | _NL_GOV) if topic.message is MandateEvent else {"properties": own}
    return {"allOf": [{"$ref": "#/components/schemas/CloudEvent"}, of_its_own]}


def _key() -> Object:
    return _kafka({"key": {"type": "string", "format": "uuid", "description": "The request ID."}})


def _jws(topic: Topic) -> Object:
    if not topic.signed:
        return {}
    claims = {"$ref": "#/components/schemas/Claims"}
    return {"x-jws": {"alg": list(ALGORITHMS), "typ": typ_of(topic.message), "claims": claims}}


def _dead_letter() -> Object:
    return {
        "name": DEAD_LETTER,
        "title": "DeadLetter",
        "summary": "A record that could not be handled: its value untouched, the reason beside it.",
        "contentType": "application/octet-stream",
        "headers": _object(_DEAD_LETTER_HEADERS),
        "payload": {"description": "The value as it was."},
        "bindings": _kafka({"key": {"type": "string", "description": "The key as it was."}}),
    }


def _entry() -> Object:
    name = f"{_NAMESPACE}{ENTRY}"
    return {
        "name": name,
        "title": CatalogueEntry.__name__,
        "summary": "One dienstverlener's part of the catalogue, as the scheme signed it.",
        "contentType": "application/jose",
        "headers": _object({}),
        "payload": {"$ref": f"#/components/schemas/{CatalogueEntry.__name__}"},
        "bindings": _kafka({"key": {"type": "string", "pattern": ENTITY_ID.pattern}}),
        "x-jws": {"alg": SIGNING_ALGORITHM, "typ": f"{name}+jwt"},
    }
