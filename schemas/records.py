"""A message as a Kafka record: what a record is, and what is known of who wrote it.

On Kafka a message is a CloudEvent in binary mode; its value is a compact JWS of the writer, or
plain JSON where a user wrote it. Reading gives one of these:

- `Received`: somebody said it, and it holds.
- `Faulty`: a participant did say it, but it does not hold: he gets an answer.
- `Untrusted` is raised: nobody is known to have said it, so there is no one to answer.

Sources: CloudEvents 1.0 Kafka binding (binary mode); RFC 7519 claims; RFC 8725.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar
from uuid import NAMESPACE_URL, UUID, uuid5

from pydantic import Field

from schemas import jose
from schemas.administration import MandateEvent
from schemas.directory import Participant
from schemas.message import Message
from schemas.messages import AuthnRequest
from schemas.values import EntityID, Value

M_co = TypeVar("M_co", bound=Message, covariant=True)
D = TypeVar("D", bound=Message | dict[str, Any])
Headers = tuple[tuple[str, bytes], ...]


class Queued(NamedTuple):
    """When Kafka took a record, in seconds since 1970, and how many of its partition came after it,
    as far as that was known when it was read."""

    stamp: float
    left: int = 0


@dataclass(frozen=True)
class Record:
    """A Kafka record, of no client library. `position` is `partition:offset` where it was read;
    `queued`, where it is known, how it stood in its partition."""

    topic: str
    key: bytes
    value: bytes
    headers: Headers = ()
    position: str = ""
    queued: Queued | None = None


class Untrusted(Exception):
    """Nobody trusted said this. `reason` is a stable code for the dead-letter topic."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Received(Generic[M_co]):
    """A message that its sender signed (a user: that is well-formed), with all that was checked.

    `id` is the same for the same bytes on the same topic, and for nothing else; `text` is the
    value as it came, which is evidence where it is signed.
    """

    message: M_co
    sender: Participant | None
    id: UUID
    text: str


@dataclass(frozen=True)
class Faulty:
    """Signed by the sender, but wrong: `code` says how."""

    code: str
    request_id: UUID
    sender: Participant
    id: UUID
    text: str


class Signed(Value, Generic[D]):
    """The payload of a JWS, with its message, or with whatever is in its place."""

    iss: EntityID
    aud: tuple[EntityID, ...] = Field(min_length=1)
    iat: int
    exp: int
    jti: UUID
    data: D


class Claims(Signed[dict[str, Any]]):
    """The payload of every JWS. Times are whole seconds since 1970. Source: RFC 7519 4.1."""

    data: dict[str, Any]


@dataclass(frozen=True)
class Signer:
    """Who signs, and with which key."""

    entity_id: str
    key: jose.PrivateKey


def typ_of(message: type[Message]) -> str:
    """The JWS `typ` of a message type. Source: RFC 8725 3.11 (explicit typing)."""
    return f"{message.TYPE}+jwt"


def request_digest(dienstverlener: str, request: AuthnRequest) -> str:
    """What binds declarations to a request: who asked, and exactly what."""
    return jose.digest(f"{dienstverlener}\n{request.model_dump_json()}".encode())


def message_id(scope: str, text: str) -> UUID:
    """The ID of what was read or written: content-addressed, so a redelivery has the same one."""
    return uuid5(NAMESPACE_URL, f"{scope}\n{text}")


def source_of(message: type[Message], entity_id: str) -> str:
    """The `ce_source` of what a participant sends: its EntityID; of a MandateEvent, which others
    than participants read too, its OIN as NL GOV writes it.

    Source: NL GOV profile for CloudEvents 1.1, source: a URN with `nld` as its namespace, which
    names organisation and system.
    """
    if not issubclass(message, MandateEvent):
        return entity_id
    _, _, role, oin, _, index = entity_id.split(":")
    return f"urn:nld:oin:{oin}:systeem:{role.lower()}-{index}"


def attributes_of(message: Message) -> dict[str, str]:
    """CloudEvents attributes that only a MandateEvent has: what it is about (never whom), and the
    schema of the `data` in its JWS. Its `time` is that of registration.

    Source: NL GOV profile for CloudEvents 1.1. What it advises and this is not: JSON as content
    type, because the value is signed.
    """
    if not isinstance(message, MandateEvent):
        return {}
    schema = message.TYPE.removeprefix("nl.herken.")
    about = str(message.object or message.request_id)
    return {"ce_subject": about, "ce_dataschema": f"urn:herken:schema:{schema}"}
