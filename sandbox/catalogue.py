"""The catalogue of a scenario: what its dienstverleners offer, signed by its scheme."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from pipeline.catalogue_updates import numbered, updating
from sandbox import scenario as s
from sandbox.scenario import Scenario
from schemas import jose
from schemas.catalogue import Catalogue, CatalogueEntry, ServiceDefinition, ServiceInstance


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


def _entry(scenario: Scenario, dv: s.Dienstverlener, version: int, now: datetime) -> CatalogueEntry:
    return CatalogueEntry(
        version=version,
        issued_at=now,
        dienstverlener=s.entity_id(dv),
        oin=dv.oin,
        display_name=dv.display_name,
        definitions=tuple(_definition(dv, service) for service in dv.services),
        instances=tuple(_instance(scenario, dv, service) for service in dv.services),
    )


def _definition(dv: s.Dienstverlener, service: s.Service) -> ServiceDefinition:
    return ServiceDefinition(
        service_uuid=s.service_uuid(dv, service),
        name=service.display_name,
        description=service.display_name,
        level=service.level,
    )


def _instance(scenario: Scenario, dv: s.Dienstverlener, service: s.Service) -> ServiceInstance:
    makelaar = next(m for m in scenario.makelaars if m.name == service.makelaar)
    return ServiceInstance(
        service_id=s.service_id(dv, service),
        service_uuid=s.service_uuid(dv, service),
        makelaar=s.entity_id(makelaar),
    )
