"""Logins as a network would have left them on its topics, made without running it: real keys and
signatures, IDs that follow from each other; what is sealed is sealed once and used again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

from pipeline.keys import Keys, seal
from sandbox import scenario as s
from sandbox.scenario import Scenario
from schemas import codec
from schemas import dialogue as d
from schemas import messages as m
from schemas.codec import Record
from schemas.jose import signature_of
from schemas.message import Message
from schemas.sealed import ActingSubject, Identifier, LegalSubject, PairwiseSubject
from schemas.topics import (
    AUTHENTICATION_REQUESTS,
    AUTHENTICATION_RESULTS,
    AUTHN_REQUESTS,
    CHALLENGES,
    MANDATE_DECISIONS,
    MANDATE_QUERIES,
    OUTCOMES,
    SIGNATURE_ANSWERS,
    Topic,
)
from schemas.values import EntityType, Level, Role

MESSAGES = 8
"""Of a login with nothing to choose."""
_NONCE, _LEVEL = "n" * 32, Level.EH3


@dataclass(frozen=True)
class Sealed:
    """What a login has sealed in it."""

    acting_subject: str
    acting: str
    legal: str
    secret: str


class Maker:
    """Makes logins to the first service of a scenario."""

    def __init__(self, scenario: Scenario, network: Path, secrets: Path) -> None:
        parties = {
            party.name: Keys.load(network, secrets, party.name) for party in scenario.parties
        }
        role = {keys.me.role: keys for keys in reversed(parties.values())}
        self.makelaar, self.provider = role[Role.MAKELAAR], role[Role.PROVIDER]
        self.registry = role[Role.REGISTRY]
        offering = scenario.dienstverleners[0]
        self.dienstverlener = parties[offering.name]
        self.service = s.service_id(offering, offering.services[0])
        self._sealed = self._seal()

    def _seal(self) -> Sealed:
        now, dienstverlener = datetime.now(UTC), self.dienstverlener.me
        number = Identifier(type=EntityType.KVKNR, value="90000012")
        return Sealed(
            seal(ActingSubject(subject=uuid4()), self.registry.me, now),
            seal(PairwiseSubject(pseudonym="p" * 43), dienstverlener, now),
            seal(LegalSubject(identifiers=(number,)), dienstverlener, now),
            seal(ActingSubject(subject=uuid4()), self.provider.me, now),
        )

    def login(self) -> Iterator[Record]:
        """The records of one login that ends with an assertion."""
        now, request_id = datetime.now(UTC), uuid4()
        asks = m.AuthnRequest(request_id=request_id, service=self.service, level=_LEVEL)
        request = self._signed(AUTHN_REQUESTS, self.makelaar, self.dienstverlener, asks, None, now)
        dienstverlener = self.dienstverlener.me.entity_id
        about = {
            "request_digest": codec.request_digest(dienstverlener, asks),
            "dienstverlener": dienstverlener,
            "service": self.service,
        }
        *asked, declared = self._authenticated(request_id, request, about, now)
        query, decision = self._decided(request_id, declared, about, now)
        yield from (request, *asked, declared, query, decision)
        yield self._outcome(request_id, (request, declared, decision), now)

    def _authenticated(
        self, request_id: UUID, request: Record, about: dict[str, str], now: datetime
    ) -> Iterator[Record]:
        """From the question to the provider to its declaration."""
        late, provider = now + timedelta(seconds=300), self.provider
        question = m.AuthenticationRequest(
            request_id=request_id, level=_LEVEL, force_authn=False, deadline=late, **about
        )
        first = self._signed(
            AUTHENTICATION_REQUESTS, provider, self.makelaar, question, request, now
        )
        challenge = d.Challenge(
            request_id=request_id,
            nonce=_NONCE,
            provider=provider.me.entity_id,
            kind=d.CredentialKind.SIGNATURE,
            deadline=late,
        )
        said = d.SignatureAnswer(request_id=request_id, nonce=_NONCE, secret=self._sealed.secret)
        topic = SIGNATURE_ANSWERS.of(provider.me.name)
        answer = codec.encode_unsigned(topic, said, uuid4(), now)
        authenticated = m.Authenticated(
            level=_LEVEL,
            acting_subject=self._sealed.acting_subject,
            registry=self.registry.me.entity_id,
            authenticated_at=now,
            **about,
        )
        result = m.AuthenticationResult(request_id=request_id, result=authenticated)
        yield from (first, self._signed(CHALLENGES, provider, provider, challenge, first, now))
        yield answer
        yield self._signed(AUTHENTICATION_RESULTS, self.makelaar, provider, result, answer, now)

    def _decided(
        self, request_id: UUID, declared: Record, about: dict[str, str], now: datetime
    ) -> tuple[Record, Record]:
        """The question to the registry, and its decision."""
        text, late = declared.value.decode(), now + timedelta(seconds=300)
        asked = m.MandateQuery(
            request_id=request_id, level=_LEVEL, declaration=text, deadline=late, **about
        )
        query = self._signed(MANDATE_QUERIES, self.registry, self.makelaar, asked, declared, now)
        permit = m.Permit(
            services=(uuid4(),),
            level_requested=_LEVEL,
            level=_LEVEL,
            acting=self._sealed.acting,
            legal=self._sealed.legal,
            declaration_signature=signature_of(text),
            decided_at=now,
            catalogue_version=1,
            **about,
        )
        decided = m.MandateDecision(request_id=request_id, result=permit)
        return query, self._signed(
            MANDATE_DECISIONS, self.makelaar, self.registry, decided, query, now
        )

    def _outcome(
        self, request_id: UUID, inside: tuple[Record, Record, Record], now: datetime
    ) -> Record:
        request, declared, decision = (record.value.decode() for record in inside)
        asserted = m.Asserted(
            service=self.service,
            level=_LEVEL,
            not_on_or_after=now + timedelta(minutes=2),
            declaration=declared,
            decision=decision,
            catalogue_version=1,
        )
        outcome = m.Outcome(request_id=request_id, request=request, result=asserted)
        return self._signed(OUTCOMES, self.dienstverlener, self.makelaar, outcome, inside[2], now)

    def _signed(
        self,
        topic: Topic,
        owner: Keys,
        sender: Keys,
        message: Message,
        cause: Record | None,
        now: datetime,
    ) -> Record:
        jti = uuid4()
        if cause is not None:
            input_id = codec.message_id(cause.topic, cause.value.decode())
            jti = codec.message_id(f"{sender.me.name}.0", str(input_id))
        readers = (owner, self.dienstverlener, self.registry)
        audience = tuple(dict.fromkeys(each.me.entity_id for each in readers))
        name = topic.of(owner.me.name)
        return codec.encode_signed(name, message, sender.signer(now), audience, jti, now)


_maker: list[Maker] = []


def ready(scenario: Scenario, network: Path, secrets: Path) -> None:
    """What a process needs before it makes any."""
    _maker[:] = [Maker(scenario, network, secrets)]


def made(count: int) -> list[Record]:
    """The records of so many logins."""
    return [record for _ in range(count) for record in _maker[0].login()]
