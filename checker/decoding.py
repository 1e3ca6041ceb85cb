"""A record to a fact: every check that docs/explanation/one-login.md names, in its order, with the
reason that a dead letter of it would have."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from checker import forms, ids, jose
from checker.checks import (
    Raw,
    Signed,
    claimed_id,
    claims_in,
    issued,
    object_in,
    require_headers,
    require_key,
    text_of,
)
from checker.facts import Fact, field
from checker.forms import Forms
from checker.jose import NotHolding
from checker.sealed import Opener
from checker.topics import DLQ, KINDS, Kind
from checker.trust import Trust

Seen = Callable[[str], str | None]
"""Of a digest, the group of facts (`group_of`) in which it was seen on its own topic."""


class Decoder:
    """Reads records as their readers do, and what they carry."""

    def __init__(self, trust: Trust, known: Forms, opener: Opener) -> None:
        self._trust, self._forms, self._opener = trust, known, opener

    def facts(self, raw: Raw, seen: Seen) -> Iterator[Fact]:
        """The fact of a record; then one for whatever it carries that is on no topic."""
        if raw.kind == DLQ:
            yield _letter(raw)
            return
        fact, data = self._fact(raw)
        yield fact
        if data is not None:
            yield from self._carried(raw, fact, data, seen)

    # --- one record

    def _fact(self, raw: Raw) -> tuple[Fact, Mapping[str, Any] | None]:
        kind, key = KINDS[raw.kind], raw.key.decode(errors="replace")
        blank = Fact(
            *(raw.kind, raw.owner, raw.partition, raw.offset, raw.timestamp, key),
            digest=ids.digest(raw.value),
            input_id=ids.content_id(f"{raw.kind}.{raw.owner}", raw.value),
            amiss=forms.amiss(key, raw.headers),
        )
        try:
            text = text_of(raw, kind)
            if not kind.signed:
                return self._said(blank, kind, object_in(text, "not_json"), raw)
            return self._signed(blank, kind, text, raw)
        except NotHolding as fault:
            return replace(blank, fault=fault.reason, jti=claimed_id(raw.value, kind)), None

    def _said(
        self, blank: Fact, kind: Kind, data: Mapping[str, Any], raw: Raw
    ) -> tuple[Fact, Mapping[str, Any]]:
        """What a user wrote."""
        if not self._forms.holds(kind.name, data):
            raise NotHolding("message_malformed")
        require_key(raw.key, data)
        opened = self._opener.opened(kind.name, data, "")
        return replace(blank, data=self._compact(kind, data), opened=opened), data

    def _signed(
        self, blank: Fact, kind: Kind, text: str, raw: Raw
    ) -> tuple[Fact, Mapping[str, Any]]:
        signed = self.verified(text, kind, raw.timestamp)
        reader = self._trust.names.get(raw.owner)
        if reader is None or reader.entity_id not in signed.claims["aud"]:
            raise NotHolding("audience_refused")
        require_headers(raw.headers, signed, kind)
        data = signed.claims["data"]
        require_key(raw.key, data)
        return self._filled(blank, kind, signed), data

    def _filled(self, blank: Fact, kind: Kind, signed: Signed) -> Fact:
        claims, data = signed.claims, signed.claims["data"]
        whole = self._forms.holds(kind.name, data)
        opened = self._opener.opened(kind.name, data, signed.sender.entity_id) if whole else {}
        return replace(
            blank,
            sender=signed.sender.entity_id,
            malformed=not whole,
            jti=ids.canonical(claims["jti"]),
            issued=claims["iat"] * 1000,
            expires=claims["exp"] * 1000,
            audience=tuple(claims["aud"]),
            signature=signed.signature,
            data=self._compact(kind, data) if whole else _identified(data),
            opened=opened,
        )

    def verified(self, text: str, kind: Kind, at: int) -> Signed:
        """A JWS of this kind, by somebody in the writer's role. Raises NotHolding."""
        parts = text.split(".")
        if len(parts) != 3:
            raise NotHolding("not_jws")
        head = jose.header(parts[0])
        if head["typ"] != f"{kind.type}+jwt":
            raise NotHolding("typ_refused")
        key = self._trust.keys.get(head["kid"])
        if key is None:
            raise NotHolding("kid_unknown")
        if key.use != "sig" or not key.is_valid(at):
            raise NotHolding("key_not_valid")
        if key.owner.role != kind.writer:
            raise NotHolding("role_refused")
        jose.verify(text[: -len(parts[2]) - 1].encode(), parts[2], key.key)
        claims = claims_in(parts[1])
        if claims["iss"] != key.owner.entity_id:
            raise NotHolding("issuer_refused")
        return Signed(key.owner, claims, parts[2])

    @staticmethod
    def _compact(kind: Kind, data: Mapping[str, Any]) -> Mapping[str, Any]:
        """The content, with a digest for each JWS and a kid for each JWE."""
        made = data
        for path, _ in kind.carries:
            made = _shortened(made, path.split("."), _digest)
        for path, _ in kind.seals:
            made = _shortened(made, path.split("."), _kid)
        return made

    # --- what is inside it

    def _carried(self, raw: Raw, fact: Fact, data: Mapping[str, Any], seen: Seen) -> Iterator[Fact]:
        kind = KINDS[raw.kind]
        for path, inner in kind.carries:
            text = field(data, path)
            if not isinstance(text, str):
                continue
            found = seen(ids.digest(text.encode()))
            if found is None or (found != group_of(fact) and kind.name != "mandate-commands"):
                yield self._inside(text, KINDS[inner], fact)

    def _inside(self, text: str, kind: Kind, carrier: Fact) -> Fact:
        blank = Fact(
            *(kind.name, "", carrier.partition, carrier.offset, carrier.timestamp, carrier.key),
            digest=ids.digest(text.encode()),
            carried=carrier.place,
        )
        try:
            signed = self.verified(text, kind, issued(text, carrier.timestamp))
        except NotHolding as fault:
            return replace(blank, fault=fault.reason)
        return replace(self._filled(blank, kind, signed), owner=self._addressee(signed, kind))

    def _addressee(self, signed: Signed, kind: Kind) -> str:
        """Whose topic it would have been sent on."""
        known = map(self._trust.participants.get, signed.claims["aud"])
        return next((each.name for each in known if each and each.role == kind.owner), "")


def group_of(fact: Fact) -> str:
    """What facts are judged together: those of a key; where it is no UUID, of a value, which a
    dead letter has too."""
    return fact.key if ids.CANONICAL.fullmatch(fact.key) else fact.digest


# --- dead letters


def _letter(raw: Raw) -> Fact:
    key = raw.key.decode(errors="replace")
    said = {
        name: raw.headers.get(f"dlq_{name}", b"").decode(errors="replace")
        for name in ("reason", "origin", "omitted")
    }
    return Fact(
        *(raw.kind, raw.owner, raw.partition, raw.offset, raw.timestamp, key),
        digest=ids.digest(raw.value),
        data=said,
        amiss=forms.letter_amiss(key, raw.headers),
    )


# --- parts


def _shortened(
    data: Mapping[str, Any], path: Sequence[str], short: Callable[[str], str]
) -> Mapping[str, Any]:
    """The same with something short at a path, where there is a text."""
    name, rest = path[0], path[1:]
    inside = data.get(name)
    if rest and isinstance(inside, Mapping):
        return {**data, name: _shortened(inside, rest, short)}
    return {**data, name: short(inside)} if isinstance(inside, str) and not rest else data


def _digest(jws: str) -> str:
    return ids.digest(jws.encode())


def _kid(token: str) -> str:
    try:
        return str(jose.seal_header(token).get("kid"))
    except NotHolding:
        return ""


def _identified(data: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"request_id": data.get("request_id")}
