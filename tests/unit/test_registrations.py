"""What each registry keeps from the start, of the scenario of the whole scheme."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest

from registry.kept import Assignment, Kept, Link, Mandate, Organisation, Person
from sandbox import scenario as s
from sandbox.registrations import kept
from sandbox.scenario import Scenario
from sandbox.scenario_file import load
from schemas.administration import MANAGEMENT, REPRESENTATION, ScopeKind, operation_of
from schemas.values import EntityType

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
POLDER = load(Path(__file__).parents[2] / "scenarios" / "polder.yaml", NOW)
K = TypeVar("K", bound=Kept)


def of(model: type[K], registry: str, scenario: Scenario = POLDER) -> list[K]:
    return [each for each in kept(scenario, registry, NOW) if isinstance(each, model)]


def mandate(person: str, organisation: str = "", **fields: Any) -> Mandate:
    """The one mandate in the file with these fields, as its registry keeps it."""
    (listed,) = [
        m
        for m in POLDER.mandates
        if m.person == person
        and organisation in ("", m.organisation)
        and all(getattr(m, name) == value for name, value in fields.items())
    ]
    registry = POLDER.registry_of(listed.organisation)
    return next(m for m in of(Mandate, registry) if m.id == s.registered_id(listed))


def test_an_organisation_is_kept_at_its_own_registry_and_no_other() -> None:
    places = [each.id for name in ("wierde", "stelp", "hoeve") for each in of(Organisation, name)]
    assert sorted(places) == sorted(s.organisation_id(o.name) for o in POLDER.organisations)


def test_a_person_is_known_by_every_means_that_names_the_registry() -> None:
    wim = next(p for p in of(Person, "wierde") if p.id == s.person_id("wim"))
    providers = {s.entity_id(POLDER.provider(name)) for name in ("brug", "gemaal")}
    assert {holder.provider for holder in wim.holders} == providers
    assert wim.name == "Wim Tulp"


def test_a_person_without_anything_is_not_known_when_he_works_nowhere() -> None:
    known = {each.id for name in ("wierde", "stelp", "hoeve") for each in of(Person, name)}
    assert s.person_id("hanna") in known
    assert s.person_id("ivo") not in known


@pytest.mark.parametrize(
    ("fields", "kind", "services"),
    [
        ({"person": "wim"}, ScopeKind.EVERYTHING, ()),
        ({"person": "aad"}, ScopeKind.DIENSTVERLENER, ()),
        ({"person": "zita"}, ScopeKind.SERVICES, ("parkeren", "uittreksel")),
        ({"person": "gijs"}, ScopeKind.SERVICES, ("parkeren",)),
    ],
)
def test_a_mandate_is_for_what_the_file_says(
    fields: dict[str, Any], kind: ScopeKind, services: tuple[str, ...]
) -> None:
    scope = mandate(**fields).scope
    assert scope.kind is kind
    assert scope.services == tuple(POLDER.service_uuid(name) for name in services)


def test_administration_is_by_services_of_its_own() -> None:
    portal = s.entity_id(POLDER.dienstverlener("wierde-portaal"))
    assert mandate("xandra").scope.services == (MANAGEMENT,)
    assert mandate("floor").scope.services == (operation_of(portal),)


def test_each_representative_has_a_mandate_to_represent() -> None:
    sluizen = s.organisation_id("driesluizen")
    found = [m for m in of(Mandate, "wierde") if m.organisation == sluizen]
    assert {m.person for m in found} == {s.person_id(n) for n in ("victor", "wies", "xaver")}
    assert {m.scope.services for m in found} == {(REPRESENTATION,)}
    (organisation,) = [o for o in of(Organisation, "wierde") if o.id == sluizen]
    assert organisation.joint


@pytest.mark.parametrize(
    ("person", "starts_in", "ends_in"),
    [
        ("bep", timedelta(days=-400), timedelta(days=-1)),
        ("cees", timedelta(days=30), timedelta(days=30 + 5 * 365)),
        ("gijs", timedelta(minutes=-1), timedelta(days=5 * 365, minutes=-1)),
    ],
)
def test_times_count_from_now(person: str, starts_in: timedelta, ends_in: timedelta) -> None:
    found = mandate(person)
    assert (found.valid_from - NOW, found.valid_until - NOW) == (starts_in, ends_in)


def test_what_was_withdrawn_says_when() -> None:
    assert mandate("dora", service="loonaangifte").withdrawn_at == NOW - timedelta(days=1)
    assert mandate("gijs").withdrawn_at is None


def test_a_link_is_kept_where_the_represented_is_and_says_whether_it_was_accepted() -> None:
    links = {link.organisation: link for link in of(Link, "stelp")}
    assert links[s.organisation_id("veerhuis")].accepted_at is not None
    assert links[s.organisation_id("pakhuis")].accepted_at is None
    assert s.organisation_id("klompenmaker") not in links


def test_an_assignment_is_kept_where_the_intermediary_is_and_located_where_its_link_is() -> None:
    found = [a for a in of(Assignment, "wierde") if a.person == s.person_id("koen")]
    located = {a.principal.value: a.registry for a in found}
    assert located["90000204"] == s.entity_id(POLDER.registry("wierde"))
    assert located["90000232"] == s.entity_id(POLDER.registry("stelp"))
    links = {link.id for name in ("wierde", "stelp") for link in of(Link, name)}
    assert {a.link for a in found} <= links


def test_an_assignment_without_a_link_is_located_nowhere() -> None:
    (found,) = [a for a in of(Assignment, "wierde") if a.person == s.person_id("puck")]
    assert (found.registry, found.link) == (None, None)
    assert found.principal.type is EntityType.KVKNR


def test_ids_stay_when_others_are_put_before_them() -> None:
    first = POLDER.mandates[0].model_copy(update={"person": "wim"})
    more = POLDER.model_copy(update={"mandates": (first, *POLDER.mandates)})
    before = {each.id for each in kept(POLDER, "wierde", NOW)}
    assert before < {each.id for each in kept(more, "wierde", NOW + timedelta(days=3))}


def test_nothing_refers_to_what_its_registry_does_not_keep() -> None:
    for name in ("wierde", "stelp", "hoeve"):
        organisations = {each.id for each in of(Organisation, name)}
        people = {each.id for each in of(Person, name)}
        assert {p.organisation for p in of(Person, name)} <= organisations
        for granted in (*of(Mandate, name), *of(Assignment, name)):
            assert granted.person in people
            assert granted.organisation in organisations
        assert {link.organisation for link in of(Link, name)} <= organisations
