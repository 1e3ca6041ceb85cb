"""What the makelaar is told, and what the user is asked."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.stage import Moment, Outgoing, Step
from registry import rules
from registry.mandates import Mandate
from registry.query import Query
from registry.rules import Registry
from schemas.directory import KeyUse
from schemas.messages import Deny, MandateDecision, Permit, RepresentationPrompt
from schemas.refusals import RefusalCode
from schemas.sealed import (
    Identifier,
    LegalSubject,
    PairwiseSubject,
    RepresentationOption,
    RepresentationOptions,
)
from schemas.topics import MANDATE_DECISIONS, REPRESENTATION_PROMPTS
from schemas.values import EntityType


def permit(query: Query, mandate: Mandate, registry: Registry, moment: Moment) -> Step[Query]:
    """Declare for whom the user acts. Source: [AS] flow step 8."""
    dienstverlener = registry.directory.participant(query.dienstverlener)
    if dienstverlener is None:
        return deny(query, RefusalCode.PARTICIPANT_FAULT, registry)
    pseudonym = rules.pseudonym(registry.pseudonym_secret, mandate, query.dienstverlener)
    number = Identifier(type=EntityType.KVKNR, value=mandate.kvk)
    legal = LegalSubject(identifiers=(number,), vestiging=mandate.vestiging)
    service = registry.catalogue.service(query.service)
    permitted = Permit(
        request_digest=query.request_digest,
        dienstverlener=query.dienstverlener,
        service=query.service,
        services=service.stands_for if service else (),
        level_requested=query.level,
        level=rules.level_used(mandate, query.reached),
        acting=registry.seal(
            PairwiseSubject(pseudonym=pseudonym), dienstverlener, KeyUse.ENCRYPTION
        ),
        legal=registry.seal(legal, dienstverlener, KeyUse.ENCRYPTION),
        declaration_signature=query.signature,
        decided_at=moment.now,
        catalogue_version=registry.catalogue.version,
    )
    return _decide(query, permitted, registry, (query.dienstverlener,))


def deny(query: Query, code: RefusalCode, registry: Registry) -> Step[Query]:
    """Tell the makelaar that the user may not act, and why."""
    return _decide(query, Deny(code=code), registry, ())


def ask(
    query: Query, mandates: Sequence[Mandate], registry: Registry, moment: Moment
) -> Step[Query]:
    """Let the user choose for whom. Source: [AS] flow step 8. The names are sealed for the
    registry's own front, which shows them."""
    options = tuple(
        RepresentationOption(option=str(number), name=m.organisation, kvk=m.kvk)
        for number, m in enumerate(mandates)
    )
    sealed = registry.seal(RepresentationOptions(options=options), registry.me, KeyUse.FRONT)
    prompt = RepresentationPrompt(
        request_id=query.request_id,
        nonce=moment.nonce,
        registry=registry.me.entity_id,
        options=sealed,
        deadline=query.deadline,
    )
    asked = query.moved(options=tuple(m.id for m in mandates), nonce=moment.nonce)
    return Step(asked, send=[Outgoing(REPRESENTATION_PROMPTS, registry.me, prompt)])


def _decide(
    query: Query, result: Permit | Deny, registry: Registry, also: tuple[str, ...]
) -> Step[Query]:
    decision = MandateDecision(request_id=query.request_id, result=result)
    makelaar = registry.directory.participant(query.makelaar)
    send = [Outgoing(MANDATE_DECISIONS, makelaar, decision, also)] if makelaar else []
    return Step(query.moved(is_open=False, nonce=None), send=send)
