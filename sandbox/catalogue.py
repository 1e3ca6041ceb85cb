"""The catalogue of a scenario: what its dienstverleners offer, signed by its scheme."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from pipeline.catalogue_updates import numbered, updating
from sandbox import scenario as s
from sandbox.scenario import Scenario
from schemas import jose
from schemas.administration import MANAGEMENT, REPRESENTATION, operation_of
from schemas.catalogue import (
    KVK_ONLY,
    Catalogue,
    CatalogueEntry,
    EntityTypeSet,
    RequestedAttribute,
    ServiceDefinition,
    ServiceInstance,
    intermediary_digest,
)
from schemas.values import EntityType, Intermediation, Level

PORTAL_LEVEL = Level.EH3
"""CHOICE: mandates are administered at EH3; who logs in higher, may register higher."""
_PORTAL_TYPES = tuple(
    EntityTypeSet(number=number, types=(type_,))
    for number, type_ in enumerate((EntityType.KVKNR, EntityType.RSIN, EntityType.PSEUDO), start=1)
)


def entries(scenario: Scenario, now: datetime) -> list[CatalogueEntry]:
    """An entry a dienstverlener, with the versions 1, 2, 3."""
    numbered = enumerate(scenario.dienstverleners, start=1)
    return [_entry(scenario, dv, version, now) for version, dv in numbered]


async def publish_missing(
    kafka: str, scenario: Scenario, scheme: jose.PrivateKey, now: datetime
) -> int:
    """Publish what is not, or not like this, in the catalogue. Returns how many entries."""
    async with updating(kafka, scheme) as update:
        missing = changed(entries(scenario, now), update.known)
        await update.publish(missing)
    return len(missing)


def changed(wanted: Iterable[CatalogueEntry], known: Catalogue) -> list[CatalogueEntry]:
    """The entries that differ from what is known, with the versions after it."""
    return numbered((each for each in wanted if not _is_same(each, known)), known)


def _is_same(entry: CatalogueEntry, known: Catalogue) -> bool:
    before = known.entries.get(entry.dienstverlener)
    beside = {"version": entry.version, "issued_at": entry.issued_at}
    return before is not None and before.model_copy(update=beside) == entry


def without(entry: CatalogueEntry, service_id: str) -> CatalogueEntry:
    """An entry from which a service is withdrawn. Its definition stays, for who shares it."""
    left = tuple(each for each in entry.instances if each.service_id != service_id)
    return entry.model_copy(update={"instances": left})


def _entry(scenario: Scenario, dv: s.Dienstverlener, version: int, now: datetime) -> CatalogueEntry:
    own = [service for service in dv.services if service.uuid_of is None]
    portal = portal_services(scenario, dv)
    return CatalogueEntry(
        version=version,
        issued_at=now,
        dienstverlener=s.entity_id(dv),
        oin=dv.oin,
        display_name=dv.display_name,
        definitions=(*(_definition(scenario, service) for service in own), *portal),
        instances=(
            *(_instance(scenario, dv, service) for service in dv.services),
            *(_portal_instance(scenario, dv, n, each) for n, each in enumerate(portal, start=1)),
        ),
    )


def _definition(scenario: Scenario, service: s.Service) -> ServiceDefinition:
    types = tuple(
        EntityTypeSet(number=each.number, types=each.types) for each in service.entity_types
    )
    return ServiceDefinition(
        service_uuid=scenario.service_uuid(service.name),
        name=service.display_name,
        description=service.description or service.display_name,
        level=service.level,
        entity_types=tuple(types) or KVK_ONLY,
        restrictable=service.restrictable,
        attributes=tuple(
            RequestedAttribute(name=each.name, required=each.required, purpose=each.purpose)
            for each in service.attributes
        ),
        portal_for=tuple(scenario.service_uuid(name) for name in service.portal_for),
    )


def _instance(scenario: Scenario, dv: s.Dienstverlener, service: s.Service) -> ServiceInstance:
    uuid = scenario.service_uuid(service.name)
    approved = (scenario.organisation(name).kvk or "" for name in service.approved_intermediaries)
    return ServiceInstance(
        service_id=s.service_id(dv, service),
        service_uuid=uuid,
        makelaar=s.entity_id(scenario.makelaar(service.makelaar)),
        urls=service.urls,
        sso=service.sso,
        intermediation=service.intermediation,
        approved_intermediaries=tuple(intermediary_digest(uuid, kvk) for kvk in approved),
        classifiers=service.classifiers,
    )


# --- a registry's portal


def portal_services(scenario: Scenario, dv: s.Dienstverlener) -> tuple[ServiceDefinition, ...]:
    """The services of a registry's own portal, for its index 1, 2 and 3."""
    if s.portal_registry(scenario, dv.name) is None:
        return ()
    return (
        _portal_service(MANAGEMENT, "Machtigingen beheren"),
        _portal_service(REPRESENTATION, "Machtigingenbeheerders aanwijzen"),
        _portal_service(operation_of(s.entity_id(dv)), f"{dv.display_name}: registratie"[:64]),
    )


def _portal_service(uuid: UUID, name: str) -> ServiceDefinition:
    return ServiceDefinition(
        service_uuid=uuid,
        name=name,
        description=f"{name}, in het eigen portaal van het machtigingenregister.",
        level=PORTAL_LEVEL,
        entity_types=_PORTAL_TYPES,
    )


def _portal_instance(
    scenario: Scenario, dv: s.Dienstverlener, index: int, service: ServiceDefinition
) -> ServiceInstance:
    """Connected to the first makelaar of the scenario (CHOICE); nobody acts here for others."""
    return ServiceInstance(
        service_id=f"urn:etoegang:DV:{dv.oin}:services:{index}",
        service_uuid=service.service_uuid,
        makelaar=s.entity_id(scenario.makelaars[0]),
        sso=False,
        intermediation=Intermediation.NONE,
    )
