"""A message to the bytes of a Kafka record: signed by a participant, or as a user writes it."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from pydantic_core import to_json

from schemas import jose
from schemas.message import Message
from schemas.records import Record, Signer, attributes_of, source_of, typ_of


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
        "data": message,
    }
    return jose.sign(to_json(claims), typ_of(type(message)), signer.key)


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
