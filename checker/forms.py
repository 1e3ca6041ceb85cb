"""The published form of every message: its JSON Schema, read as a file."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import jsonschema_rs

from checker.ids import CANONICAL
from checker.topics import KINDS, Kind
from checker.trust import NotTrusted

_ENTITY: Final = r"urn:etoegang:(DV|HM|AD|MR):\d{20}:entities:\d{4}"
_TIME: Final = r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?(Z|[+-]\d{2}:\d{2})"
_HEADERS: Final[Mapping[str, re.Pattern[str]]] = {
    name: re.compile(pattern)
    for name, pattern in {
        "ce_specversion": r"1\.0",
        "ce_id": CANONICAL.pattern,
        "ce_source": rf"{_ENTITY}|urn:herken:user|urn:nld:oin:\d{{20}}:systeem:[a-z]{{2}}-\d{{4}}",
        "ce_type": r"nl\.herken\.[a-z-]{1,60}\.v\d{1,3}",
        "ce_time": _TIME,
        "ce_subject": CANONICAL.pattern,
        "ce_dataschema": r"urn:herken:schema:[a-z-]{1,60}\.v\d{1,3}",
        "content-type": r"application/(jose|json)",
        "correlation_id": CANONICAL.pattern,
        "traceparent": r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}",
    }.items()
}
_LETTERS: Final[Mapping[str, re.Pattern[str]]] = {
    name: re.compile(pattern)
    for name, pattern in {
        "dlq_reason": r"[a-z0-9_]{1,40}",
        "dlq_origin": r"[a-z][a-z0-9.-]{1,120}:\d{1,9}:\d{1,18}",
        "dlq_at": _TIME,
        "dlq_omitted": r"\d{1,12} bytes, sha256 [0-9a-f]{64}",
        "content-type": r"((text|application)/[a-z-]{1,30})?",
    }.items()
}
_AS_IT_CAME: Final = frozenset({"dlq_headers", "correlation_id"})
"""The headers as somebody else wrote them, and the beginning of the key, or an ID."""


class Forms:
    """The JSON Schemas of a folder. Raises NotTrusted where one is not there."""

    def __init__(self, folder: Path) -> None:
        self._validators = {kind.name: _validator(folder, kind) for kind in KINDS.values()}

    def holds(self, kind: str, data: Mapping[str, Any]) -> bool:
        """Whether a message is of its published form."""
        return bool(self._validators[kind].is_valid(data))


def _validator(folder: Path, kind: Kind) -> Any:
    file = folder / f"{kind.message}.schema.json"
    try:
        return jsonschema_rs.validator_for(json.loads(file.read_text()), validate_formats=True)
    except OSError:
        raise NotTrusted(f"{file.name} is not in {folder}: --schemas names the folder") from None


def amiss(key: str, headers: Mapping[str, bytes]) -> tuple[str, ...]:
    """Names of the key and of headers that are not of their documented form."""
    wrong = [name for name, value in headers.items() if not _is_formal(name, value, _HEADERS)]
    return tuple(wrong if CANONICAL.fullmatch(key) else ["key", *wrong])


def letter_amiss(key: str, headers: Mapping[str, bytes]) -> tuple[str, ...]:
    """The same of a dead letter, which has the key of its record, whoever chose that."""
    ours = {name: value for name, value in headers.items() if name not in _AS_IT_CAME}
    wrong = [name for name, value in ours.items() if not _is_formal(name, value, _LETTERS)]
    correlation = headers.get("correlation_id", b"").decode(errors="replace")
    formal = key.startswith(correlation) or CANONICAL.fullmatch(correlation)
    return tuple(wrong if formal else ["correlation_id", *wrong])


def _is_formal(name: str, value: bytes, forms: Mapping[str, re.Pattern[str]]) -> bool:
    pattern = forms.get(name)
    return pattern is not None and pattern.fullmatch(value.decode(errors="replace")) is not None
