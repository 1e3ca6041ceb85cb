"""check: whether a network keeps its promise, judged from its topics."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from herken.commands.output import document, progress, say
from herken.commands.running import AsJson

if TYPE_CHECKING:
    from checker.report import Report
    from checker.running import Wanted

_SCHEMAS = Path(__file__).resolve().parents[2] / "schemas" / "json"


Logs = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER", help="The roles' logs, to be searched for what identifies somebody."
    ),
]
LateBy = Annotated[float, typer.Option(metavar="SECONDS", help="How late an outcome may be.")]
ClockBound = Annotated[
    float, typer.Option(metavar="SECONDS", help="How far apart two clocks may be.")
]
Deadline = Annotated[
    int,
    typer.Option(
        metavar="SECONDS", help="The longest that a login may take, where no message says."
    ),
]
Schemas = Annotated[
    Path,
    typer.Option(metavar="FOLDER", help="The published JSON Schemas.", show_default="schemas/json"),
]


def register(app: typer.Typer) -> None:
    app.command(epilog="Example: herken check --logs .herken/up/logs --json")(check)


def check(
    logs: Logs = None,
    late_by: LateBy = 5.0,
    clock_bound: ClockBound = 1.0,
    deadline: Deadline = 600,
    schemas: Schemas = _SCHEMAS,
    as_json: AsJson = False,
) -> None:
    """Judge twelve invariants over everything on the network's topics, and name what breaks them.

    HERKEN_KAFKA and HERKEN_NETWORK are needed. With HERKEN_SECRETS what is sealed is judged too,
    with HERKEN_POSTGRES what the participants kept. Nothing of the network changes; it may run or
    stand still. Exit code 1 where something does not hold.
    """
    from checker.running import Wanted

    _require(logs, late_by, clock_bound, deadline)
    where = _where()
    wanted = Wanted(
        kafka=where.kafka,
        network=where.network,
        schemas=schemas,
        secrets=where.secrets,
        postgres=where.postgres,
        logs=logs,
        late_by=late_by,
        clock_bound=clock_bound,
        deadline_seconds=deadline,
    )
    report = _checked(wanted)
    if as_json:
        document(report.document())
    else:
        say("\n".join(report.lines()))
    raise typer.Exit(0 if report.holds else 1)


def _where() -> Any:
    """Where everything is: two variables are needed, two more are of use. Raises WrongUse."""
    from pipeline.settings import FromEnvironment

    class Where(FromEnvironment):
        kafka: str
        network: Path
        secrets: Path | None = None
        postgres: str | None = None

    return Where.read()


def _checked(wanted: Wanted) -> Report:
    """Raises WrongUse, ServerUnreachable; HerkenError where the machine gave out."""
    from concurrent.futures.process import BrokenProcessPool

    from checker.reading import NothingThere, Unreachable
    from checker.records import DatabaseUnreachable
    from checker.running import check as checked
    from checker.trust import NotTrusted
    from pipeline.errors import HerkenError, ServerUnreachable, WrongUse

    try:
        return asyncio.run(checked(wanted, progress))
    except (NotTrusted, NothingThere) as error:
        raise WrongUse(str(error)) from None
    except (Unreachable, DatabaseUnreachable) as error:
        raise ServerUnreachable(str(error)) from None
    except BrokenProcessPool:
        told = "a process of the check was killed: is there memory and disk left?"
        raise HerkenError(told) from None


def _require(logs: Path | None, late_by: float, clock_bound: float, deadline: int) -> None:
    """Raises WrongUse."""
    from pipeline.errors import WrongUse

    if logs is not None and not logs.is_dir():
        raise WrongUse(f"{logs} is no folder: --logs names the one with the roles' logs")
    if late_by < 0 or clock_bound < 0:
        raise WrongUse("--late-by and --clock-bound are seconds, 0 or more")
    if not 1 <= deadline <= 600:
        raise WrongUse("--deadline is in seconds, from 1 to 600")
