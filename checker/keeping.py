"""The facts of a run, in a file of its own, so that memory does not grow with what is read."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import fields
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Final, NamedTuple

from checker.facts import Fact
from checker.topics import EVIDENCE

_NAMES: Final = [each.name for each in fields(Fact)]
_AUDIENCE, _AMISS = _NAMES.index("audience"), _NAMES.index("amiss")
_values: Final = attrgetter(*_NAMES)
_encoded: Final = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode
_CACHE_KIB: Final = 16_384
SHARDS: Final[Sequence[tuple[str, str]]] = tuple(
    (f"{first:02x}" if first else "", f"{first + 4:02x}" if first < 252 else "~")
    for first in range(0, 256, 4)
)
"""All groups of facts, in parts that can be judged at the same time: from, and up to."""


class Row(NamedTuple):
    """A fact as it is kept: its group, what it is looked up by, and itself as JSON. `trusted`: seen
    on a topic of its kind, and it holds."""

    group: str
    kind: str
    digest: str
    trusted: bool
    fact: str


def dumped(fact: Fact) -> str:
    return _encoded(_values(fact))


def loaded(text: str) -> Fact:
    values = json.loads(text)
    values[_AUDIENCE], values[_AMISS] = tuple(values[_AUDIENCE]), tuple(values[_AMISS])
    return Fact(*values)


class Keeping:
    """Two files in a folder: the facts, and where each signed text was seen.

    One process writes; others read the one or the other while it is not being written.
    """

    def __init__(self, folder: Path) -> None:
        self._facts, self._signed = folder / "facts.db", folder / "signed.db"

    def create(self) -> None:
        with closing(self._open(self._facts)) as file, file:
            file.execute("CREATE TABLE facts (grp, kind, digest, trusted, fact)")
            file.execute("CREATE TABLE hidden (value PRIMARY KEY) WITHOUT ROWID")
            file.execute("CREATE TABLE pairs (pseudonym, dienstverlener, whom, place)")
            file.execute("CREATE TABLE refusals (request_id, makelaar, decider, code, place)")
        with closing(self._open(self._signed)) as file, file:
            file.execute("CREATE TABLE signed (digest PRIMARY KEY, grp) WITHOUT ROWID")

    def _open(self, path: Path, *, read_only: bool = False) -> sqlite3.Connection:
        mode = "ro" if read_only else "rwc"
        file = sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", uri=True)
        file.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        if not read_only:
            file.execute("PRAGMA journal_mode = OFF")
            file.execute("PRAGMA synchronous = OFF")
        return file

    def writer(self) -> sqlite3.Connection:
        return self._open(self._facts)

    def reader(self) -> sqlite3.Connection:
        return self._open(self._facts, read_only=True)

    def signed_reader(self) -> sqlite3.Connection:
        return self._open(self._signed, read_only=True)

    # --- between the phases

    def note_signed(self) -> None:
        """Note where each text that can be carried by others was seen."""
        with closing(self._open(self._signed)) as file:
            file.execute("ATTACH ? AS kept", (str(self._facts),))
            with file:
                file.execute(
                    "INSERT OR IGNORE INTO signed SELECT digest, grp FROM kept.facts"
                    " WHERE trusted AND kind IN (SELECT value FROM json_each(?)) ORDER BY digest",
                    (json.dumps(sorted(EVIDENCE)),),
                )

    def index(self) -> None:
        """Order the facts, once all are there."""
        with closing(self.writer()) as file, file:
            file.execute("CREATE INDEX by_group ON facts (grp)")


def write(file: sqlite3.Connection, rows: Sequence[Row]) -> None:
    file.executemany("INSERT INTO facts VALUES (?, ?, ?, ?, ?)", rows)


def groups(file: sqlite3.Connection, first: str, until: str) -> Iterator[list[Fact]]:
    """The facts of each group of a shard."""
    rows = file.execute(
        "SELECT grp, fact FROM facts WHERE grp >= ? AND grp < ? ORDER BY grp", (first, until)
    )
    for _, same in groupby(rows, key=lambda row: row[0]):
        yield [loaded(text) for _, text in same]


def of_kind(file: sqlite3.Connection, kind: str) -> Iterator[Fact]:
    """The facts of a kind of topic that hold, in no order."""
    for (text,) in file.execute("SELECT fact FROM facts WHERE kind = ? AND trusted", (kind,)):
        yield loaded(text)
