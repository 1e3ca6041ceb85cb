"""Invariant 12, of the logs: nothing in them identifies anybody."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

from checker.facts import Violation
from checker.report import Report
from checker.sealed import Opener

_WORD = re.compile(r"(?<![\w.:-])[\w-]+(?![\w:-])")
_WHOLE_MESSAGE = re.compile(r"eyJ[\w-]{10,}\.[\w-]*\.")
_TYPES = ("KvKnr", "RSIN", "BSN")
_OURS = frozenset({"event", "level", "timestamp", "topic", "participant", "reason", "error"})
"""What a line says of itself: never anybody's name."""


def judge_logs(
    folder: Path | None, file: sqlite3.Connection, opener: Opener, report: Report
) -> None:
    """Look for numbers, pseudonyms, usernames and subjects of anybody on the topics, and for whole
    messages."""
    if folder is None:
        report.without(12, "the logs: --logs names their folder")
        return
    if not opener.names:
        report.without(12, "numbers in the logs: without private keys nobody's are known")
    for path in sorted(folder.rglob("*.log")):
        with path.open(errors="replace") as lines:
            for number, line in enumerate(lines, start=1):
                report.counts["lines"] += 1
                if any(_personal(line, file, opener)):
                    place = f"{path.name}:{number}"
                    report.add([Violation(12, "", (place,), "a log line identifies somebody")])


def _personal(line: str, file: sqlite3.Connection, opener: Opener) -> Iterator[bool]:
    yield _WHOLE_MESSAGE.search(line) is not None
    for text in _values(line):
        for word in {text, *_WORD.findall(text)}:
            hidden = [opener.hidden(word), *(opener.hidden(type_, word) for type_ in _TYPES)]
            yield _is_known(file, hidden if word.isdigit() else hidden[:1])


def _values(line: str) -> Iterator[str]:
    """What a line says: the values of a JSON object, or all of it."""
    try:
        found = json.loads(line)
    except ValueError:
        found = line
    if isinstance(found, dict):
        yield from (str(value) for name, value in found.items() if name not in _OURS)
    else:
        yield line.strip()


def _is_known(file: sqlite3.Connection, hidden: Sequence[str]) -> bool:
    places = ", ".join("?" * len(hidden))
    query = f"SELECT 1 FROM hidden WHERE value IN ({places})"  # noqa: S608
    return file.execute(query, hidden).fetchone() is not None
