"""Signed challenges: the user signs the nonce with a key that he holds, as a card does.

The signature is a JWS over nonce, request and provider, so that it is good for one challenge at
one provider only. `kid` says which means it is of.
"""

from __future__ import annotations

import json
from uuid import UUID

from schemas import jose
from schemas.directory import PublicJwk

TYP = "nl.herken.signed-challenge.v1+jwt"


def statement(nonce: str, request_id: UUID, provider: str) -> bytes:
    """What is signed."""
    content = {"nonce": nonce, "request_id": str(request_id), "aud": provider}
    return json.dumps(content, separators=(",", ":"), sort_keys=True).encode()


def key_id(signature: str) -> str | None:
    """Which key a signature says that it is of; None where it is no signature of a challenge."""
    try:
        header = jose.header_of(signature)
    except jose.JoseFault:
        return None
    return header.kid if header.typ == TYP else None


def holds(signature: str, expected: bytes, key: PublicJwk) -> bool:
    """Whether the key signed exactly this."""
    try:
        return jose.verified_payload(signature, key.x, key.y) == expected
    except jose.JoseFault:
        return False
