"""Keys on P-256 as JWKs, and base64url.

Sources: RFC 7515 (2, appendix C), 7517, 7518 (6.2), 7638.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from hashlib import sha256
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ec import (
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)
from joserfc.jwk import ECKey
from pybase64 import b64decode, b64encode


class JoseFault(Exception):
    """A JWS or JWE that does not hold. `code` is stable and says which rule was broken."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class PrivateKey:
    """A participant's private key on P-256. `kid` says which: it is the thumbprint of its public
    half. Its repr never shows it."""

    kid: str
    key: ECKey = field(compare=False)

    @cached_property
    def secret(self) -> EllipticCurvePrivateKey:
        """The key as OpenSSL has it."""
        if self.key.private_key is None:
            raise ValueError("no private key")
        return self.key.private_key

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
def public_key(x: str, y: str) -> EllipticCurvePublicKey:
    """The key of these coordinates. Raises ValueError where there is no such point."""
    return ECKey.import_key({"kty": "EC", "crv": "P-256", "x": x, "y": y}).public_key


# --- encoding


_URL_SAFE: Final = b"-_"
_FOREIGN: Final = "=+/"
"""What only other base64 has."""


def base64url(data: bytes) -> str:
    return b64encode(data, _URL_SAFE).rstrip(b"=").decode()


def decode_base64url(text: str) -> bytes:
    """Only what `base64url` writes: of several texts for the same bytes, one is accepted. Raises
    ValueError."""
    if any(each in text for each in _FOREIGN):
        raise ValueError("not base64url")
    padded = text.encode() + b"=" * (-len(text) % 4)
    data = b64decode(padded, _URL_SAFE, validate=True)
    if b64encode(data, _URL_SAFE) != padded:
        raise ValueError("not base64url")
    return data


def digest(data: bytes) -> str:
    """SHA-256, base64url without padding."""
    return base64url(sha256(data).digest())
