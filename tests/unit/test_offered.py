"""Whether an assertion is what our service asks, by the catalogue that it was decided under."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from dienstverlener import offered
from dienstverlener.evidence import Evidence, require_subject
from dienstverlener.offered import KNOWN_EVERYWHERE_AFTER, Offers
from dienstverlener.outcome import Assertion, LegalSubject, Person, Refusal
from dienstverlener.verify import verify
from pipeline.keys import Keys
from schemas import codec
from schemas.catalogue import (
    Catalogue,
    EntityTypeSet,
    RequestedAttribute,
    Service,
    intermediary_digest,
)
from schemas.codec import Untrusted
from schemas.refusals import RefusalCode
from schemas.values import AttributeName, EntityType, Intermediation, Level
from tests.unit.builders import (
    FROM,
    HAVEN,
    JWS,
    KVK,
    LOODS_SERVICE,
    NOW,
    REQUEST,
    SERVICE,
    SERVICES,
    authenticated,
    authn_request,
    catalogue_entry,
    confirmed,
    permit,
    service,
    world,
)
from tests.unit.test_verify import asserted, chained, outcome_record, request_text

EH2PLUS, EH3, EH4 = Level.EH2PLUS, Level.EH3, Level.EH4
KVKNR, RSIN, BSN = EntityType.KVKNR, EntityType.RSIN, EntityType.BSN
THROUGH, BSN_NUMBER = "90000202", "123456782"
SKEW, SECOND, HOURS = timedelta(seconds=30), timedelta(seconds=1), timedelta(hours=2)

Changes = dict[str, Any]


def assertion(**changes: Any) -> Assertion:
    fields = {"request_id": REQUEST, "service": SERVICE, "level": EH3, "acting_subject": "p" * 43}
    about = {"legal_subject": legal_subject(), "services": (UUID(int=1),)}
    return Assertion(**{**fields, **about, **changes})


def legal_subject(*types: EntityType, **changes: Any) -> LegalSubject:
    numbers = {KVKNR: KVK, RSIN: "000000012", BSN: BSN_NUMBER}
    return LegalSubject({each: numbers[each] for each in types or (KVKNR,)}, **changes)


def evidence(**changes: Any) -> Evidence:
    parties = {"provider": world().named("aak"), "registry": world().named("kade")}
    declared = {"authenticated": authenticated(), "permit": permit(), "decision": JWS}
    asked = {"request": authn_request(), "requested_at": NOW}
    return Evidence(**{**parties, **declared, **asked, **changes})


def why_refused(
    changes: Changes | None = None, of: Changes | None = None, by: Changes | None = None
) -> str | None:
    """The check that an assertion with these changes fails, for a service with these."""
    found, declared = assertion(**(changes or {})), evidence(**(by or {}))
    try:
        offered.require_as_asked(found, declared, service(**(of or {})))
    except Untrusted as fault:
        return fault.reason
    return None


# --- what the service asks


@pytest.mark.parametrize(("level", "reason"), [(EH3, "level_refused"), (EH4, None)])
def test_level_is_never_below_the_services(level: Level, reason: str | None) -> None:
    assert why_refused({"level": level}, {"level": EH4}) == reason


@pytest.mark.parametrize(
    ("services", "portal_for", "reason"),
    [
        ((1,), (), None),
        ((2,), (), "services_refused"),
        ((1, 2), (), "services_refused"),
        ((21,), (21, 22), None),
        ((21, 22), (21, 22), None),
        ((1,), (21, 22), "services_refused"),
        ((21, 23), (21, 22), "services_refused"),
    ],
)
def test_services_are_those_that_the_one_asked_for_stands_for(
    services: tuple[int, ...], portal_for: tuple[int, ...], reason: str | None
) -> None:
    decided = {"services": tuple(UUID(int=each) for each in services)}
    asked = {"portal_for": tuple(UUID(int=each) for each in portal_for)}
    assert why_refused(decided, asked) == reason


SETS = (EntityTypeSet(number=1, types=(KVKNR, RSIN)), EntityTypeSet(number=2, types=(KVKNR,)))


@pytest.mark.parametrize(
    ("types", "sets", "reason"),
    [
        ((KVKNR,), SETS, None),
        ((KVKNR, RSIN), SETS, None),
        ((RSIN, KVKNR), SETS, None),
        ((RSIN,), SETS, "identifiers_refused"),
        ((KVKNR, RSIN, BSN), SETS, "identifiers_refused"),  # more than is asked
        ((KVKNR,), SETS[:1], "identifiers_refused"),  # less
    ],
)
def test_legal_subject_is_known_by_all_numbers_of_a_set_and_no_others(
    types: tuple[EntityType, ...], sets: tuple[EntityTypeSet, ...], reason: str | None
) -> None:
    known = {"legal_subject": legal_subject(*types)}
    assert why_refused(known, {"entity_types": sets}) == reason


@pytest.mark.parametrize(
    ("vestiging", "restrictable", "reason"),
    [
        (None, False, None),
        ("900001010001", True, None),
        ("900001010001", False, "restriction_refused"),
    ],
)
def test_vestiging_is_where_the_service_allows_a_restriction(
    vestiging: str | None, restrictable: bool, reason: str | None
) -> None:
    restricted = {"legal_subject": legal_subject(vestiging=vestiging)}
    assert why_refused(restricted, {"restrictable": restrictable}) == reason


def approving(kvk: str = THROUGH, service_uuid: int = 1) -> Changes:
    approved = (intermediary_digest(UUID(int=service_uuid), kvk),)
    needed = Intermediation.NEEDS_APPROVAL
    return {"intermediation": needed, "approved_intermediaries": approved}


PORTAL = {"portal_for": (UUID(int=1), UUID(int=22))}


@pytest.mark.parametrize(
    ("of", "reason"),
    [
        ({"intermediation": Intermediation.GENERAL}, None),
        ({"intermediation": Intermediation.NONE}, "intermediary_refused"),
        ({"intermediation": Intermediation.OWN}, "intermediary_refused"),
        ({"intermediation": Intermediation.NEEDS_APPROVAL}, "intermediary_refused"),
        (approving(), None),
        (approving(KVK), "intermediary_refused"),
        (approving(service_uuid=9), "intermediary_refused"),
        ({**approving(service_uuid=22), **PORTAL}, None),
        ({**approving(), "intermediation": Intermediation.NONE}, "intermediary_refused"),
    ],
)
def test_intermediary_is_one_that_the_service_allows(of: Changes, reason: str | None) -> None:
    assert why_refused({"intermediary": THROUGH}, of) == reason
    assert why_refused({}, of) is None


FIRST_NAME, FAMILY_NAME = AttributeName.FIRST_NAME, AttributeName.FAMILY_NAME
BIRTH, COMPANY_NAME = AttributeName.DATE_OF_BIRTH, AttributeName.COMPANY_NAME
KVK_NUMBER = AttributeName.KVK_NUMBER
KNOWN: Changes = {
    "person": Person("Ans", "de Vries", date(1980, 2, 29)),
    "legal_subject": legal_subject(company_name="Korenmolen", kvk_number=KVK),
}
MISSING: list[tuple[AttributeName, Changes]] = [
    (FIRST_NAME, {"person": replace(KNOWN["person"], first_name=None)}),
    (FAMILY_NAME, {"person": replace(KNOWN["person"], family_name=None)}),
    (BIRTH, {"person": replace(KNOWN["person"], date_of_birth=None)}),
    (COMPANY_NAME, {"legal_subject": replace(KNOWN["legal_subject"], company_name=None)}),
    (KVK_NUMBER, {"legal_subject": replace(KNOWN["legal_subject"], kvk_number=None)}),
]


@pytest.mark.parametrize(("name", "missing"), MISSING)
def test_attribute_is_there_when_it_is_required(name: AttributeName, missing: Changes) -> None:
    asked = RequestedAttribute(name=name, required=True, purpose="Om u aan te spreken")
    optional = asked.model_copy(update={"required": False})
    assert why_refused(KNOWN, {"attributes": (asked,)}) is None
    assert why_refused({**KNOWN, **missing}, {"attributes": (asked,)}) == "attributes_refused"
    assert why_refused({**KNOWN, **missing}, {"attributes": (optional,)}) is None


def test_every_attribute_has_its_place() -> None:
    assert [name for name, _ in MISSING] == list(AttributeName)


@pytest.mark.parametrize(
    ("request_", "of", "age", "reason"),
    [
        ({}, {}, HOURS + SKEW, None),
        ({}, {}, HOURS + SKEW + SECOND, "session_too_old"),
        ({"force_authn": True}, {}, SKEW, None),
        ({"force_authn": True}, {}, SKEW + SECOND, "session_too_old"),
        ({}, {"sso": False}, SKEW, None),
        ({}, {"sso": False}, SKEW + SECOND, "session_too_old"),
        ({"level": EH4}, {}, SKEW + SECOND, "session_too_old"),
        ({}, {"level": EH4}, SKEW + SECOND, "session_too_old"),
        ({}, {"level": EH4}, SKEW, None),
    ],
)
def test_session_is_enough_for_two_hours_and_only_where_it_is_allowed(
    request_: Changes, of: Changes, age: timedelta, reason: str | None
) -> None:
    by = {
        "request": authn_request(**request_),
        "authenticated": authenticated(authenticated_at=NOW - age),
    }
    assert why_refused({"level": EH4}, of, by) == reason


# --- a BSN, whatever the catalogue says


@pytest.mark.parametrize(
    ("level", "types", "holds"),
    [
        (EH2PLUS, (BSN,), False),
        (EH2PLUS, (KVKNR, BSN), False),
        (EH2PLUS, (KVKNR,), True),
        (EH3, (BSN,), True),
        (EH4, (BSN,), True),
    ],
)
def test_bsn_is_refused_below_eh3(level: Level, types: tuple[EntityType, ...], holds: bool) -> None:
    found = assertion(level=level, legal_subject=legal_subject(*types))
    refused = nullcontext() if holds else pytest.raises(Untrusted, match="level_refused")
    with refused:
        require_subject(found, evidence())


# --- which version of the catalogue


class Scheme:
    """The catalogue as it grows: version 1 is haven's with all of its services, version 2 that of
    another dienstverlener."""

    def __init__(self) -> None:
        self.now = Catalogue()
        self.offer(*SERVICES[:3], issued_at=FROM)
        self.offer(SERVICES[3], issued_at=FROM)

    def offer(self, *services: Service, issued_at: datetime = NOW, **changes: Any) -> None:
        fields = {"version": self.now.version + 1, "issued_at": issued_at, **changes}
        self.now = self.now.with_entries([catalogue_entry(services, **fields)])

    def withdraw(self, issued_at: datetime = NOW) -> None:
        """All of haven's services."""
        self.offer(service(), issued_at=issued_at, instances=())

    @property
    def keys(self) -> Keys:
        return replace(world().keys("haven"), offered=lambda: self.now)


def test_offer_is_the_one_of_the_version_decided_under() -> None:
    scheme = Scheme()
    offers = Offers(scheme.keys)
    scheme.offer(service(level=EH4))  # version 3
    offers.look()
    scheme.offer(SERVICES[3])
    levels = {version: level_of(offers, version) for version in (1, 2, 3, 4)}
    assert levels == {1: (EH3, True), 2: (EH3, True), 3: (EH4, True), 4: (EH4, True)}


def level_of(offers: Offers, version: int, at: datetime = NOW) -> tuple[Level | None, bool]:
    offer, certain = offers.when(version, at)
    found = offer.services.get(SERVICE)
    return (found.level if found else None), certain


def test_offer_is_uncertain_when_its_version_was_not_read() -> None:
    scheme = Scheme()
    scheme.offer(service(level=EH4))
    offers = Offers(scheme.keys)
    assert level_of(offers, 2) == (EH4, False)  # from before we read
    assert level_of(offers, 3) == (EH4, True)
    assert level_of(offers, 4) == (EH4, False)  # newer than what we read


def test_offer_is_known_everywhere_after_a_while() -> None:
    """Who decides by an older version long after a change, decides by the wrong one."""
    scheme = Scheme()
    offers = Offers(scheme.keys)
    scheme.offer(service(level=EH4), issued_at=NOW - KNOWN_EVERYWHERE_AFTER)
    assert level_of(offers, 2, NOW - SECOND) == (EH3, True)
    assert level_of(offers, 2, NOW) == (EH4, True)


def test_offer_changes_with_the_definition_that_another_dienstverlener_publishes() -> None:
    scheme = Scheme()
    offers = Offers(scheme.keys)
    theirs = service(LOODS_SERVICE, dienstverlener=SERVICES[3].dienstverlener, level=EH4)
    scheme.offer(theirs.model_copy(update={"service_uuid": UUID(int=1)}))
    assert level_of(offers, 2) == (EH3, True)
    assert level_of(offers, 3) == (EH4, True)


def test_nothing_is_offered_when_the_catalogue_is_empty() -> None:
    offers = Offers(replace(world().keys("haven"), offered=Catalogue))
    offer, certain = offers.when(1, NOW)
    assert (offer.services, certain) == ({}, False)


def outcome_of(
    offers: Offers, keys: Keys, decided: Changes | None = None, **request: Any
) -> Assertion | Refusal:
    """What becomes of an assertion at EH3, decided under a version of the catalogue."""
    digest = codec.request_digest(HAVEN, authn_request(**request))
    about = {"request_digest": digest}
    result = asserted(declared=about, permitted={**about, **(decided or {})})
    record = outcome_record(result, request=request_text(**request))
    return verify(record, keys, NOW, offers)


def refusal_of(
    offers: Offers, keys: Keys, decided: Changes | None = None, **request: Any
) -> tuple[RefusalCode, str] | None:
    found = outcome_of(offers, keys, decided, **request)
    return (found.code, found.reason) if isinstance(found, Refusal) else None


FAULT, EXPIRED = RefusalCode.PARTICIPANT_FAULT, RefusalCode.ASSERTION_EXPIRED


def test_assertion_holds_when_its_service_was_withdrawn_or_raised_after_the_decision() -> None:
    for change in (Scheme.withdraw, lambda scheme: scheme.offer(service(level=EH4))):
        scheme = Scheme()
        offers = Offers(scheme.keys)
        change(scheme)
        assert refusal_of(offers, scheme.keys, {"catalogue_version": 2}) is None


def test_assertion_is_refused_when_its_service_was_withdrawn_or_raised_before() -> None:
    for change, reason in (
        (Scheme.withdraw, "service_refused"),
        (lambda scheme: scheme.offer(service(level=EH4)), "level_refused"),
    ):
        scheme = Scheme()
        offers = Offers(scheme.keys)
        change(scheme)
        assert refusal_of(offers, scheme.keys, {"catalogue_version": 3}) == (FAULT, reason)


def test_nobody_is_at_fault_when_we_know_only_what_was_offered_since() -> None:
    raised, withdrawn = Scheme(), Scheme()
    raised.offer(service(level=EH4))
    withdrawn.withdraw()
    early = {"catalogue_version": 2}
    changed = (EXPIRED, "catalogue_changed")
    assert refusal_of(Offers(raised.keys), raised.keys, early) == changed
    gone = (RefusalCode.SERVICE_WITHDRAWN, "service_withdrawn")
    assert refusal_of(Offers(withdrawn.keys), withdrawn.keys, early) == gone


def test_nobody_is_at_fault_when_the_registry_read_more_of_the_catalogue_than_we_did() -> None:
    scheme = Scheme()
    later = {"catalogue_version": 3, "services": (UUID(int=5),)}
    changed = (EXPIRED, "catalogue_changed")
    assert refusal_of(Offers(scheme.keys), scheme.keys, later) == changed
    assert refusal_of(Offers(scheme.keys), scheme.keys, {"catalogue_version": 3}) is None


def test_assertion_is_refused_below_what_we_asked_whatever_the_catalogue_said() -> None:
    scheme = Scheme()
    offers = Offers(scheme.keys)
    scheme.withdraw()
    decided = {"catalogue_version": 2, "level": EH4}
    assert refusal_of(offers, scheme.keys, decided, level=EH4) == (FAULT, "level_refused")


def test_both_registries_of_a_chain_decide_by_the_catalogue_that_they_name() -> None:
    scheme = Scheme()
    offers = Offers(scheme.keys)
    scheme.offer(service(level=EH4))
    for version, reason in ((2, ""), (3, "level_refused")):
        whole = chained(
            permitted={"catalogue_version": 2}, confirmed={"catalogue_version": version}
        )
        found = verify(outcome_record(whole), scheme.keys, NOW, offers)
        assert (found.reason if isinstance(found, Refusal) else "") == reason


def test_assertion_is_judged_by_the_catalogue_of_now_when_nothing_is_remembered() -> None:
    scheme = Scheme()
    assert isinstance(verify(outcome_record(), scheme.keys, NOW), Assertion)
    scheme.offer(service(level=EH4))
    found = verify(outcome_record(), scheme.keys, NOW)
    assert isinstance(found, Refusal)
    assert found.code is EXPIRED


def test_evidence_of_a_chain_is_decided_by_two() -> None:
    assert evidence().decided == (permit(),)
    assert evidence(confirmed=confirmed()).decided == (permit(), confirmed())
