"""A dead letter as an operator may see it: what looks like what we write ourselves, and no more.

A stranger may have written anything anywhere, a KvK number as a key or somebody's name as a claim:
what does not have the form that it must have is counted, and not shown.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from aiokafka import ConsumerRecord

from pipeline import dead_letters
from schemas import jose
from schemas.codec import Claims, Record
from schemas.topics import DLQ_SUFFIX, find

_TIME = r"\d{4}-\d\d-\d\dT[\d:.]{8,15}(Z|[+-]\d\d:\d\d)"
_UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_TYPE = r"nl\.herken\.[a-z-]{1,60}\.v\d{1,3}"
_SHOWN = {
    "reason": r"[a-z0-9_]{1,40}",
    "origin": r"[a-z][a-z0-9.-]{1,120}:\d{1,9}:\d{1,18}",
    "at": _TIME,
    "key": _UUID,
    "ce_id": _UUID,
    "ce_source": r"urn:(etoegang:[A-Z]{2}:\d{20}:entities:\d{4}|herken:user)",
    "ce_specversion": r"1\.0",
    "ce_time": _TIME,
    "ce_type": _TYPE,
    "content-type": r"application/(jose|json)",
    "correlation_id": _UUID,
    "traceparent": r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}",
    "alg": rf"none|[A-Z]{{2}}\d{{3}}|{re.escape(jose.TREE_ALGORITHM)}",
    "kid": r"[\w-]{43}",
    "typ": _TYPE + r"\+jwt",
}
HIDDEN = "(not shown)"
NO_LETTER = "not_a_dead_letter"


@dataclass(frozen=True)
class Letter:
    """A dead letter, without what is in it.

    place     its own for good, also where its topic is made anew
    redriven  yes, no, or unfinished
    """

    topic: str
    partition: int
    offset: int
    place: str
    time: str
    reason: str
    origin: str
    size: int
    redriven: str = "no"

    @property
    def position(self) -> str:
        return f"{self.partition}:{self.offset}"

    def report(self) -> dict[str, Any]:
        names = ("topic", "position", "time", "reason", "origin", "size", "redriven")
        return {name: getattr(self, name) for name in names}


def letter_of(raw: ConsumerRecord) -> Letter:
    """The dead letter in a record; `NO_LETTER` is its reason where it is none."""
    place = f"{raw.topic}:{raw.partition}:{raw.offset}:{raw.timestamp}"
    written = datetime.fromtimestamp(raw.timestamp / 1000, UTC).isoformat(timespec="milliseconds")
    dead = exhumed(raw)
    said = (written, NO_LETTER, HIDDEN)
    if dead is not None:
        said = (_safe("at", dead.at), _safe("reason", dead.reason), _safe("origin", dead.origin))
    return Letter(raw.topic, raw.partition, raw.offset, place, *said, size=len(raw.value or b""))


def exhumed(raw: ConsumerRecord) -> dead_letters.DeadLetterRecord | None:
    """What was buried in a record of a dead-letter topic; None where it is no dead letter."""
    headers = tuple((name, value or b"") for name, value in raw.headers)
    with suppress(KeyError, ValueError, TypeError):
        return dead_letters.exhume(Record(raw.topic, raw.key or b"", raw.value or b"", headers))
    return None


def content(raw: ConsumerRecord) -> dict[str, Any]:
    """What a dead letter is made of: its key, the headers that it had, the form of its value."""
    dead = exhumed(raw)
    had = (
        {name: value.decode(errors="replace") for name, value in dead.record.headers}
        if dead
        else {}
    )
    key = (raw.key or b"").decode(errors="replace")
    return {
        "key": _safe("key", key) if key else None,
        "headers": _safely(had),
        "value": _form(raw.value or b"", raw.topic),
    }


def value_of(raw: ConsumerRecord) -> dict[str, str | None]:
    """The value itself; as text only where it is text."""
    value = raw.value or b""
    text = None
    with suppress(UnicodeDecodeError):
        text = value.decode()
    return {"text": text, "base64": b64encode(value).decode()}


def printable(text: str) -> str:
    """Text that cannot give orders to a terminal."""
    return "".join(one if one.isprintable() or one in "\n\t" else ascii(one)[1:-1] for one in text)


def flat(report: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """A report as lines: `value.header.alg`, and what it is."""
    for name, value in report.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{name}.")
        else:
            shown = ", ".join(value) if isinstance(value, list) else value
            yield f"{prefix}{name}", "-" if shown in (None, "") else str(shown)


# --- what may be shown


def _safe(name: str, text: str) -> str:
    return text if re.fullmatch(_SHOWN[name], text) else HIDDEN


def _safely(found: Mapping[str, object]) -> dict[str, Any]:
    """The members that we know, and how many others there are."""
    shown = {name: _safe(name, str(value)) for name, value in found.items() if name in _SHOWN}
    return shown | _others(len(found) - len(shown))


def _known(names: Iterable[str], known: Iterable[str]) -> dict[str, Any]:
    """The names that we know, and how many others there are."""
    found, ours = set(names), set(known)
    return {"names": sorted(found & ours)} | _others(len(found - ours))


def _others(count: int) -> dict[str, int]:
    return {"others": count} if count else {}


def _form(value: bytes, topic: str) -> dict[str, Any]:
    """`jws`, `json`, `text` or `bytes`, and the names in it."""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return {"form": "bytes"}
    fields = find(topic.removesuffix(DLQ_SUFFIX))[0].message.model_fields
    parts = text.split(".")
    header, claims = _object_in(parts[0]), _object_in(parts[1] if len(parts) == 3 else "")
    if len(parts) == 3 and header is not None:
        data = (claims or {}).get("data")
        return {
            "form": "jws",
            "header": _safely(header),
            "claims": _known(claims or (), Claims.model_fields),
            "data": _known(data if isinstance(data, dict) else (), fields),
        }
    plain = _object(text)
    return {"form": "text"} if plain is None else {"form": "json", **_known(plain, fields)}


def _object_in(part: str) -> dict[str, Any] | None:
    """The JSON object in a part of a JWS."""
    try:
        return _object(jose.decode_base64url(part).decode())
    except ValueError:
        return None


def _object(text: str) -> dict[str, Any] | None:
    with suppress(ValueError, RecursionError):
        found = json.loads(text)
        return found if isinstance(found, dict) else None
    return None
