"""Signatures and seals: compact JWS with ES256, compact JWE with ECDH-ES and A256GCM, on P-256.
Nothing else is accepted. Sources: RFC 7515, 7516, 7518 (3.4, 4.6, 5.3)."""

from __future__ import annotations

import json
from binascii import a2b_base64
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash

_ES256: Final = ec.ECDSA(SHA256())
_HALF: Final = 32
_STANDARD: Final = bytes.maketrans(b"-_", b"+/")
_ALGORITHM_INFO: Final = (
    len(b"A256GCM").to_bytes(4, "big") + b"A256GCM" + bytes(8) + (256).to_bytes(4, "big")
)
"""Algorithm, no PartyUInfo, no PartyVInfo, key length. Source: RFC 7518 4.6.2."""


class NotHolding(Exception):
    """A JWS or JWE that does not hold; `reason` is a stable code."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def decoded(text: str) -> bytes:
    """Base64url without padding. Raises ValueError."""
    return a2b_base64(text.encode().translate(_STANDARD) + b"=" * (-len(text) % 4))


@lru_cache(maxsize=4096)
def public_key(x: str, y: str) -> ec.EllipticCurvePublicKey:
    """Raises ValueError where it is no point of P-256."""
    a, b = (int.from_bytes(decoded(each), "big") for each in (x, y))
    return ec.EllipticCurvePublicNumbers(a, b, ec.SECP256R1()).public_key()


def private_key(jwk: Mapping[str, str]) -> ec.EllipticCurvePrivateKey:
    """Raises ValueError, KeyError."""
    return ec.derive_private_key(int.from_bytes(decoded(jwk["d"]), "big"), ec.SECP256R1())


@lru_cache(maxsize=4096)
def header(part: str) -> Mapping[str, str]:
    """The protected header of a JWS, exactly alg, typ and kid. Raises NotHolding."""
    try:
        found = json.loads(decoded(part))
    except ValueError:
        raise NotHolding("not_jws") from None
    if not isinstance(found, dict):
        raise NotHolding("not_jws")
    if found.get("alg") != "ES256":
        raise NotHolding("alg_refused")
    if set(found) != {"alg", "typ", "kid"} or not all(isinstance(v, str) for v in found.values()):
        raise NotHolding("header_refused")
    return found


def verify(signed: bytes, signature: str, key: ec.EllipticCurvePublicKey) -> None:
    """Raises NotHolding."""
    try:
        raw = decoded(signature)
        if len(raw) != 2 * _HALF:
            raise NotHolding("signature_invalid")
        r, s = (int.from_bytes(half, "big") for half in (raw[:_HALF], raw[_HALF:]))
        key.verify(encode_dss_signature(r, s), signed, _ES256)
    except (InvalidSignature, ValueError):
        raise NotHolding("signature_invalid") from None


def seal_header(token: str) -> Mapping[str, Any]:
    """The header of a JWE. Raises NotHolding."""
    try:
        found = json.loads(decoded(token.split(".", 1)[0]))
    except ValueError:
        raise NotHolding("not_jwe") from None
    if not isinstance(found, dict):
        raise NotHolding("not_jwe")
    return found


def unseal(token: str, key: ec.EllipticCurvePrivateKey) -> bytes:
    """What was sealed for a key. Raises NotHolding."""
    try:
        head, _, nonce, sealed, tag = token.split(".")
        epk = seal_header(token)["epk"]
        shared = key.exchange(ec.ECDH(), public_key(epk["x"], epk["y"]))
        derived = ConcatKDFHash(SHA256(), 32, _ALGORITHM_INFO).derive(shared)
        text = decoded(sealed) + decoded(tag)
        return AESGCM(derived).decrypt(decoded(nonce), text, head.encode())
    except (InvalidTag, ValueError, KeyError, TypeError):
        raise NotHolding("seal_broken") from None
