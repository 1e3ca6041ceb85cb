"""Signatures and encryption: compact JWS with ES256, compact JWE with ECDH-ES and A256GCM.

Nothing else is ever accepted: the algorithm is fixed here and not read from a message. Keys are in
`jwk`, encryption is in `jwe`; all are named here too: this is the one door.
Sources: RFC 7515, 7518 (3.4), 8725 (3.1, 3.11: fixed algorithm, `typ`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.hazmat.primitives.hashes import SHA256

from schemas.jwe import Sealer, seal, unseal
from schemas.jwk import (
    JoseFault,
    PrivateKey,
    base64url,
    decode_base64url,
    digest,
    new_key,
    private_jwk,
    private_key,
    public_jwk,
    public_key,
    thumbprint,
)

__all__ = [
    "Header",
    "JoseFault",
    "PrivateKey",
    "Sealer",
    "base64url",
    "decode_base64url",
    "digest",
    "header_of",
    "new_key",
    "private_jwk",
    "private_key",
    "public_jwk",
    "require_algorithm",
    "seal",
    "sign",
    "signature_of",
    "thumbprint",
    "unseal",
    "verified_payload",
]

SIGNING_ALGORITHM = "ES256"
_ES256: Final = ECDSA(SHA256())
_HEADER_MEMBERS: Final = frozenset({"alg", "typ", "kid"})
_HALF: Final = 32
"""Bytes of each of the two numbers of a signature. Source: RFC 7518 3.4."""


@dataclass(frozen=True)
class Header:
    """A JWS protected header that keeps to the rules."""

    typ: str
    kid: str


def sign(payload: bytes, typ: str, key: PrivateKey) -> str:
    """A compact JWS over the payload."""
    signed = f"{_written(typ, key.kid)}.{base64url(payload)}"
    pair = decode_dss_signature(key.secret.sign(signed.encode(), _ES256))
    return f"{signed}.{base64url(b''.join(each.to_bytes(_HALF, 'big') for each in pair))}"


@lru_cache(maxsize=1024)
def _written(typ: str, kid: str) -> str:
    header = {"alg": SIGNING_ALGORITHM, "typ": typ, "kid": kid}
    return base64url(json.dumps(header, separators=(",", ":")).encode())


def header_of(token: str) -> Header:
    """The header of a JWS, its form and algorithm checked, its signature not yet.

    Raises JoseFault: not_jws, alg_refused, header_refused.
    """
    parts = token.split(".")
    if len(parts) != 3 or not all(parts[:2]):
        raise JoseFault("not_jws")
    header = _json_object(parts[0])
    require_algorithm(header)
    if set(header) != _HEADER_MEMBERS or not all(isinstance(v, str) for v in header.values()):
        raise JoseFault("header_refused")
    return Header(header["typ"], header["kid"])


def require_algorithm(header: Mapping[str, Any]) -> None:
    """Only ES256. Raises JoseFault alg_refused. Source: RFC 8725 3.1."""
    if header.get("alg") != SIGNING_ALGORITHM:
        raise JoseFault("alg_refused")


@lru_cache(maxsize=256)
def _json_object(part: str) -> Mapping[str, Any]:
    """What is read is kept, since a sender's headers are the same; it is judged each time."""
    try:
        value = json.loads(decode_base64url(part))
    except (ValueError, RecursionError) as error:
        raise JoseFault("not_jws") from error
    if not isinstance(value, dict):
        raise JoseFault("not_jws")
    return MappingProxyType(value)


def verified_payload(token: str, x: str, y: str) -> bytes:
    """The payload of a JWS whose signature holds under the public key (x, y). Whatever its header
    says, it is judged as ES256.

    Raises JoseFault signature_invalid.
    """
    try:
        signed, signature = token.rsplit(".", 1)
        _, payload = signed.split(".")
        given = encode_dss_signature(*_pair(decode_base64url(signature)))
        public_key(x, y).verify(given, signed.encode("ascii"), _ES256)
        return decode_base64url(payload)
    except (InvalidSignature, ValueError) as error:
        raise JoseFault("signature_invalid") from error


def _pair(signature: bytes) -> tuple[int, int]:
    """Raises ValueError."""
    if len(signature) != 2 * _HALF:
        raise ValueError("signature")
    return int.from_bytes(signature[:_HALF], "big"), int.from_bytes(signature[_HALF:], "big")


def signature_of(token: str) -> str:
    """The signature value of a compact JWS."""
    return token.rsplit(".", 1)[1]
