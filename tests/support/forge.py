"""Makes bad messages from good ones: a forger who holds everybody's keys, and knows no shame.

    good record -> Token (header, claims) -> changed -> signed again, by whomever, however

It signs by itself, and not with `schemas.jose`: what that refuses to make must be made too.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final
from uuid import uuid4

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from pipeline import keys
from sandbox.founding import Wallet, Wallets
from schemas import jose
from schemas.codec import Record
from schemas.directory import Directory, KeyUse, Participant
from schemas.jose import PrivateKey, base64url, decode_base64url
from schemas.merkle import root_and_paths
from schemas.topics import Topic
from schemas.values import Value

DROP: Final = object()
"""As a changed value: the member is left out."""

ROOT: Final = b"nl.herken.ES256-MTH, root of a tree of JWS signing inputs\0"
"""What stands before the size and the root of a tree where these are signed."""

_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Of the group of P-256. Source: NIST SP 800-186, 3.2.1.3."""

Changes = Mapping[str, Any]


def changed(old: Changes, changes: Changes | None) -> dict[str, Any]:
    """A JSON object with some members changed, added, or dropped."""
    return {name: v for name, v in {**old, **(changes or {})}.items() if v is not DROP}


@dataclass(frozen=True)
class Token:
    """The parts of a compact JWS, to be changed and signed again."""

    header: Changes
    claims: Changes

    @classmethod
    def read(cls, text: str) -> Token:
        header, payload, _ = text.split(".")
        return cls(json.loads(decode_base64url(header)), json.loads(decode_base64url(payload)))

    def but(
        self,
        header: Changes | None = None,
        claims: Changes | None = None,
        data: Changes | None = None,
    ) -> Token:
        merged = changed(self.claims, claims)
        if data is not None:
            merged["data"] = changed(merged["data"], data)
        return Token(changed(self.header, header), merged)

    def signed(self, key: PrivateKey) -> str:
        """The compact JWS, by whatever algorithm the header names; one that was in a tree is signed
        by itself."""
        in_tree = self.header["alg"] == jose.TREE_ALGORITHM
        header = changed(self.header, {"alg": "ES256"} if in_tree else None)
        return signed(header, _json(self.claims), key)


def signed(header: Changes, payload: bytes, key: PrivateKey) -> str:
    """A compact JWS over any bytes, by whatever algorithm the header names."""
    signing_input = _signing_input(header, payload)
    signature = _SIGNATURES[header["alg"]](signing_input.encode(), key)
    return f"{signing_input}.{base64url(signature)}"


def _signing_input(header: Changes, payload: bytes) -> str:
    return f"{base64url(_json(header))}.{base64url(payload)}"


@dataclass(frozen=True)
class Part:
    """The signature part of a JWS that is in a tree. `bare`: its root, signed as if it were a
    message; `others`: the paths of all, by their places."""

    signature: bytes
    index: int
    size: int
    path: tuple[bytes, ...]
    bare: bytes
    others: tuple[tuple[bytes, ...], ...] = field(repr=False)

    @property
    def beside(self) -> Part:
        """That of the one before it."""
        return replace(self, index=self.index - 1, path=self.others[self.index - 1])


def bytes_of(part: Part) -> bytes:
    numbers = part.index.to_bytes(4, "big") + part.size.to_bytes(4, "big")
    return part.signature + numbers + b"".join(part.path)


def tree(
    tokens: Sequence[Token], key: PrivateKey, algorithm: str = jose.TREE_ALGORITHM
) -> list[tuple[str, Part]]:
    """Tokens in a tree that a key signed the root of: of each its signing input, and its part."""
    named = [each.but({"alg": algorithm}) for each in tokens]
    texts = [_signing_input(each.header, _json(each.claims)) for each in named]
    root, found = root_and_paths([text.encode() for text in texts])
    size, paths = len(texts), tuple(map(tuple, found))
    of_size = size.to_bytes(4, "big") + root
    signature, bare = _es256(ROOT + of_size, key), _es256(of_size, key)
    parts = [Part(signature, at, size, path, bare, paths) for at, path in enumerate(paths)]
    return list(zip(texts, parts, strict=True))


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _es256(data: bytes, key: PrivateKey) -> bytes:
    return _ecdsa(data, key.key.get_op_key("sign"), hashes.SHA256(), 32)


def twin(text: str) -> str:
    """The same JWS under the other signature that holds for it: (r, n - s) for (r, s)."""
    signing_input, _, signature = text.rpartition(".")
    raw = decode_base64url(signature)
    s = _ORDER - int.from_bytes(raw[32:64], "big")
    return f"{signing_input}.{base64url(raw[:32] + s.to_bytes(32, 'big') + raw[64:])}"


def _es384(data: bytes, _: PrivateKey) -> bytes:
    return _ecdsa(data, ec.generate_private_key(ec.SECP384R1()), hashes.SHA384(), 48)


def _ecdsa(
    data: bytes, key: ec.EllipticCurvePrivateKey, algorithm: hashes.HashAlgorithm, size: int
) -> bytes:
    r, s = decode_dss_signature(key.sign(data, ec.ECDSA(algorithm)))
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")


def _hs256(data: bytes, key: PrivateKey) -> bytes:
    """With the public key, which everybody has, as the secret. Source: RFC 8725 2.1."""
    return hmac.digest(key.key.as_pem(private=False), data, "sha256")


_SIGNATURES: Mapping[str, Callable[[bytes, PrivateKey], bytes]] = {
    "ES256": _es256,
    jose.TREE_ALGORITHM: _es256,
    "ES384": _es384,
    "HS256": _hs256,
    "none": lambda _, __: b"",
}


@dataclass(frozen=True)
class World:
    """Everybody, with everybody's keys. `prefix` is before each short name in the directory.

    spare  signing keys of a dienstverlener that are in the directory but not valid now, by why
    """

    directory: Directory
    secrets: Mapping[str, keys.Secrets]
    wallets: Wallets
    clock: Callable[[], datetime]
    prefix: str = ""
    spare: Mapping[str, PrivateKey] = field(default_factory=dict)

    def participant(self, name: str) -> Participant:
        """Raises LookupError."""
        found = self.directory.named(self.prefix + name)
        if found is None:
            raise LookupError(name)
        return found

    def entity(self, name: str) -> str:
        return self.participant(name).entity_id

    def signing(self, name: str) -> PrivateKey:
        return jose.private_key(dict(self.secrets[self.prefix + name].signing[0]))

    def encryption(self, name: str) -> PrivateKey:
        return jose.private_key(dict(self.secrets[self.prefix + name].encryption[0]))

    def name_of(self, entity_id: str) -> str:
        """The short name of a participant. Raises LookupError."""
        found = self.directory.participant(entity_id)
        if found is None:
            raise LookupError(entity_id)
        return found.name.removeprefix(self.prefix)

    def wallet(self, person: str) -> Wallet:
        return self.wallets.of(person)

    def persons_key(self, person: str, provider: str) -> PrivateKey:
        """The key with which a person signs challenges of a provider."""
        held = {h.provider: h for h in self.wallet(person).means}[self.prefix + provider]
        return jose.private_key(dict(held.private_key or {}))

    def sealed(self, value: Value, name: str) -> str:
        return keys.seal(value, self.participant(name), self.clock(), KeyUse.ENCRYPTION)

    def unsealed(self, sealed: str, model: type[keys.V]) -> keys.V:
        """What was sealed for anybody at all."""
        return keys.open_sealed(sealed, model, self.everybodys_keys())

    def everybodys_keys(self) -> dict[str, PrivateKey]:
        found = [
            jose.private_key(dict(jwk))
            for secrets in self.secrets.values()
            for jwk in (*secrets.encryption, secrets.front)
            if jwk is not None
        ]
        return {key.kid: key for key in found}


@dataclass(frozen=True)
class Login:
    """All messages of one login, in the order in which they were sent.

    session  the secret by which its browser is known to the provider, from an earlier login
    """

    dienstverlener: str
    records: list[Record] = field(default_factory=list)
    session: str | None = None

    def record(self, topic: Topic) -> Record:
        """Its first message on a kind of topic."""
        return next(r for r in self.records if r.topic.partition(".")[0] == topic.name)

    def token(self, topic: Topic) -> Token:
        return Token.read(self.text(topic))

    def text(self, topic: Topic) -> str:
        return self.record(topic).value.decode()


@dataclass(frozen=True)
class Place:
    """Where a bad message is put: beside a good one, in a login, with another login beside it."""

    world: World
    good: Record
    login: Login
    other: Login

    @property
    def data(self) -> dict[str, Any]:
        """The message inside the good record."""
        text = self.good.value.decode()
        return dict(Token.read(text).claims["data"] if "{" not in text else json.loads(text))

    def signed(self, good: Record | None = None, **how: Any) -> Record:
        """The good message (or another) signed anew, with changes: see `text`."""
        record = good or self.good
        return carrying(record, self.text(record.value.decode(), **how))

    def text(
        self,
        text: str,
        by: str | None = None,
        key: PrivateKey | None = None,
        header: Changes | None = None,
        claims: Changes | None = None,
        data: Changes | None = None,
        seconds: int = 0,
    ) -> str:
        """A JWS signed anew, now (or so many seconds from now), with changes.

        by   whose name and key; without it, those of who signed it first
        key  another key than his own
        """
        token = Token.read(text)
        name = by or self.world.name_of(token.claims["iss"])
        key = key or self.world.signing(name)
        iat = int(self.world.clock().timestamp()) + seconds
        fresh = {
            "iss": self.world.entity(name),
            "jti": str(uuid4()),
            "iat": iat,
            "exp": iat + token.claims["exp"] - token.claims["iat"],
        }
        but = token.but({"kid": key.kid, **(header or {})}, {**fresh, **(claims or {})}, data)
        return but.signed(key)

    def result(self, **changes: Any) -> dict[str, Any]:
        """As `data`: the good message's result with changes."""
        return {"result": changed(self.data["result"], changes)}

    def written(self, **changes: Any) -> Record:
        """What the user wrote, with changes."""
        return replace(self.good, value=_json(changed(self.data, changes)))

    def on(self, topic: Topic, owner: str, record: Record) -> Record:
        """A record, on another topic."""
        return replace(record, topic=topic.of(self.world.participant(owner).name))


def carrying(record: Record, text: str) -> Record:
    """A record with another JWS in it, and key and headers that say the same."""
    claims = Token.read(text).claims
    request_id = claims["data"].get("request_id")
    key = record.key if request_id is None else str(request_id).encode()
    told = {"ce_id": claims.get("jti"), "ce_source": claims.get("iss")}
    carried = replace(record, key=key, value=text.encode())
    return with_headers(carried, **{name: str(value) for name, value in told.items()})


def with_headers(record: Record, **headers: Any) -> Record:
    """A record with some headers changed or dropped."""
    merged = changed(
        dict(record.headers),
        {name: v if v is DROP else str(v).encode() for name, v in headers.items()},
    )
    return replace(record, headers=tuple(merged.items()))
