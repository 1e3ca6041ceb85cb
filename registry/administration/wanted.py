"""The rules that several commands share: each says why not, or None."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from registry.administration.actors import administrative
from registry.administration.situation import Situation
from registry.kept import Organisation
from registry.rules import Registry
from schemas.administration import CommandRefusal
from schemas.catalogue import Service, intermediary_digest
from schemas.commands import Scope, ScopeKind
from schemas.sealed import Identifier
from schemas.values import Intermediation, Level

Reason = CommandRefusal | None


def first(*reasons: Reason) -> Reason:
    """The first rule that did not hold."""
    return next((reason for reason in reasons if reason is not None), None)


def level(wanted: Level, situation: Situation) -> Reason:
    """At or below the level at which who commands logged in. Source: [AS] levels."""
    return CommandRefusal.LEVEL_ABOVE_OWN if wanted > situation.actor.level else None


def vestiging(wanted: str | None, organisation: Organisation) -> Reason:
    """One of the organisation's own. Source: [AS] a vestiging goes with its KvK number."""
    known = wanted is None or wanted in organisation.vestigingen
    return None if known else CommandRefusal.VESTIGING_UNKNOWN


def scope(wanted: Scope, registry: Registry) -> Reason:
    """Of services that exist, and none by which mandates are administered."""
    if wanted.kind is ScopeKind.DIENSTVERLENER:
        offers = wanted.dienstverlener in registry.catalogue.entries
        return None if offers else CommandRefusal.SERVICE_UNKNOWN
    return services(wanted.services, registry)


def services(wanted: Iterable[UUID], registry: Registry) -> Reason:
    """Each is in the catalogue, and none is one by which mandates are administered: nobody becomes
    a representative or operator by command, and a manager only by being appointed."""
    if administrative(registry.directory) & set(wanted):
        return CommandRefusal.NOT_AUTHORISED
    known = all(registry.catalogue.dienstverleners_of(each) for each in wanted)
    return None if known else CommandRefusal.SERVICE_UNKNOWN


# --- chains


def chains_offered(registry: Registry) -> Reason:
    """Source: [AS] only some registries offer ketenmachtigingen."""
    return None if registry.me.chains else CommandRefusal.CHAINS_NOT_OFFERED


def intermediation(wanted: Iterable[UUID], intermediary: str | None, registry: Registry) -> Reason:
    """Every service can be used through this intermediary, at one dienstverlener or more. Who has
    no KvK number is no intermediary. Source: [AS] service catalogue."""
    if intermediary is not None and all(
        any(allows(service, intermediary) for service in instances(each, registry))
        for each in wanted
    ):
        return None
    return CommandRefusal.INTERMEDIATION_REFUSED


def instances(service_uuid: UUID, registry: Registry) -> list[Service]:
    found = registry.catalogue.services.values()
    return [each for each in found if each.service_uuid == service_uuid]


def allows(service: Service, intermediary: str) -> bool:
    if service.intermediation is Intermediation.NEEDS_APPROVAL:
        digest = intermediary_digest(service.service_uuid, intermediary)
        return digest in service.approved_intermediaries
    return service.intermediation is Intermediation.GENERAL


def another(number: Identifier, organisation: Organisation) -> Reason:
    """Nobody is his own intermediary. Source: [AS] ketenmachtiging."""
    same = organisation.number(number.type) == number.value
    return CommandRefusal.SAME_ORGANISATION if same else None
