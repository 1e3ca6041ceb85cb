"""A Kafka record to the message in it, all checks taken in one order: size, form, algorithm, type,
key, role, signature, issuer, audience, headers -- and only then time and content.

What a record is, is in `records`; how one is written in `writing`; the checks are in `checks`. All
are named here too: this is the one door to the wire.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cache
from typing import Any, TypeVar
from uuid import UUID

from pydantic import ValidationError
from pydantic_core import to_json

from schemas import jose
from schemas.checks import (
    CLOCK_SKEW_SECONDS,
    MAX_EVIDENCE_BYTES,
    MAX_VALUE_BYTES,
    require_audience,
    require_headers,
    require_issuer,
    require_key,
    require_key_validity,
    require_role,
    require_size,
    require_typ,
    require_type,
    size_limit,
    time_fault,
)
from schemas.directory import Directory, DirectoryKey, Participant
from schemas.message import Message
from schemas.records import (
    Claims,
    Faulty,
    Headers,
    Received,
    Record,
    Signed,
    Signer,
    Untrusted,
    attributes_of,
    message_id,
    request_digest,
    source_of,
    typ_of,
)
from schemas.topics import Topic, Writer
from schemas.values import Value
from schemas.writing import Draft, encode_all, encode_signed, encode_unsigned, sign_message

__all__ = [
    "CLOCK_SKEW_SECONDS",
    "MAX_EVIDENCE_BYTES",
    "MAX_VALUE_BYTES",
    "Claims",
    "Draft",
    "Faulty",
    "Headers",
    "Received",
    "Record",
    "Signed",
    "Signer",
    "Untrusted",
    "attributes_of",
    "decode",
    "encode_all",
    "encode_signed",
    "encode_unsigned",
    "message_id",
    "request_digest",
    "sign_message",
    "source_of",
    "typ_of",
    "unverified",
    "unverified_time",
    "verify_evidence",
    "verify_own",
]

M = TypeVar("M", bound=Message)
V = TypeVar("V", bound=Value)


def decode(
    record: Record, topic: Topic, reader: Participant, directory: Directory, now: datetime
) -> Received[Any] | Faulty:
    """Read a record of a topic. Raises Untrusted."""
    require_size(record, size_limit(topic.message))
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
) -> Signed[Any]:
    """The claims of a message that we signed ourselves, of whatever age. Its content is as it is
    where it is no such message (any more). Raises Untrusted."""
    now = unverified_time(text)
    sender, claims = _open(text, message, me.role, reader, directory, now)
    if sender.entity_id != me.entity_id:
        raise Untrusted("issuer_refused")
    return claims


def _unsigned(record: Record, topic: Topic, text: str, id_: UUID) -> Received[Any]:
    message = _whole(topic.message, text) or _validated(topic.message, _json(text, "not_json"))
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
) -> tuple[Participant, Signed[Any]]:
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
    claims = _with(message, payload) or _claims(payload)
    require_issuer(claims, sender)
    require_audience(claims, reader)
    return sender, claims


def _content(
    key: bytes | None,
    message: type[Message],
    sender: Participant,
    claims: Signed[Any],
    text: str,
    id_: UUID,
    now: datetime,
) -> Received[Any] | Faulty:
    """What the sender says, once it is certain that he says it. Raises Untrusted."""
    request_id = _request_id(claims)
    if key is not None:
        require_key(key, request_id)
    code = time_fault(claims, now)
    found = _message(message, claims.data) if code is None else None
    if found is None:
        return Faulty(code or "malformed", request_id, sender, id_, text)
    return Received(found, sender, id_, text)


# --- parsing


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


@cache
def _signed_with(message: type[Message]) -> type[Signed[Any]]:
    return Signed[message]  # type: ignore[valid-type]


def _with(message: type[Message], payload: bytes) -> Signed[Any] | None:
    """All at once, as nearly every payload is: the claims with their message. None: it is to be
    looked at bit by bit what is wrong."""
    return _whole(_signed_with(message), payload)


def _claims(payload: bytes) -> Claims:
    claims = _whole(Claims, payload) or _validated(
        Claims, _json(_text(payload), "claims_malformed")
    )
    if claims is None:
        raise Untrusted("claims_malformed")
    return claims


def unverified(text: str, message: type[M]) -> M:
    """The message in a JWS, its signature not looked at: for whoever trusts the topic itself.
    Raises Untrusted."""
    payload = _unverified_payload(text)
    claims = _with(message, payload) or _claims(payload)
    found: M | None = _message(message, claims.data)
    if found is None:
        raise Untrusted("message_malformed")
    return found


def unverified_time(text: str) -> datetime:
    """When a JWS says that it was issued, its signature not looked at. Raises Untrusted."""
    try:
        return datetime.fromtimestamp(_claims(_unverified_payload(text)).iat, UTC)
    except (OverflowError, ValueError, OSError):
        raise Untrusted("claims_malformed") from None


def _unverified_payload(text: str) -> bytes:
    try:
        return jose.decode_base64url(text.split(".")[1])
    except (ValueError, IndexError):
        raise Untrusted("not_jws") from None


def _request_id(claims: Signed[Any]) -> UUID:
    if isinstance(claims.data, Message):
        return claims.data.request_id
    try:
        return UUID(claims.data["request_id"])
    except (KeyError, ValueError, AttributeError, TypeError):
        raise Untrusted("message_malformed") from None


def _message(message: type[M], data: Any) -> M | None:
    """The data of claims as the message that they should be."""
    return data if isinstance(data, message) else _validated(message, data)


def _whole(model: type[V], text: str | bytes) -> V | None:
    """The model of a JSON text, strictly: "60" is no number, "yes" no boolean."""
    try:
        return model.model_validate_json(text, strict=True)
    except ValidationError:
        return None


def _validated(model: type[V], data: dict[str, Any]) -> V | None:
    """The same of parsed JSON."""
    try:
        return _whole(model, to_json(data))
    except ValueError:
        return None
