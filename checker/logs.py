"""Invariant 12, of the logs: nothing in them identifies anybody."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from checker.facts import Violation
from checker.report import Report
from checker.sealed import Opener

_NUMBER = re.compile(r"(?<![\w.:-])\d{8,9}(?![\w:-])")
_LONG = re.compile(r"(?<![\w-])[\w-]{43}(?![\w-])")
_TOKEN = re.compile(r"eyJ[\w-]{10,}\.[\w-]*\.")
_TYPES = ("KvKnr", "RSIN", "BSN")


def judge_logs(
    folder: Path | None, file: sqlite3.Connection, opener: Opener, report: Report
) -> None:
    """Look for numbers and pseudonyms of anybody on the topics, and for whole messages."""
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
    yield _TOKEN.search(line) is not None
    for found in _NUMBER.findall(line):
        yield any(_is_known(file, opener.hidden(type_, found)) for type_ in _TYPES)
    for found in _LONG.findall(line):
        yield _is_known(file, opener.hidden(found))


def _is_known(file: sqlite3.Connection, hidden: str) -> bool:
    return bool(file.execute("SELECT 1 FROM hidden WHERE value = ?", (hidden,)).fetchone())
