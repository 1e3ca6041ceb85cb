"""Encryption: compact JWE with ECDH-ES and A256GCM, and nothing else.

Sources: RFC 7516 (5.1, 5.2: compact serialization), RFC 7518 (4.6: ECDH-ES in direct mode; 5.3:
AES GCM), RFC 8725 (3.2, 3.6: fixed algorithms, no compression).
"""

from __future__ import annotations

import json
import secrets
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash

from schemas.jwk import JoseFault, PrivateKey, base64url, decode_base64url, public_key

KEY_AGREEMENT, CONTENT_ENCRYPTION = "ECDH-ES", "A256GCM"
_MEMBERS: Final = frozenset({"alg", "enc", "kid", "epk"})
_POINT: Final = frozenset({"kty", "crv", "x", "y"})
_KEY_BYTES, _IV_BYTES, _TAG_BYTES = 32, 12, 16


def seal(plaintext: bytes, x: str, y: str, kid: str) -> str:
    """A compact JWE that only the holder of the key (x, y) can read."""
    ephemeral = ec.generate_private_key(ec.SECP256R1())
    header = _header(kid, ephemeral.public_key())
    key = _agreed(ephemeral, public_key(x, y))
    iv = secrets.token_bytes(_IV_BYTES)
    sealed = AESGCM(key).encrypt(iv, plaintext, header.encode())
    text, tag = sealed[:-_TAG_BYTES], sealed[-_TAG_BYTES:]
    return f"{header}..{base64url(iv)}.{base64url(text)}.{base64url(tag)}"


def unseal(token: str, keys: dict[str, PrivateKey]) -> bytes:
    """What was sealed for one of the keys. Raises JoseFault: not_jwe, not_for_us, seal_broken."""
    header = _members(token)
    key = keys.get(str(header.get("kid")))
    if key is None:
        raise JoseFault("not_for_us")
    try:
        return _opened(token, _agreed(_private(key), _ephemeral(header)))
    except (InvalidTag, ValueError) as error:
        raise JoseFault("seal_broken") from error


def _header(kid: str, ephemeral: ec.EllipticCurvePublicKey) -> str:
    point = ephemeral.public_numbers()
    x, y = (base64url(each.to_bytes(32, "big")) for each in (point.x, point.y))
    epk = {"kty": "EC", "crv": "P-256", "x": x, "y": y}
    members = {"alg": KEY_AGREEMENT, "enc": CONTENT_ENCRYPTION, "kid": kid, "epk": epk}
    return base64url(json.dumps(members, separators=(",", ":")).encode())


def _members(token: str) -> dict[str, Any]:
    """The header of a JWE. Raises JoseFault not_jwe."""
    try:
        members = json.loads(decode_base64url(token.split(".", 1)[0]))
    except (ValueError, RecursionError) as error:
        raise JoseFault("not_jwe") from error
    if not isinstance(members, dict):
        raise JoseFault("not_jwe")
    return members


def _ephemeral(header: dict[str, Any]) -> ec.EllipticCurvePublicKey:
    """The sender's key of this one seal, if the header is as it must be. Raises ValueError."""
    epk = header.get("epk")
    right = (header.get("alg"), header.get("enc")) == (KEY_AGREEMENT, CONTENT_ENCRYPTION)
    if not right or header.keys() != _MEMBERS or not isinstance(epk, dict):
        raise ValueError("header")
    if epk.keys() != _POINT or (epk["kty"], epk["crv"]) != ("EC", "P-256"):
        raise ValueError("epk")
    x, y = (int.from_bytes(decode_base64url(str(epk[name])), "big") for name in ("x", "y"))
    return ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()


def _opened(token: str, key: bytes) -> bytes:
    """Raises ValueError, InvalidTag."""
    header, encrypted_key, *rest = token.split(".")
    iv, text, tag = (decode_base64url(part) for part in rest)
    if encrypted_key or len(iv) != _IV_BYTES or len(tag) != _TAG_BYTES:
        raise ValueError("parts")
    return AESGCM(key).decrypt(iv, text + tag, header.encode())


def _agreed(private: ec.EllipticCurvePrivateKey, public: ec.EllipticCurvePublicKey) -> bytes:
    """The key that both sides come to. Source: RFC 7518 4.6.2, with empty apu and apv."""
    algorithm = CONTENT_ENCRYPTION.encode()
    empty, bits = bytes(4), (8 * _KEY_BYTES).to_bytes(4, "big")
    info = len(algorithm).to_bytes(4, "big") + algorithm + empty + empty + bits
    return ConcatKDFHash(SHA256(), _KEY_BYTES, info).derive(private.exchange(ec.ECDH(), public))


def _private(key: PrivateKey) -> ec.EllipticCurvePrivateKey:
    if key.key.private_key is None:
        raise ValueError("no private key")
    return key.key.private_key
