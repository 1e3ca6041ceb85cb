"""`herken billing`: what each organisation has to pay for a month, from a registry's own tables."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from herken.commands.output import document, progress, say
from herken.names import known
from herken.topics import columns
from pipeline import database
from pipeline.errors import WrongUse
from pipeline.keys import Trust, read_secrets
from pipeline.settings import Settings, database_user, role_dsn
from registry.billing import Total, totals
from schemas.values import Role

_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")
_HEAD = ("registry", "organisation", "kind", "times", "cents")
Line = tuple[str, Total]
"""A registry's name, and one of its totals."""


async def show(month: str, registry: str | None, file: Path | None, *, as_json: bool) -> None:
    """Print a month, and write it as CSV. Raises WrongUse, ServerUnreachable."""
    if not _MONTH.fullmatch(month):
        raise WrongUse(f"{month!r} is no month: write it as 2026-03")
    settings = Settings.read()
    names = [each.name for each in Trust(settings.network).directory.in_role(Role.REGISTRY)]
    wanted = [known(registry, names, "registry")] if registry else names
    found = [(name, total) for name in wanted for total in await _totals(name, month, settings)]
    if file is not None:
        _write(file, found)
    if as_json:
        document(_document(month, found))
    else:
        say(_table(month, found))


async def _totals(registry: str, month: str, settings: Settings) -> list[Total]:
    """As the registry's own database user: nobody else can read its charges."""
    password = read_secrets(settings.secrets, registry).database_password
    if not settings.postgres:
        raise WrongUse("set HERKEN_POSTGRES: the charges are in the registry's database")
    dsn = role_dsn(settings.postgres, database_user(registry), password)
    connection = await database.connect(dsn)
    try:
        return await totals(connection, month)
    finally:
        await connection.close()


def _write(file: Path, found: Sequence[Line]) -> None:
    try:
        with file.open("w", newline="", encoding="utf-8") as out:
            writer = csv.writer(out)
            writer.writerow(_HEAD)
            writer.writerows(map(_cells, found))
    except OSError as error:
        raise WrongUse(f"{file} cannot be written: {error.strerror}") from None
    progress(f"{len(found)} lines in {file}")


def _cells(line: Line) -> tuple[str, str, str, int, int]:
    registry, total = line
    return registry, total.organisation, str(total.kind), total.times, total.cents


def _document(month: str, found: Sequence[Line]) -> dict[str, Any]:
    return {
        "month": month,
        "lines": [dict(zip(_HEAD, _cells(line), strict=True)) for line in found],
        "cents": _sum(found),
    }


def _table(month: str, found: Sequence[Line]) -> str:
    if not found:
        return f"nothing was charged in {month}"
    rows = [(*_cells(line)[:3], f"{line[1].times}x", euros(line[1].cents)) for line in found]
    return f"{columns(rows)}\n{month}: {euros(_sum(found))} in all"


def _sum(found: Iterable[Line]) -> int:
    return sum(total.cents for _, total in found)


def euros(cents: int) -> str:
    """`EUR 12.50`."""
    return f"EUR {cents // 100}.{cents % 100:02}"
