"""up, login, answer: a network to play with, a login on it, and somebody at the browser."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from herken.commands.running import FIRST_LOGIN, AsJson, ScenarioFile

Person = Annotated[str, typer.Option("--as", metavar="PERSON", help="Who is at the browser.")]
ForWhom = Annotated[
    str | None, typer.Option("--for", metavar="ORGANISATION", help="For whom he acts.")
]
Provider = Annotated[
    str | None, typer.Option("--provider", metavar="NAME", help="With whose means, by choice.")
]


def register(app: typer.Typer) -> None:
    app.command(epilog="Example: herken up --scenario scenarios/first-login.yaml")(up)
    app.command(epilog="Example: herken login omgevingsvergunning --as ans --level EH3")(login)
    app.command(epilog="Example: herken answer ans --provider sluis")(answer)


def up(scenario: ScenarioFile = FIRST_LOGIN) -> None:
    """Start a network and keep it running until Ctrl-C."""
    from herken.up import stay_up

    asyncio.run(stay_up(scenario))


def login(
    service: Annotated[str, typer.Argument(metavar="SERVICE", help="A service's short name.")],
    person: Person,
    organisation: ForWhom = None,
    level: Annotated[str | None, typer.Option(metavar="EH3", help="The level asked for.")] = None,
    provider: Provider = None,
    timeout: Annotated[float, typer.Option(metavar="SECONDS", help="How long to wait.")] = 30.0,
    as_json: AsJson = False,
) -> None:
    """Publish a request as the service's dienstverlener, let a person answer, show the outcome.

    Exit code 0: an assertion; 1: a refusal, or no outcome in time.
    """
    from herken.login import log_in

    granted = asyncio.run(
        log_in(service, person, organisation, level, provider, timeout, as_json=as_json)
    )
    raise typer.Exit(0 if granted else 1)


def answer(
    person: Annotated[str, typer.Argument(metavar="PERSON", help="Who is at the browser.")],
    organisation: ForWhom = None,
    provider: Provider = None,
) -> None:
    """Be a person at the browser: answer every prompt of every login, until Ctrl-C.

    For trying out your own program against `herken up`.
    """
    from herken.login import be_at_the_browser

    asyncio.run(be_at_the_browser(person, organisation, provider))
