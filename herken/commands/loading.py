"""load: logins through a network's topics, as many as it should bear."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from herken.commands.running import FIRST_LOGIN, AsJson
from loadtest.arrivals import Profile, Spacing

if TYPE_CHECKING:
    from herken.load import Wanted
    from loadtest.schedule import Load

group = typer.Typer(invoke_without_command=True, subcommand_metavar="[COMMAND] ...")

Rate = Annotated[float, typer.Option(metavar="RATE", help="Logins a second.")]
Duration = Annotated[float, typer.Option(metavar="SECONDS", help="How long they keep coming.")]
ScenarioFile = Annotated[
    Path | None,
    typer.Option(
        "--scenario",
        metavar="FILE",
        help="Whose logins are played.",
        show_default="the network's own; with --own: scenarios/first-login.yaml",
    ),
]
MixText = Annotated[
    str | None,
    typer.Option(
        "--mix",
        metavar="KIND=N,...",
        help="How many of each kind, in proportion.",
        show_default="direct=80,chain=10,refused=5,cancel=3,timeout=2, as far as there are",
    ),
]
ProfileName = Annotated[Profile, typer.Option(help="How the rate goes over the run.")]
SpacingName = Annotated[Spacing, typer.Option("--arrivals", help="By chance, or evenly spaced.")]
Users = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="With --own: how many people log in, in turns.",
        show_default="100; on a running network all that its scenario has",
    ),
]
Think = Annotated[
    float, typer.Option(metavar="SECONDS", help="How long people take for each answer.")
]
Deadline = Annotated[
    int, typer.Option(metavar="SECONDS", help="Within which a login has to end, 1 to 600.")
]
Seed = Annotated[int, typer.Option(metavar="N", help="The same seed gives the same arrivals.")]
Report = Annotated[
    Path | None, typer.Option(metavar="FOLDER", help="Write the run and its report there.")
]
Own = Annotated[bool, typer.Option("--own", help="Found a network for the run.")]
MaxFailed = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="Stop when more than this many failed.",
        show_default="100, or 5 % of those that began",
    ),
]
Insist = Annotated[
    bool, typer.Option("--insist", help="Publish every request, also while the network is busy.")
]
Pid = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=PID", help="Measure this process too; may be repeated.", show_default="none"
    ),
]


def register(app: typer.Typer) -> None:
    app.add_typer(group, name="load")


@group.callback(epilog="Example: herken load --rate 20 --duration 30 --own --report load")
def load(  # noqa: PLR0913 -- as many as there are options
    context: typer.Context,
    rate: Rate = 20.0,
    duration: Duration = 30.0,
    scenario: ScenarioFile = None,
    mix: MixText = None,
    profile: ProfileName = Profile.CONSTANT,
    arrivals: SpacingName = Spacing.POISSON,
    users: Users = None,
    think: Think = 0.0,
    deadline: Deadline = 30,
    seed: Seed = 1,
    report: Report = None,
    own: Own = False,
    max_failed: MaxFailed = None,
    insist: Insist = False,
    pid: Pid = None,
    as_json: AsJson = False,
) -> None:
    """Put logins on a network at a rate, whatever becomes of them, and verify every outcome.

    Latency counts from the instant for which a login was scheduled. HERKEN_KAFKA, HERKEN_NETWORK
    and HERKEN_SECRETS name the network; with --own there is one for the run. Exit code 1: an
    outcome is wrong, missing, late or doubled, or the program itself fell behind; 130: interrupted.
    """
    if context.invoked_subcommand is not None:
        return
    import uvloop

    from herken.load import load as put_on
    from loadtest.mix import parsed
    from loadtest.schedule import Load

    asked = Load(
        rate=rate,
        seconds=duration,
        mix=None if mix is None else parsed(mix),
        profile=profile,
        spacing=arrivals,
        users=users,
        think=think,
        deadline=deadline,
        seed=seed,
        max_failed=max_failed,
        insist=insist,
    )
    found = wanted(asked, scenario, own=own, pid=pid, report=report)
    raise typer.Exit(uvloop.run(put_on(found, as_json=as_json)))


def wanted(
    asked: Load,
    scenario: Path | None,
    *,
    own: bool,
    pid: list[str] | None,
    report: Path | None,
) -> Wanted:
    """What every command that makes runs has besides the load itself. Raises WrongUse."""
    from herken.load import Wanted

    scenario = scenario or (FIRST_LOGIN if own else None)
    pids = dict(map(_process, pid or ()))
    return Wanted(load=asked, scenario=scenario, own=own, pids=pids, report=report)


def _process(text: str) -> tuple[str, int]:
    """`polder=1234`. Raises WrongUse."""
    import psutil

    from pipeline.errors import WrongUse

    name, _, number = text.partition("=")
    if not name or not number.isdecimal():
        raise WrongUse(f"--pid {text}: write NAME=PID, as polder=1234")
    if not psutil.pid_exists(int(number)):
        raise WrongUse(f"--pid {text}: there is no process {number} here; `ps` lists them")
    return name, int(number)
