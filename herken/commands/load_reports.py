"""load compare, load report: runs of the load tester, read again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from herken.commands.output import document, progress, say
from herken.commands.running import AsJson

Folder = Annotated[Path, typer.Argument(metavar="FOLDER", help="Of `herken load --report`.")]
Before = Annotated[Path, typer.Argument(metavar="A", help="The folder of the first run.")]
After = Annotated[Path, typer.Argument(metavar="B", help="The folder of the other one.")]


def register(load: typer.Typer) -> None:
    load.command(epilog="Example: herken load compare before after")(compare)
    load.command(epilog="Example: herken load report before")(report)


def compare(before: Before, after: After, as_json: AsJson = False) -> None:
    """Two runs side by side, and which differences are more than chance.

    Each ratio B/A has the interval that holds it for 95 of 100; one that holds 1 is no difference.
    """
    from loadtest import record
    from loadtest.compare import Measured, comparison
    from loadtest.histograms import intervals
    from loadtest.reporting import terminal

    runs = {folder: record.read(folder) for folder in (before, after)}
    progress("comparing")
    a, b = (Measured.of(runs[folder], intervals(folder)) for folder in (before, after))
    found = comparison(a, b)
    if as_json:
        document(found.document())
    else:
        say("\n".join(terminal.comparison(found)))


def report(folder: Folder, as_json: AsJson = False) -> None:
    """Write the HTML report of a run again, from its run.json and latency.hlog."""
    from loadtest import record
    from loadtest import report as reports

    path = reports.write(record.read(folder), folder)
    if as_json:
        document({"report": str(path)})
    else:
        say(f"{path}")
