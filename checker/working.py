"""What is done in processes of their own, so that all cores share it: decoding, and judging."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from checker import keeping, trust
from checker.checks import Raw
from checker.decoding import Decoder, group_of
from checker.facts import Fact, Violation, World
from checker.forms import Forms
from checker.judging import JUDGES
from checker.judging.login import Login
from checker.judging.overall import Pair, Refusal, counts, pairs, refusals
from checker.keeping import Keeping, Row
from checker.sealed import Opener

MOST_SHOWN = 200
"""Violations of one invariant that a part of the logins tells of; all are counted."""


@dataclass(frozen=True)
class Sources:
    """What a process needs to decode: where things are, and the salt of this run."""

    network: Path
    schemas: Path
    secrets: Path | None
    salt: bytes
    folder: Path


class _Worker:
    """What a process keeps from one task to the next."""

    decoder: Decoder
    keeping: Keeping
    signed: sqlite3.Connection
    world: World


def ready_to_decode(sources: Sources) -> None:
    trusted = trust.read(sources.network)
    opener = Opener(sources.secrets, frozenset(trusted.keys), sources.salt)
    _Worker.decoder = Decoder(trusted, Forms(sources.schemas), opener)
    _Worker.signed = Keeping(sources.folder).signed_reader()


def decode(raws: Sequence[tuple[Any, ...]]) -> list[Row]:
    """The facts of some records."""
    return [_row(fact) for raw in raws for fact in _Worker.decoder.facts(Raw(*raw), _seen)]


def _row(fact: Fact) -> Row:
    trusted = not fact.carried and not fact.fault
    return Row(group_of(fact), fact.kind, fact.digest, trusted, keeping.dumped(fact))


def _seen(digest: str) -> str | None:
    row = _Worker.signed.execute("SELECT grp FROM signed WHERE digest = ?", (digest,)).fetchone()
    return row[0] if row else None


# --- judging


@dataclass
class Judged:
    """What came of a part of the logins."""

    violations: dict[int, list[Violation]] = field(default_factory=dict)
    found: Counter[int] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    pairs: list[Pair] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    hidden: set[str] = field(default_factory=set)

    def add(self, violation: Violation) -> None:
        self.found[violation.invariant] += 1
        shown = self.violations.setdefault(violation.invariant, [])
        if len(shown) < MOST_SHOWN:
            shown.append(violation)


def ready_to_judge(folder: Path, world: World) -> None:
    _Worker.keeping, _Worker.world = Keeping(folder), world


def judge(first: str, until: str) -> Judged:
    """Judge a shard of the logins."""
    judged, file = Judged(), _Worker.keeping.reader()
    try:
        for facts in keeping.groups(file, first, until):
            _judge(facts, judged)
    finally:
        file.close()
    return judged


def _judge(facts: Sequence[Fact], judged: Judged) -> None:
    login, world = Login(facts), _Worker.world
    for rules in JUDGES:
        for violation in rules(login, world):
            judged.add(violation)
    judged.counts += counts(login, world)
    judged.pairs += pairs(login)
    judged.refusals += refusals(login, world)
    for fact in facts:
        judged.hidden.update(fact.opened.get("numbers", ()))
        names = ("pseudonym", "subject", "username")
        judged.hidden.update(fact.opened[name] for name in names if name in fact.opened)
