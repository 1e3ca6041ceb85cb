"""Reads from the tables what a command has to be judged by."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from dienstverlener.outcome import Assertion, LegalSubject
from registry import events, tables
from registry.administration import actors
from registry.administration.actors import Actor, As
from registry.administration.awaiting import Awaiting
from registry.administration.situation import Found, Names, Thing
from registry.kept import Assignment, Kept, Link, Mandate, Organisation, Person
from registry.rules import Registry
from registry.tables import AnyConnection
from schemas.administration import REPRESENTATION, SHOWN_AT_ONCE
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
from schemas.values import EntityType

K = TypeVar("K", bound=Kept)
_THINGS: tuple[type[Thing], ...] = (Mandate, Link, Assignment)
_NAMING = "organisation = $1 AND scope -> 'services' ? $2"
_LISTED = """
    SELECT id, registered_at FROM mandates WHERE organisation = $1
    UNION ALL SELECT id, registered_at FROM links WHERE organisation = $1 OR intermediary = $2
    UNION ALL SELECT id, registered_at FROM assignments WHERE organisation = $1
    ORDER BY registered_at, id OFFSET $3 LIMIT $4
"""
_BETWEEN = "intermediary = $1 AND organisation IN (SELECT id FROM organisations WHERE {} = $2)"


# --- who commands


async def actor(
    connection: AnyConnection, login: Assertion, as_: As, registry: Registry, now: datetime
) -> Actor:
    """Who logged in. By another registry's permit, nothing that is kept here speaks for him."""
    subject = login.legal_subject
    found = Actor(as_, login.level, login.acting_subject, kvk=subject.kvk or subject.kvk_number)
    if login.registry != registry.me.entity_id:
        return found
    organisation = await organisation_of(connection, subject)
    if organisation is None:
        return found
    named = str(actors.service_of(as_, registry))
    held = await tables.where(connection, Mandate, _NAMING, organisation.id, named)
    authority = actors.authority_of(login, held, registry, now)
    return replace(found, organisation=organisation, authority=authority)


async def organisation_of(connection: AnyConnection, subject: LegalSubject) -> Organisation | None:
    """Who is acted for, by the numbers in an assertion."""
    for type_ in (EntityType.KVKNR, EntityType.RSIN):
        number = subject.identifiers.get(type_)
        if number is not None:
            return await organisation_by(connection, Identifier(type=type_, value=number))
    return None


async def organisation_by(
    connection: AnyConnection, number: Identifier | None
) -> Organisation | None:
    column = _COLUMNS.get(number.type) if number else None
    if number is None or column is None:
        return None
    found = await tables.where(connection, Organisation, f"{column} = $1", number.value)
    return found[0] if found else None


_COLUMNS = {EntityType.KVKNR: "kvk", EntityType.RSIN: "rsin"}


# --- what a command names


@dataclass(frozen=True)
class Loader:
    """Loads for one command of one actor."""

    connection: AnyConnection
    actor: Actor

    async def found(self, content: CommandContent) -> Found:
        """Everything that the rules of this command look at."""
        found = await self._found(content)
        return replace(found, names=await self._names(found))

    async def _found(self, content: CommandContent) -> Found:
        match content:
            case Register() | RegisterLink() | Appoint() | Assign():
                return await self._new(content)
            case Change() | Accept() | Withdraw() | History():
                return await self._one(content)
            case WithdrawPerson():
                return await self._of_person(content.person)
            case Approve():
                return await self._approved(content.command)
            case List():
                return await self._listed(content.offset)

    async def _new(self, content: Register | RegisterLink | Appoint | Assign) -> Found:
        """Whose it will be, and for whom."""
        organisation = self.actor.organisation
        if isinstance(content, Register | RegisterLink) and content.organisation is not None:
            organisation = await organisation_by(self.connection, content.organisation)
        person = None if isinstance(content, RegisterLink) else content.person
        return Found(
            organisation=organisation,
            person=await self._get(Person, person),
            representatives=await self._representatives(organisation),
            links=await self._between(content, organisation),
        )

    async def _representatives(self, organisation: Organisation | None) -> list[Mandate]:
        if organisation is None or not organisation.joint:
            return []
        named = str(REPRESENTATION)
        return await tables.where(self.connection, Mandate, _NAMING, organisation.id, named)

    async def _between(
        self, content: CommandContent, organisation: Organisation | None
    ) -> list[Link]:
        """The links of this registry that an assignment may be about."""
        if not isinstance(content, Assign) or organisation is None:
            return []
        return await links_between(self.connection, content.principal, organisation.kvk)

    async def _one(self, content: Change | Accept | Withdraw | History) -> Found:
        match content:
            case Change(mandate=id_) | Accept(link=id_):
                return Found(things=await things(self.connection, [id_]))
            case Withdraw(what=id_):
                return Found(things=await things(self.connection, [id_]))
            case History(what=id_):
                past = await events.past_of(self.connection, id_)
                return Found(things=await things(self.connection, [id_]), past=past)

    async def _of_person(self, person: UUID) -> Found:
        own = self.actor.organisation
        found: list[Thing] = []
        for model in (Mandate, Assignment):
            condition = "person = $1 AND organisation = $2"
            values = (person, own.id if own else None)
            found += await tables.where(self.connection, model, condition, *values)
        return Found(person=await self._get(Person, person), things=found)

    async def _approved(self, command: UUID) -> Found:
        """What waits, and what it needs; its organisation is the one that was found then."""
        awaiting = await self._get(Awaiting, command)
        if awaiting is None:
            return Found()
        organisation = await self._get(Organisation, awaiting.organisation)
        found = await self._found(awaiting.command)
        representatives = await self._representatives(organisation)
        return replace(
            found,
            awaiting=awaiting,
            organisation=organisation,
            representatives=representatives,
        )

    async def _listed(self, offset: int) -> Found:
        own = self.actor.organisation
        if own is None:
            return Found()
        kvk, most = own.kvk, SHOWN_AT_ONCE
        rows = await self.connection.fetch(_LISTED, own.id, kvk, offset, most + 1)
        ids = [row["id"] for row in rows[:most]]
        found = {thing.id: thing for thing in await things(self.connection, ids)}
        return Found(things=[found[id_] for id_ in ids], more=len(rows) > most)

    async def _get(self, model: type[K], id_: UUID | None) -> K | None:
        return None if id_ is None else (await tables.get(self.connection, model, [id_])).get(id_)

    async def _names(self, found: Found) -> Names:
        """What everybody who may be shown is called."""
        seen: list[Thing] = [*found.things]
        known = (found.organisation, self.actor.organisation)
        organisations = {one.id: one.name for one in known if one is not None}
        people = {found.person.id: found.person.name} if found.person else {}
        wanted = {one.person for one in seen if not isinstance(one, Link)} - people.keys()
        others = {one.organisation for one in seen} - organisations.keys()
        people |= {
            one.id: one.name for one in (await tables.get(self.connection, Person, wanted)).values()
        }
        organisations |= {
            one.id: one.name
            for one in (await tables.get(self.connection, Organisation, others)).values()
        }
        return Names(people, organisations)


async def things(connection: AnyConnection, ids: Iterable[UUID]) -> list[Thing]:
    """The mandates, links and assignments with these IDs."""
    wanted = list(ids)
    found: list[Thing] = []
    for model in _THINGS:
        found += (await tables.get(connection, model, wanted)).values()
    return found


async def links_between(
    connection: AnyConnection, principal: Identifier, intermediary: str | None
) -> list[Link]:
    """The links of this registry between the two, whatever their state."""
    column = _COLUMNS.get(principal.type)
    if column is None or intermediary is None:
        return []
    condition = _BETWEEN.format(column)
    return await tables.where(connection, Link, condition, intermediary, principal.value)
