"""How IDs and digests are made: docs/explanation/exactly-once.md, "Recipes"."""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha1, sha256
from typing import Any, Final
from uuid import NAMESPACE_URL, UUID

CANONICAL: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_NAMESPACE: Final = NAMESPACE_URL.bytes
_REQUEST_FIELDS: Final[Mapping[str, Any]] = {
    "request_id": None,
    "service": None,
    "level": None,
    "force_authn": False,
    "provider": None,
    "declared": [],
    "browser": None,
    "answer_within_seconds": None,
}
"""The fields of a request in the order in which they are digested, and their defaults."""


def base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def digest(data: bytes) -> str:
    """SHA-256, base64url without padding."""
    return base64url(sha256(data).digest())


def canonical(text: str) -> str:
    """A UUID in its one form, in which keys and headers have it; anything else as it is."""
    if CANONICAL.fullmatch(text):
        return text
    try:
        return str(UUID(text))
    except ValueError:
        return text


def content_id(scope: str, text: bytes) -> str:
    """UUIDv5, in the namespace of URLs, of the scope, a line feed and the text."""
    made = sha1(_NAMESPACE + scope.encode() + b"\n" + text, usedforsecurity=False).digest()
    return str(UUID(bytes=made[:16], version=5))


def output_id(sender: str, number: int, input_id: str) -> str:
    """The `jti` of what a role (by its short name) sends: its place, from 0, among all that
    this input led to."""
    return content_id(f"{sender}.{number}", input_id.encode())


def due_id(request_id: str, version: int) -> str:
    """The input that a deadline is: of a login's row in one of its versions."""
    return content_id("due", f"{request_id}@{version}".encode())


def seed_id(sender: str, event: Mapping[str, Any]) -> str:
    """The `jti` of an event that tells of what was there from the start."""
    command = content_id("seed", str(event.get("object")).encode())
    return content_id(sender, f"{command} {event.get('revision')}".encode())


def request_digest(dienstverlener: str, request: Mapping[str, Any]) -> str:
    """What declarations about a request are bound to: SHA-256 of who asks, a line feed and the
    request as compact JSON."""
    whole = {name: request.get(name, default) for name, default in _REQUEST_FIELDS.items()}
    whole["request_id"] = canonical(str(whole["request_id"]))
    text = json.dumps(whole, separators=(",", ":"), ensure_ascii=False)
    return digest(f"{dienstverlener}\n{text}".encode())
