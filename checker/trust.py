"""Who is trusted for what: the scheme's key, the directory that it signed, the catalogue's entries.

Nobody has a role, a key or a service but by these (docs/explanation/trust.md)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

from checker import jose
from checker.facts import SKEW_MS, Participant, milliseconds

_DIRECTORY_TYP: Final = "nl.herken.directory.v1+jwt"
_ENTRY_TYP: Final = "nl.herken.catalogue-entry.v1+jwt"


class NotTrusted(Exception):
    """The folder does not hold what all trust begins with; the text says what to do."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key of the directory, and whose. Times in milliseconds since 1970."""

    owner: Participant
    use: str
    key: EllipticCurvePublicKey
    not_before: int
    not_after: int

    def is_valid(self, at: int) -> bool:
        """Valid then, or within the skew."""
        return self.not_before <= at + SKEW_MS and at < self.not_after


@dataclass(frozen=True, slots=True)
class Trust:
    """The directory as the scheme signed it: participants by EntityID and by name, keys by kid."""

    scheme: EllipticCurvePublicKey
    participants: Mapping[str, Participant]
    names: Mapping[str, Participant]
    keys: Mapping[str, SigningKey]


def read(network: Path) -> Trust:
    """What is in the folder that everybody has. Raises NotTrusted."""
    scheme = _scheme(network / "scheme.json")
    directory = _signed(_text(network / "directory.jws"), _DIRECTORY_TYP, scheme)
    participants = [_participant(each) for each in directory["participants"]]
    by_id = {each.entity_id: each for each in participants}
    keys = {
        key["kid"]: _key(by_id[each["entity_id"]], key)
        for each in directory["participants"]
        for key in each["keys"]
    }
    return Trust(scheme, by_id, {each.name: each for each in participants}, keys)


def entry(key: bytes, value: bytes, trust: Trust) -> Mapping[str, Any] | None:
    """An entry of the catalogue; None where the scheme did not sign it under this key."""
    try:
        found = _signed(value.decode(), _ENTRY_TYP, trust.scheme)
    except (NotTrusted, UnicodeDecodeError):
        return None
    return found if key.decode(errors="replace") == found.get("dienstverlener") else None


def _scheme(file: Path) -> EllipticCurvePublicKey:
    try:
        jwk = json.loads(_text(file))
        return jose.public_key(jwk["x"], jwk["y"])
    except (ValueError, KeyError, TypeError):
        raise NotTrusted(f"{file.name} is no public key on P-256") from None


def _signed(text: str, typ: str, scheme: EllipticCurvePublicKey) -> Mapping[str, Any]:
    """What the scheme signed as this. Raises NotTrusted."""
    try:
        signed, _, signature = text.strip().rpartition(".")
        head, _, payload = signed.partition(".")
        if jose.header(head)["typ"] != typ:
            raise NotTrusted("the scheme signed it as something else")
        jose.verify(signed.encode(), signature, scheme)
        found: Mapping[str, Any] = json.loads(jose.decoded(payload))
        return found
    except (jose.NotHolding, ValueError):
        raise NotTrusted("it does not hold: the scheme in scheme.json did not sign it") from None


def _participant(found: Mapping[str, Any]) -> Participant:
    uses: dict[str, set[str]] = {}
    for key in found["keys"]:
        uses.setdefault(key["use"], set()).add(key["kid"])
    return Participant(
        name=found["name"],
        entity_id=found["entity_id"],
        role=found["role"],
        keys={use: frozenset(kids) for use, kids in uses.items()},
        highest_level=found.get("highest_level"),
        portal=found.get("portal"),
        chains=bool(found.get("chains")),
    )


def _key(owner: Participant, found: Mapping[str, Any]) -> SigningKey:
    jwk = found["jwk"]
    key = jose.public_key(jwk["x"], jwk["y"])
    times = (milliseconds(found[name]) for name in ("not_before", "not_after"))
    return SigningKey(owner, found["use"], key, *times)


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        raise NotTrusted(
            f"{file.name} is not in {file.parent}: HERKEN_NETWORK must name the folder that the "
            "scheme made"
        ) from None
