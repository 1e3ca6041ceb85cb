"""billing: what administration and chains cost."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from herken.commands.running import AsJson


def register(app: typer.Typer) -> None:
    app.command(epilog="Example: herken billing 2026-03 --registry terp --csv march.csv")(billing)


def billing(
    month: Annotated[str, typer.Argument(metavar="MONTH", help="As 2026-03, in UTC.")],
    registry: Annotated[
        str | None,
        typer.Option("--registry", metavar="NAME", help="One registry; without it: all."),
    ] = None,
    csv: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="Write the lines as CSV as well.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print what each organisation has to pay for a month: registrations, renewals, chain logins.

    Exit code 0: printed, also where there is nothing; 2: no such month or registry.
    """
    from herken.billing import show

    asyncio.run(show(month, registry, csv, as_json=as_json))
