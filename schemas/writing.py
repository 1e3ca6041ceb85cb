"""A message to the bytes of a Kafka record: signed by a participant, or as a user writes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
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
    """The record of a message from one participant to others, with a signature of its own."""
    return encode_all([Draft(topic_name, message, audience, jti)], signer, now)[0]


@dataclass(frozen=True)
class Draft:
    """A message that is not signed yet: on which topic, for whom, under which ID. `plain`: with a
    signature of its own, for who reads no other."""

    topic_name: str
    message: Message
    audience: tuple[str, ...]
    jti: UUID
    plain: bool = False


def encode_all(drafts: Sequence[Draft], signer: Signer, now: datetime) -> list[Record]:
    """The records of messages from one participant to others, in their order: all by one signature
    but those that have to be plain."""
    unsigned = [_unsigned(each.message, signer, each.audience, each.jti, now) for each in drafts]
    of_tree = [each for each, draft in zip(unsigned, drafts, strict=True) if not draft.plain]
    signed = iter(jose.sign_all(of_tree, signer.key))
    texts = [
        jose.sign(*each, signer.key) if draft.plain else next(signed)
        for each, draft in zip(unsigned, drafts, strict=True)
    ]
    return [
        _signed_record(draft, text, signer, now) for draft, text in zip(drafts, texts, strict=True)
    ]


def sign_message(
    message: Message, signer: Signer, audience: tuple[str, ...], jti: UUID, now: datetime
) -> str:
    """The compact JWS of a message, with a signature of its own."""
    return jose.sign(*_unsigned(message, signer, audience, jti, now), signer.key)


def _unsigned(
    message: Message, signer: Signer, audience: tuple[str, ...], jti: UUID, now: datetime
) -> tuple[bytes, str]:
    """The payload of a message's JWS, and its `typ`."""
    issued = int(now.timestamp())
    claims = {
        "iss": signer.entity_id,
        "aud": list(audience),
        "iat": issued,
        "exp": issued + message.VALID_SECONDS,
        "jti": str(jti),
        "data": message,
    }
    return to_json(claims), typ_of(type(message))


def _signed_record(draft: Draft, text: str, signer: Signer, now: datetime) -> Record:
    message, source = draft.message, source_of(type(draft.message), signer.entity_id)
    return _record(draft.topic_name, message, text, draft.jti, source, now, "application/jose")


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
    request_id, own_id = str(message.request_id), str(id_)
    trace, span = request_id.replace("-", ""), own_id.replace("-", "")[:16]
    headers = {
        "ce_specversion": "1.0",
        "ce_id": own_id,
        "ce_source": source,
        "ce_type": message.TYPE,
        "ce_time": _written(now),
        "content-type": content_type,
        "traceparent": f"00-{trace}-{span}-01",
        **attributes_of(message),
    }
    encoded = tuple((name, value.encode()) for name, value in headers.items())
    return Record(topic, request_id.encode(), text.encode(), encoded)


@lru_cache(maxsize=16)
def _written(time: datetime) -> str:
    """What a batch sends has one time."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds")
