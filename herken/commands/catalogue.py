"""catalogue: look at a network's services as a file, and change them by one."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from herken.commands.output import document, progress
from herken.commands.running import AsJson

T = TypeVar("T")
group = typer.Typer(help="Export, compare, import, generate a catalogue.", no_args_is_help=True)


class Format(StrEnum):
    """How a file is written; one that is read shows it by itself."""

    CSV = "csv"
    JSON = "json"


TheFile = Annotated[Path, typer.Argument(metavar="FILE", help="CSV, or JSON; a row a service.")]
ToFile = Annotated[Path | None, typer.Argument(metavar="FILE", help="Else: stdout.")]
InFormat = Annotated[
    Format | None,
    typer.Option("--format", help="Else: as FILE's name says.", show_default="csv"),
]


def register(app: typer.Typer) -> None:
    app.add_typer(group, name="catalogue")


@group.command(epilog="Example: herken catalogue export services.csv")
def export(file: ToFile = None, form: InFormat = None, as_json: AsJson = False) -> None:
    """Write the whole catalogue of the network in HERKEN_KAFKA and HERKEN_NETWORK, a row a service.

    Import of what was exported changes nothing.
    """
    from herken.catalogue import export as export_

    asyncio.run(export_(file, form, as_document=as_json))


@group.command(epilog="Example: herken catalogue diff services.csv")
def diff(file: TheFile, as_json: AsJson = False) -> None:
    """Show what a file would change: + added, ~ changed (which columns), - withdrawn.

    Exit code 0: nothing; 1: something; 2: the file is wrong, every problem with its line.
    """
    from herken.catalogue import compare

    same = _fit(compare(file, as_document=as_json), as_json=as_json)
    raise typer.Exit(0 if same else 1)


@group.command("import", epilog="Example: herken catalogue import services.csv --dry-run")
def import_(
    file: TheFile,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check and compare only.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make the catalogue what a file says: what is not in it is withdrawn. All of it, or nothing.

    Needs the scheme's key, _scheme.json in HERKEN_SECRETS. Exit code 1: not agreed to, or another
    import was first; 2: the file is wrong, every problem with its line.
    """
    from herken.catalogue import bring_in
    from pipeline.errors import WrongUse

    if not (yes or dry_run or sys.stdin.isatty()):
        raise WrongUse("nobody can be asked here: say --yes to import without a question")
    ask = None if yes else _ask
    bringing = bring_in(file, ask, dry_run=dry_run, as_document=as_json)
    raise typer.Exit(0 if _fit(bringing, as_json=as_json) else 1)


@group.command(epilog="Example: herken catalogue generate --seed 7 services.csv")
def generate(
    file: ToFile = None,
    services: Annotated[int, typer.Option(min=1, max=100_000, help="How many.")] = 1500,
    dienstverleners: Annotated[int, typer.Option(min=1, max=10_000, help="Of how many.")] = 600,
    seed: Annotated[int, typer.Option(help="The same seed gives the same file.")] = 7,
    makelaar: Annotated[
        list[str] | None,
        typer.Option(metavar="ENTITYID", help="Spread over these.", show_default="three invented"),
    ] = None,
    form: InFormat = None,
    as_json: AsJson = False,
) -> None:
    """Write a large invented catalogue, to try things out with. Needs no network.

    Its dienstverleners are in nobody's directory, so that no network imports it as it is.
    """
    from herken.catalogue import generate as generate_
    from sandbox.generated import MAKELAARS, Size

    size = Size(services, dienstverleners, seed, tuple(makelaar or MAKELAARS))
    generate_(file, size, form, as_document=as_json)


def _ask(question: str) -> bool:
    return typer.confirm(question, err=True)


def _fit(coming: Coroutine[Any, Any, T], *, as_json: bool) -> T:
    """What comes of it; where the file is wrong, exit code 2 and a line for each problem."""
    from herken.catalogue import Unfit

    try:
        return asyncio.run(coming)
    except Unfit as unfit:
        if as_json:
            document({"ok": False, "problems": unfit.problems})
        else:
            for problem in unfit.problems:
                progress(problem)
            progress(f"{unfit}: nothing was done")
        raise typer.Exit(2) from None
