"""Founding a network, and adding to one: what is there is kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipeline.keys import Trust, utc_now
from sandbox import scenario as s
from sandbox.catalogue import changed, entries, portal_services, without
from sandbox.founding import Folders, extend, found, founded, scenario_of
from sandbox.network import in_processes
from sandbox.scenario import Scenario
from sandbox.scenario_file import load
from schemas.administration import MANAGEMENT, REPRESENTATION, operation_of
from schemas.catalogue import Catalogue, intermediary_digest
from schemas.values import AttributeName, EntityType, Intermediation, Level, Role

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
SCENARIOS = Path(__file__).parents[2] / "scenarios"
FIRST = load(SCENARIOS / "first-login.yaml", NOW)
POLDER = load(SCENARIOS / "polder.yaml", NOW)
CATALOGUE = Catalogue().with_entries(entries(POLDER, NOW))


def more(scenario: Scenario) -> Scenario:
    """A registry more, with an organisation and somebody who acts for it."""
    registry = s.Registry(name="wad", display_name="Het Wad", oin="00000099000000007000")
    organisation = s.Organisation(
        name="pakhuis", display_name="Pakhuis", kvk="90000103", registry="wad"
    )
    means = s.Means(provider="sluis", registry="wad", level=Level.EH4)
    dirk = s.Person(name="dirk", organisation="pakhuis", means=(means,))
    return scenario.model_copy(
        update={
            "registries": (*scenario.registries, registry),
            "organisations": (*scenario.organisations, organisation),
            "people": (*scenario.people, dirk),
        }
    )


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return Folders(tmp_path / "network", tmp_path / "secrets")


def test_what_is_new_is_added_when_a_network_is_extended(folders: Folders) -> None:
    found(FIRST, folders, utc_now())
    assert extend(more(FIRST), folders, utc_now()) == ["wad"]
    after = founded(folders)
    assert after.directory.version == 2
    assert after.directory.named("wad") is not None
    assert after.secrets["wad"].pseudonym_secret
    assert [held.provider for held in after.wallets.of("dirk").means] == ["sluis"]
    assert scenario_of(folders).registry("wad").display_name == "Het Wad"


def test_what_is_there_is_kept_when_a_network_is_extended(folders: Folders) -> None:
    before = found(FIRST, folders, utc_now())
    extend(more(FIRST), folders, utc_now() + timedelta(hours=1))
    after = founded(folders)
    assert {name: after.secrets[name] for name in before.secrets} == before.secrets
    assert after.wallets.of("ans") == before.wallets.of("ans")
    for participant in before.directory.participants:
        assert after.directory.named(participant.name) == participant


def test_nobody_leaves_when_the_scenario_lists_him_no_more(folders: Folders) -> None:
    before = found(more(FIRST), folders, utc_now())
    assert extend(FIRST, folders, utc_now()) == []
    after = founded(folders)
    assert after.directory.participants == before.directory.participants
    assert after.wallets.of("dirk") == before.wallets.of("dirk")


def test_who_trusts_the_network_takes_over_the_extended_directory(folders: Folders) -> None:
    found(FIRST, folders, utc_now())
    trust = Trust(folders.network)
    assert trust.directory.version == 1
    extend(more(FIRST), folders, utc_now())
    assert Trust(folders.network).directory.version == 2


def test_the_directory_says_what_providers_deliver_and_registries_offer(folders: Folders) -> None:
    directory = found(POLDER, folders, utc_now()).directory
    brug, wierde, hoeve = (directory.named(name) for name in ("brug", "wierde", "hoeve"))
    assert brug is not None
    assert brug.attributes == (AttributeName.FIRST_NAME, AttributeName.FAMILY_NAME)
    assert wierde is not None
    assert (wierde.chains, wierde.portal) == (
        True,
        s.entity_id(POLDER.dienstverlener("wierde-portaal")),
    )
    assert hoeve is not None
    assert not hoeve.chains


def test_the_directory_says_who_reads_plain_signatures_only(folders: Folders) -> None:
    directory = found(POLDER, folders, utc_now()).directory
    assert [p.name for p in directory.participants if p.plain_signatures] == ["belastingkust"]


# --- processes


def test_each_participant_has_a_process_of_its_own_when_they_are_few(folders: Folders) -> None:
    directory = found(FIRST, folders, utc_now()).directory
    assert [len(group) for group in in_processes(directory)] == [1, 1, 1, 1]


def test_those_of_one_role_share_a_process_when_they_are_many(folders: Folders) -> None:
    directory = found(POLDER, folders, utc_now()).directory
    groups = in_processes(directory)
    assert [len(group) for group in groups] == [3, 4, 3]
    assert [{each.role for each in group} for group in groups] == [
        {Role.MAKELAAR},
        {Role.PROVIDER},
        {Role.REGISTRY},
    ]


# --- the catalogue


def service_id(name: str) -> str:
    return s.service_id(*POLDER.service(name))


def test_a_service_is_in_the_catalogue_with_all_that_the_file_says() -> None:
    service = CATALOGUE.services[service_id("invoer")]
    assert service.intermediation is Intermediation.NEEDS_APPROVAL
    approved = intermediary_digest(service.service_uuid, "90000238")
    assert service.approved_intermediaries == (approved,)
    assert CATALOGUE.services[service_id("vergunning")].restrictable
    assert not CATALOGUE.services[service_id("parkeren")].sso
    premie = CATALOGUE.services[service_id("premie")]
    assert [each.types for each in premie.entity_types] == [
        (EntityType.KVKNR, EntityType.RSIN),
        (EntityType.KVKNR,),
        (EntityType.PSEUDO,),
    ]


def test_a_portal_service_stands_for_those_that_the_file_names() -> None:
    behind = CATALOGUE.services[service_id("loket")].stands_for
    assert behind == tuple(POLDER.service_uuid(name) for name in ("vergunning", "parkeren"))


def test_two_dienstverleners_share_a_service_when_the_file_says_so() -> None:
    shared = POLDER.service_uuid("uittreksel")
    assert POLDER.service_uuid("stukken") == shared
    offering = {s.entity_id(POLDER.dienstverlener(n)) for n in ("schipperskamer", "archief")}
    assert CATALOGUE.dienstverleners_of(shared) == offering


def test_a_registrys_portal_has_three_services_of_administration() -> None:
    portal = POLDER.dienstverlener("wierde-portaal")
    uuids = [each.service_uuid for each in portal_services(POLDER, portal)]
    assert uuids == [MANAGEMENT, REPRESENTATION, operation_of(s.entity_id(portal))]
    ids = [f"urn:etoegang:DV:{portal.oin}:services:{index}" for index in (1, 2, 3)]
    assert {CATALOGUE.services[each].level for each in ids} == {Level.EH3}
    assert portal_services(POLDER, POLDER.dienstverlener("meerbrug")) == ()


def test_a_withdrawn_service_is_offered_no_more_but_stays_defined() -> None:
    meerbrug = s.entity_id(POLDER.dienstverlener("meerbrug"))
    (entry,) = [e for e in entries(POLDER, NOW) if e.dienstverlener == meerbrug]
    left = without(entry, service_id("parkeren")).model_copy(update={"version": 99})
    catalogue = CATALOGUE.with_entries([left])
    assert catalogue.service(service_id("parkeren")) is None
    assert POLDER.service_uuid("parkeren") in catalogue.definitions
    assert catalogue.service(service_id("vergunning")) is not None


def test_only_what_differs_is_published_again() -> None:
    assert changed(entries(POLDER, NOW + timedelta(days=1)), CATALOGUE) == []
    fewer = Catalogue().with_entries(entries(POLDER, NOW)[1:])
    (new,) = changed(entries(POLDER, NOW), fewer)
    assert (new.dienstverlener, new.version) == (
        s.entity_id(POLDER.dienstverleners[0]),
        fewer.version + 1,
    )
