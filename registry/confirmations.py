"""What the second registry of a chain tells the makelaar."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pipeline.findings import Finding
from pipeline.stage import Moment, Outgoing, Step
from registry import billing, selection, tables
from registry.cases import Case, level_used, services_held
from registry.judging import Refusal
from registry.kept import Link
from registry.legal_subjects import legal_subject
from registry.query import Query
from registry.rules import Registry
from schemas.directory import KeyUse
from schemas.jose import signature_of
from schemas.messages import Confirmation, ConfirmationQuery, Confirmed, Deny
from schemas.topics import CONFIRMATIONS


def confirm(
    query: Query,
    asked: ConfirmationQuery,
    case: Case[Link],
    moment: Moment,
) -> Step[Query]:
    """Declare that the represented lets the intermediary act, and who that is: services, level and
    vestiging are what both halves allow. The login is charged. Raises LookupError where the
    dienstverlener does not take part: the rules look at that first.

    Source: [AS] ketenmachtiging: the same legal subject as with a direct mandate.
    """
    registry = case.asked.registry
    dienstverlener = registry.directory.participant(asked.dienstverlener)
    if dienstverlener is None:
        raise LookupError("not in the directory")
    confirmed = Confirmed(
        request_digest=asked.request_digest,
        dienstverlener=asked.dienstverlener,
        service=asked.service,
        services=services_held(case),
        level_requested=asked.level,
        level=level_used(case),
        legal=registry.seal(legal_subject(case), dienstverlener, KeyUse.ENCRYPTION),
        decision_signature=signature_of(asked.decision),
        decided_at=moment.now,
        catalogue_version=registry.catalogue.version,
    )
    also = (asked.dienstverlener,)
    answered = _answer(query, confirmed, selection.passed(case, "link"), registry, also)
    charged = billing.chain_login(registry, case.organisation, asked.request_id, moment.now)
    return replace(
        answered,
        send=(*answered.send, charged.outgoing),
        changes=(charged.change,),
        relies_on=tables.resting_on(case.held, case.organisation),
    )


def deny(query: Query, refusal: Refusal, registry: Registry) -> Step[Query]:
    """Tell the makelaar that the chain does not hold, and no more of why than he may know."""
    return _answer(query, Deny(code=refusal.code), refusal.findings, registry)


def _answer(
    query: Query,
    result: Confirmed | Deny,
    findings: Sequence[Finding],
    registry: Registry,
    also: tuple[str, ...] = (),
) -> Step[Query]:
    confirmation = Confirmation(request_id=query.request_id, result=result)
    makelaar = registry.directory.participant(query.makelaar)
    send = [Outgoing(CONFIRMATIONS, makelaar, confirmation, also)] if makelaar else []
    return Step(query.moved(confirmed=True, findings=(*query.findings, *findings)), send=send)
