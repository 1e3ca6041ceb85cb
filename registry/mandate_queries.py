"""Stage: a makelaar asks for whom somebody may act.

mandate-queries.<registry> -> mandate-decisions.<makelaar> or representation-prompts.<registry>
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.keys import Keys, Unreadable
from pipeline.stage import Batch, Facts, Moment, Outgoing, Step
from registry import decisions, rules
from registry import mandates as mandates_table
from registry.mandates import Holder, Mandate
from registry.query import Query
from registry.rules import Registry
from schemas import codec
from schemas.codec import Faulty, Received, Untrusted
from schemas.jose import signature_of
from schemas.messages import (
    Authenticated,
    AuthenticationResult,
    Deny,
    MandateDecision,
    MandateQuery,
)
from schemas.refusals import RefusalCode
from schemas.sealed import ActingSubject
from schemas.topics import MANDATE_DECISIONS
from schemas.values import Role


@dataclass(frozen=True)
class Declared:
    """The provider's declaration inside a query, verified, and the mandates of whom it is about.
    `authenticated` is None where the declaration does not hold."""

    registry: Registry
    authenticated: Authenticated | None = None
    holder: Holder | None = None
    mandates: Sequence[Mandate] = ()


def handle(
    row: Query | None, received: Received[MandateQuery], declared: Declared, moment: Moment
) -> Step[Query]:
    """Decide, or ask the user where he may act for several. A login is asked about once."""
    if row is not None or received.sender is None:
        return Step(reject="asked_before")
    query, registry = _start(received, declared), declared.registry
    if declared.authenticated is None:
        return decisions.deny(query, RefusalCode.PARTICIPANT_FAULT, registry)
    code = rules.admit(received.message, declared.authenticated, moment.now)
    service = registry.catalogue.service(query.service)
    if code is not None or service is None:
        return decisions.deny(query, code or RefusalCode.PARTICIPANT_FAULT, registry)
    match rules.sufficing(declared.mandates, service, query.level, moment.now):
        case RefusalCode() as code:
            return decisions.deny(query, code, registry)
        case [only]:
            return decisions.permit(query, only, registry, moment)
        case several:
            return decisions.ask(query, several, registry, moment)


def faulty(row: Query | None, fault: Faulty, _: Registry, __: Moment) -> Step[Query]:
    """Answer a makelaar whose query does not hold."""
    if row is not None:
        return Step(reject=fault.code)
    late = fault.code == "expired"
    code = RefusalCode.DEADLINE_PASSED if late else RefusalCode.PARTICIPANT_FAULT
    decision = MandateDecision(request_id=fault.request_id, result=Deny(code=code))
    return Step(send=[Outgoing(MANDATE_DECISIONS, fault.sender, decision)])


def _start(received: Received[MandateQuery], declared: Declared) -> Query:
    query, authenticated = received.message, declared.authenticated
    return Query(
        request_id=query.request_id,
        makelaar=received.sender.entity_id if received.sender else "",
        request_digest=query.request_digest,
        dienstverlener=query.dienstverlener,
        service=query.service,
        level=query.level,
        reached=authenticated.level if authenticated else query.level,
        signature=signature_of(query.declaration),
        deadline=query.deadline,
    )


def facts(keys: Keys) -> Facts:
    """Verify the declarations of a batch, and look up whose mandates they are about.

    Reading the mandates here is what a withdrawal is ordered against.
    """

    async def load(batch: Batch[Registry]) -> list[Declared]:
        declared = [_verify(keys, batch, received) for received in batch.received]
        holders = [d.holder for d in declared if d.holder is not None]
        held = await mandates_table.of_holders(batch.connection, holders) if holders else {}
        return [
            Declared(
                d.registry, d.authenticated, d.holder, held.get(d.holder, ()) if d.holder else ()
            )
            for d in declared
        ]

    return load


def _verify(keys: Keys, batch: Batch[Registry], received: Received[MandateQuery]) -> Declared:
    """The declaration inside a query, trusted for nothing that the provider did not sign."""
    registry, query = batch.known, received.message
    try:
        evidence = codec.verify_evidence(
            query.declaration,
            AuthenticationResult,
            Role.PROVIDER,
            registry.me,
            registry.directory,
            batch.now,
        )
        result = evidence.message.result
        if not isinstance(result, Authenticated) or evidence.sender is None:
            return Declared(registry)
        if evidence.message.request_id != query.request_id:
            return Declared(registry)
        if not evidence.sender.may_declare(result.level):
            return Declared(registry)
        acting = keys.open(result.acting_subject, ActingSubject)
    except (Untrusted, Unreadable):
        return Declared(registry)
    return Declared(registry, result, (evidence.sender.entity_id, acting.subject))
