"""Encryption: compact JWE with ECDH-ES and A256GCM, and nothing else.

Sources: RFC 7516 (5.1, 5.2: compact serialization), RFC 7518 (4.6: ECDH-ES in direct mode; 5.3:
AES GCM), RFC 8725 (3.2, 3.6: fixed algorithms, no compression).
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from functools import lru_cache
from math import inf
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
AGREED_SECONDS: Final = 10.0
"""How long one key agreement with a recipient serves. CHOICE: decision 0019."""
_KEY_BYTES, _IV_BYTES, _TAG_BYTES = 32, 12, 16


@dataclass(frozen=True)
class _Agreed:
    """What a sender and a recipient have agreed on: the header that says so, and the cipher."""

    header: str
    cipher: AESGCM

    def seal(self, plaintext: bytes) -> str:
        iv = secrets.token_bytes(_IV_BYTES)
        sealed = self.cipher.encrypt(iv, plaintext, self.header.encode())
        text, tag = sealed[:-_TAG_BYTES], sealed[-_TAG_BYTES:]
        return f"{self.header}..{base64url(iv)}.{base64url(text)}.{base64url(tag)}"


def seal(plaintext: bytes, x: str, y: str, kid: str) -> str:
    """A compact JWE that only the holder of the key (x, y) can read."""
    return _agree(x, y, kid).seal(plaintext)


class Sealer:
    """Seals again and again for the same recipients: what it agrees on with one of them is good for
    AGREED_SECONDS, and forgotten then. See docs/decisions/0019-agreements-for-seconds.md."""

    def __init__(self) -> None:
        self._agreed: dict[str, _Agreed] = {}
        self._since = -inf

    def seal(self, plaintext: bytes, x: str, y: str, kid: str, at: float) -> str:
        """As `seal`. `at`: the time, in seconds."""
        if not self._since <= at < self._since + AGREED_SECONDS:
            self._agreed, self._since = {}, at
        if kid not in self._agreed:
            self._agreed[kid] = _agree(x, y, kid)
        return self._agreed[kid].seal(plaintext)


def unseal(token: str, keys: dict[str, PrivateKey]) -> bytes:
    """What was sealed for one of the keys. Raises JoseFault: not_jwe, not_for_us, seal_broken."""
    header = _members(token)
    key = keys.get(str(header.get("kid")))
    if key is None:
        raise JoseFault("not_for_us")
    try:
        return _opened(token, _cipher_of(key, *_ephemeral(header)))
    except (InvalidTag, ValueError) as error:
        raise JoseFault("seal_broken") from error


def _agree(x: str, y: str, kid: str) -> _Agreed:
    """With a new key of the sender's, which is used for nothing else and kept nowhere."""
    ephemeral = ec.generate_private_key(ec.SECP256R1())
    point = ephemeral.public_key().public_numbers()
    own_x, own_y = (base64url(each.to_bytes(32, "big")) for each in (point.x, point.y))
    epk = {"kty": "EC", "crv": "P-256", "x": own_x, "y": own_y}
    members = {"alg": KEY_AGREEMENT, "enc": CONTENT_ENCRYPTION, "kid": kid, "epk": epk}
    header = base64url(json.dumps(members, separators=(",", ":")).encode())
    return _Agreed(header, _cipher(ephemeral, public_key(x, y)))


@lru_cache(maxsize=256)
def _cipher_of(key: PrivateKey, x: str, y: str) -> AESGCM:
    """What the holder of the key has agreed on with who has the ephemeral key (x, y). Raises
    ValueError: there is no such point."""
    first, second = (int.from_bytes(decode_base64url(each), "big") for each in (x, y))
    point = ec.EllipticCurvePublicNumbers(first, second, ec.SECP256R1())
    return _cipher(key.secret, point.public_key())


def _members(token: str) -> dict[str, Any]:
    """The header of a JWE. Raises JoseFault not_jwe."""
    try:
        members = json.loads(decode_base64url(token.split(".", 1)[0]))
    except (ValueError, RecursionError) as error:
        raise JoseFault("not_jwe") from error
    if not isinstance(members, dict):
        raise JoseFault("not_jwe")
    return members


def _ephemeral(header: dict[str, Any]) -> tuple[str, str]:
    """Where the sender's ephemeral key is, if the header is as it must be. Raises ValueError."""
    epk = header.get("epk")
    right = (header.get("alg"), header.get("enc")) == (KEY_AGREEMENT, CONTENT_ENCRYPTION)
    if not right or header.keys() != _MEMBERS or not isinstance(epk, dict):
        raise ValueError("header")
    if epk.keys() != _POINT or (epk["kty"], epk["crv"]) != ("EC", "P-256"):
        raise ValueError("epk")
    return str(epk["x"]), str(epk["y"])


def _opened(token: str, cipher: AESGCM) -> bytes:
    """Raises ValueError, InvalidTag."""
    header, encrypted_key, *rest = token.split(".")
    iv, text, tag = (decode_base64url(part) for part in rest)
    if encrypted_key or len(iv) != _IV_BYTES or len(tag) != _TAG_BYTES:
        raise ValueError("parts")
    return cipher.decrypt(iv, text + tag, header.encode())


def _cipher(private: ec.EllipticCurvePrivateKey, public: ec.EllipticCurvePublicKey) -> AESGCM:
    """What both sides come to. Source: RFC 7518 4.6.2, with empty apu and apv."""
    algorithm = CONTENT_ENCRYPTION.encode()
    empty, bits = bytes(4), (8 * _KEY_BYTES).to_bytes(4, "big")
    info = len(algorithm).to_bytes(4, "big") + algorithm + empty + empty + bits
    shared = private.exchange(ec.ECDH(), public)
    return AESGCM(ConcatKDFHash(SHA256(), _KEY_BYTES, info).derive(shared))
