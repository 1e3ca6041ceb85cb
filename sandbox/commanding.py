"""What a scenario's act commands at a registry. No I/O: names become the IDs that a registry
knows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Literal
from uuid import UUID

from sandbox import scenario as s
from sandbox.registrations import identifier, period, scope
from sandbox.scenario import Act, ActKind, Scenario
from schemas.commands import (
    Accept,
    Appoint,
    Approve,
    Assign,
    Change,
    CommandContent,
    History,
    List,
    Register,
    RegisterLink,
    Withdraw,
    WithdrawPerson,
)
from schemas.sealed import Identifier
from schemas.values import Level

LogInAs = Literal["management", "representation", "operation"]


class Names:
    """What the names in a scenario mean at its registries: of what is registered from the start,
    and of what acts register."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self._ids: dict[str, UUID] = {}
        self._registries: dict[str, str] = {}
        self._by: dict[str, Act] = {}
        for thing in (*scenario.mandates, *scenario.links, *scenario.assignments):
            if thing.name is not None:
                self._ids[thing.name] = s.registered_id(thing)
                self._registries[thing.name] = _registry_of(thing, scenario)

    def id(self, name: str | None) -> UUID:
        """Raises KeyError."""
        return self._ids[name or ""]

    def learn(self, name: str, id_: UUID, act: Act) -> None:
        """Something is registered, or awaits approval, by this name from now on."""
        self._ids[name] = id_
        if act.as_ == name:
            self._registries[name], self._by[name] = self.registry(act), act

    def origin(self, name: str | None) -> Act | None:
        """The act that a name is from."""
        return self._by.get(name or "")

    def registry(self, act: Act) -> str:
        """Where an act is done: as it says; where its thing is; or where who does it works."""
        there = act.registry or self._registries.get(act.what or "")
        return there or self.scenario.registry_of(self.acts_for(act).name)

    def acts_for(self, act: Act) -> s.Organisation:
        """The organisation that somebody logs in for. Raises KeyError."""
        works_at = self.scenario.person(act.by or "").organisation
        return self.scenario.organisation(act.for_ or works_at or "")


def _registry_of(thing: s.Registered, scenario: Scenario) -> str:
    match thing:
        case s.Assignment():
            return scenario.registry_of(scenario.person(thing.person).organisation or "")
        case s.Mandate() | s.Link():
            return scenario.registry_of(thing.organisation)
    raise TypeError(type(thing).__name__)


def log_in_as(act: Act, names: Names) -> LogInAs:
    """As what somebody logs in to do an act: he appoints as representative, registers in writing as
    operator, approves as whichever it needs, and does all else as manager."""
    origin = names.origin(act.what) if act.act is ActKind.APPROVE else act
    if origin is not None and origin.act is ActKind.APPOINT:
        return "representation"
    is_written = origin is not None and origin.document is not None
    return "operation" if is_written or act.act is ActKind.APPROVE else "management"


def content(act: Act, names: Names, now: datetime) -> CommandContent:
    """What an act commands. Raises KeyError for a name of nothing."""
    return _CONTENT[act.act](act, names, now)


def _appoint(act: Act, _: Names, now: datetime) -> Appoint:
    valid_from, valid_until = period(act, now)
    return Appoint(
        person=s.person_id(act.person or ""),
        level=_level(act),
        valid_from=valid_from,
        valid_until=valid_until,
    )


def _register(act: Act, names: Names, now: datetime) -> Register:
    valid_from, valid_until = period(act, now)
    return Register(
        person=s.person_id(act.person or ""),
        scope=scope(act, names.scenario),
        level=_level(act),
        vestiging=act.vestiging,
        organisation=_number(act.organisation, names),
        document=act.document,
        valid_from=valid_from,
        valid_until=valid_until,
    )


def _change(act: Act, names: Names, now: datetime) -> Change:
    _, valid_until = period(act, now)
    return Change(mandate=names.id(act.what), level=act.level, valid_until=valid_until)


def _link(act: Act, names: Names, now: datetime) -> RegisterLink:
    valid_from, valid_until = period(act, now)
    return RegisterLink(
        intermediary=names.scenario.organisation(act.intermediary or "").kvk or "",
        services=tuple(names.scenario.service_uuid(name) for name in act.services),
        level=_level(act),
        vestiging=act.vestiging,
        organisation=_number(act.organisation, names),
        document=act.document,
        valid_from=valid_from,
        valid_until=valid_until,
    )


def _assign(act: Act, names: Names, now: datetime) -> Assign:
    valid_from, valid_until = period(act, now)
    principal = names.scenario.organisation(act.principal or "")
    return Assign(
        principal=identifier(principal),
        principal_name=principal.display_name,
        person=s.person_id(act.person or ""),
        services=tuple(names.scenario.service_uuid(name) for name in act.services),
        level=_level(act),
        vestiging=act.vestiging,
        valid_from=valid_from,
        valid_until=valid_until,
    )


def _withdraw_person(act: Act) -> WithdrawPerson:
    return WithdrawPerson(person=s.person_id(act.person or ""))


def _level(act: Act) -> Level:
    return act.level or Level.EH3


def _number(organisation: str | None, names: Names) -> Identifier | None:
    return identifier(names.scenario.organisation(organisation)) if organisation else None


_CONTENT: Mapping[ActKind, Callable[[Act, Names, datetime], CommandContent]] = {
    ActKind.APPOINT: _appoint,
    ActKind.REGISTER: _register,
    ActKind.CHANGE: _change,
    ActKind.LINK: _link,
    ActKind.ASSIGN: _assign,
    ActKind.ACCEPT: lambda act, names, _: Accept(link=names.id(act.what)),
    ActKind.WITHDRAW: lambda act, names, _: Withdraw(what=names.id(act.what)),
    ActKind.WITHDRAW_PERSON: lambda act, _, __: WithdrawPerson(
        person=s.person_id(act.person or "")
    ),
    ActKind.APPROVE: lambda act, names, _: Approve(command=names.id(act.what)),
    ActKind.LIST: lambda _, __, ___: List(),
    ActKind.HISTORY: lambda act, names, _: History(what=names.id(act.what)),
}
