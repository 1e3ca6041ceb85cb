"""Who commands: by the login that his command carries, and by what is registered of him now.

A permit that was given is not enough: whoever commands as manager, representative or operator must
still be that when the command is done, where this registry knows it. So a withdrawn manager's last
login is worth nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from dienstverlener.outcome import Assertion, Refusal
from registry.administration import pseudonyms
from registry.kept import Mandate, Organisation
from registry.rules import Registry
from schemas.administration import MANAGEMENT, REPRESENTATION, CommandRefusal, operation_of
from schemas.codec import CLOCK_SKEW_SECONDS
from schemas.directory import Directory
from schemas.values import Level, Role


class As(StrEnum):
    """What somebody commands as."""

    MANAGER = "manager"
    REPRESENTATIVE = "representative"
    OPERATOR = "operator"


@dataclass(frozen=True)
class Actor:
    """Who commands.

    pseudonym     at the registry's portal: tells two people apart
    organisation  for whom, as it is kept here; None: it is not, or the permit is another registry's
    kvk           its KvK number, by whichever registry
    authority     the mandates that he is it by
    """

    as_: As
    level: Level
    pseudonym: str
    organisation: Organisation | None = None
    kvk: str | None = None
    authority: tuple[Mandate, ...] = ()

    def owns(self, organisation: UUID) -> bool:
        return self.organisation is not None and self.organisation.id == organisation


def judge_login(
    login: Assertion | Refusal, registry: Registry, now: datetime, within: timedelta
) -> CommandRefusal | As:
    """As what a login lets somebody command: directly, for a whole organisation, just now.

    Nobody manages through an intermediary, or for one vestiging. CHOICE: how long ago.
    """
    if isinstance(login, Refusal) or not is_fresh(login, now, within):
        return CommandRefusal.ASSERTION_REFUSED
    as_ = service_as(login.services, registry)
    if as_ is None or login.intermediary is not None or login.legal_subject.vestiging is not None:
        return CommandRefusal.NOT_AUTHORISED
    return as_


def is_fresh(login: Assertion, now: datetime, within: timedelta) -> bool:
    """Whether somebody proved who he is at most so long ago, and not in the future."""
    skew = timedelta(seconds=CLOCK_SKEW_SECONDS)
    at = login.authenticated_at
    return at is not None and now - within <= at <= now + skew


def service_as(services: Sequence[UUID], registry: Registry) -> As | None:
    """What the portal's service that somebody logged in to makes of him."""
    known = {MANAGEMENT: As.MANAGER, REPRESENTATION: As.REPRESENTATIVE}
    if registry.me.portal is not None:
        known[operation_of(registry.me.portal)] = As.OPERATOR
    return known.get(services[0]) if len(services) == 1 else None


def service_of(as_: As, registry: Registry) -> UUID:
    """The ServiceUUID that a mandate has to name."""
    known = {As.MANAGER: MANAGEMENT, As.REPRESENTATIVE: REPRESENTATION}
    return known[as_] if as_ in known else operation_of(registry.me.portal or "")


def authority_of(
    login: Assertion, held: Sequence[Mandate], registry: Registry, now: datetime
) -> tuple[Mandate, ...]:
    """Of the mandates that name the service, those of who logged in that hold now and reach his
    level."""
    return tuple(
        mandate
        for mandate in held
        if is_valid(mandate, now)
        and mandate.vestiging is None
        and mandate.level >= login.level
        and pseudonyms.of_mandate(registry, mandate) == login.acting_subject
    )


def is_valid(mandate: Mandate, now: datetime) -> bool:
    return mandate.withdrawn_at is None and mandate.valid_from <= now < mandate.valid_until


def administrative(directory: Directory) -> frozenset[UUID]:
    """The services of administration: of every registry's portal."""
    portals = [each.portal for each in directory.in_role(Role.REGISTRY) if each.portal]
    return frozenset((MANAGEMENT, REPRESENTATION, *map(operation_of, portals)))
