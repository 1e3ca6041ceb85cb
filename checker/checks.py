"""The checks of a record, each by itself. They raise NotHolding, with a dead letter's reason."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from checker import ids, jose
from checker.facts import Participant
from checker.jose import NotHolding
from checker.topics import EVIDENCE, Kind

MOST_BYTES: Final = 49_152
MOST_EVIDENCE_BYTES: Final = 8_850
_SMALL: Final = EVIDENCE - {"outcomes"}
_CLAIMS: Final = {"iss", "aud", "iat", "exp", "jti", "data"}


class Raw(NamedTuple):
    """A Kafka record of a topic of the network's, its headers each once."""

    kind: str
    owner: str
    partition: int
    offset: int
    timestamp: int
    key: bytes
    value: bytes
    headers: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Signed:
    """A JWS whose signature holds."""

    sender: Participant
    claims: Mapping[str, Any]
    signature: str


def text_of(raw: Raw, kind: Kind) -> str:
    if len(raw.value) > (MOST_EVIDENCE_BYTES if kind.name in _SMALL else MOST_BYTES):
        raise NotHolding("too_large")
    try:
        text = raw.value.decode()
    except UnicodeDecodeError:
        raise NotHolding("not_utf8") from None
    if raw.headers.get("ce_type") != kind.type.encode():
        raise NotHolding("type_refused")
    return text


def object_in(text: str, reason: str) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise NotHolding(reason) from None
    if not isinstance(found, dict):
        raise NotHolding(reason)
    return found


def claims_in(payload: str) -> Mapping[str, Any]:
    try:
        claims = object_in(jose.decoded(payload).decode(), "claims_malformed")
    except ValueError:
        raise NotHolding("claims_malformed") from None
    aud = claims.get("aud")
    holds = (
        set(claims) == _CLAIMS
        and isinstance(aud, list)
        and aud
        and all(isinstance(each, str) for each in aud)
        and all(type(claims[name]) is int for name in ("iat", "exp"))
        and ids.CANONICAL.fullmatch(ids.canonical(str(claims["jti"])))
        and isinstance(claims["data"], dict)
    )
    if not holds:
        raise NotHolding("claims_malformed")
    return claims


def issued(text: str, otherwise: int) -> int:
    """When a JWS says that it was issued, in milliseconds."""
    try:
        return int(claims_in(text.split(".")[1])["iat"]) * 1000
    except (NotHolding, IndexError):
        return otherwise


def claimed_id(value: bytes, kind: Kind) -> str:
    """The `jti` in a JWS that does not hold: whose place it takes."""
    try:
        return str(claims_in(value.decode().split(".")[1])["jti"]) if kind.signed else ""
    except (NotHolding, ValueError, IndexError):
        return ""


def require_key(key: bytes, data: Mapping[str, Any]) -> None:
    id_ = data.get("request_id")
    if not isinstance(id_, str) or not ids.CANONICAL.fullmatch(ids.canonical(id_)):
        raise NotHolding("message_malformed")
    if key != ids.canonical(id_).encode():
        raise NotHolding("key_refused")


def require_headers(headers: Mapping[str, bytes], signed: Signed, kind: Kind) -> None:
    source = signed.sender.entity_id
    if kind.name == "mandate-events":
        _, _, role, oin, _, index = source.split(":")
        source = f"urn:nld:oin:{oin}:systeem:{role.lower()}-{index}"
    said = (headers.get("ce_id"), headers.get("ce_source"))
    if said != (ids.canonical(signed.claims["jti"]).encode(), source.encode()):
        raise NotHolding("headers_refused")
