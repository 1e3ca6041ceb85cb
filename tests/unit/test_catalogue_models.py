"""The catalogue: entries that hold together, versions that only rise, services that end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from pydantic import ValidationError

from schemas.catalogue import (
    Catalogue,
    EntityTypeSet,
    OlderVersion,
    RequestedAttribute,
    intermediary_digest,
)
from schemas.values import AttributeName, EntityType, Level
from tests.unit.builders import (
    DUIN,
    HAVEN,
    HIGH_SERVICE,
    KADE,
    KVK,
    LOODS,
    LOODS_SERVICE,
    NO_SERVICE,
    SERVICE,
    catalogue,
    catalogue_entry,
    service,
)

FIRST_NAME = RequestedAttribute(name=AttributeName.FIRST_NAME, purpose="Om u aan te spreken")
BY_BSN = EntityTypeSet(number=1, types=(EntityType.BSN,))
BY_RSIN = EntityTypeSet(number=1, types=(EntityType.RSIN,))


def one(**changes: Any) -> Callable[[], object]:
    return lambda: catalogue_entry([service(**changes)])


# --- what holds together


@pytest.mark.parametrize("level", [Level.EH2, Level.EH2PLUS, Level.EH3, Level.EH4])
def test_bsn_is_asked_from_substantial_upward_only(level: Level) -> None:
    build = one(level=level, entity_types=(BY_BSN,))
    if level >= Level.EH3:
        assert build()
        return
    with pytest.raises(ValidationError, match="BSN as identifier"):
        build()


def instance_twice() -> object:
    return catalogue_entry([service(), service(service_uuid=UUID(int=99))])


CONTRADICTIONS: list[tuple[str, Callable[[], object]]] = [
    ("EH1 ended in 2021", one(level=Level.LOA1)),
    ("set number 1 occurs twice", one(entity_types=(BY_BSN, BY_RSIN))),
    ("attribute .*FirstName occurs twice", one(attributes=(FIRST_NAME, FIRST_NAME))),
    ("ServiceUUID .* occurs twice", lambda: catalogue_entry([service(), service()])),
    ("ServiceID .* occurs twice", instance_twice),
    ("an entry is of a dienstverlener", lambda: catalogue_entry([service()], dienstverlener=DUIN)),
    ("a service is connected to a makelaar", one(makelaar=KADE)),
    ("the OIN of its dienstverlener", one(service_id=LOODS_SERVICE)),
    ("at most 64 characters", one(name="x" * 65)),
    ("at least 1 item", one(entity_types=())),
    ("greater than or equal to 1", lambda: catalogue_entry([service()], version=0)),
]


@pytest.mark.parametrize(("text", "build"), CONTRADICTIONS)
def test_entry_is_refused_when_it_contradicts_itself(
    text: str, build: Callable[[], object]
) -> None:
    with pytest.raises(ValidationError, match=text):
        build()


@pytest.mark.parametrize(("length", "holds"), [(0, False), (1, True), (1024, True), (1025, False)])
def test_purpose_has_at_most_1024_characters(length: int, holds: bool) -> None:
    if holds:
        assert RequestedAttribute(name=AttributeName.FIRST_NAME, purpose="x" * length)
        return
    with pytest.raises(ValidationError):
        RequestedAttribute(name=AttributeName.FIRST_NAME, purpose="x" * length)


# --- the whole


def test_catalogue_is_at_the_version_of_its_newest_entry() -> None:
    known = Catalogue().with_entries([catalogue_entry([service()], 7)])
    assert known.version == 7
    assert Catalogue().version == 0


@pytest.mark.parametrize("version", [6, 7])
def test_entry_is_refused_when_it_is_not_newer(version: int) -> None:
    known = Catalogue().with_entries([catalogue_entry([service()], 7)])
    with pytest.raises(OlderVersion):
        known.with_entries([catalogue_entry([service()], version)])


def test_catalogue_does_not_change_when_the_next_one_is_made() -> None:
    before = catalogue()
    after = before.with_entries([catalogue_entry([service(name="Anders")], before.version + 1)])
    assert before.service(SERVICE) == service()
    assert after.service(SERVICE) == service(name="Anders")


def test_service_is_withdrawn_when_the_next_entry_lacks_it() -> None:
    before = catalogue()
    after = before.with_entries([catalogue_entry([service()], before.version + 1)])
    assert before.service(HIGH_SERVICE) is not None
    assert after.service(HIGH_SERVICE) is None
    assert after.service(LOODS_SERVICE) is not None


def test_service_without_a_definition_is_not_found() -> None:
    entry = catalogue_entry([service()], definitions=())
    assert Catalogue().with_entries([entry]).service(SERVICE) is None
    assert catalogue().service(NO_SERVICE) is None


def test_definition_is_shared_when_several_dienstverleners_offer_it() -> None:
    shared = service().service_uuid
    theirs = service(LOODS_SERVICE, dienstverlener=LOODS, service_uuid=shared)
    found = catalogue((service(), theirs))
    assert found.dienstverleners_of(shared) == {HAVEN, LOODS}
    assert found.dienstverleners_of(UUID(int=404)) == set()
    assert [each.service_id for each in found.of(LOODS)] == [LOODS_SERVICE]


def test_portal_stands_for_its_services_and_another_service_for_itself() -> None:
    assert service().stands_for == (service().service_uuid,)
    portal = service(portal_for=(UUID(int=1), UUID(int=2)))
    assert portal.stands_for == (UUID(int=1), UUID(int=2))


def test_approved_intermediary_is_named_without_its_number() -> None:
    digest = intermediary_digest(UUID(int=1), KVK)
    assert KVK not in digest
    assert len({digest, intermediary_digest(UUID(int=2), KVK)}) == 2
    assert len({digest, intermediary_digest(UUID(int=1), "90000102")}) == 2
