"""setup: make a network's files, topics and databases, each by itself and as often as you like."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from herken.commands.output import progress
from herken.commands.running import FIRST_LOGIN, ScenarioFile

if TYPE_CHECKING:
    from sandbox.founding import Folders

group = typer.Typer(help="Make a network's files, topics and databases.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    app.add_typer(group, name="setup")


@group.command(epilog="Example: herken setup files --scenario scenarios/first-login.yaml")
def files(scenario: ScenarioFile = FIRST_LOGIN) -> None:
    """Make keys, the signed directory and secrets; on a network that exists, for who is new in the
    scenario: what is there already is kept."""
    from pipeline.keys import DIRECTORY_FILE, utc_now
    from sandbox.founding import extend, found
    from sandbox.scenario_file import load

    folders, wanted = _folders(), load(scenario)
    if (folders.network / DIRECTORY_FILE).exists():
        new = ", ".join(extend(wanted, folders, utc_now())) or "nobody"
        progress(f"{folders.network} has a directory already: new in it: {new}")
        return
    found(wanted, folders, utc_now())
    progress(f"made the network's files in {folders.network} and {folders.secrets}")


@group.command(epilog="Example: HERKEN_KAFKA=127.0.0.1:9092 herken setup topics --replication 3")
def topics(
    replication: Annotated[int, typer.Option(min=1, max=9, help="Copies of each partition.")] = 1,
) -> None:
    """Create the topics of every participant in the directory."""
    from pipeline.keys import Trust
    from pipeline.settings import Settings
    from sandbox import topology

    settings = Settings.read()
    plans = topology.plan(Trust(settings.network).directory)
    created = asyncio.run(topology.create(settings.kafka, plans, replication))
    progress(f"{len(plans)} topics, {len(created)} of them new")


@group.command(epilog="Example: HERKEN_KAFKA=127.0.0.1:9092 herken setup catalogue")
def catalogue() -> None:
    """Publish the scenario's services; what is in the catalogue already is left as it is."""
    from pipeline.keys import utc_now
    from pipeline.settings import Settings
    from sandbox.catalogue import publish_missing
    from sandbox.founding import scenario_of

    folders, settings = _folders(), Settings.read()
    scenario, scheme = scenario_of(folders), folders.scheme()
    count = asyncio.run(publish_missing(settings.kafka, scenario, scheme, utc_now()))
    progress(f"{count} entries published")


@group.command(
    epilog="Example: HERKEN_POSTGRES=postgresql://postgres@127.0.0.1/herken herken setup databases"
)
def databases() -> None:
    """Create each role's user, schema and tables; register the scenario's means and mandates."""
    asyncio.run(_databases(_folders()))
    progress("every role has its user, its schema and its tables")


async def _databases(folders: Folders) -> None:
    from pipeline.keys import utc_now
    from pipeline.settings import Settings
    from sandbox.founding import founded, scenario_of
    from sandbox.network import fill
    from sandbox.seeding import set_up

    settings, known = Settings.read(), founded(folders)
    await set_up(known, settings.postgres)
    await fill(settings.kafka, settings.postgres, scenario_of(folders), known, utc_now())


def _folders() -> Folders:
    from pipeline.settings import Files
    from sandbox.founding import Folders

    where = Files.read()
    return Folders(where.network, where.secrets)
