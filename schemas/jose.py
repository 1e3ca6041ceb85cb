"""Signatures and encryption: compact JWS with ES256, compact JWE with ECDH-ES and A256GCM.

Nothing else is ever accepted. A signature is of one JWS, or of the root of a Merkle tree of several
(`nl.herken.ES256-MTH`): then each JWS carries the path from itself to that root, and stands by
itself as before. Keys are in `jwk`, encryption is in `jwe`, trees are in `merkle`; what others need
is named here too: this is the one door.
Sources: RFC 7515, 7518 (3.4), 8725 (3.1, 3.11: fixed algorithms, `typ`), 9162 (2.1);
docs/decisions/0021-one-signature-a-batch.md.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
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

from schemas import merkle
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
    "sign_all",
    "signature_of",
    "thumbprint",
    "unseal",
    "verified_payload",
]

SIGNING_ALGORITHM = "ES256"
TREE_ALGORITHM = "nl.herken.ES256-MTH"
"""A private name, as RFC 7515 4.1.1 wants one: nobody else's (a domain name, reversed)."""
ALGORITHMS: Final = (SIGNING_ALGORITHM, TREE_ALGORITHM)
MOST_LEAVES: Final = 256
"""CHOICE: of one tree, so that a path has at most eight nodes."""
_ES256: Final = ECDSA(SHA256())
_HEADER_MEMBERS: Final = frozenset({"alg", "typ", "kid"})
_HALF: Final = 32
"""Bytes of each of the two numbers of a signature. Source: RFC 7518 3.4."""
_NUMBER: Final = 4
"""Bytes of an index and of a size."""
_ROOT_CONTEXT: Final = b"nl.herken.ES256-MTH, root of a tree of JWS signing inputs\x00"
"""What stands before a signed size and root. A signing input of a JWS has no comma, space or NUL:
so neither is ever taken for the other."""


@dataclass(frozen=True)
class Header:
    """A JWS protected header that keeps to the rules."""

    typ: str
    kid: str


def sign(payload: bytes, typ: str, key: PrivateKey) -> str:
    """A compact JWS over the payload."""
    signed = f"{_written(SIGNING_ALGORITHM, typ, key.kid)}.{base64url(payload)}"
    return f"{signed}.{base64url(_signature(signed.encode(), key))}"


def sign_all(payloads: Sequence[tuple[bytes, str]], key: PrivateKey) -> list[str]:
    """A compact JWS over each payload with its `typ`, all of them by one signature. One alone is
    signed as by `sign`; of very many, every 256."""
    parts = [payloads[at : at + MOST_LEAVES] for at in range(0, len(payloads), MOST_LEAVES)]
    return [token for part in parts for token in _sign_part(part, key)]


def _sign_part(payloads: Sequence[tuple[bytes, str]], key: PrivateKey) -> list[str]:
    return _sign_tree(payloads, key) if len(payloads) > 1 else [sign(*payloads[0], key)]


def _sign_tree(payloads: Sequence[tuple[bytes, str]], key: PrivateKey) -> list[str]:
    signed = [
        f"{_written(TREE_ALGORITHM, typ, key.kid)}.{base64url(payload)}"
        for payload, typ in payloads
    ]
    root, paths = merkle.root_and_paths([each.encode() for each in signed])
    size = _number(len(signed))
    signature = _signature(_ROOT_CONTEXT + size + root, key)
    return [
        f"{each}.{base64url(b''.join((signature, _number(index), size, *path)))}"
        for index, (each, path) in enumerate(zip(signed, paths, strict=True))
    ]


def _signature(signed: bytes, key: PrivateKey) -> bytes:
    """Its two numbers, one after the other. Source: RFC 7518 3.4."""
    pair = decode_dss_signature(key.secret.sign(signed, _ES256))
    return b"".join(each.to_bytes(_HALF, "big") for each in pair)


def _number(number: int) -> bytes:
    return number.to_bytes(_NUMBER, "big")


@lru_cache(maxsize=1024)
def _written(algorithm: str, typ: str, kid: str) -> str:
    header = {"alg": algorithm, "typ": typ, "kid": kid}
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
    """Only ES256, of one or of a tree. Raises JoseFault alg_refused. Source: RFC 8725 3.1."""
    if header.get("alg") not in ALGORITHMS:
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
    says, it is judged as ES256: of itself, or of the tree that it says it is in.

    Raises JoseFault signature_invalid.
    """
    try:
        signed, part = token.rsplit(".", 1)
        header, payload = signed.split(".")
        in_tree = _json_object(header).get("alg") == TREE_ALGORITHM
        require = _require_in_tree if in_tree else _require_signed
        require(signed.encode("ascii"), decode_base64url(part), x, y)
        return decode_base64url(payload)
    except (InvalidSignature, ValueError, JoseFault) as error:
        raise JoseFault("signature_invalid") from error


def _require_in_tree(text: bytes, part: bytes, x: str, y: str) -> None:
    """Signature (64 bytes), index (4), size (4) and path (32 a node), and nothing else, lead from
    the text to a signed root. Raises InvalidSignature, ValueError."""
    signature, rest = part[: 2 * _HALF], part[2 * _HALF :]
    index, size = (
        int.from_bytes(each, "big") for each in (rest[:_NUMBER], rest[_NUMBER:][:_NUMBER])
    )
    nodes = rest[2 * _NUMBER :]
    if not 2 <= size <= MOST_LEAVES or len(nodes) % merkle.HASH_BYTES:
        raise ValueError("tree")
    path = [nodes[at:][: merkle.HASH_BYTES] for at in range(0, len(nodes), merkle.HASH_BYTES)]
    _require_root(merkle.root_by(text, index, size, path), size, signature, x, y)


@lru_cache(maxsize=4096)
def _require_root(root: bytes, size: int, signature: bytes, x: str, y: str) -> None:
    """The root of a tree of this size is signed. Once it was found to be, it is not looked at
    again; what raises is not remembered. Raises InvalidSignature, ValueError."""
    _require_signed(_ROOT_CONTEXT + _number(size) + root, signature, x, y)


def _require_signed(text: bytes, signature: bytes, x: str, y: str) -> None:
    """Raises InvalidSignature, ValueError."""
    if len(signature) != 2 * _HALF:
        raise ValueError("signature")
    r, s = (int.from_bytes(half, "big") for half in (signature[:_HALF], signature[_HALF:]))
    public_key(x, y).verify(encode_dss_signature(r, s), text, _ES256)


def signature_of(token: str) -> str:
    """The signature value of a compact JWS; of one in a tree, with its place and path: of no two
    that one key signs it is the same."""
    return token.rsplit(".", 1)[1]
