"""Stage: a makelaar asks for the confirmation that another registry's permit needs, or that an
earlier permit of this very registry needs. The user has no part in it.

confirmation-queries.<registry> -> confirmations.<makelaar>
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from pipeline.keys import Keys, Unreadable
from pipeline.stage import Batch, Facts, Moment, Outgoing, Step
from registry import candidates, confirmations, judging, rules, selection
from registry.cases import Candidate, Case, asked_by
from registry.judging import Refusal, failed
from registry.kept import Link
from registry.query import Query
from registry.rules import Question, Registry
from schemas import codec
from schemas.codec import Faulty, Received, Untrusted
from schemas.directory import Participant
from schemas.jose import signature_of
from schemas.messages import Confirmation, ConfirmationQuery, Deny, MandateDecision, Permit
from schemas.refusals import RefusalCode
from schemas.sealed import ChainClaim
from schemas.topics import CONFIRMATIONS
from schemas.values import Level, Role

LINK_UNKNOWN: Final = Refusal(
    RefusalCode.NO_MANDATE,
    (
        failed(
            "link_unknown",
            "no such link at this registry",
            "a link, registered here by the represented",
            "link",
        ),
    ),
)


@dataclass(frozen=True)
class Claimed:
    """The first registry's permit inside a query, verified, with what it claims of a link, and that
    link as it is kept here. `permit` is None where it does not hold; `fault` says why."""

    registry: Registry
    permit: Permit | None = None
    first: Participant | None = None
    claim: ChainClaim | None = None
    link: Candidate[Link] | None = None
    fault: str = ""


def handle(
    row: Query | None, received: Received[ConfirmationQuery], claimed: Claimed, moment: Moment
) -> Step[Query]:
    """Decide. A login is asked about once, by the makelaar whose it is."""
    if received.sender is None or is_asked_before(row, received.sender):
        return Step(reject="asked_before")
    if not rules.is_connected(received.message, received.sender, claimed.registry):
        return Step(reject="not_connected")
    query = row or _start(received.message, received.sender)
    question = _question(received.message, claimed, moment)
    admitted = judging.admit(rules.CONFIRMATION_RULES, question)
    if isinstance(admitted, Refusal):
        return confirmations.deny(query, admitted, claimed.registry)
    query = query.moved(findings=(*query.findings, *admitted))
    return _decide(query, received.message, question, claimed, moment)


def _decide(
    query: Query,
    asked: ConfirmationQuery,
    question: Question,
    claimed: Claimed,
    moment: Moment,
) -> Step[Query]:
    link, permit = claimed.link, claimed.permit
    if link is None or permit is None:
        return confirmations.deny(query, LINK_UNKNOWN, claimed.registry)
    needs = asked_by(question, permit.services)
    case = Case(link.held, link.organisation, needs, claimed.claim, claimed.first)
    if not selection.suffices(case):
        refusal = Refusal(RefusalCode.NO_MANDATE, selection.findings(case, "link"))
        return confirmations.deny(query, refusal, claimed.registry)
    return confirmations.confirm(query, asked, case, moment)


def is_asked_before(row: Query | None, makelaar: Participant) -> bool:
    """Whether the second half was decided, or the login is another makelaar's."""
    return row is not None and (row.confirmed or row.makelaar != makelaar.entity_id)


def faulty(row: Query | None, fault: Faulty, _: Registry, __: Moment) -> Step[Query]:
    """Answer a makelaar whose query does not hold."""
    if is_asked_before(row, fault.sender):
        return Step(reject=fault.code)
    code = rules.code_of(fault)
    confirmation = Confirmation(request_id=fault.request_id, result=Deny(code=code))
    return Step(send=[Outgoing(CONFIRMATIONS, fault.sender, confirmation)])


def _question(query: ConfirmationQuery, claimed: Claimed, moment: Moment) -> Question:
    permit = claimed.permit
    reached = permit.level if permit else Level.LOA1
    return Question(query, reached, moment.now, claimed.registry, permit, claimed.fault)


def _start(query: ConfirmationQuery, makelaar: Participant) -> Query:
    """The row where this registry has no part in the first half."""
    return Query(
        request_id=query.request_id,
        makelaar=makelaar.entity_id,
        request_digest=query.request_digest,
        dienstverlener=query.dienstverlener,
        service=query.service,
        level=query.level,
        reached=query.level,
        signature=signature_of(query.decision),
        deadline=query.deadline,
        is_open=False,
    )


def facts(keys: Keys) -> Facts:
    """Verify the permits of a batch, and look up the links that they claim."""

    async def load(batch: Batch[Registry]) -> list[Claimed]:
        claimed = [_verify(keys, batch, received) for received in batch.received]
        wanted = [each.claim.link for each in claimed if each.claim is not None]
        links = await candidates.links(batch.connection, wanted)
        return [
            replace(each, link=links.get(each.claim.link)) if each.claim else each
            for each in claimed
        ]

    return load


def _verify(keys: Keys, batch: Batch[Registry], received: Received[ConfirmationQuery]) -> Claimed:
    """The permit inside a query, trusted for nothing that the first registry did not sign."""
    registry, query = batch.known, received.message
    try:
        evidence = codec.verify_evidence(
            query.decision,
            MandateDecision,
            Role.REGISTRY,
            registry.me,
            registry.directory,
            batch.now,
        )
        permit = evidence.message.result
        if not isinstance(permit, Permit) or permit.obligation is None:
            return Claimed(registry, fault="nothing is left to confirm")
        if evidence.message.request_id != query.request_id:
            return Claimed(registry, fault="another login's")
        claim = keys.open(permit.obligation.claim, ChainClaim)
    except Untrusted as untrusted:
        return Claimed(registry, fault=untrusted.reason)
    except Unreadable as unreadable:
        return Claimed(registry, fault=unreadable.code)
    return Claimed(registry, permit, evidence.sender, claim)
