"""A message to the bytes of a Kafka record, and back.

On Kafka a message is a CloudEvent in binary mode; its value is a compact JWS of the writer, or
plain JSON where a user wrote it. Reading takes the checks in one order: size, form, algorithm,
type, key, role, signature, issuer, audience, headers -- and only then time and content.

- `Untrusted` is raised while nobody is known to have said it: there is no one to answer.
- `Faulty` is returned where a participant did say it, but it does not hold: he gets an answer.

Sources: CloudEvents 1.0 Kafka binding (binary mode); RFC 7519 claims; RFC 8725.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Generic, TypeVar
from uuid import NAMESPACE_URL, UUID, uuid5

from pydantic import Field, ValidationError

from schemas import jose
from schemas.administration import MandateEvent
from schemas.directory import Directory, DirectoryKey, KeyUse, Participant
from schemas.message import Message
from schemas.messages import AuthenticationResult, AuthnRequest, MandateDecision
from schemas.topics import Topic, Writer
from schemas.values import EntityID, Value

MAX_VALUE_BYTES: Final = 49_152
"""No larger than a JWS may be inside another message (`values.Jws`)."""
MAX_EVIDENCE_BYTES: Final = 8_000
"""What becomes evidence is smaller: an outcome holds four of them, in base64."""
CLOCK_SKEW_SECONDS: Final = 30
"""How far another participant's clock may be off. CHOICE: the scheme publishes no skew."""

M = TypeVar("M", bound=Message)
M_co = TypeVar("M_co", bound=Message, covariant=True)
Headers = tuple[tuple[str, bytes], ...]


@dataclass(frozen=True)
class Record:
    """A Kafka record, of no client library. `position` is `partition:offset` where it was read."""

    topic: str
    key: bytes
    value: bytes
    headers: Headers = ()
    position: str = ""


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


class Claims(Value):
    """The payload of every JWS. Times are whole seconds since 1970. Source: RFC 7519 4.1."""

    iss: EntityID
    aud: tuple[EntityID, ...] = Field(min_length=1)
    iat: int
    exp: int
    jti: UUID
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


# --- writing


def encode_signed(
    topic_name: str,
    message: Message,
    signer: Signer,
    audience: tuple[str, ...],
    jti: UUID,
    now: datetime,
) -> Record:
    """The record of a message from one participant to others."""
    text = sign_message(message, signer, audience, jti, now)
    source = source_of(type(message), signer.entity_id)
    return _record(topic_name, message, text, jti, source, now, "application/jose")


def sign_message(
    message: Message, signer: Signer, audience: tuple[str, ...], jti: UUID, now: datetime
) -> str:
    """The compact JWS of a message."""
    issued = int(now.timestamp())
    claims = {
        "iss": signer.entity_id,
        "aud": list(audience),
        "iat": issued,
        "exp": issued + message.VALID_SECONDS,
        "jti": str(jti),
        "data": message.model_dump(mode="json"),
    }
    payload = json.dumps(claims, separators=(",", ":")).encode()
    return jose.sign(payload, typ_of(type(message)), signer.key)


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


def encode_unsigned(topic_name: str, message: Message, id_: UUID, now: datetime) -> Record:
    """The record of what a user answers."""
    text = message.model_dump_json()
    return _record(topic_name, message, text, id_, "urn:herken:user", now, "application/json")


def _record(
    topic: str,
    message: Message,
    text: str,
    id_: UUID,
    source: str,
    now: datetime,
    content_type: str,
) -> Record:
    request_id = message.request_id
    headers = {
        "ce_specversion": "1.0",
        "ce_id": str(id_),
        "ce_source": source,
        "ce_type": message.TYPE,
        "ce_time": now.astimezone(UTC).isoformat(timespec="milliseconds"),
        "content-type": content_type,
        "traceparent": f"00-{request_id.hex}-{id_.hex[:16]}-01",
        **attributes_of(message),
    }
    encoded = tuple((name, value.encode()) for name, value in headers.items())
    return Record(topic, str(request_id).encode(), text.encode(), encoded)


# --- reading


def decode(
    record: Record, topic: Topic, reader: Participant, directory: Directory, now: datetime
) -> Received[Any] | Faulty:
    """Read a record of a topic. Raises Untrusted."""
    require_size(record, _limit(topic.message))
    text = _text(record.value)
    require_type(record, topic.message)
    id_ = message_id(record.topic, text)
    if not topic.signed:
        return _unsigned(record, topic, text, id_)
    sender, claims = _open(text, topic.message, topic.writer, reader, directory, now)
    require_headers(record, claims, topic.message)
    return _content(record.key, topic.message, sender, claims, text, id_, now)


def verify_evidence(
    text: str,
    message: type[M],
    writer: Writer,
    reader: Participant,
    directory: Directory,
    now: datetime,
) -> Received[M]:
    """Verify a signed message that came inside another one. Raises Untrusted."""
    sender, claims = _open(text, message, writer, reader, directory, now)
    found = _content(None, message, sender, claims, text, claims.jti, now)
    if isinstance(found, Faulty):
        raise Untrusted(found.code)
    return found


def verify_own(
    text: str, message: type[Message], me: Participant, reader: Participant, directory: Directory
) -> Claims:
    """The claims of a message that we signed ourselves, of whatever age. Raises Untrusted."""
    now = unverified_time(text)
    sender, claims = _open(text, message, me.role, reader, directory, now)
    if sender.entity_id != me.entity_id:
        raise Untrusted("issuer_refused")
    return claims


def _unsigned(record: Record, topic: Topic, text: str, id_: UUID) -> Received[Any]:
    data = _json(text, "not_json")
    message = _validated(topic.message, data)
    if message is None:
        raise Untrusted("message_malformed")
    require_key(record.key, message.request_id)
    return Received(message, None, id_, text)


def _open(
    text: str,
    message: type[Message],
    writer: Writer,
    reader: Participant,
    directory: Directory,
    now: datetime,
) -> tuple[Participant, Claims]:
    """Form, key, signature, issuer and audience of a JWS. Raises Untrusted."""
    try:
        header = jose.header_of(text)
        require_typ(header, message)
        sender, key = _signing_key(header, directory)
        require_key_validity(key, now)
        require_role(sender, writer)
        payload = jose.verified_payload(text, key.jwk.x, key.jwk.y)
    except jose.JoseFault as fault:
        raise Untrusted(fault.code) from None
    claims = _claims(payload)
    require_issuer(claims, sender)
    require_audience(claims, reader)
    return sender, claims


def _content(
    key: bytes | None,
    message: type[Message],
    sender: Participant,
    claims: Claims,
    text: str,
    id_: UUID,
    now: datetime,
) -> Received[Any] | Faulty:
    """What the sender says, once it is certain that he says it. Raises Untrusted."""
    request_id = _request_id(claims)
    if key is not None:
        require_key(key, request_id)
    code = time_fault(claims, now)
    found = _validated(message, claims.data) if code is None else None
    if found is None:
        return Faulty(code or "malformed", request_id, sender, id_, text)
    return Received(found, sender, id_, text)


# --- the checks, each by itself; all raise Untrusted


def require_size(record: Record, most: int = MAX_VALUE_BYTES) -> None:
    if len(record.value) > most:
        raise Untrusted("too_large")


def require_type(record: Record, message: type[Message]) -> None:
    if dict(record.headers).get("ce_type") != message.TYPE.encode():
        raise Untrusted("type_refused")


def require_typ(header: jose.Header, message: type[Message]) -> None:
    if header.typ != typ_of(message):
        raise Untrusted("typ_refused")


def require_key_validity(key: DirectoryKey, now: datetime) -> None:
    """Valid now, or within the skew: another's clock may be ahead of ours at a renewal."""
    soon = now + timedelta(seconds=CLOCK_SKEW_SECONDS)
    if key.use is not KeyUse.SIGNING or not (key.is_valid(now) or key.is_valid(soon)):
        raise Untrusted("key_not_valid")


def require_role(sender: Participant, writer: Writer) -> None:
    """Nobody is trusted for a role that the directory does not give him."""
    if sender.role != writer:
        raise Untrusted("role_refused")


def require_issuer(claims: Claims, sender: Participant) -> None:
    if claims.iss != sender.entity_id:
        raise Untrusted("issuer_refused")


def require_audience(claims: Claims, reader: Participant) -> None:
    if reader.entity_id not in claims.aud:
        raise Untrusted("audience_refused")


def require_headers(record: Record, claims: Claims, message: type[Message] = Message) -> None:
    """The CloudEvents attributes must say what the signed value says."""
    headers = dict(record.headers)
    signed = {"ce_id": str(claims.jti), "ce_source": source_of(message, claims.iss)}
    if any(headers.get(name) != value.encode() for name, value in signed.items()):
        raise Untrusted("headers_refused")


def require_key(key: bytes, request_id: UUID) -> None:
    if key != str(request_id).encode():
        raise Untrusted("key_refused")


def time_fault(claims: Claims, now: datetime) -> str | None:
    """`expired` or `from_the_future`, the skew allowed for."""
    skew = timedelta(seconds=CLOCK_SKEW_SECONDS)
    if (now + skew).timestamp() < claims.iat:
        return "from_the_future"
    if (now - skew).timestamp() >= claims.exp:
        return "expired"
    return None


# --- parsing


def _limit(message: type[Message]) -> int:
    evidence = (AuthnRequest, AuthenticationResult, MandateDecision)
    return MAX_EVIDENCE_BYTES if issubclass(message, evidence) else MAX_VALUE_BYTES


def _text(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Untrusted("not_utf8") from error


def _json(text: str, reason: str) -> dict[str, Any]:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        raise Untrusted(reason) from None
    if not isinstance(data, dict):
        raise Untrusted(reason)
    return data


def _signing_key(header: jose.Header, directory: Directory) -> tuple[Participant, DirectoryKey]:
    found = directory.key(header.kid)
    if found is None:
        raise Untrusted("kid_unknown")
    return found


def _claims(payload: bytes) -> Claims:
    claims = _validated(Claims, _json(_text(payload), "claims_malformed"))
    if claims is None:
        raise Untrusted("claims_malformed")
    return claims


def unverified(text: str, message: type[M]) -> M:
    """The message in a JWS, its signature not looked at: for whoever trusts the topic itself.
    Raises Untrusted."""
    found = _validated(message, _unverified_claims(text).data)
    if found is None:
        raise Untrusted("message_malformed")
    return found


def unverified_time(text: str) -> datetime:
    """When a JWS says that it was issued, its signature not looked at. Raises Untrusted."""
    try:
        return datetime.fromtimestamp(_unverified_claims(text).iat, UTC)
    except (OverflowError, ValueError, OSError):
        raise Untrusted("claims_malformed") from None


def _unverified_claims(text: str) -> Claims:
    try:
        return _claims(jose.decode_base64url(text.split(".")[1]))
    except (ValueError, IndexError):
        raise Untrusted("not_jws") from None


def _request_id(claims: Claims) -> UUID:
    try:
        return UUID(claims.data["request_id"])
    except (KeyError, ValueError, AttributeError, TypeError):
        raise Untrusted("message_malformed") from None


V = TypeVar("V", bound=Value)


def _validated(model: type[V], data: dict[str, Any]) -> V | None:
    """The model of parsed JSON, strictly: "60" is no number, "yes" no boolean."""
    try:
        return model.model_validate_json(json.dumps(data), strict=True)
    except (ValidationError, RecursionError):
        return None
