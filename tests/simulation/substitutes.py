"""What stands for cryptography, SQL and chance while histories run, and nothing else.

A signature is a MAC that anybody could make who knows the public key; a seal is an envelope with
its recipient's key ID on it, opened by nobody else. Codec, evidence and bindings run unchanged:
they see tokens of the usual form. Histories are about order, not about cryptography.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from hashlib import blake2b
from random import Random
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from cryptography.hazmat.primitives.asymmetric import ec

from pipeline import runner
from providers import means
from registry import billing, candidates
from schemas import jose
from schemas.jose import JoseFault, PrivateKey, base64url, decode_base64url, public_jwk
from tests.simulation import tables
from tests.simulation.points import Point, reach

chance = Random(0)
"""Where nonces come from: each history seeds it anew."""


@lru_cache(maxsize=1024)
def _header(typ: str, kid: str) -> str:
    header = {"alg": jose.SIGNING_ALGORITHM, "typ": typ, "kid": kid}
    return base64url(json.dumps(header).encode())


@lru_cache(maxsize=64)
def _envelope(kid: str) -> str:
    return base64url(json.dumps({"alg": "ECDH-ES", "enc": "A256GCM", "kid": kid}).encode())


_coordinates: dict[str, str] = {}


def _x(key: PrivateKey) -> str:
    if key.kid not in _coordinates:
        _coordinates[key.kid] = public_jwk(key)["x"]
    return _coordinates[key.kid]


def _mac(key: str, text: str) -> str:
    return base64url(blake2b(text.encode(), key=key.encode()).digest())


def sign(payload: bytes, typ: str, key: PrivateKey) -> str:
    text = f"{_header(typ, key.kid)}.{base64url(payload)}"
    return f"{text}.{_mac(_x(key), text)}"


def sign_all(payloads: Sequence[tuple[bytes, str]], key: PrivateKey) -> list[str]:
    return [jose.sign(*each, key) for each in payloads]


def verified_payload(token: str, x: str, _: str) -> bytes:
    text, _, mac = token.rpartition(".")
    if mac != _mac(x, text):
        raise JoseFault("signature_invalid")
    return decode_base64url(text.split(".")[1])


def seal(plaintext: bytes, _: str, __: str, kid: str) -> str:
    text = f"{_envelope(kid)}..AA.{base64url(plaintext)}"
    return f"{text}.{_mac(kid, text)}"


def unseal(token: str, keys: dict[str, PrivateKey]) -> bytes:
    text, _, mac = token.rpartition(".")
    kid = next((each for each in keys if text.startswith(_envelope(each) + ".")), None)
    if kid is None:
        raise JoseFault("not_for_us")
    if mac != _mac(kid, text):
        raise JoseFault("seal_broken")
    return decode_base64url(text.rsplit(".", 1)[1])


class KeyMaker:
    """Keys that are the same in every process, so that a history is the same everywhere."""

    def __init__(self) -> None:
        self._made = 0

    def restart(self) -> None:
        self._made = 0

    def __call__(self) -> PrivateKey:
        self._made += 1
        numbers = ec.derive_private_key(self._made, ec.SECP256R1()).private_numbers()
        public = numbers.public_numbers
        parts = {"d": numbers.private_value, "x": public.x, "y": public.y}
        encoded = {name: base64url(part.to_bytes(32, "big")) for name, part in parts.items()}
        return jose.private_key({"kty": "EC", "crv": "P-256", **encoded})


key_maker = KeyMaker()


async def _pause(_: float) -> None:
    await reach(Point.RETRY)


def _nonce(count: int) -> str:
    return base64url(chance.randbytes(count))


class _Silent:
    """Nobody reads the log of a history."""

    def __getattr__(self, _: str) -> Any:
        return lambda *_, **__: None


def _replaced() -> list[tuple[Any, str, Any]]:
    return [
        (jose, "new_key", key_maker),
        (jose, "sign", sign),
        (jose, "sign_all", sign_all),
        (jose, "verified_payload", verified_payload),
        (jose, "seal", seal),
        (jose, "unseal", unseal),
        (jose.Sealer, "seal", lambda _, text, x, y, kid, __: seal(text, x, y, kid)),
        (runner, "secrets", SimpleNamespace(token_urlsafe=_nonce)),
        (runner, "asyncio", SimpleNamespace(sleep=_pause)),
        (runner, "log", _Silent()),
        (means, "by_key_id", tables.means_by_key_id),
        (means, "forget_failures", tables.nothing_changes),
        (means, "count_failure", tables.nothing_changes),
        (candidates, "of_holders", tables.of_holders),
        (candidates, "by_id", tables.by_id),
        (candidates, "links", tables.links),
        (billing, "write", tables.charge),
    ]


@contextmanager
def substituted() -> Iterator[None]:
    """In this process, until the block ends."""
    patches = [patch.object(*each) for each in _replaced()]
    for each in patches:
        each.start()
    try:
        yield
    finally:
        for each in patches:
            each.stop()
