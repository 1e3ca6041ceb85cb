"""What a rule looks at: something that is held, whose it is, and what is asked of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Generic, TypeVar
from uuid import UUID

from registry.kept import Assignment, Link, Mandate, Organisation, Person
from registry.rules import Question, Registry
from schemas.administration import MANAGEMENT, REPRESENTATION, operation_of
from schemas.catalogue import Service
from schemas.commands import Scope, ScopeKind
from schemas.directory import Participant
from schemas.sealed import ChainClaim
from schemas.values import Level

Held = Mandate | Assignment | Link
H_co = TypeVar("H_co", bound=Held, covariant=True)


@dataclass(frozen=True)
class Asked:
    """What a login needs.

    services  the ServiceUUIDs that the service stands for; at a second registry: those permitted
    level     the level asked for, or the service's own where that is higher
    reached   the level of the declaration that it rests on: the provider's, or the permit's
    """

    service: Service
    services: tuple[UUID, ...]
    level: Level
    reached: Level
    now: datetime
    registry: Registry


def asked_by(question: Question, permitted: tuple[UUID, ...] | None = None) -> Asked:
    """What a question needs, once it is admitted. `permitted`: by the first registry of a chain.
    Raises LookupError where its service is not in the catalogue.

    Source: [AS] levels are minimums: the one asked for, never below the catalogue's.
    """
    service = question.service
    if service is None:
        raise LookupError("the service is not in the catalogue")
    stands_for = service.stands_for
    services = tuple(u for u in stands_for if permitted is None or u in permitted)
    level = max(question.asked.level, service.level)
    return Asked(service, services, level, question.reached, question.now, question.registry)


@dataclass(frozen=True)
class Candidate(Generic[H_co]):
    """A mandate or assignment of a person, or a link, as it is kept now. `organisation` is whose
    it is: the represented, or of an assignment the intermediary."""

    held: H_co
    organisation: Organisation
    person: Person | None = None


@dataclass(frozen=True)
class Case(Generic[H_co]):
    """A candidate, and what is asked of it. Of a link: what another registry claims of it."""

    held: H_co
    organisation: Organisation
    asked: Asked
    claim: ChainClaim | None = None
    claimed_by: Participant | None = None


def services_held(case: Case[Held]) -> tuple[UUID, ...]:
    """Of the services asked for, those that it holds for.

    Source: [AS] a portal service stands for several services. CHOICE: each is held to its own
    level, and one of them is enough.
    """
    return tuple(
        each for each in case.asked.services if covers(case, each) and _reaches(case, each)
    )


def covers(case: Case[Held], service: UUID) -> bool:
    """Whether a service is in its scope."""
    held = case.held
    if isinstance(held, Mandate):
        return _in_scope(held.scope, service, case.asked)
    return service in held.services


def level_used(case: Case[Held]) -> Level:
    """The level of the whole: its weakest link's. Source: [AS] level requested and level used."""
    return min(case.held.level, case.asked.reached)


def vestiging_of(case: Case[Held]) -> str | None:
    """The vestiging that it is restricted to, by either half of a chain."""
    return case.held.vestiging or (case.claim.vestiging if case.claim else None)


def _in_scope(scope: Scope, service: UUID, asked: Asked) -> bool:
    """Source: [AS] everything, all services of one dienstverlener, or services, present and
    future. CHOICE: administration needs a mandate that names it."""
    if scope.kind is ScopeKind.SERVICES:
        return service in scope.services
    offering = _offering(service, asked)
    if _is_administration(service, offering):
        return False
    return scope.kind is ScopeKind.EVERYTHING or scope.dienstverlener in offering


def _offering(service: UUID, asked: Asked) -> set[str]:
    """The dienstverleners whose service it is: here, or behind the portal that is asked for."""
    if service == asked.service.service_uuid:
        return {asked.service.dienstverlener}
    return asked.registry.catalogue.dienstverleners_of(service)


def _is_administration(service: UUID, offering: set[str]) -> bool:
    if service in (MANAGEMENT, REPRESENTATION):
        return True
    return any(service == _operation_of(each) for each in offering)


_operation_of = lru_cache(maxsize=4096)(operation_of)


def _reaches(case: Case[Held], service: UUID) -> bool:
    """Whether its level is enough for a service behind a portal; one that is no longer in the
    catalogue is reached by nothing."""
    if not case.asked.service.portal_for:
        return True
    definition = case.asked.registry.catalogue.definitions.get(service)
    return definition is not None and level_used(case) >= definition.level
