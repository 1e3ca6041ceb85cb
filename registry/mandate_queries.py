"""Stage: a makelaar asks for whom somebody may act.

mandate-queries.<registry> -> mandate-decisions.<makelaar> or representation-prompts.<registry>
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from pipeline.keys import Keys, Unreadable
from pipeline.stage import Batch, Facts, Moment, Outgoing, Step
from registry import candidates, decisions, judging, rules, selection
from registry.candidates import Holder, Holding
from registry.cases import Asked, asked_by
from registry.judging import Refusal, failed
from registry.query import Query
from registry.rules import Question, Registry
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
from schemas.values import Level, Role


@dataclass(frozen=True)
class Declared:
    """The provider's declaration inside a query, verified, and what whom it is about has here.
    `authenticated` is None where the declaration does not hold; `fault` says why."""

    registry: Registry
    authenticated: Authenticated | None = None
    holder: Holder | None = None
    holding: Holding = field(default_factory=Holding)
    fault: str = ""


def handle(
    row: Query | None, received: Received[MandateQuery], declared: Declared, moment: Moment
) -> Step[Query]:
    """Decide, or ask the user where he may act for several. A login is asked about once."""
    if (reason := _not_awaited(row, received, declared.registry)) is not None:
        return Step(reject=reason)
    query, question = _start(received, declared), _question(received.message, declared, moment)
    match judging.admit(rules.QUERY_RULES, question):
        case Refusal() as refusal:
            return decisions.deny(query, refusal, declared.registry)
        case findings:
            query = query.moved(findings=findings)
            return _decide(query, declared.holding, asked_by(question), moment)


def _decide(query: Query, holding: Holding, asked: Asked, moment: Moment) -> Step[Query]:
    match selection.choices(holding.candidates, asked):
        case []:
            return decisions.deny(query, selection.refusal(holding, asked), asked.registry)
        case [only]:
            return decisions.permit(query, only, asked, moment)
        case several:
            return decisions.ask(query, several, asked.registry, moment)


def busy(
    row: Query | None, received: Received[MandateQuery], registry: Registry, moment: Moment
) -> Step[Query]:
    """Refuse a query that waited too long, before anything is looked up."""
    if (reason := _not_awaited(row, received, registry)) is not None:
        return Step(reject=reason)
    saw = f"logins wait {moment.behind:.1f} s longer than usual"
    refusal = Refusal(RefusalCode.BUSY, (failed("busy", saw, "a new login"),))
    return decisions.deny(_start(received, Declared(registry)), refusal, registry)


def _not_awaited(
    row: Query | None, received: Received[MandateQuery], registry: Registry
) -> str | None:
    """Why nobody is answered (a dead letter's reason); None: he is."""
    if row is not None or received.sender is None:
        return "asked_before"
    connected = rules.is_connected(received.message, received.sender, registry)
    return None if connected else "not_connected"


def faulty(row: Query | None, fault: Faulty, _: Registry, __: Moment) -> Step[Query]:
    """Answer a makelaar whose query does not hold."""
    if row is not None:
        return Step(reject=fault.code)
    code = rules.code_of(fault)
    decision = MandateDecision(request_id=fault.request_id, result=Deny(code=code))
    return Step(send=[Outgoing(MANDATE_DECISIONS, fault.sender, decision)])


def _question(query: MandateQuery, declared: Declared, moment: Moment) -> Question:
    authenticated = declared.authenticated
    reached = authenticated.level if authenticated else Level.LOA1
    return Question(query, reached, moment.now, declared.registry, authenticated, declared.fault)


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
    """Verify the declarations of a batch, and look up what those whom they are about have here."""

    async def load(batch: Batch[Registry]) -> list[Declared]:
        declared = [_verify(keys, batch, received) for received in batch.received]
        holders = [d.holder for d in declared if d.holder is not None]
        held = await candidates.of_holders(batch.connection, holders) if holders else {}
        return [replace(d, holding=held[d.holder]) if d.holder else d for d in declared]

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
            return Declared(registry, fault="nobody was authenticated")
        if evidence.message.request_id != query.request_id:
            return Declared(registry, fault="another login's")
        if not evidence.sender.may_declare(result.level):
            return Declared(registry, fault="a level that the provider may not declare")
        acting = keys.open(result.acting_subject, ActingSubject)
    except Untrusted as untrusted:
        return Declared(registry, fault=untrusted.reason)
    except Unreadable as unreadable:
        return Declared(registry, fault=unreadable.code)
    return Declared(registry, result, (evidence.sender.entity_id, acting.subject))
