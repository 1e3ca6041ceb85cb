"""Signatures and encryption: compact JWS with ES256, compact JWE with ECDH-ES and A256GCM.

Nothing else is ever accepted: the algorithm is fixed here and not read from a message.
Sources: RFC 7515, 7516, 7518 (3.4 and 4.6), 7638, 8725 (3.1, 3.11: fixed algorithm, `typ`).
"""

from __future__ import annotations

import binascii
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Any

from joserfc import jwe, jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

SIGNING_ALGORITHM = "ES256"
KEY_AGREEMENT, CONTENT_ENCRYPTION = "ECDH-ES", "A256GCM"
_HEADER_MEMBERS = frozenset({"alg", "typ", "kid"})


class _Long(jws.JWSRegistry):
    """The library stops at 128,000 bytes: a directory of 200 participants is longer. Whoever reads
    from a topic limits what he reads before (`codec.require_size`, Kafka's own limit)."""

    max_payload_length = 16 * 1_048_576


_REGISTRY = _Long(algorithms=[SIGNING_ALGORITHM])


class JoseFault(Exception):
    """A JWS or JWE that does not hold. `code` is stable and says which rule was broken."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Header:
    """A JWS protected header that keeps to the rules."""

    typ: str
    kid: str


@dataclass(frozen=True)
class PrivateKey:
    """A participant's private key on P-256. Its repr never shows it."""

    kid: str
    key: ECKey

    def __repr__(self) -> str:
        return f"PrivateKey(kid={self.kid!r})"


def new_key() -> PrivateKey:
    """A new key pair on P-256."""
    return private_key(ECKey.generate_key("P-256").as_dict(private=True))


def private_key(jwk: dict[str, Any]) -> PrivateKey:
    """Read a private JWK. Raises ValueError where it is no private key on P-256."""
    key = ECKey.import_key({name: jwk[name] for name in ("kty", "crv", "x", "y", "d")})
    if key.curve_name != "P-256":
        raise ValueError("a key must be on the curve P-256")
    return PrivateKey(key.thumbprint(), key)


def private_jwk(key: PrivateKey) -> dict[str, Any]:
    return dict(key.key.as_dict(private=True))


def public_jwk(key: PrivateKey) -> dict[str, Any]:
    jwk = key.key.as_dict(private=False)
    return {name: jwk[name] for name in ("kty", "crv", "x", "y")}


def thumbprint(jwk: dict[str, Any]) -> str:
    return ECKey.import_key(jwk).thumbprint()


@lru_cache(maxsize=4096)
def _public(x: str, y: str) -> ECKey:
    return ECKey.import_key({"kty": "EC", "crv": "P-256", "x": x, "y": y})


def sign(payload: bytes, typ: str, key: PrivateKey) -> str:
    """A compact JWS over the payload."""
    header = {"alg": SIGNING_ALGORITHM, "typ": typ, "kid": key.kid}
    return jws.serialize_compact(header, payload, key.key, algorithms=[SIGNING_ALGORITHM])


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


def require_algorithm(header: dict[str, Any]) -> None:
    """Only ES256. Raises JoseFault alg_refused. Source: RFC 8725 3.1."""
    if header.get("alg") != SIGNING_ALGORITHM:
        raise JoseFault("alg_refused")


def _json_object(part: str) -> dict[str, Any]:
    try:
        value = json.loads(decode_base64url(part))
    except ValueError as error:
        raise JoseFault("not_jws") from error
    if not isinstance(value, dict):
        raise JoseFault("not_jws")
    return value


def decode_base64url(text: str) -> bytes:
    """Raises ValueError."""
    try:
        return urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, UnicodeError) as error:
        raise ValueError("not base64url") from error


def base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def digest(data: bytes) -> str:
    """SHA-256, base64url without padding."""
    return base64url(sha256(data).digest())


def verified_payload(token: str, x: str, y: str) -> bytes:
    """The payload of a JWS whose signature holds under the public key (x, y).

    Raises JoseFault signature_invalid.
    """
    try:
        return jws.deserialize_compact(token, _public(x, y), registry=_REGISTRY).payload
    except (JoseError, ValueError) as error:
        raise JoseFault("signature_invalid") from error


def signature_of(token: str) -> str:
    """The signature value of a compact JWS."""
    return token.rsplit(".", 1)[1]


def seal(plaintext: bytes, x: str, y: str, kid: str) -> str:
    """A compact JWE that only the holder of the key (x, y) can read."""
    header = {"alg": KEY_AGREEMENT, "enc": CONTENT_ENCRYPTION, "kid": kid}
    return jwe.encrypt_compact(
        header, plaintext, _public(x, y), [KEY_AGREEMENT, CONTENT_ENCRYPTION]
    )


def unseal(token: str, keys: dict[str, PrivateKey]) -> bytes:
    """What was sealed for one of the keys. Raises JoseFault: not_jwe, not_for_us, seal_broken."""
    header = _jwe_header(token)
    key = keys.get(str(header.get("kid")))
    if key is None:
        raise JoseFault("not_for_us")
    try:
        opened = jwe.decrypt_compact(token, key.key, [KEY_AGREEMENT, CONTENT_ENCRYPTION])
    except (JoseError, ValueError) as error:
        raise JoseFault("seal_broken") from error
    return opened.plaintext or b""


def _jwe_header(token: str) -> dict[str, Any]:
    try:
        return _json_object(token.split(".", 1)[0])
    except JoseFault as fault:
        raise JoseFault("not_jwe") from fault
