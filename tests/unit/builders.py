"""Small builders of participants, messages and rows.

They fit each other as they come: one login at the makelaar `duin`, authenticated by `aak`, decided
by `kade`, for `haven`. A test changes the one thing that it is about. The names are nobody else's,
so that database users made for them never meet those of a scenario.
"""

from __future__ import annotations

from base64 import b32encode
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID, uuid4

import asyncpg

from brokers.authn_requests import Arrival
from brokers.login import Login, Phase
from brokers.rules import Network
from pipeline import database
from pipeline.keys import Keys, Secrets, seal
from pipeline.settings import role_dsn
from pipeline.stage import Moment, Step
from providers.authentication import Authentication
from providers.means import Means
from providers.rules import Provider
from providers.sessions import Session, key_of
from registry.cases import Asked, Candidate, Case
from registry.kept import (
    Assignment,
    Holder,
    Link,
    Mandate,
    Organisation,
    OrganisationKind,
    Person,
)
from registry.query import Query
from registry.rules import Registry
from sandbox.seeding import MIGRATIONS
from schemas import jose
from schemas.catalogue import (
    Catalogue,
    CatalogueEntry,
    RequestedAttribute,
    Service,
    ServiceDefinition,
    ServiceInstance,
)
from schemas.codec import Faulty, Received, Record, encode_signed, encode_unsigned, request_digest
from schemas.commands import Scope, ScopeKind
from schemas.dialogue import CredentialKind
from schemas.directory import Directory, DirectoryKey, KeyUse, Participant, PublicJwk
from schemas.message import Message
from schemas.messages import (
    Authenticated,
    AuthenticationRequest,
    AuthenticationResult,
    AuthnRequest,
    Confirmation,
    ConfirmationQuery,
    Confirmed,
    Deny,
    MandateDecision,
    MandateQuery,
    NotAuthenticated,
    Obligation,
    Permit,
)
from schemas.refusals import RefusalCode
from schemas.sealed import (
    ActingSubject,
    ChainClaim,
    Identifier,
    LegalSubject,
    PairwiseSubject,
)
from schemas.topics import Topic
from schemas.values import AttributeName, EntityType, Level, Role, Value

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
FROM, UNTIL = datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
DEADLINE_SECONDS = 300
DEADLINE = NOW + timedelta(seconds=DEADLINE_SECONDS)
ATTEMPTS = 3

REQUEST = UUID("0b6f7a52-54cf-4f0e-8a31-2d2a7c1f9e10")
INPUT = UUID("5d1c6f0e-9d3b-4c55-b0a7-6e8f1b7c2a42")
SUBJECT = UUID("1c0f6a7e-1111-4c55-b0a7-6e8f1b7c2a42")
PERSON = UUID("1c0f6a7e-2222-4c55-b0a7-6e8f1b7c2a42")
MOLEN, KANTOOR = UUID(int=601), UUID(int=602)
"""Two organisations: one that people act for, and one that acts for others."""
KVK, KANTOOR_KVK = "90000101", "90000150"
NONCE, OTHER_NONCE = "n" * 32, "o" * 32
BROWSER_SECRET = "b" * 32
SESSION_KEY = key_of(BROWSER_SECRET)
JWS, SEALED, SIGNATURE = "aa.bb.cc", "aa.bb.cc.dd.ee", "s" * 86


def entity_id(role: Role, number: int) -> str:
    return f"urn:etoegang:{role}:00000099{number:09}000:entities:9001"


def service_id(number: int, index: int) -> str:
    return f"urn:etoegang:DV:00000099{number:09}000:services:{index}"


DUIN, KWELDER = entity_id(Role.MAKELAAR, 1), entity_id(Role.MAKELAAR, 2)
AAK, BOTTER = entity_id(Role.PROVIDER, 3), entity_id(Role.PROVIDER, 4)
KADE, PIER = entity_id(Role.REGISTRY, 5), entity_id(Role.REGISTRY, 6)
GOLF = entity_id(Role.REGISTRY, 10)
"""A registry without chains."""
HAVEN, LOODS = entity_id(Role.DIENSTVERLENER, 7), entity_id(Role.DIENSTVERLENER, 8)
STRANGER = entity_id(Role.PROVIDER, 99)

SERVICE, HIGH_SERVICE, ELSEWHERE = service_id(7, 1), service_id(7, 2), service_id(7, 3)
"""Of haven: at EH3, at EH4, and one that another makelaar serves."""
LOODS_SERVICE, NO_SERVICE = service_id(8, 1), service_id(7, 9)


# --- the directory


def participant(
    name: str, entity: str, *, keys: Iterable[DirectoryKey] = (), **changes: Any
) -> Participant:
    fields = {"name": name, "display_name": name.title(), "entity_id": entity, "keys": tuple(keys)}
    return Participant(**{**fields, "role": Role(entity.split(":")[2]), **changes})


def service(identifier: str = SERVICE, **changes: Any) -> Service:
    fields = {
        "service_id": identifier,
        "service_uuid": UUID(int=int(identifier.rsplit(":", 1)[1])),
        "name": "Ligplaats aanvragen",
        "dienstverlener": HAVEN,
        "makelaar": DUIN,
        "level": Level.EH3,
    }
    return Service(**{**fields, **changes})


SERVICES = (
    service(),
    service(HIGH_SERVICE, level=Level.EH4),
    service(ELSEWHERE, makelaar=KWELDER),
    service(LOODS_SERVICE, dienstverlener=LOODS, service_uuid=UUID(int=81)),
)


def catalogue(services: Sequence[Service] = SERVICES) -> Catalogue:
    """A catalogue with these services and no others."""
    owners = sorted({each.dienstverlener for each in services})
    entries = [
        catalogue_entry([each for each in services if each.dienstverlener == owner], number)
        for number, owner in enumerate(owners, start=1)
    ]
    return Catalogue().with_entries(entries)


def catalogue_entry(
    services: Sequence[Service], version: int = 1, **changes: Any
) -> CatalogueEntry:
    """The entry of these services' dienstverlener."""
    owner = services[0].dienstverlener
    fields = {
        "version": version,
        "issued_at": FROM,
        "dienstverlener": owner,
        "oin": owner.split(":")[3],
        "display_name": "Gemeente Waterdam",
        "definitions": [
            _of(each, ServiceDefinition, description="Een dienst") for each in services
        ],
        "instances": [_of(each, ServiceInstance) for each in services],
    }
    return CatalogueEntry(**{**fields, **changes})


def _of(service: Service, model: type[Value], **more: Any) -> Any:
    """The part of a service that a definition, or an instance, has."""
    fields = {name: value for name, value in service if name in model.model_fields}
    return model(**{**fields, **more})


def directory(participants: Iterable[Participant], **changes: Any) -> Directory:
    fields = {"version": 1, "issued_at": FROM, "expires_at": UNTIL}
    return Directory(**{**fields, "participants": tuple(participants), **changes})


def directory_key(
    key: jose.PrivateKey, use: KeyUse = KeyUse.SIGNING, **validity: datetime
) -> DirectoryKey:
    jwk = PublicJwk.model_validate(jose.public_jwk(key))
    times = {"not_before": FROM, "not_after": UNTIL, **validity}
    return DirectoryKey(kid=key.kid, use=use, jwk=jwk, **times)


_ENTITIES = {
    "duin": DUIN,
    "kwelder": KWELDER,
    "aak": AAK,
    "botter": BOTTER,
    "kade": KADE,
    "pier": PIER,
    "golf": GOLF,
    "haven": HAVEN,
    "loods": LOODS,
}
_HIGHEST = {"aak": Level.EH3, "botter": Level.EH4}
_ATTRIBUTES = {"botter": (AttributeName.FIRST_NAME, AttributeName.FAMILY_NAME)}
_CHAINS = ("kade", "pier")
PLAIN = "loods"
"""Reads signatures of one message only."""
_FIRST = {"aak": CredentialKind.PASSWORD, "botter": CredentialKind.SIGNATURE}


@dataclass(frozen=True)
class World:
    """Nine participants and four services, with everybody's keys."""

    directory: Directory
    catalogue: Catalogue
    secrets: dict[str, Secrets]
    front: jose.PrivateKey

    def keys(self, name: str) -> Keys:
        return Keys(self.secrets[name], lambda: self.directory, lambda: self.catalogue)

    def named(self, name: str) -> Participant:
        found = self.directory.named(name)
        assert found is not None
        return found


@cache
def world() -> World:
    """The same one for all tests: making keys takes time."""
    front = jose.new_key()
    made = {name: (jose.new_key(), jose.new_key()) for name in _ENTITIES}
    return World(
        directory([_taking_part(name, *made[name], front) for name in _ENTITIES]),
        catalogue(),
        {name: secrets(name, *made[name]) for name in _ENTITIES},
        front,
    )


def _taking_part(
    name: str, signing: jose.PrivateKey, encryption: jose.PrivateKey, front: jose.PrivateKey
) -> Participant:
    keys = [directory_key(signing), directory_key(encryption, KeyUse.ENCRYPTION)]
    fronts = [directory_key(front, KeyUse.FRONT)] if name == "kade" else []
    entity = _ENTITIES[name]
    return participant(
        name,
        entity,
        keys=[*keys, *fronts],
        highest_level=_HIGHEST.get(name),
        attributes=_ATTRIBUTES.get(name, ()),
        chains=name in _CHAINS,
        plain_signatures=name == PLAIN,
    )


def secrets(name: str, signing: jose.PrivateKey, encryption: jose.PrivateKey) -> Secrets:
    return Secrets(
        name=name,
        entity_id=_ENTITIES[name],
        signing=(jose.private_jwk(signing),),
        encryption=(jose.private_jwk(encryption),),
        first_challenge=_FIRST.get(name),
        pseudonym_secret=jose.base64url(name.encode() * 8),
    )


def sealed_for(name: str, content: Value) -> str:
    return seal(content, world().named(name), NOW)


# --- what each role knows


def network(**changes: Any) -> Network:
    fields = {"me": world().named("duin"), "directory": world().directory}
    return Network(
        **{
            **fields,
            "catalogue": world().catalogue,
            "deadline_seconds": DEADLINE_SECONDS,
            **changes,
        }
    )


def arrival(remembered: str | None = None, **changes: Any) -> Arrival:
    return Arrival(network(**changes), remembered)


def provider(name: str = "aak", **changes: Any) -> Provider:
    fields = {
        "me": world().named(name),
        "directory": world().directory,
        "catalogue": world().catalogue,
        "first_challenge": _FIRST[name],
        "attempts": ATTEMPTS,
        "seal": lambda content, to: seal(content, to, NOW),
    }
    return Provider(**{**fields, **changes})


def registry(**changes: Any) -> Registry:
    fields = {
        "me": world().named("kade"),
        "directory": world().directory,
        "catalogue": world().catalogue,
        "pseudonym_secret": b"k" * 32,
        "seal": lambda content, to, use: seal(content, to, NOW, use),
    }
    return Registry(**{**fields, **changes})


def moment(**changes: Any) -> Moment:
    return Moment(**{"now": NOW, "nonce": OTHER_NONCE, "input_id": INPUT, **changes})


# --- messages


def authn_request(**changes: Any) -> AuthnRequest:
    return AuthnRequest(**{"request_id": REQUEST, "service": SERVICE, **changes})


DIGEST = request_digest(HAVEN, authn_request())
_ABOUT = {"request_digest": DIGEST, "dienstverlener": HAVEN, "service": SERVICE}


def authentication_request(**changes: Any) -> AuthenticationRequest:
    fields = {"request_id": REQUEST, "level": Level.EH3, "force_authn": False, "deadline": DEADLINE}
    return AuthenticationRequest(**{**_ABOUT, **fields, **changes})


def authenticated(**changes: Any) -> Authenticated:
    fields = {"level": Level.EH3, "acting_subject": SEALED, "registry": KADE}
    return Authenticated(**{**_ABOUT, **fields, "authenticated_at": NOW, **changes})


def authentication_result(
    result: Authenticated | NotAuthenticated | None = None, **changes: Any
) -> AuthenticationResult:
    found = result or authenticated()
    return AuthenticationResult(**{"request_id": REQUEST, "result": found, **changes})


def not_authenticated(code: RefusalCode) -> AuthenticationResult:
    return authentication_result(NotAuthenticated(code=code))


def mandate_query(**changes: Any) -> MandateQuery:
    fields = {"request_id": REQUEST, "level": Level.EH3, "declaration": JWS, "deadline": DEADLINE}
    return MandateQuery(**{**_ABOUT, **fields, **changes})


def permit(**changes: Any) -> Permit:
    levels = {"level_requested": Level.EH3, "level": Level.EH3}
    fields = {"acting": SEALED, "legal": SEALED, "declaration_signature": SIGNATURE}
    about = {"services": (service().service_uuid,), "decided_at": NOW, "catalogue_version": 1}
    return Permit(**{**_ABOUT, **about, **levels, **fields, **changes})


def mandate_decision(result: Permit | Deny | None = None, **changes: Any) -> MandateDecision:
    return MandateDecision(**{"request_id": REQUEST, "result": result or permit(), **changes})


def confirmation_query(**changes: Any) -> ConfirmationQuery:
    fields = {"request_id": REQUEST, "level": Level.EH3, "decision": JWS, "deadline": DEADLINE}
    return ConfirmationQuery(**{**_ABOUT, **fields, **changes})


def denied(code: RefusalCode) -> MandateDecision:
    return mandate_decision(Deny(code=code))


def obliging(registry: str = PIER, **changes: Any) -> Permit:
    """A permit that another registry has to confirm."""
    obligation = Obligation(registry=registry, claim=SEALED)
    return permit(**{"legal": None, "obligation": obligation, **changes})


def confirmed(**changes: Any) -> Confirmed:
    levels = {"level_requested": Level.EH3, "level": Level.EH3}
    fields = {"legal": SEALED, "decision_signature": SIGNATURE, "decided_at": NOW}
    about = {"services": (service().service_uuid,), "catalogue_version": 1}
    return Confirmed(**{**_ABOUT, **about, **levels, **fields, **changes})


def confirmation(result: Confirmed | Deny | None = None, **changes: Any) -> Confirmation:
    return Confirmation(**{"request_id": REQUEST, "result": result or confirmed(), **changes})


def acting_subject() -> str:
    return sealed_for("kade", ActingSubject(subject=SUBJECT))


def acting(**changes: Any) -> str:
    return sealed_for("haven", PairwiseSubject(**{"pseudonym": "p" * 43, **changes}))


def legal(**changes: Any) -> str:
    number = Identifier(type=EntityType.KVKNR, value=KVK)
    return sealed_for("haven", LegalSubject(**{"identifiers": (number,), **changes}))


# --- rows


def login(phase: Phase = Phase.AUTHENTICATING, **changes: Any) -> Login:
    fields = {
        "request_id": REQUEST,
        "dienstverlener": HAVEN,
        "request": JWS,
        "digest": DIGEST,
        "service": SERVICE,
        "level": Level.EH3,
        "force_authn": False,
        "requested_at": NOW,
        "deadline": DEADLINE,
        "provider": AAK,
    }
    return Login(**{**fields, "phase": phase, **changes})


def authentication(**changes: Any) -> Authentication:
    fields = {"request_id": REQUEST, "makelaar": DUIN, "level": Level.EH3, "deadline": DEADLINE}
    awaited = {"awaits": CredentialKind.PASSWORD, "nonce": NONCE}
    return Authentication(**{**_ABOUT, **fields, **awaited, **changes})


def query(**changes: Any) -> Query:
    fields = {"request_id": REQUEST, "makelaar": DUIN, "level": Level.EH3, "reached": Level.EH3}
    rest = {"signature": SIGNATURE, "deadline": DEADLINE}
    return Query(**{**_ABOUT, **fields, **rest, **changes})


TOTP_SECRET = b32encode(b"12345678901234567890").decode()
"""The one of RFC 6238, appendix B."""


def means(**changes: Any) -> Means:
    fields = {"id": UUID(int=1), "subject": SUBJECT, "registry": KADE, "level": Level.EH3}
    return Means(**{**fields, "username": "ans@molen.example", **changes})


def session(**changes: Any) -> Session:
    """Of the means above, begun an hour ago."""
    fields = {"key": SESSION_KEY, "id": UUID(int=7), "revision": 3, "means": UUID(int=1)}
    since = {"authenticated_at": NOW - timedelta(hours=1), "level": Level.EH3}
    return Session(**{**fields, **since, "subject": SUBJECT, **changes})


def asking(*names: AttributeName, required: bool = True, **changes: Any) -> Catalogue:
    """The catalogue, with services of haven's that want to know these attributes."""
    wanted = tuple(
        RequestedAttribute(name=name, required=required, purpose="Om u aan te spreken")
        for name in names
    )
    fields = {"attributes": wanted, **changes}
    return catalogue([each.model_copy(update=fields) for each in SERVICES[:2]] + [*SERVICES[2:]])


_PERIOD = {
    "valid_from": NOW - timedelta(days=1),
    "valid_until": NOW + timedelta(days=1),
    "registered_at": NOW - timedelta(days=1),
}


def mandate(**changes: Any) -> Mandate:
    scope = Scope(kind=ScopeKind.SERVICES, services=(service().service_uuid,))
    fields = {"id": UUID(int=1), "person": PERSON, "organisation": MOLEN, "scope": scope}
    return Mandate(**{**fields, "level": Level.EH3, **_PERIOD, **changes})


def organisation(**changes: Any) -> Organisation:
    fields = {"id": MOLEN, "kind": OrganisationKind.COMPANY, "kvk": KVK}
    return Organisation(**{**fields, "name": "Korenmolen De Windvanger", **changes})


def kantoor(**changes: Any) -> Organisation:
    """The intermediary of a chain."""
    fields = {"id": KANTOOR, "kvk": KANTOOR_KVK, "name": "Kantoor De Ganzeveer"}
    return organisation(**{**fields, **changes})


def person(**changes: Any) -> Person:
    holder = Holder(provider=AAK, subject=SUBJECT)
    fields = {"id": PERSON, "name": "Ans", "organisation": MOLEN, "holders": (holder,)}
    return Person(**{**fields, **changes})


def assignment(**changes: Any) -> Assignment:
    """The near half of a chain: kantoor acts for molen, whose link is at pier."""
    fields = {
        "id": UUID(int=11),
        "person": PERSON,
        "organisation": KANTOOR,
        "principal": Identifier(type=EntityType.KVKNR, value=KVK),
        "principal_name": "Korenmolen De Windvanger",
        "services": (service().service_uuid,),
        "level": Level.EH3,
        "registry": PIER,
        "link": UUID(int=21),
    }
    return Assignment(**{**fields, **_PERIOD, **changes})


def link(**changes: Any) -> Link:
    """The far half: molen lets kantoor act, and kantoor accepted it."""
    fields = {
        "id": UUID(int=21),
        "organisation": MOLEN,
        "intermediary": KANTOOR_KVK,
        "services": (service().service_uuid,),
        "level": Level.EH3,
        "accepted_at": NOW - timedelta(hours=1),
    }
    return Link(**{**fields, **_PERIOD, **changes})


def claim(**changes: Any) -> ChainClaim:
    """What the registry of the assignment claims of the link."""
    principal = Identifier(type=EntityType.KVKNR, value=KVK)
    fields = {"link": UUID(int=21), "principal": principal, "intermediary": KANTOOR_KVK}
    return ChainClaim(**{**fields, **changes})


def candidate(held: Mandate | Assignment | None = None, **changes: Any) -> Candidate[Any]:
    """What a person may act by, as it is read from the tables."""
    found = held or mandate()
    whose = kantoor() if isinstance(found, Assignment) else organisation()
    fields = {"held": found, "organisation": whose, "person": person()}
    return Candidate(**{**fields, **changes})


def asked(**changes: Any) -> Asked:
    """What a login needs of it."""
    wanted = changes.get("service", service())
    fields = {"service": wanted, "services": wanted.stands_for, "level": wanted.level}
    rest = {"reached": Level.EH4, "now": NOW, "registry": registry()}
    return Asked(**{**fields, **rest, **changes})


def case(held: Mandate | Assignment | Link | None = None, **changes: Any) -> Case[Any]:
    """A candidate, and what is asked of it; of a link, what kade claims of it."""
    found = held or mandate()
    whose = kantoor() if isinstance(found, Assignment) else organisation()
    fields = {"held": found, "organisation": whose, "asked": asked()}
    claimed = {"claim": claim(), "claimed_by": world().named("kade")}
    more = claimed if isinstance(found, Link) else {}
    return Case(**{**fields, **more, **changes})


# --- messages on their way


def received(message: Message, sender: str | None = None, **changes: Any) -> Received[Any]:
    """A message as a handler gets it, from the participant of this name."""
    by = world().named(sender) if sender else None
    return Received(**{"message": message, "sender": by, "id": INPUT, "text": JWS, **changes})


def fault(code: str, sender: str, **changes: Any) -> Faulty:
    fields = {"code": code, "request_id": REQUEST, "sender": world().named(sender), "id": INPUT}
    return Faulty(**{**fields, "text": JWS, **changes})


def signed(
    topic: Topic, owner: str, message: Message, sender: str, now: datetime = NOW, **changes: Any
) -> Record:
    """The record of a message from one participant of the world to another."""
    signer = world().keys(sender).signer(now)
    fields = {"audience": (world().named(owner).entity_id,), "jti": INPUT, "now": now, **changes}
    return encode_signed(topic.of(owner), message, signer, **fields)


def unsigned(topic: Topic, owner: str, message: Message, now: datetime = NOW) -> Record:
    """The record of what a user answers."""
    return encode_unsigned(topic.of(owner), message, INPUT, now)


def only_message(step: Step[Any]) -> Message:
    """The one message that a step sends."""
    (out,) = step.send
    return out.message


# --- databases

_PASSWORD = "of-nobody-but-these-tests"
_CONNECTIONS = 8


@asynccontextmanager
async def databases(admin_dsn: str, *names: str) -> AsyncIterator[dict[str, asyncpg.Pool]]:
    """A database of one's own with the tables of these participants, each through its own user."""
    admin = await database.connect(admin_dsn)
    name = f"test_{uuid4().hex}"
    try:
        await admin.execute(f"CREATE DATABASE {name}")
        dsn = urlunsplit(urlsplit(admin_dsn)._replace(path=f"/{name}"))
        pools = {one: await _set_up(dsn, one) for one in names}
        yield pools
        for pool in pools.values():
            await pool.close()
    finally:
        await admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        await admin.close()


async def _set_up(dsn: str, name: str) -> asyncpg.Pool:
    await database.set_up(dsn, name, _PASSWORD, MIGRATIONS[world().named(name).role])
    return await database.pool(role_dsn(dsn, name, _PASSWORD), _CONNECTIONS)
