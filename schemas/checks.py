"""The checks of a record, each by itself: they raise Untrusted."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from schemas import jose
from schemas.directory import DirectoryKey, KeyUse, Participant
from schemas.message import Message
from schemas.messages import AuthenticationResult, AuthnRequest, Confirmation, MandateDecision
from schemas.records import Record, Signed, Untrusted, source_of, typ_of
from schemas.topics import Writer

MAX_VALUE_BYTES: Final = 49_152
"""No larger than a JWS may be inside another message (`values.Jws`)."""
MAX_EVIDENCE_BYTES: Final = 8_850
"""What becomes evidence is smaller: an outcome holds four of them, in base64. Of these bytes, a
path in a tree takes 352 at most, and the longer signature that a declaration is bound by 470."""
CLOCK_SKEW_SECONDS: Final = 30
"""How far another participant's clock may be off. CHOICE: the scheme publishes no skew."""
_EVIDENCE = (AuthnRequest, AuthenticationResult, MandateDecision, Confirmation)


def size_limit(message: type[Message]) -> int:
    """How many bytes the value of such a record may have."""
    return MAX_EVIDENCE_BYTES if issubclass(message, _EVIDENCE) else MAX_VALUE_BYTES


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


def require_issuer(claims: Signed[Any], sender: Participant) -> None:
    if claims.iss != sender.entity_id:
        raise Untrusted("issuer_refused")


def require_audience(claims: Signed[Any], reader: Participant) -> None:
    if reader.entity_id not in claims.aud:
        raise Untrusted("audience_refused")


def require_headers(record: Record, claims: Signed[Any], message: type[Message] = Message) -> None:
    """The CloudEvents attributes must say what the signed value says."""
    headers = dict(record.headers)
    signed = {"ce_id": str(claims.jti), "ce_source": source_of(message, claims.iss)}
    if any(headers.get(name) != value.encode() for name, value in signed.items()):
        raise Untrusted("headers_refused")


def require_key(key: bytes, request_id: UUID) -> None:
    if key != str(request_id).encode():
        raise Untrusted("key_refused")


def time_fault(claims: Signed[Any], now: datetime) -> str | None:
    """`expired` or `from_the_future`, the skew allowed for."""
    skew = timedelta(seconds=CLOCK_SKEW_SECONDS)
    if (now + skew).timestamp() < claims.iat:
        return "from_the_future"
    if (now - skew).timestamp() >= claims.exp:
        return "expired"
    return None
