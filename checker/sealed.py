"""What is sealed, opened with the participants' own keys where somebody gave them.

Nothing that was opened is kept as it is: rules compare digests, salted anew in every run."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from checker import jose
from checker.ids import base64url
from checker.jose import NotHolding

_THINGS = ("mandates", "assignments", "links")


class Opener:
    """Private keys by kid, of whichever participants are at hand."""

    def __init__(self, secrets: Path | None, kids: frozenset[str], salt: bytes) -> None:
        self._salt = salt
        self._keys: dict[str, EllipticCurvePrivateKey] = {}
        self.names: frozenset[str] = frozenset()
        if secrets is not None:
            self._read(secrets, kids)

    def _read(self, secrets: Path, kids: frozenset[str]) -> None:
        names = set()
        for file in sorted(secrets.glob("*/secrets.json")):
            with suppress(OSError, ValueError, KeyError, TypeError):
                for jwk in json.loads(file.read_text())["encryption"]:
                    kid = thumbprint(jwk)
                    if kid in kids:
                        self._keys[kid] = jose.private_key(jwk)
                        names.add(file.parent.name)
        self.names = frozenset(names)

    def hidden(self, *parts: str) -> str:
        """A salted digest of something that identifies somebody."""
        return base64url(sha256(self._salt + "\n".join(parts).encode()).digest()[:15])

    def opened(self, kind: str, data: Mapping[str, Any], sender: str) -> Mapping[str, Any]:
        """What rules need of what is sealed in a message, by names of their own."""
        if not self._keys:
            return {}
        reader = _READERS.get(kind)
        if reader is None:
            return {}
        return dict(reader(self, data, sender))

    def content(self, token: Any) -> Mapping[str, Any] | None:
        """What is in a JWE; None where its key is not at hand, or it does not open."""
        if not isinstance(token, str):
            return None
        with suppress(NotHolding, ValueError):
            key = self._keys.get(str(jose.seal_header(token).get("kid")))
            if key is not None:
                found = json.loads(jose.unseal(token, key))
                return found if isinstance(found, dict) else None
        return None


def thumbprint(jwk: Mapping[str, str]) -> str:
    """Of a key on P-256. Source: RFC 7638."""
    required = {name: jwk[name] for name in ("crv", "kty", "x", "y")}
    text = json.dumps(required, separators=(",", ":"), sort_keys=True)
    return base64url(sha256(text.encode()).digest())


Pairs = Iterator[tuple[str, Any]]


def _authenticated(opener: Opener, data: Mapping[str, Any], provider: str) -> Pairs:
    """holder: provider and person; subject: the person."""
    acting = opener.content(data["result"].get("acting_subject"))
    if acting is not None:
        yield "subject", opener.hidden(str(acting.get("subject")))
        yield "holder", opener.hidden(provider, str(acting.get("subject")))


def _permitted(opener: Opener, data: Mapping[str, Any], _: str) -> Pairs:
    """pseudonym, intermediary; numbers of the represented; link, where it is a chain."""
    result = data["result"]
    acting = opener.content(result.get("acting"))
    if acting is not None:
        yield "pseudonym", opener.hidden(str(acting.get("pseudonym")))
        if acting.get("intermediary"):
            yield "intermediary", opener.hidden("KvKnr", str(acting["intermediary"]))
    yield from _represented(opener, result)
    claim = opener.content((result.get("obligation") or {}).get("claim"))
    if claim is not None:
        yield "link", claim.get("link")


def _confirmed(opener: Opener, data: Mapping[str, Any], _: str) -> Pairs:
    yield from _represented(opener, data["result"])


def _represented(opener: Opener, result: Mapping[str, Any]) -> Pairs:
    legal = opener.content(result.get("legal"))
    if legal is not None:
        numbers = [
            opener.hidden(str(each["type"]).rsplit(":", 1)[1], str(each["value"]))
            for each in legal.get("identifiers", ())
        ]
        yield "numbers", sorted(numbers)


def _recorded(opener: Opener, data: Mapping[str, Any], _: str) -> Pairs:
    """Of what a registry keeps: IDs, and digests of people and numbers."""
    recorded = opener.content(data.get("recorded"))
    if recorded is None:
        return
    thing, table = json.loads(recorded["thing"]), recorded["table"]
    yield from (("table", table), ("withdrawn", bool(thing.get("withdrawn_at"))))
    for name in ("id", "person", "organisation", "link", "registered_at"):
        yield name, thing.get(name)
    if table == "people":
        yield "holders", [opener.hidden(h["provider"], h["subject"]) for h in thing["holders"]]
    if table == "organisations":
        kinds = {"kvk": "KvKnr", "rsin": "RSIN", "bsn": "BSN"}
        found = [opener.hidden(t, thing[n]) for n, t in kinds.items() if thing.get(n)]
        yield "numbers", sorted(found)


def _answered(opener: Opener, data: Mapping[str, Any], _: str) -> Pairs:
    """username; of no secret anything."""
    secret = opener.content(data.get("secret"))
    if secret is not None and "username" in secret:
        yield "username", opener.hidden(str(secret["username"]))


_READERS = {
    "password-answers": _answered,
    "authentication-results": _authenticated,
    "mandate-decisions": _permitted,
    "confirmations": _confirmed,
    "mandate-events": _recorded,
}
