"""`herken mandate`: somebody logs in to a registry's portal, and commands."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID, uuid4

from pydantic import ValidationError

from herken.commands.output import progress
from herken.mandate_told import told
from herken.names import known, level_of, optional
from pipeline.errors import WrongUse
from pipeline.settings import Settings
from sandbox import scenario as s
from sandbox.browser import Browser
from sandbox.founding import Folders, scenario_of
from sandbox.person import Behaviour
from sandbox.portal import LogInAs, Portal, portal_of
from sandbox.scenario import Scenario
from schemas.commands import CommandContent, Scope, ScopeKind, Withdraw, WithdrawPerson
from schemas.sealed import Identifier
from schemas.values import EntityType, Level

_VESTIGING = re.compile(r"[0-9]{12}")
_REFERENCE = 64


@dataclass(frozen=True)
class Who:
    """Who commands, at which registry, and for whom."""

    registry: str
    person: str
    organisation: str | None = None
    provider: str | None = None
    level: str | None = None
    timeout: float = 30.0


class Names:
    """The scenario's names, and what they stand for. Everything raises WrongUse."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario

    def require(self, who: Who) -> None:
        """Who commands, with whose means, for whom and at which level."""
        self.person_name(who.person)
        self.provider(who.provider)
        level_of(who.level)
        if who.organisation is not None:
            self.organisation(who.organisation)

    def registry(self, name: str) -> str:
        return known(name, [each.name for each in self._scenario.registries], "registry")

    def provider(self, name: str | None) -> str | None:
        return optional(name, [each.name for each in self._scenario.providers], "provider")

    def person(self, name: str) -> UUID:
        return s.derived("person", self.person_name(name))

    def person_name(self, name: str) -> str:
        return known(name, [each.name for each in self._scenario.people], "person")

    def services(self, names: Iterable[str]) -> tuple[UUID, ...]:
        offered = [service.name for _, service in self._scenario.services]
        found = (known(name, offered, "service") for name in names)
        return tuple(self._scenario.service_uuid(name) for name in found)

    def organisation(self, name: str) -> s.Organisation:
        names = [each.name for each in self._scenario.organisations]
        return self._scenario.organisation(known(name, names, "organisation"))

    def number(self, name: str) -> Identifier:
        """The number that an organisation is known by."""
        organisation = self.organisation(name)
        rsin = getattr(organisation, "rsin", None)
        if organisation.kvk:
            return Identifier(type=EntityType.KVKNR, value=organisation.kvk)
        if rsin:
            return Identifier(type=EntityType.RSIN, value=rsin)
        raise WrongUse(f"{name} has no KvK number and no RSIN to name it by")

    def optional_number(self, name: str | None) -> Identifier | None:
        return None if name is None else self.number(name)

    def kvk(self, name: str) -> str:
        number = self.number(name)
        if number.type is not EntityType.KVKNR:
            raise WrongUse(f"{name} has no KvK number: an intermediary has one")
        return number.value

    def scope(
        self, services: Sequence[str], dienstverlener: str | None, *, everything: bool
    ) -> Scope:
        given = [bool(services), dienstverlener is not None, everything]
        if sum(given) != 1:
            raise WrongUse("say one of --service (once or more), --dienstverlener, --everything")
        if dienstverlener is not None:
            names = [each.name for each in self._scenario.dienstverleners]
            name = known(dienstverlener, names, "dienstverlener")
            (party,) = [each for each in self._scenario.dienstverleners if each.name == name]
            return Scope(kind=ScopeKind.DIENSTVERLENER, dienstverlener=s.entity_id(party))
        if everything:
            return Scope(kind=ScopeKind.EVERYTHING)
        return Scope(kind=ScopeKind.SERVICES, services=self.services(services))


Content = Callable[[Names], CommandContent]
"""Makes a command from the names that the network has."""


def level(text: str) -> Level:
    """Raises WrongUse."""
    return level_of(text) or Level.EH3


def moment(text: str | None) -> datetime | None:
    """A date, or a date and time; UTC where it says no zone. Raises WrongUse."""
    try:
        found = None if text is None else datetime.fromisoformat(text)
    except ValueError:
        raise WrongUse(f"{text!r} is no date: write 2027-01-31 or 2027-01-31T12:00+01:00") from None
    return found.replace(tzinfo=UTC) if found and found.tzinfo is None else found


def thing(text: str) -> UUID:
    """An ID as `herken mandate list` shows it. Raises WrongUse."""
    try:
        return UUID(text)
    except ValueError:
        raise WrongUse(f"{text!r} is no ID: `herken mandate list` shows them") from None


def some(services: Sequence[str] | None) -> Sequence[str]:
    """Raises WrongUse."""
    if not services:
        raise WrongUse("say which services: --service NAME, once or more")
    return services


def vestiging(number: str | None) -> str | None:
    """Raises WrongUse."""
    if number is not None and not _VESTIGING.fullmatch(number):
        raise WrongUse("--vestiging: a vestigingsnummer has 12 digits")
    return number


def reference(document: str | None) -> str | None:
    """Raises WrongUse."""
    if document is not None and not 1 <= len(document) <= _REFERENCE:
        raise WrongUse(f"--document: the reference of a paper, 1 to {_REFERENCE} characters")
    return document


def withdrawal(names: Names, what: str | None, whom: str | None) -> CommandContent:
    """One thing, or all of a person. Raises WrongUse."""
    if (what is None) == (whom is None):
        raise WrongUse("say what to withdraw: an ID, or --person NAME")
    if whom is not None:
        return WithdrawPerson(person=names.person(whom))
    return Withdraw(what=thing(what or ""))


async def command(who: Who, as_: LogInAs, content: Content, *, as_json: bool) -> bool:
    """Log in, command, and show what came of it; whether it was done.

    Raises WrongUse, NotLoggedIn, NoOutcome, NoAnswer, ServerUnreachable.
    """
    settings = Settings.read()
    folders = Folders(settings.network, settings.secrets)
    names = Names(scenario_of(folders))
    asked, registry = _content(content, names), names.registry(who.registry)
    names.require(who)
    portal_of(registry, settings)
    async with (
        Browser.open(settings.kafka, folders) as browser,
        Portal.connect(registry, settings) as portal,
    ):
        request_id = uuid4()
        browser.acting(request_id, _behaviour(who, names, browser))
        wanted = {"request_id": request_id, "timeout": who.timeout, "level": level_of(who.level)}
        login = await portal.log_in(as_, **wanted)
        progress(f"{who.person} is logged in at level {login.level}")
        events = await portal.command(login, asked, timeout=who.timeout)
        shown = [portal.shown(event) for event in events]
    return told(events, shown, as_json=as_json)


def _content(content: Content, names: Names) -> CommandContent:
    """Raises WrongUse."""
    try:
        return content(names)
    except ValidationError as error:
        fields = ", ".join(str(each["loc"][-1]) for each in error.errors(include_input=False))
        raise WrongUse(f"the command is not well-formed: {fields}") from None


def _behaviour(who: Who, names: Names, browser: Browser) -> Behaviour:
    return Behaviour(
        browser.wallets.of(names.person_name(who.person)),
        provider=names.provider(who.provider),
        kvk=names.organisation(who.organisation).kvk if who.organisation else None,
    )
