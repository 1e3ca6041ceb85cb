"""Signatures and seals: compact JWS with ES256, compact JWE with ECDH-ES and A256GCM, on P-256.
Nothing else is accepted. A signature is of a JWS, or of the root of the Merkle tree that it is in.
Sources: RFC 7515, 7516, 7518 (3.4, 4.6, 5.3), 9162 (2.1)."""

from __future__ import annotations

import json
from binascii import a2b_base64
from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash

_ES256: Final = ec.ECDSA(SHA256())
_TREE: Final = "nl.herken.ES256-MTH"
_ROOT: Final = b"nl.herken.ES256-MTH, root of a tree of JWS signing inputs\x00"
_MOST: Final = 256
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
    if found.get("alg") not in ("ES256", _TREE):
        raise NotHolding("alg_refused")
    if set(found) != {"alg", "typ", "kid"} or not all(isinstance(v, str) for v in found.values()):
        raise NotHolding("header_refused")
    return found


def verify(signed: bytes, signature: str, key: ec.EllipticCurvePublicKey) -> None:
    """Raises NotHolding."""
    try:
        raw, head = decoded(signature), header(signed.partition(b".")[0].decode())
        if head["alg"] == _TREE:
            raw, place = raw[: 2 * _HALF], raw[2 * _HALF :]
            signed = _ROOT + place[4:8] + root_of(signed, place)
        if len(raw) != 2 * _HALF:
            raise NotHolding("signature_invalid")
        r, s = (int.from_bytes(half, "big") for half in (raw[:_HALF], raw[_HALF:]))
        key.verify(encode_dss_signature(r, s), signed, _ES256)
    except (InvalidSignature, ValueError):
        raise NotHolding("signature_invalid") from None


def root_of(leaf: bytes, place: bytes) -> bytes:
    """The root that a leaf has by its place: index, size (4 bytes each), and what stands beside it
    on the way up (32 bytes each), of which nothing may be left. Raises ValueError.

    Source: RFC 9162 2.1.3.2.
    """
    index, size = int.from_bytes(place[:4], "big"), int.from_bytes(place[4:8], "big")
    if not 2 <= size <= _MOST or index >= size:
        raise ValueError("no place in a tree")
    root, left = _climbed(sha256(b"\0" + leaf).digest(), index, size, place[8:])
    if left:
        raise ValueError("a path that is too long")
    return root


def _climbed(leaf: bytes, index: int, size: int, path: bytes) -> tuple[bytes, bytes]:
    """The hash of a tree of this size around a leaf, and what is left of the path. The first half
    of a tree is the largest power of two below its size. Raises ValueError. Source: 2.1.1."""
    if size == 1:
        return leaf, path
    half = 1 << (size - 1).bit_length() - 1
    is_left = index < half
    inner, rest = _climbed(
        leaf, index if is_left else index - half, half if is_left else size - half, path
    )
    beside, rest = rest[:_HALF], rest[_HALF:]
    if len(beside) != _HALF:
        raise ValueError("a path that is too short")
    pair = inner + beside if is_left else beside + inner
    return sha256(b"\1" + pair).digest(), rest


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
