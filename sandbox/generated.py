"""A large catalogue, invented from a seed: for measuring, and to try things out with.

The same size and seed give the same services. All names are plainly invented, all OINs are test
numbers. How often a field has which value is a guess at what is usual.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import TypeVar
from uuid import UUID

from schemas.catalogue import (
    KVK_ONLY,
    CatalogueEntry,
    EntityTypeSet,
    RequestedAttribute,
    ServiceDefinition,
    ServiceInstance,
    intermediary_digest,
)
from schemas.directory import Directory, Participant
from schemas.values import AttributeName, EntityType, Intermediation, Level, Role

T = TypeVar("T")
_FIRST_OIN = 800_000
"""Far from the OINs of scenarios."""
MAKELAARS = tuple(
    f"urn:etoegang:HM:00000099{_FIRST_OIN - number:09}000:entities:9001" for number in (1, 2, 3)
)

_KINDS = ("Gemeente", "Waterschap", "Provincie", "Zorgkantoor", "Fonds", "Keuringsdienst", "Omroep")
_PLACES = ("Proefstad", "Voorbeelddorp", "Testerveen", "Nergenshuizen", "Monsterwoude")
_SUBJECTS = ("Vergunning", "Subsidie", "Aangifte", "Melding", "Vrijstelling", "Registratie")
_ACTS = ("aanvragen", "wijzigen", "inzien", "intrekken", "verlengen")
_ABOUT = ("evenement", "steiger", "reclamebord", "proefboring", "marktkraam", "zonnedak")

_LEVELS = {Level.EH2: 3, Level.EH2PLUS: 22, Level.EH3: 60, Level.EH4: 15}
_NUMBERS: dict[tuple[EntityTypeSet, ...], int] = {
    KVK_ONLY: 72,
    (
        EntityTypeSet(number=1, types=(EntityType.RSIN,)),
        EntityTypeSet(number=2, types=(EntityType.KVKNR,)),
    ): 14,
    (
        EntityTypeSet(number=1, types=(EntityType.RSIN, EntityType.KVKNR)),
        EntityTypeSet(number=2, types=(EntityType.KVKNR,)),
    ): 4,
    (*KVK_ONLY, EntityTypeSet(number=2, types=(EntityType.PSEUDO,))): 3,
}
_WITH_BSN = (*KVK_ONLY, EntityTypeSet(number=2, types=(EntityType.BSN,)))
_INTERMEDIATION = {
    Intermediation.GENERAL: 58,
    Intermediation.NONE: 27,
    Intermediation.NEEDS_APPROVAL: 10,
    Intermediation.OWN: 5,
}
_PURPOSES = {
    AttributeName.FIRST_NAME: "Om u aan te kunnen spreken",
    AttributeName.FAMILY_NAME: "Om u aan te kunnen spreken",
    AttributeName.DATE_OF_BIRTH: "Om uw leeftijd te controleren",
    AttributeName.COMPANY_NAME: "Om uw aanvraag vooraf in te vullen",
    AttributeName.KVK_NUMBER: "Om uw aanvraag vooraf in te vullen",
}
_ASKING, _REQUIRED, _BSN, _RESTRICTABLE, _SSO = 0.2, 0.4, 0.07, 0.25, 0.8
_SHARED, _PORTAL, _ABROAD, _CERTIFIED = 0.05, 0.03, 0.1, 0.3


@dataclass(frozen=True)
class Size:
    """How large a catalogue is invented. `makelaars`: EntityIDs over which services are spread."""

    services: int = 1500
    dienstverleners: int = 600
    seed: int = 7
    makelaars: tuple[str, ...] = MAKELAARS


def entries(size: Size, now: datetime) -> list[CatalogueEntry]:
    """An entry a dienstverlener, with the versions 1, 2, 3. Each has a service, while there are
    enough; a few have very many."""
    random = Random(size.seed)  # noqa: S311 -- a seed, and no secret
    counts = _counts(size, random)
    shared: list[UUID] = []
    return [
        _entry(number, count, size.makelaars, random, shared, now)
        for number, count in enumerate(counts)
    ]


def directory(entries: Iterable[CatalogueEntry], now: datetime) -> Directory:
    """A directory in which everybody in these entries takes part, without a key: no network can
    run on it, but a catalogue can be checked against it."""
    entries = list(entries)
    makelaars = sorted({i.makelaar for entry in entries for i in entry.instances})
    owners = [(entry.dienstverlener, entry.display_name, Role.DIENSTVERLENER) for entry in entries]
    brokers = [(each, f"Makelaar {n}", Role.MAKELAAR) for n, each in enumerate(makelaars, start=1)]
    participants = [
        Participant(
            name=f"verzonnen-{number}", display_name=name, entity_id=entity, role=role, keys=()
        )
        for number, (entity, name, role) in enumerate([*owners, *brokers], start=1)
    ]
    return Directory(
        version=1,
        issued_at=now,
        expires_at=now + timedelta(days=1),
        participants=tuple(participants),
    )


def _counts(size: Size, random: Random) -> list[int]:
    """How many services each has: one, and the rest as it goes with such things (Pareto)."""
    counts = [int(number < size.services) for number in range(size.dienstverleners)]
    weights = [random.paretovariate(1.2) for _ in counts]
    for index in random.choices(range(len(counts)), weights, k=max(0, size.services - len(counts))):
        counts[index] += 1
    return counts


def _entry(
    number: int,
    count: int,
    makelaars: Sequence[str],
    random: Random,
    shared: list[UUID],
    now: datetime,
) -> CatalogueEntry:
    """`shared`: services that others defined before, to be offered here too."""
    oin = f"00000099{_FIRST_OIN + number:09}000"
    name, makelaar = f"{random.choice(_KINDS)} {random.choice(_PLACES)}", random.choice(makelaars)
    definitions: list[ServiceDefinition] = []
    instances: list[ServiceInstance] = []
    for index in range(1, count + 1):
        service_uuid = _service_uuid(definitions, shared, random)
        service_id = f"urn:etoegang:DV:{oin}:services:{index}"
        instances.append(_instance(service_id, service_uuid, makelaar, random))
    shared += [each.service_uuid for each in definitions if not each.portal_for][:1]
    return CatalogueEntry(
        version=number + 1,
        issued_at=now,
        dienstverlener=f"urn:etoegang:DV:{oin}:entities:9001",
        oin=oin,
        display_name=f"{name} {number + 1}",
        definitions=tuple(definitions),
        instances=tuple(instances),
    )


def _service_uuid(
    definitions: list[ServiceDefinition], shared: Sequence[UUID], random: Random
) -> UUID:
    """Of a service that another defined, or of a new one."""
    if shared and random.random() < _SHARED:
        return random.choice(shared)
    definitions.append(_definition(random, definitions))
    return definitions[-1].service_uuid


def _definition(random: Random, before: Sequence[ServiceDefinition]) -> ServiceDefinition:
    level = _weighted(_LEVELS, random)
    about = random.choice(_ABOUT)
    whole = [each.service_uuid for each in before if not each.portal_for]
    is_portal = len(whole) > 1 and random.random() < _PORTAL * len(whole)
    name = f"{random.choice(_SUBJECTS)} {about} {random.choice(_ACTS)}"
    return ServiceDefinition(
        service_uuid=UUID(int=random.getrandbits(128), version=4),
        name=f"Portaal {about}" if is_portal else name,
        description=f"{name}, bij deze verzonnen organisatie; dienst {len(before) + 1}.",
        level=level,
        entity_types=_entity_types(level, random),
        restrictable=random.random() < _RESTRICTABLE,
        attributes=tuple(_attributes(random)),
        portal_for=tuple(random.sample(whole, k=min(len(whole), 4))) if is_portal else (),
    )


def _entity_types(level: Level, random: Random) -> tuple[EntityTypeSet, ...]:
    if level >= Level.EH3 and random.random() < _BSN:
        return _WITH_BSN
    return _weighted(_NUMBERS, random)


def _attributes(random: Random) -> Iterator[RequestedAttribute]:
    if random.random() >= _ASKING:
        return
    for name in random.sample(list(_PURPOSES), k=random.randint(1, 3)):
        yield RequestedAttribute(
            name=name, required=random.random() < _REQUIRED, purpose=_PURPOSES[name]
        )


def _instance(
    service_id: str, service_uuid: UUID, makelaar: str, random: Random
) -> ServiceInstance:
    number = service_id.rsplit(":", 1)[1]
    how = _weighted(_INTERMEDIATION, random)
    certified = random.random() < _CERTIFIED
    named = random.sample(range(90_000_000, 90_000_100), k=2)
    approved = how is Intermediation.NEEDS_APPROVAL
    host = f"https://dienst-{service_id.split(':')[3][8:17]}.example"
    return ServiceInstance.model_validate(
        {
            "service_id": service_id,
            "service_uuid": service_uuid,
            "makelaar": makelaar,
            "urls": [f"{host}/{number}", f"{host}/{number}/terug"][: random.randint(1, 2)],
            "certificate": f"{random.getrandbits(256):064x}" if certified else None,
            "sso": random.random() < _SSO,
            "intermediation": how,
            "approved_intermediaries": [
                intermediary_digest(service_uuid, str(kvk)) for kvk in named if approved
            ],
            "classifiers": ["eIDAS-inbound"] if random.random() < _ABROAD else [],
        }
    )


def _weighted(weights: Mapping[T, int], random: Random) -> T:
    (chosen,) = random.choices(list(weights), list(weights.values()))
    return chosen
