"""Builders for administration: the world of `builders`, where `kade` has `loods` as its portal, and
`kade` and `pier` offer chains. De Windvanger is the principal, Het Grootboek its intermediary."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from functools import cache
from typing import Any
from uuid import UUID

from dienstverlener.outcome import Assertion
from dienstverlener.outcome import LegalSubject as AssertedSubject
from pipeline.keys import seal
from registry.administration import pseudonyms
from registry.administration.actors import Actor, As
from registry.administration.situation import Found, Situation
from registry.kept import (
    Assignment,
    Holder,
    Link,
    Mandate,
    Organisation,
    OrganisationKind,
    Person,
)
from registry.rules import Registry
from schemas.administration import (
    MANAGEMENT,
    REPRESENTATION,
    Appoint,
    Assign,
    Register,
    RegisterLink,
    Scope,
    ScopeKind,
    operation_of,
)
from schemas.catalogue import intermediary_digest
from schemas.directory import Participant
from schemas.jose import decode_base64url, signature_of
from schemas.messages import (
    Asserted,
    Outcome,
)
from schemas.sealed import Identifier, LegalSubject, PairwiseSubject
from schemas.topics import AUTHENTICATION_RESULTS, AUTHN_REQUESTS, MANDATE_DECISIONS, OUTCOMES
from schemas.values import EntityType, Intermediation, Level, Value
from tests.unit import builders
from tests.unit.builders import (
    AAK,
    DUIN,
    KADE,
    LOODS,
    NOW,
    World,
    authenticated,
    authentication_result,
    authn_request,
    catalogue,
    mandate_decision,
    permit,
    request_digest,
    service,
    service_id,
    signed,
)

COMMAND = UUID("7d1c6f0e-9d3b-4c55-b0a7-6e8f1b7c2a42")
DAY, YEAR = timedelta(days=1), timedelta(days=365)
VESTIGING = "900001010001"
EH2PLUS, EH3, EH4 = Level.EH2PLUS, Level.EH3, Level.EH4

MOLEN_KVK, KANTOOR_KVK, WERF_KVK, KADE_KVK = "90000101", "90000102", "90000103", "90000105"
OPERATION = operation_of(LOODS)

GENERAL, NONE_AT_ALL, APPROVED, NOBODY_OFFERS = (UUID(int=n) for n in (1, 2, 3, 99))
"""Services: for any intermediary, for none, for Het Grootboek only, and one that is not there."""
SERVICES = (
    service(service_id(7, 1), service_uuid=GENERAL),
    service(service_id(7, 2), service_uuid=NONE_AT_ALL, intermediation=Intermediation.NONE),
    service(
        service_id(7, 3),
        service_uuid=APPROVED,
        intermediation=Intermediation.NEEDS_APPROVAL,
        approved_intermediaries=(intermediary_digest(APPROVED, KANTOOR_KVK),),
    ),
    *(
        service(
            service_id(8, index),
            dienstverlener=LOODS,
            service_uuid=uuid,
            name="Beheer",
            level=Level.EH2PLUS,
            intermediation=Intermediation.NONE,
        )
        for index, uuid in ((1, MANAGEMENT), (2, REPRESENTATION), (3, OPERATION))
    ),
)
PORTAL_SERVICES: dict[As, str] = {
    As.MANAGER: service_id(8, 1),
    As.REPRESENTATIVE: service_id(8, 2),
    As.OPERATOR: service_id(8, 3),
}


@cache
def world() -> World:
    """The same one for all tests."""
    changes = {"kade": {"portal": LOODS, "chains": True}, "pier": {"chains": True}}
    before = builders.world()
    participants = tuple(
        each.model_copy(update=changes.get(each.name, {})) for each in before.directory.participants
    )
    directory = builders.directory(participants)
    return replace(before, directory=directory, catalogue=catalogue(SERVICES))


def named(name: str) -> Participant:
    return world().named(name)


def registry(name: str = "kade", **changes: Any) -> Registry:
    fields: dict[str, Any] = {
        "me": named(name),
        "directory": world().directory,
        "catalogue": world().catalogue,
    }
    fields["pseudonym_secret"] = decode_base64url(world().secrets[name].pseudonym_secret)
    return builders.registry(**{**fields, **changes})


def without_chains() -> Registry:
    return registry(me=named("kade").model_copy(update={"chains": False}))


# --- what is kept


def organisation(number: int, **changes: Any) -> Organisation:
    fields = {"id": UUID(int=1000 + number), "kind": OrganisationKind.COMPANY, "name": "Werf"}
    return Organisation(**{**fields, "kvk": f"9000010{number}", **changes})


MOLEN = organisation(1, name="Korenmolen De Windvanger", vestigingen=(VESTIGING,))
KANTOOR = organisation(2, name="Het Grootboek")
WERF = organisation(3, name="Scheepswerf Het Anker", joint=True)
COMPANY = organisation(5, name="Register Kade")
"""The registry's own, for whom its operators act."""


def person(number: int, organisation: Organisation = MOLEN, **changes: Any) -> Person:
    id_ = UUID(int=2000 + number)
    holder = Holder(provider=AAK, subject=UUID(int=3000 + number))
    fields = {"id": id_, "name": f"Persoon {number}", "organisation": organisation.id}
    return Person(**{**fields, "holders": (holder,), **changes})


MANAGER, EMPLOYEE = person(1), person(2)
BOOKKEEPER = person(3, KANTOOR)
SKIPPER, MATE = person(4, WERF), person(5, WERF)
OPERATOR, SECOND_OPERATOR = person(6, COMPANY), person(7, COMPANY)
ACCOUNTANT = person(8, KANTOOR)


def services_scope(*services: UUID) -> Scope:
    return Scope(kind=ScopeKind.SERVICES, services=services)


def mandate(number: int = 1, **changes: Any) -> Mandate:
    fields = {
        "id": UUID(int=4000 + number),
        "person": EMPLOYEE.id,
        "organisation": MOLEN.id,
        "scope": services_scope(GENERAL),
        "level": EH3,
    }
    return Mandate(**{**fields, **_period(), **changes})


def _period() -> dict[str, Any]:
    return {"valid_from": NOW - DAY, "valid_until": NOW + YEAR, "registered_at": NOW - DAY}


def named_mandate(
    number: int, whom: Person, organisation: Organisation, service: UUID, **changes: Any
) -> Mandate:
    fields = {"person": whom.id, "organisation": organisation.id, "scope": services_scope(service)}
    return mandate(number, **{**fields, **changes})


MANAGES = named_mandate(11, MANAGER, MOLEN, MANAGEMENT)
REPRESENTS = named_mandate(12, MANAGER, MOLEN, REPRESENTATION)
SKIPPER_REPRESENTS = named_mandate(13, SKIPPER, WERF, REPRESENTATION)
MATE_REPRESENTS = named_mandate(14, MATE, WERF, REPRESENTATION)
OPERATES = named_mandate(15, OPERATOR, COMPANY, OPERATION)
OPERATES_TOO = named_mandate(16, SECOND_OPERATOR, COMPANY, OPERATION)
KANTOOR_MANAGES = named_mandate(17, BOOKKEEPER, KANTOOR, MANAGEMENT)


def link(number: int = 1, **changes: Any) -> Link:
    fields = {
        "id": UUID(int=5000 + number),
        "organisation": MOLEN.id,
        "intermediary": KANTOOR_KVK,
        "services": (GENERAL,),
        "level": EH3,
    }
    return Link(**{**fields, **_period(), **changes})


def assignment(number: int = 1, **changes: Any) -> Assignment:
    fields = {
        "id": UUID(int=6000 + number),
        "person": ACCOUNTANT.id,
        "organisation": KANTOOR.id,
        "principal": kvk(MOLEN_KVK),
        "principal_name": MOLEN.name,
        "services": (GENERAL,),
        "level": EH3,
    }
    return Assignment(**{**fields, **_period(), **changes})


def kvk(number: str) -> Identifier:
    return Identifier(type=EntityType.KVKNR, value=number)


# --- who commands, and what is known


def pseudonym(held: Mandate) -> str:
    return pseudonyms.of_mandate(registry(), held)


def actor(as_: As = As.MANAGER, held: Mandate = MANAGES, **changes: Any) -> Actor:
    """Somebody who commands by a mandate that names it."""
    known = (MOLEN, KANTOOR, WERF, COMPANY)
    (own,) = [each for each in known if each.id == held.organisation]
    fields = {"level": EH3, "pseudonym": pseudonym(held), "organisation": own, "kvk": own.kvk}
    return Actor(**{**fields, "as_": as_, "authority": (held,), **changes})


BOOKKEEPING = actor(held=KANTOOR_MANAGES)
REPRESENTING = actor(As.REPRESENTATIVE, REPRESENTS)
OPERATING = actor(As.OPERATOR, OPERATES)


ABROAD = actor(organisation=None, kvk=KANTOOR_KVK, authority=())
"""A manager of the intermediary, by another registry's word."""


def situation(by: Actor | None = None, **changes: Any) -> Situation:
    """What a manager's command is judged by: `found` and the rest may be given."""
    by = by or actor()
    found = {
        "organisation": by.organisation,
        "person": EMPLOYEE,
        **{name: changes.pop(name) for name in list(changes) if name in Found.__annotations__},
    }
    fields = {"registry": registry(), "actor": by, "command": COMMAND, "now": NOW}
    return Situation(**{**fields, "found": Found(**found), **changes})


# --- commands


def register(**changes: Any) -> Register:
    fields = {"person": EMPLOYEE.id, "scope": services_scope(GENERAL), "level": EH3}
    return Register(**{**fields, **changes})


def in_writing(**changes: Any) -> Register:
    return register(**{"document": "BRIEF-1", "organisation": kvk(MOLEN_KVK), **changes})


def register_link(**changes: Any) -> RegisterLink:
    fields = {"intermediary": KANTOOR_KVK, "services": (GENERAL,), "level": EH3}
    return RegisterLink(**{**fields, **changes})


def assign(**changes: Any) -> Assign:
    fields = {"principal": kvk(MOLEN_KVK), "principal_name": MOLEN.name, "person": ACCOUNTANT.id}
    return Assign(**{**fields, "services": (GENERAL,), "level": EH3, **changes})


def appoint(**changes: Any) -> Appoint:
    return Appoint(**{"person": EMPLOYEE.id, "level": EH3, **changes})


# --- logins to the portal


def login(as_: As = As.MANAGER, **changes: Any) -> Assertion:
    """An assertion of the portal, as its client gets it."""
    uuids = {As.MANAGER: MANAGEMENT, As.REPRESENTATIVE: REPRESENTATION, As.OPERATOR: OPERATION}
    fields = {
        "request_id": builders.REQUEST,
        "service": PORTAL_SERVICES[as_],
        "level": EH3,
        "legal_subject": AssertedSubject({EntityType.KVKNR: MOLEN_KVK}),
        "acting_subject": pseudonym(MANAGES),
        "services": (uuids[as_],),
        "registry": KADE,
        "authenticated_at": NOW,
        "decided_at": NOW,
    }
    return Assertion(**{**fields, **changes})


def outcome(
    as_: As, held: Mandate, legal: Identifier, decider: str = "kade", **changes: Any
) -> str:
    """The signed outcome of a login to the portal, with all of its evidence. `authenticated` and
    `permitted` change the declarations; `now` is when it was signed."""
    now, level = changes.pop("now", NOW), changes.pop("level", EH3)
    service_ = PORTAL_SERVICES[as_]
    request = authn_request(service=service_, level=level)
    digest = request_digest(LOODS, request)
    about = {"request_digest": digest, "dienstverlener": LOODS, "service": service_, "level": level}
    declared = authenticated(
        **{
            **about,
            "authenticated_at": now,
            "registry": named(decider).entity_id,
            **changes.pop("authenticated", {}),
        }
    )
    by = {"now": now}
    declaration = _text(
        AUTHENTICATION_RESULTS, authentication_result(declared), "aak", (DUIN, LOODS), by
    )
    catalogued = world().catalogue.services[service_]
    permitted = permit(
        **{
            **about,
            "services": (catalogued.service_uuid,),
            "level_requested": level,
            "acting": _for_portal(PairwiseSubject(pseudonym=pseudonym(held))),
            "legal": _for_portal(LegalSubject(identifiers=(legal,))),
            "declaration_signature": signature_of(declaration),
            "decided_at": now,
            **changes.pop("permitted", {}),
        }
    )
    decision = _text(MANDATE_DECISIONS, mandate_decision(permitted), decider, (DUIN, LOODS), by)
    asserted = Asserted(
        service=service_,
        level=level,
        not_on_or_after=now + timedelta(minutes=2),
        declaration=declaration,
        decision=decision,
        catalogue_version=1,
    )
    mine = _text(AUTHN_REQUESTS, request, changes.pop("portal", "loods"), (DUIN,), by)
    answer = Outcome(request_id=builders.REQUEST, request=mine, result=asserted)
    return _text(OUTCOMES, answer, "duin", (LOODS,), by)


def _text(topic: Any, message: Any, sender: str, audience: Iterable[str], by: Any) -> str:
    record = signed(topic, "duin", message, sender, audience=tuple(audience), **by)
    return record.value.decode()


def _for_portal(content: Value) -> str:
    return seal(content, named("loods"), NOW)


def sealed_for(name: str, content: Value) -> str:
    return seal(content, named(name), NOW)
