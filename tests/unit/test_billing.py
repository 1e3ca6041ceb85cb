"""What costs money, and under which number and month."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from registry import billing
from registry.billing import PRICES
from registry.kept import Organisation, OrganisationKind
from schemas.administration import Charge, ChargeKind
from schemas.sealed import Identifier
from schemas.topics import CHARGES
from schemas.values import EntityType
from tests.unit.administering import MOLEN, MOLEN_KVK, kvk, registry, world
from tests.unit.builders import KADE, NOW

AMSTERDAM = timezone(timedelta(hours=1))
RSIN_ONLY = Organisation(
    id=MOLEN.id, kind=OrganisationKind.RSIN_ONLY, name="Stichting", rsin="123456782"
)
NUMBERLESS = Organisation(id=MOLEN.id, kind=OrganisationKind.PSEUDONYM_ONLY, name="Ambassade")


def charge(kind: ChargeKind = ChargeKind.REGISTRATION, **changes: Any) -> Charge:
    fields = {"registry": registry(), "organisation": MOLEN, "cause": "a@1", "at": NOW}
    charged = billing.charge(**{**fields, "kind": kind, **changes})
    assert (charged.outgoing.topic, charged.outgoing.owner.entity_id) == (CHARGES, KADE)
    assert isinstance(charged.outgoing.message, Charge)
    return charged.outgoing.message


@pytest.mark.parametrize("kind", ChargeKind)
def test_charge_has_the_price_of_its_kind(kind: ChargeKind) -> None:
    assert charge(kind).cents == PRICES[kind] > 0
    assert charge(kind, registry=registry(prices={kind: 1})).cents == 1


def test_same_cause_is_the_same_charge_and_another_is_another() -> None:
    first = charge().request_id
    assert charge(at=NOW + timedelta(days=40)).request_id == first
    others = [charge(cause="a@2"), charge(ChargeKind.RENEWAL)]
    assert first not in {each.request_id for each in others}


def test_organisation_is_sealed_for_the_registry_itself() -> None:
    found = charge()
    assert MOLEN_KVK not in found.model_dump_json()
    assert world().keys("kade").open(found.organisation, Identifier) == kvk(MOLEN_KVK)
    assert found.request_id.version == 5


@pytest.mark.parametrize(
    ("organisation", "type_"),
    [
        (MOLEN, EntityType.KVKNR),
        (RSIN_ONLY, EntityType.RSIN),
        (NUMBERLESS, EntityType.PSEUDO),
    ],
)
def test_organisation_is_charged_under_the_first_number_that_it_has(
    organisation: Organisation, type_: EntityType
) -> None:
    assert billing.account_of(registry(), organisation).type is type_


def test_organisation_without_a_number_has_one_of_its_own_that_tells_nothing() -> None:
    number = billing.account_of(registry(), NUMBERLESS)
    assert number == billing.account_of(registry(), NUMBERLESS)
    other = NUMBERLESS.model_copy(update={"id": MOLEN.id.__class__(int=9)})
    assert number != billing.account_of(registry(), other)
    assert number != billing.account_of(registry(pseudonym_secret=b"x" * 32), NUMBERLESS)


def test_month_is_one_of_utc() -> None:
    at = datetime(2026, 4, 1, 0, 30, tzinfo=AMSTERDAM)
    assert charge(at=at).month == "2026-03"
