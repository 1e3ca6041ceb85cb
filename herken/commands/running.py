"""demo, run: a whole network for a moment, one role for good."""

from __future__ import annotations

import asyncio
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

FIRST_LOGIN = Path(__file__).resolve().parents[2] / "scenarios" / "first-login.yaml"
ScenarioFile = Annotated[
    Path,
    typer.Option(
        "--scenario",
        metavar="FILE",
        help="The scenario to play.",
        show_default="scenarios/first-login.yaml",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]


class RoleName(StrEnum):
    """The roles that run as services."""

    MAKELAAR = "makelaar"
    PROVIDER = "provider"
    REGISTRY = "registry"


def register(app: typer.Typer) -> None:
    app.command(epilog="Example: herken demo --scenario scenarios/first-login.yaml --json")(demo)
    app.command(epilog="Example: herken run makelaar polder")(run)


def demo(scenario: ScenarioFile = FIRST_LOGIN, as_json: AsJson = False) -> None:
    """Start a network, play the scenario's logins, compare with what it expects, stop it all."""
    from herken.demo import play_demo

    ok = asyncio.run(play_demo(scenario, as_json=as_json))
    raise typer.Exit(0 if ok else 1)


def run(
    role: Annotated[RoleName, typer.Argument(help="What the participant is.")],
    names: Annotated[
        list[str], typer.Argument(metavar="NAME...", help="Its name in the directory, or several.")
    ],
) -> None:
    """Run one role as a consumer service; a second one of the same name shares the partitions.

    Several names of one role share this process, for a laptop.
    """
    import uvloop

    from herken.wiring import run as run_role
    from pipeline.settings import Settings

    uvloop.run(run_role(role, names, Settings.read()))
