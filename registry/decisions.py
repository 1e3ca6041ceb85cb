"""What the makelaar is told, and what the user is asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from pipeline.findings import Finding
from pipeline.stage import Moment, Outgoing, Step
from registry import rules, selection, tables
from registry.candidates import Granted
from registry.cases import Asked, Candidate, Case, level_used
from registry.judging import Refusal
from registry.kept import Assignment, Kept
from registry.legal_subjects import legal_subject
from registry.query import Query
from registry.rules import Registry
from registry.selection import Choice
from schemas.directory import KeyUse, Participant
from schemas.messages import Deny, MandateDecision, Obligation, Permit, RepresentationPrompt
from schemas.sealed import (
    ChainClaim,
    PairwiseSubject,
    RepresentationOption,
    RepresentationOptions,
)
from schemas.topics import MANDATE_DECISIONS, REPRESENTATION_PROMPTS
from schemas.values import EntityType

OPTIONS_BYTES: Final = 5_500
"""No more is offered than can be sealed into a prompt (`values.Sealed`): some forty options."""


def permit(query: Query, choice: Choice, asked: Asked, moment: Moment) -> Step[Query]:
    """Declare that the user may act, and for whom; in a chain another registry has to confirm it.
    The level is that of the weakest thing that it rests on.

    Source: [AS] flow step 8; ketenmachtiging: the obligation "confirmation required from MR2".
    """
    holding = selection.by_service(choice, asked)
    used = list({each.held.id: each for each in holding.values()}.values())
    cases = [selection.case_of(each, asked) for each in used]
    dienstverlener = _participant(query.dienstverlener, asked.registry)
    obliged = _obligation(cases[0])
    legal = legal_subject(cases[0]) if obliged is None else None
    permitted = Permit(
        request_digest=query.request_digest,
        dienstverlener=query.dienstverlener,
        service=query.service,
        services=tuple(holding),
        level_requested=query.level,
        level=min(level_used(case) for case in cases),
        acting=asked.registry.seal(_acting(used[0], asked), dienstverlener, _SEALED),
        legal=asked.registry.seal(legal, dienstverlener, _SEALED) if legal else None,
        obligation=obliged,
        declaration_signature=query.signature,
        decided_at=moment.now,
        catalogue_version=asked.registry.catalogue.version,
    )
    also = (query.dienstverlener, *((obliged.registry,) if obliged else ()))
    step = _decide(query, permitted, _found(cases), asked.registry, also)
    return replace(step, relies_on=tables.resting_on(*_rests_on(used)))


def _found(cases: Sequence[Case[Granted]]) -> list[Finding]:
    """What was found of what it rests on: `mandate`, or of several `mandate 1 of 2`."""
    noun = type(cases[0].held).__name__.lower()
    several = len(cases) > 1
    return [
        finding
        for number, case in enumerate(cases, start=1)
        for finding in selection.passed(
            case, f"{noun} {number} of {len(cases)}" if several else noun
        )
    ]


def _rests_on(used: Sequence[Candidate[Granted]]) -> Iterator[Kept]:
    for each in used:
        yield from (each.held, each.organisation)
        if each.person is not None:
            yield each.person


_SEALED: Final = KeyUse.ENCRYPTION


def _participant(entity_id: str, registry: Registry) -> Participant:
    """Somebody whom the rules found to take part. Raises LookupError."""
    found = registry.directory.participant(entity_id)
    if found is None:
        raise LookupError("not in the directory")
    return found


def _acting(candidate: Candidate[Granted], asked: Asked) -> PairwiseSubject:
    """Who acts; in a chain, through which intermediary. Source: [AS] ActingSubjectID."""
    organisation, secret = candidate.organisation, asked.registry.pseudonym_secret
    return PairwiseSubject(
        pseudonym=rules.pseudonym(
            secret, candidate.held.person, organisation.id, asked.service.dienstverlener
        ),
        intermediary=organisation.kvk if isinstance(candidate.held, Assignment) else None,
    )


def _obligation(case: Case[Granted]) -> Obligation | None:
    """In a chain, what the registry of the link has to confirm, and what is believed of it. Raises
    LookupError where the link was not found: the rules look at that first."""
    held, registry = case.held, case.asked.registry
    if not isinstance(held, Assignment):
        return None
    if held.registry is None or held.link is None or case.organisation.kvk is None:
        raise LookupError("the chain is not located")
    claim = ChainClaim(
        link=held.link,
        principal=held.principal,
        intermediary=case.organisation.kvk,
        vestiging=held.vestiging,
    )
    second = _participant(held.registry, registry)
    return Obligation(registry=held.registry, claim=registry.seal(claim, second, _SEALED))


def deny(query: Query, refusal: Refusal, registry: Registry) -> Step[Query]:
    """Tell the makelaar that the user may not act, and no more of why than he may know."""
    return _decide(query, Deny(code=refusal.code), refusal.findings, registry)


def ask(query: Query, choices: Sequence[Choice], registry: Registry, moment: Moment) -> Step[Query]:
    """Let the user choose for whom. Source: [AS] flow step 8. The names are sealed for the
    registry's own front, which shows them; alphabetical, and no more than a prompt can hold."""
    offered = _that_fit(sorted(choices, key=lambda each: shown_name(each[0]).casefold()))
    options = tuple(_option(number, each[0]) for number, each in enumerate(offered))
    sealed = registry.seal(RepresentationOptions(options=options), registry.me, KeyUse.FRONT)
    prompt = RepresentationPrompt(
        request_id=query.request_id,
        nonce=moment.nonce,
        registry=registry.me.entity_id,
        options=sealed,
        deadline=query.deadline,
    )
    ids = tuple(tuple(each.held.id for each in choice) for choice in offered)
    asked = query.moved(options=ids, nonce=moment.nonce)
    return Step(asked, send=[Outgoing(REPRESENTATION_PROMPTS, registry.me, prompt)])


def _that_fit(choices: Sequence[Choice]) -> list[Choice]:
    left, offered = OPTIONS_BYTES, []
    for number, each in enumerate(choices):
        left -= len(_option(number, each[0]).model_dump_json().encode()) + 1
        if left < 0:
            break
        offered.append(each)
    return offered


def shown_name(candidate: Candidate[Granted]) -> str:
    """The represented, as the user knows it."""
    held = candidate.held
    return held.principal_name if isinstance(held, Assignment) else candidate.organisation.name


def _option(number: int, candidate: Candidate[Granted]) -> RepresentationOption:
    held, organisation = candidate.held, candidate.organisation
    kvk, through = organisation.kvk, None
    if isinstance(held, Assignment):
        is_kvk = held.principal.type is EntityType.KVKNR
        kvk, through = held.principal.value if is_kvk else None, organisation.name
    return RepresentationOption(
        option=str(number),
        name=shown_name(candidate),
        kvk=kvk,
        vestiging=held.vestiging,
        through=through,
    )


def _decide(
    query: Query,
    result: Permit | Deny,
    findings: Sequence[Finding],
    registry: Registry,
    also: tuple[str, ...] = (),
) -> Step[Query]:
    decision = MandateDecision(request_id=query.request_id, result=result)
    makelaar = registry.directory.participant(query.makelaar)
    send = [Outgoing(MANDATE_DECISIONS, makelaar, decision, also)] if makelaar else []
    kept = (*query.findings, *findings)
    return Step(query.moved(is_open=False, nonce=None, findings=kept), send=send)
