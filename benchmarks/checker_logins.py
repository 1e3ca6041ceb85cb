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
_NONCE = "n" * 32


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
        now, request_id, level = datetime.now(UTC), uuid4(), Level.EH3
        late = now + timedelta(seconds=300)
        asks = m.AuthnRequest(request_id=request_id, service=self.service, level=level)
        request = self._signed(AUTHN_REQUESTS, self.makelaar, self.dienstverlener, asks, None, now)
        yield request
        about = {
            "request_digest": codec.request_digest(self.dienstverlener.me.entity_id, asks),
            "dienstverlener": self.dienstverlener.me.entity_id,
            "service": self.service,
        }
        question = m.AuthenticationRequest(
            request_id=request_id, level=level, force_authn=False, deadline=late, **about
        )
        first = self._signed(
            AUTHENTICATION_REQUESTS, self.provider, self.makelaar, question, request, now
        )
        yield first
        challenge = d.Challenge(
            request_id=request_id,
            nonce=_NONCE,
            provider=self.provider.me.entity_id,
            kind=d.CredentialKind.SIGNATURE,
            deadline=late,
        )
        yield self._signed(CHALLENGES, self.provider, self.provider, challenge, first, now)
        said = d.SignatureAnswer(request_id=request_id, nonce=_NONCE, secret=self._sealed.secret)
        answer = codec.encode_unsigned(
            SIGNATURE_ANSWERS.of(self.provider.me.name), said, uuid4(), now
        )
        yield answer
        yield from self._declared(request_id, request, answer, about, now)

    def _declared(
        self,
        request_id: UUID,
        request: Record,
        answer: Record,
        about: dict[str, str],
        now: datetime,
    ) -> Iterator[Record]:
        level, sealed = Level.EH3, self._sealed
        authenticated = m.Authenticated(
            level=level,
            acting_subject=sealed.acting_subject,
            registry=self.registry.me.entity_id,
            authenticated_at=now,
            **about,
        )
        result = m.AuthenticationResult(request_id=request_id, result=authenticated)
        declared = self._signed(
            AUTHENTICATION_RESULTS, self.makelaar, self.provider, result, answer, now
        )
        yield declared
        asked = m.MandateQuery(
            request_id=request_id,
            level=level,
            declaration=declared.value.decode(),
            deadline=now + timedelta(seconds=300),
            **about,
        )
        query = self._signed(MANDATE_QUERIES, self.registry, self.makelaar, asked, declared, now)
        yield query
        permit = m.Permit(
            services=(uuid4(),),
            level_requested=level,
            level=level,
            acting=sealed.acting,
            legal=sealed.legal,
            declaration_signature=signature_of(declared.value.decode()),
            decided_at=now,
            catalogue_version=1,
            **about,
        )
        decided = m.MandateDecision(request_id=request_id, result=permit)
        decision = self._signed(
            MANDATE_DECISIONS, self.makelaar, self.registry, decided, query, now
        )
        yield decision
        asserted = m.Asserted(
            service=self.service,
            level=level,
            not_on_or_after=now + timedelta(minutes=2),
            declaration=declared.value.decode(),
            decision=decision.value.decode(),
            catalogue_version=1,
        )
        outcome = m.Outcome(request_id=request_id, request=request.value.decode(), result=asserted)
        yield self._signed(OUTCOMES, self.dienstverlener, self.makelaar, outcome, decision, now)

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
