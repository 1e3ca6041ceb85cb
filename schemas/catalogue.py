"""The service catalogue (dienstencatalogus): what every dienstverlener offers, as the scheme signed
it, and how a reader keeps it.

The catalogue is a compacted topic: a record a dienstverlener, each with the next version number.
Its version is that of the newest record, so that a version is one state of the whole. A service
that is no longer in its dienstverlener's entry is withdrawn.

Source: [AS] dienstencatalogus.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Annotated, Literal
from uuid import UUID

from pydantic import (
    AnyHttpUrl,
    AwareDatetime,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from schemas import jose
from schemas.values import (
    OIN,
    AttributeName,
    Digest,
    DisplayName,
    EntityID,
    EntityType,
    Intermediation,
    Level,
    Role,
    ServiceID,
    Value,
    role_of,
)

LongText = Annotated[str, StringConstraints(min_length=1, max_length=1024)]


class RequestedAttribute(Value):
    """Something that a service wants to know, and why."""

    name: AttributeName
    required: bool = False
    purpose: LongText


class EntityTypeSet(Value):
    """Numbers by which a service knows whom is acted for: all of a set are needed."""

    number: int = Field(ge=1, le=99)
    types: tuple[EntityType, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _holds_together(self) -> EntityTypeSet:
        if len(set(self.types)) < len(self.types):
            raise ValueError("a kind of number occurs twice in a set")
        return self


KVK_ONLY = (EntityTypeSet(number=1, types=(EntityType.KVKNR,)),)


class ServiceDefinition(Value):
    """What a service is. Mandates attach to its UUID, which several dienstverleners may share.

    entity_types   the lowest numbered set that can be met is used
    restrictable   whether a mandate for one vestiging only is enough
    portal_for     the services that a portal service stands for (UUIDs); none: it is no portal
    """

    service_uuid: UUID
    name: DisplayName
    description: LongText
    level: Level
    entity_types: tuple[EntityTypeSet, ...] = Field(default=KVK_ONLY, min_length=1)
    restrictable: bool = False
    attributes: tuple[RequestedAttribute, ...] = ()
    portal_for: tuple[UUID, ...] = ()

    @model_validator(mode="after")
    def _holds_together(self) -> ServiceDefinition:
        _refuse_twice("set number", [each.number for each in self.entity_types])
        _refuse_twice("attribute", [each.name for each in self.attributes])
        _refuse_twice("ServiceUUID", (self.service_uuid, *self.portal_for))
        if self.level is Level.LOA1:
            raise ValueError("EH1 ended in 2021: a level is one of EH2, EH2+, EH3, EH4")
        asks_bsn = any(EntityType.BSN in each.types for each in self.entity_types)
        if asks_bsn and self.level < Level.EH3:
            raise ValueError("BSN as identifier needs a service at EH3 or EH4")
        return self


class ServiceInstance(Value):
    """Where and how a service is used at one dienstverlener.

    sso                       whether a session at the provider is enough
    approved_intermediaries   digests (`intermediary_digest`) of those that may act, where
                              intermediation needs approval
    classifiers               `eIDAS-inbound` and the like
    """

    service_id: ServiceID
    service_uuid: UUID
    makelaar: EntityID
    urls: tuple[AnyHttpUrl, ...] = ()
    certificate: Annotated[str, StringConstraints(min_length=1, max_length=4096)] | None = None
    sso: bool = True
    intermediation: Intermediation = Intermediation.GENERAL
    approved_intermediaries: tuple[Digest, ...] = ()
    classifiers: tuple[Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,64}$")], ...] = ()


class CatalogueEntry(Value):
    """One dienstverlener's part of the catalogue. Raises ValueError where it contradicts itself."""

    TYPE: Literal["nl.herken.catalogue-entry.v1"] = "nl.herken.catalogue-entry.v1"
    version: int = Field(ge=1)
    issued_at: AwareDatetime
    dienstverlener: EntityID
    oin: OIN
    display_name: DisplayName
    definitions: tuple[ServiceDefinition, ...] = ()
    instances: tuple[ServiceInstance, ...] = ()

    @model_validator(mode="after")
    def _holds_together(self) -> CatalogueEntry:
        _refuse_twice("ServiceUUID", [each.service_uuid for each in self.definitions])
        _refuse_twice("ServiceID", [each.service_id for each in self.instances])
        if role_of(self.dienstverlener) is not Role.DIENSTVERLENER:
            raise ValueError("an entry is of a dienstverlener")
        if self.dienstverlener.split(":")[3] != self.oin:
            raise ValueError("an EntityID has the OIN of its dienstverlener")
        for instance in self.instances:
            if role_of(instance.makelaar) is not Role.MAKELAAR:
                raise ValueError("a service is connected to a makelaar")
            if instance.service_id.split(":")[3] != self.oin:
                raise ValueError("a ServiceID has the OIN of its dienstverlener")
        return self


class Service(Value):
    """A service as rules look at it: its definition at one dienstverlener."""

    service_id: ServiceID
    service_uuid: UUID
    name: DisplayName
    dienstverlener: EntityID
    makelaar: EntityID
    level: Level
    entity_types: tuple[EntityTypeSet, ...] = KVK_ONLY
    restrictable: bool = False
    attributes: tuple[RequestedAttribute, ...] = ()
    portal_for: tuple[UUID, ...] = ()
    sso: bool = True
    intermediation: Intermediation = Intermediation.GENERAL
    approved_intermediaries: tuple[Digest, ...] = ()

    @property
    def stands_for(self) -> tuple[UUID, ...]:
        """The ServiceUUIDs that somebody needs a mandate for."""
        return self.portal_for or (self.service_uuid,)


def intermediary_digest(service_uuid: UUID, kvk: str) -> str:
    """How an entry names an intermediary that may act, without its number for all to read."""
    return jose.digest(f"{service_uuid}\n{kvk}".encode())


class OlderVersion(ValueError):
    """An entry that is not newer than what is known already."""


def require_newer(entry: CatalogueEntry, version: int) -> None:
    """Raises OlderVersion: an old entry, signed as it is, would bring back what was withdrawn."""
    if entry.version <= version:
        raise OlderVersion(f"version {entry.version} after {version}")


class Catalogue(Value):
    """The whole, as far as it was read. It does not change: `with_entries` gives the next one."""

    model_config = ConfigDict(ignored_types=(cached_property,))

    version: int = 0
    entries: Mapping[EntityID, CatalogueEntry] = Field(default_factory=dict)

    def with_entries(self, entries: Iterable[CatalogueEntry]) -> Catalogue:
        """Take over newer entries, in order. Raises OlderVersion."""
        growing = Growing(self)
        for entry in entries:
            growing.take(entry)
        return growing.catalogue()

    def service(self, service_id: str) -> Service | None:
        """None: it is not, or no longer, in the catalogue."""
        return self.services.get(service_id)

    @cached_property
    def services(self) -> Mapping[str, Service]:
        """All services by ServiceID."""
        found = (
            _service(entry, instance, self.definitions.get(instance.service_uuid))
            for entry in self._by_version
            for instance in entry.instances
        )
        return {service.service_id: service for service in found if service is not None}

    @cached_property
    def definitions(self) -> Mapping[UUID, ServiceDefinition]:
        """All definitions by ServiceUUID, whoever published them; of two, the newest one's."""
        return {
            definition.service_uuid: definition
            for entry in self._by_version
            for definition in entry.definitions
        }

    @cached_property
    def _by_version(self) -> list[CatalogueEntry]:
        """The same for every reader, who may not have read the older entries that are gone."""
        return sorted(self.entries.values(), key=lambda entry: entry.version)

    def of(self, dienstverlener: str) -> list[Service]:
        """The services of one dienstverlener (EntityID)."""
        return [each for each in self.services.values() if each.dienstverlener == dienstverlener]

    def dienstverleners_of(self, service_uuid: UUID) -> set[str]:
        """Who offers a service (EntityIDs)."""
        return self._offering.get(service_uuid, set())

    @cached_property
    def _offering(self) -> Mapping[UUID, set[str]]:
        offering: dict[UUID, set[str]] = {}
        for service in self.services.values():
            offering.setdefault(service.service_uuid, set()).add(service.dienstverlener)
        return offering


class Growing:
    """A catalogue that takes over newer entries, one after the other."""

    def __init__(self, before: Catalogue) -> None:
        self._version, self._entries = before.version, dict(before.entries)

    def take(self, entry: CatalogueEntry) -> None:
        """Raises OlderVersion."""
        require_newer(entry, self._version)
        self._version, self._entries[entry.dienstverlener] = entry.version, entry

    def catalogue(self) -> Catalogue:
        """As far as it was taken over."""
        return Catalogue.model_construct(version=self._version, entries=dict(self._entries))


def _service(
    entry: CatalogueEntry, instance: ServiceInstance, definition: ServiceDefinition | None
) -> Service | None:
    if definition is None:
        return None
    return Service.model_construct(
        service_id=instance.service_id,
        service_uuid=instance.service_uuid,
        name=definition.name,
        dienstverlener=entry.dienstverlener,
        makelaar=instance.makelaar,
        level=definition.level,
        entity_types=definition.entity_types,
        restrictable=definition.restrictable,
        attributes=definition.attributes,
        portal_for=definition.portal_for,
        sso=instance.sso,
        intermediation=instance.intermediation,
        approved_intermediaries=instance.approved_intermediaries,
    )


def _refuse_twice(what: str, values: Iterable[object]) -> None:
    seen: set[object] = set()
    for value in values:
        if value in seen:
            raise ValueError(f"the {what} {value} occurs twice")
        seen.add(value)
