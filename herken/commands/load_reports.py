"""load compare, load report, load find-limit: runs read again, and runs until a limit is known."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from herken.commands import loading
from herken.commands.output import document, progress, say
from herken.commands.running import AsJson
from loadtest.arrivals import Spacing

Folder = Annotated[Path, typer.Argument(metavar="FOLDER", help="Of `herken load --report`.")]
Before = Annotated[Path, typer.Argument(metavar="A", help="The folder of the first run.")]
After = Annotated[Path, typer.Argument(metavar="B", help="The folder of the other one.")]
Slowest = Annotated[str, typer.Option("--p99", metavar="TIME", help="As 250ms or 0.3s.")]
Lowest = Annotated[float, typer.Option("--from", metavar="RATE", help="Where to begin.")]
Highest = Annotated[float, typer.Option("--to", metavar="RATE", help="Where to end.")]
Precision = Annotated[str, typer.Option(metavar="N%", help="How much too low it may be.")]


def register(load: typer.Typer) -> None:
    load.command(epilog="Example: herken load compare before after")(compare)
    load.command(epilog="Example: herken load report before")(report)
    load.command("find-limit", epilog="Example: herken load find-limit --p99 250ms --own")(
        find_limit
    )


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


def find_limit(  # noqa: PLR0913 -- as many as there are options
    p99: Slowest = "250ms",
    lowest: Lowest = 10.0,
    highest: Highest = 2000.0,
    precision: Precision = "5%",
    duration: loading.Duration = 30.0,
    scenario: loading.ScenarioFile = None,
    mix: loading.MixText = None,
    arrivals: loading.SpacingName = Spacing.POISSON,
    users: loading.Users = None,
    think: loading.Think = 0.0,
    deadline: loading.Deadline = 30,
    seed: loading.Seed = 1,
    report: loading.Report = None,
    own: loading.Own = False,
    max_failed: loading.MaxFailed = None,
    pid: loading.Pid = None,
    as_json: AsJson = False,
) -> None:
    """The highest rate at which nothing fails and 99 of 100 logins take at most --p99.

    Doubles the rate until it fails, then halves the distance. A rate that fails is tried once more.
    Each trial is a run as of `herken load`, on the same network, which comes to rest in between;
    with --report each has its folder, beside limit.json. Exit code 1: no rate held.
    """
    import uvloop

    from herken.load_limit import find_limit as search
    from loadtest.limits import Goal
    from loadtest.mix import parsed
    from loadtest.quantities import fraction, milliseconds
    from loadtest.schedule import Load

    slowest, close = milliseconds(p99, "--p99"), fraction(precision, "--precision")
    goal = Goal(p99_ms=slowest, lowest=lowest, highest=highest, precision=close)
    asked = Load(
        rate=lowest,
        seconds=duration,
        mix=None if mix is None else parsed(mix),
        spacing=arrivals,
        users=users,
        think=think,
        deadline=deadline,
        seed=seed,
        max_failed=max_failed,
    )
    wanted = loading.wanted(asked, scenario, own=own, pid=pid, report=report)
    raise typer.Exit(uvloop.run(search(wanted, goal, as_json=as_json)))
