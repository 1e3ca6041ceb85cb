"""What follows once somebody proved who he is, by a credential or by a session: he is asked for his
consent where the service wants to know something of him, and declared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from pipeline.stage import Change, Key, Moment, Outgoing, Step
from providers import attributes, consents, results, sessions
from providers import means as means_table
from providers.authentication import CONSENT, Authentication, Proven
from providers.judging import settle
from providers.means import Means
from providers.rules import MEANS, Case, Provider
from providers.sessions import Session
from providers.sharing import AGREED, KNOWN, Names, Person, Sharing, needs_asking, sharing
from schemas.catalogue import RequestedAttribute
from schemas.dialogue import ConsentPrompt
from schemas.messages import Authenticated
from schemas.sealed import ActingSubject
from schemas.topics import CONSENT_PROMPTS
from schemas.values import Level


@dataclass(frozen=True)
class Proof:
    """With which means, at which level, and when somebody proved who he is; the session that says
    so, where it was not now; and what is known of him."""

    means: Means
    level: Level
    at: datetime
    person: Person = field(default_factory=Person)
    session: Session | None = None

    @property
    def rests_on(self) -> Mapping[Key, int]:
        session = self.session
        return {(sessions.TABLE, session.id): session.revision} if session else {}


def proved(
    row: Authentication, proof: Proof, provider: Provider, moment: Moment
) -> Step[Authentication]:
    """Go on with who proved who he is."""
    row, code = settle(row, MEANS, _case(row, proof, provider, moment))
    if code is not None:
        return results.refuse(row, code, provider)
    step = _share(row, proof, provider, moment)
    return step if proof.session else replace(step, changes=_remembered(row, proof, moment))


def consented(
    row: Authentication, proof: Proof, agreed: Names, provider: Provider, moment: Moment
) -> Step[Authentication]:
    """Go on with who was asked for his consent, and gave it to this much."""
    row, code = settle(row, MEANS, _case(row, proof, provider, moment))
    if code is not None:
        return results.refuse(row, code, provider)
    return _declare(row, proof, sharing(row, provider, proof.person, agreed), provider)


def _case(row: Authentication, proof: Proof, provider: Provider, moment: Moment) -> Case:
    return Case(row, provider, moment.now, proof.means, True, proof.session, proof.level)


def _share(
    row: Authentication, proof: Proof, provider: Provider, moment: Moment
) -> Step[Authentication]:
    """Ask for consent, unless nothing is to be asked."""
    consent = proof.person.consent
    case = sharing(row, provider, proof.person, consent.attributes if consent else None)
    if not case.requested:
        return _declare(row, proof, case, provider)
    row, code = settle(row, KNOWN, case)
    if code is not None:
        return results.refuse(row, code, provider)
    if needs_asking(case):
        return _ask(row, proof, case.askable, provider, moment)
    step = _declare(row, proof, case, provider)
    relied = {(consents.TABLE, consent.id): consent.revision} if consent else {}
    return replace(step, relies_on={**step.relies_on, **relied})


def _ask(
    row: Authentication,
    proof: Proof,
    wanted: tuple[RequestedAttribute, ...],
    provider: Provider,
    moment: Moment,
) -> Step[Authentication]:
    """Ask whether this may be shared. Source: [AS] consent."""
    service = provider.catalogue.service(row.service)
    key = proof.session.key if proof.session else None
    prompt = ConsentPrompt(
        request_id=row.request_id,
        nonce=moment.nonce,
        provider=provider.me.entity_id,
        dienstverlener=row.dienstverlener,
        service_name=service.name if service else row.service,
        attributes=wanted,
        deadline=row.deadline,
    )
    awaiting = row.moved(
        awaits=CONSENT,
        nonce=moment.nonce,
        means=proof.means.id,
        proven=Proven(level=proof.level, at=proof.at, session=key),
        asked=tuple(each.name for each in wanted),
    )
    send = [Outgoing(CONSENT_PROMPTS, provider.me, prompt)]
    return Step(awaiting, send=send, relies_on=proof.rests_on)


def _declare(
    row: Authentication, proof: Proof, case: Sharing, provider: Provider
) -> Step[Authentication]:
    """Declare who the user is, and of him what he agreed to share."""
    if case.requested:
        row, code = settle(row, AGREED, case)
        if code is not None:
            return results.refuse(row, code, provider)
    declared = _declaration(row, proof, case, provider)
    return replace(results.declare(row, declared, provider), relies_on=proof.rests_on)


def _declaration(
    row: Authentication, proof: Proof, case: Sharing, provider: Provider
) -> Authenticated:
    means, shared = proof.means, attributes.only(proof.person.attributes, case.shared)
    return Authenticated(
        request_digest=row.request_digest,
        dienstverlener=row.dienstverlener,
        service=row.service,
        level=proof.level,
        acting_subject=provider.sealed_for(means.registry, ActingSubject(subject=means.subject)),
        registry=means.registry,
        authenticated_at=proof.at,
        attributes=provider.sealed_for(row.dienstverlener, shared) if case.shared else None,
    )


def _remembered(row: Authentication, proof: Proof, moment: Moment) -> list[Change]:
    """What a credential that held leaves behind. Source: [AS] force-authn ends the session."""
    changes = [means_table.forget_failures(proof.means.id)] if proof.means.failures else []
    if row.force_authn:
        changes.append(sessions.end_all(proof.means.id, moment.now))
    if row.session is not None:
        changes.append(sessions.begin(row.session, proof.means, moment.now))
    return changes
