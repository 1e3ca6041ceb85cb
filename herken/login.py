"""`herken login` and `herken answer`: the scenario's people on a network that runs already."""

from __future__ import annotations

import asyncio

from herken.commands.output import document, progress, say
from herken.demo import outcome_text, told
from herken.names import known, level_of, optional
from pipeline.settings import Settings
from sandbox.browser import Browser
from sandbox.founding import Folders, scenario_of
from sandbox.person import Behaviour
from sandbox.play import Player
from sandbox.scenario import Expected, Login, Scenario


async def log_in(
    service: str,
    person: str,
    organisation: str | None,
    level: str | None,
    provider: str | None,
    timeout: float,
    *,
    as_json: bool,
) -> bool:
    """Play one login; returns whether it was granted. Raises WrongUse, NoOutcome."""
    settings = Settings.read()
    folders = Folders(settings.network, settings.secrets)
    scenario = scenario_of(folders)
    login = Login(
        name=f"{person} at {service}",
        service=known(service, [s.name for _, s in scenario.services], "service"),
        person=_person(person, scenario),
        provider=optional(provider, [p.name for p in scenario.providers], "provider"),
        **{"for": _organisation(organisation, scenario)},
        level=level_of(level),
        expect=Expected(),
    )
    async with Player.ready(scenario, settings, folders) as player:
        played = await player.play(login, timeout)
    report = played.report()
    if as_json:
        document({key: report[key] for key in report if key not in ("expected", "as_expected")})
    else:
        say(f"{told(played, outcome_text(played))}")
    return bool(report["outcome"] == "assertion")


async def be_at_the_browser(person: str, organisation: str | None, provider: str | None) -> None:
    """Answer every prompt as this person, until interrupted."""
    settings = Settings.read()
    folders = Folders(settings.network, settings.secrets)
    scenario = scenario_of(folders)
    name, acted_for = _person(person, scenario), _organisation(organisation, scenario)
    by = optional(provider, [p.name for p in scenario.providers], "provider")
    async with Browser.open(settings.kafka, folders) as browser:
        kvk = scenario.organisation(acted_for).kvk if acted_for else None
        browser.anybody = Behaviour(browser.wallets.of(name), provider=by, kvk=kvk)
        progress(f"{name} answers every prompt; Ctrl-C ends it")
        await asyncio.Event().wait()


def _person(name: str, scenario: Scenario) -> str:
    return known(name, [person.name for person in scenario.people], "person")


def _organisation(name: str | None, scenario: Scenario) -> str | None:
    return optional(name, [o.name for o in scenario.organisations], "organisation")
