"""Invariant 11, of the participants' own records: each refusal's reason is in them.

Read with SQL of its own, as each participant's own database user, and only read."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg

from checker.facts import Violation
from checker.judging.overall import Refusal, judge_record
from checker.report import Report
from checker.trust import Trust

if TYPE_CHECKING:
    from checker.running import Wanted

_AT_ONCE = 1_000
Rows = Mapping[str, Mapping[str, Any]]


class DatabaseUnreachable(Exception):
    """Postgres does not answer; the text says what to look at."""


async def judge_records(
    wanted: Wanted, trusted: Trust, file: sqlite3.Connection, report: Report
) -> None:
    """Raises DatabaseUnreachable."""
    if wanted.postgres is None or wanted.secrets is None:
        report.without(
            11, "the participants' records: HERKEN_POSTGRES and HERKEN_SECRETS lead there"
        )
        return
    databases = _Databases(wanted.postgres, wanted.secrets)
    try:
        for start in range(0, _count(file), _AT_ONCE):
            found = file.execute("SELECT * FROM refusals LIMIT ? OFFSET ?", (_AT_ONCE, start))
            refusals = [Refusal(*row) for row in found]
            await _judge(refusals, databases, report)
    finally:
        await databases.close()
    if databases.closed:
        names = ", ".join(sorted(databases.closed))
        report.without(11, f"the records of {names}: their passwords are not at hand")


def _count(file: sqlite3.Connection) -> int:
    return int(file.execute("SELECT count(*) FROM refusals").fetchone()[0])


async def _judge(refusals: Sequence[Refusal], databases: _Databases, report: Report) -> None:
    names = {name for each in refusals for name in (each.makelaar, each.decider)}
    rows: dict[str, Rows] = {}
    for name in names:
        wanted = [r.request_id for r in refusals if name in (r.makelaar, r.decider)]
        found = await databases.rows(name, wanted)
        if found is not None:
            rows[name] = found
    for each in refusals:
        kept = {name: found.get(each.request_id) for name, found in rows.items()}
        report.counts["records_read"] += sum(
            kept.get(n) is not None for n in {each.makelaar, each.decider}
        )
        wrong = judge_record(each, kept)
        if wrong:
            report.add([Violation(11, each.request_id, (each.place,), wrong)])


class _Databases:
    """The participants' schemas, each through its own user."""

    def __init__(self, dsn: str, secrets: Path) -> None:
        self._dsn, self._secrets = dsn, secrets
        self._open: dict[str, asyncpg.Connection] = {}
        self.closed: set[str] = set()

    async def rows(self, name: str, request_ids: Sequence[str]) -> Rows | None:
        """What a participant kept of these logins; None where its database is not at hand."""
        connection = await self._connection(name)
        if connection is None:
            return None
        query = "SELECT request_id::text, body::text FROM logins WHERE request_id::text = ANY($1)"
        try:
            found = await connection.fetch(query, list(request_ids))
        except (asyncpg.PostgresError, OSError) as error:
            raise _unreachable(error) from None
        return {row[0]: json.loads(row[1]) for row in found}

    async def _connection(self, name: str) -> asyncpg.Connection | None:
        if name not in self._open and name not in self.closed:
            password = self._password(name)
            if password is None:
                self.closed.add(name)
                return None
            try:
                self._open[name] = await asyncpg.connect(
                    self._dsn_of(name, password),
                    timeout=20,
                    server_settings={"default_transaction_read_only": "on"},
                )
            except (asyncpg.PostgresError, OSError) as error:
                raise _unreachable(error) from None
        return self._open.get(name)

    def _password(self, name: str) -> str | None:
        with suppress(OSError, ValueError, KeyError):
            secrets = json.loads((self._secrets / name / "secrets.json").read_text())
            return str(secrets["database_password"])
        return None

    def _dsn_of(self, name: str, password: str) -> str:
        parts = urlsplit(self._dsn)
        user, host = name.replace("-", "_"), parts.netloc.rsplit("@", 1)[-1]
        return urlunsplit(parts._replace(netloc=f"{quote(user)}:{quote(password)}@{host}"))

    async def close(self) -> None:
        for each in self._open.values():
            await each.close()


def _unreachable(error: Exception) -> DatabaseUnreachable:
    return DatabaseUnreachable(
        f"Postgres does not answer ({type(error).__name__}): is it running, and is HERKEN_POSTGRES "
        "right?"
    )
