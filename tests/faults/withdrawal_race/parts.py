"""What everybody but the registry under test signs, in one login or one command."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

from pipeline.keys import seal, utc_now
from registry.administration import pseudonyms
from registry.kept import Link
from registry.role import registry as registry_role
from sandbox.portal import service_id as portal_service
from schemas import codec, jose
from schemas.administration import MANAGEMENT, MandateCommand
from schemas.codec import Record
from schemas.commands import Command, CommandContent, Withdraw, WithdrawPerson
from schemas.jose import signature_of
from schemas.message import Message
from schemas.messages import (
    Asserted,
    Authenticated,
    AuthenticationResult,
    AuthnRequest,
    ConfirmationQuery,
    MandateDecision,
    MandateQuery,
    Obligation,
    Outcome,
    Permit,
)
from schemas.sealed import ActingSubject, ChainClaim, Identifier, LegalSubject, PairwiseSubject
from schemas.topics import CONFIRMATION_QUERIES, MANDATE_COMMANDS, MANDATE_QUERIES
from schemas.values import EntityType, Level
from tests.faults.withdrawal_race.ground import (
    DIENSTVERLENER,
    MAKELAAR,
    OTHER,
    PORTAL,
    PROVIDER,
    REGISTRY,
    SERVICE,
    Case,
    Ground,
    Kind,
)

EH3: Final = Level.EH3
_LOGIN_LASTS: Final = timedelta(minutes=5)
"""The registry takes a login of the last quarter of an hour."""
_ASKED_FOR = timedelta(minutes=5)
_SIGNATURE = "s" * 86


class Parts:
    """Signs for everybody. What is sealed for a case is sealed once: that is the dear part."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        names = (MAKELAAR, PROVIDER, OTHER, PORTAL, DIENSTVERLENER, REGISTRY)
        self._entity = {name: ground.named(name).entity_id for name in names}
        self._keys = {name: ground.keys(name) for name in names}
        self._version = len(ground.network.scenario.dienstverleners)
        self._known = registry_role(self._keys[REGISTRY]).known()
        self._logins: dict[str, tuple[datetime, str]] = {}
        self._acting = self._sealed(PairwiseSubject(pseudonym="p" * 43), DIENSTVERLENER)

    def _sealed(self, content: Any, for_: str) -> str:
        return seal(content, self._ground.named(for_), utc_now())

    def _signed(self, by: str, message: Message, *audience: str) -> str:
        now = utc_now()
        to = tuple(self._entity[each] for each in audience)
        return codec.sign_message(message, self._keys[by].signer(now), to, uuid4(), now)

    def _record(self, topic: str, by: str, message: Message) -> Record:
        now = utc_now()
        to = (self._entity[REGISTRY],)
        return codec.encode_signed(topic, message, self._keys[by].signer(now), to, uuid4(), now)

    # --- a login

    def sealed_for_case(self, case: Case) -> str:
        """What every query of a case has inside: who asks, or which link is claimed."""
        if isinstance(case.thing, Link):
            whose = self._ground.network.scenario.organisation(case.organisation)
            principal = Identifier(type=EntityType.KVKNR, value=whose.kvk or "")
            claim = ChainClaim(
                link=case.thing.id, principal=principal, intermediary=case.thing.intermediary
            )
            return self._sealed(claim, REGISTRY)
        (holder,) = case.person.holders if case.person else ()
        return self._sealed(ActingSubject(subject=holder.subject), REGISTRY)

    def query(self, case: Case, sealed: str, request_id: UUID) -> Record:
        """What the makelaar asks: a mandate query, or the confirmation of a chain."""
        about = {
            "request_digest": jose.digest(request_id.bytes),
            "dienstverlener": self._entity[DIENSTVERLENER],
            "service": self._ground.service_id,
        }
        asked = {**about, "request_id": request_id, "level": EH3}
        asked["deadline"] = utc_now() + _ASKED_FOR
        if case.kind is Kind.LINK:
            message = ConfirmationQuery(**asked, decision=self._permit(about, sealed, request_id))
            return self._record(CONFIRMATION_QUERIES.of(REGISTRY), MAKELAAR, message)
        declaration = self._declaration(about, sealed, request_id, DIENSTVERLENER)
        query = MandateQuery(**asked, declaration=declaration)
        return self._record(MANDATE_QUERIES.of(REGISTRY), MAKELAAR, query)

    def _declaration(
        self, about: dict[str, Any], acting: str, request_id: UUID, dienstverlener: str
    ) -> str:
        result = Authenticated(
            **about,
            level=EH3,
            acting_subject=acting,
            registry=self._entity[REGISTRY],
            authenticated_at=utc_now(),
        )
        message = AuthenticationResult(request_id=request_id, result=result)
        return self._signed(PROVIDER, message, MAKELAAR, dienstverlener, REGISTRY)

    def _permit(self, about: dict[str, Any], claim: str, request_id: UUID) -> str:
        """The other registry's, which this one has to confirm."""
        result = Permit(
            **about,
            services=(self._ground.network.scenario.service_uuid(SERVICE),),
            level_requested=EH3,
            level=EH3,
            acting=self._acting,
            legal=None,
            obligation=Obligation(registry=self._entity[REGISTRY], claim=claim),
            declaration_signature=_SIGNATURE,
            decided_at=utc_now(),
            catalogue_version=self._version,
        )
        message = MandateDecision(request_id=request_id, result=result)
        return self._signed(OTHER, message, MAKELAAR, DIENSTVERLENER, REGISTRY)

    # --- a command

    def withdrawal(self, case: Case, command_id: UUID) -> Record:
        """The manager's command that ends it."""
        content: CommandContent = Withdraw(what=case.thing.id)
        if case.kind is Kind.PERSON and case.person is not None:
            content = WithdrawPerson(person=case.person.id)
        message = MandateCommand(
            request_id=command_id,
            outcome=self._login(case.organisation),
            command=self._sealed(Command(command_id=command_id, content=content), REGISTRY),
        )
        return self._record(MANDATE_COMMANDS.of(REGISTRY), PORTAL, message)

    def _login(self, organisation: str) -> str:
        """The manager's login to the portal; the same one for some minutes."""
        at, text = self._logins.get(organisation, (None, ""))
        if at is None or utc_now() - at > _LOGIN_LASTS:
            at, text = utc_now(), self._outcome(organisation)
            self._logins[organisation] = at, text
        return text

    def _outcome(self, organisation: str) -> str:
        """The signed outcome of a manager's login, all of its evidence inside."""
        service = portal_service(self._ground.named(PORTAL), "management")
        request = AuthnRequest(request_id=uuid4(), service=service, level=EH3)
        about = {
            "request_digest": codec.request_digest(self._entity[PORTAL], request),
            "dienstverlener": self._entity[PORTAL],
            "service": service,
        }
        acting = self._sealed(ActingSubject(subject=uuid4()), REGISTRY)
        declaration = self._declaration(about, acting, request.request_id, PORTAL)
        asserted = Asserted(
            service=service,
            level=EH3,
            not_on_or_after=utc_now() + timedelta(minutes=2),
            declaration=declaration,
            decision=self._management(about, organisation, declaration, request.request_id),
            catalogue_version=self._version,
        )
        mine = self._signed(PORTAL, request, MAKELAAR)
        answer = Outcome(request_id=request.request_id, request=mine, result=asserted)
        return self._signed(MAKELAAR, answer, PORTAL)

    def _management(
        self, about: dict[str, Any], organisation: str, declaration: str, request_id: UUID
    ) -> str:
        """The registry's own permit: this person manages the organisation's mandates."""
        held = self._ground.managers[organisation]
        kvk = self._ground.network.scenario.organisation(organisation).kvk or ""
        number = Identifier(type=EntityType.KVKNR, value=kvk)
        acting = PairwiseSubject(pseudonym=pseudonyms.of_mandate(self._known, held))
        result = Permit(
            **about,
            services=(MANAGEMENT,),
            level_requested=EH3,
            level=EH3,
            acting=self._sealed(acting, PORTAL),
            legal=self._sealed(LegalSubject(identifiers=(number,)), PORTAL),
            declaration_signature=signature_of(declaration),
            decided_at=utc_now(),
            catalogue_version=self._version,
        )
        message = MandateDecision(request_id=request_id, result=result)
        return self._signed(REGISTRY, message, MAKELAAR, PORTAL)


def request_id(order: random.Random) -> UUID:
    """An ID of the seed's."""
    return UUID(int=order.getrandbits(128), version=4)
