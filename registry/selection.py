"""By which of what somebody has he may act; and where by none, why not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from pipeline.findings import Finding
from registry import judging
from registry.candidates import Granted, Holding
from registry.cases import Asked, Candidate, Case, Held, services_held
from registry.chain_rules import ASSIGNMENT_RULES, LINK_RULES
from registry.judging import Refusal, Rule, failed
from registry.kept import Assignment, Kept, Link, Mandate
from registry.mandate_rules import MANDATE_RULES
from schemas.refusals import RefusalCode

Choice = tuple[Candidate[Granted], ...]
"""By what somebody may act for one and the same: of a portal's services, each may be by another."""
RULES: Final[Mapping[type[Kept], tuple[Rule[Any], ...]]] = {
    Mandate: MANDATE_RULES,
    Assignment: ASSIGNMENT_RULES,
    Link: LINK_RULES,
}
"""All rules about what is kept, in the order in which they are judged."""
RECORDED: Final = 20
"""Findings are kept of so many candidates at most, the nearest ones."""


def suffices(case: Case[Held]) -> bool:
    return judging.suffices(RULES[type(case.held)], case)


def findings(case: Case[Held], about: str) -> tuple[Finding, ...]:
    return judging.judge(RULES[type(case.held)], case, about)


def passed(case: Case[Held], about: str) -> tuple[Finding, ...]:
    """The findings of a case that suffices."""
    return judging.passed(RULES[type(case.held)], case, about)


def fitting(candidates: Sequence[Candidate[Granted]], asked: Asked) -> list[Candidate[Granted]]:
    """Those by which somebody may act, in their order."""
    return [each for each in candidates if suffices(case_of(each, asked))]


def case_of(candidate: Candidate[Granted], asked: Asked) -> Case[Granted]:
    return Case(candidate.held, candidate.organisation, asked)


def choices(candidates: Sequence[Candidate[Granted]], asked: Asked) -> list[Choice]:
    """For whom somebody may act, in their order: what he has for one and the same represented, of
    one vestiging and through one link, is one choice and no question."""
    found: dict[tuple[object, ...], Choice] = {}
    for each in fitting(candidates, asked):
        key = _whom(each)
        found[key] = (*found.get(key, ()), each)
    return list(found.values())


def _whom(candidate: Candidate[Granted]) -> tuple[object, ...]:
    held = candidate.held
    if isinstance(held, Assignment):
        return (held.organisation, held.vestiging, held.principal.value, held.registry, held.link)
    return (held.organisation, held.vestiging)


def by_service(choice: Choice, asked: Asked) -> dict[UUID, Candidate[Granted]]:
    """Each service that holds, and what it rests on: of several, that of the highest level."""
    best: dict[UUID, Candidate[Granted]] = {}
    for each in sorted(choice, key=lambda one: one.held.level):
        best.update(dict.fromkeys(services_held(case_of(each, asked)), each))
    return {service: best[service] for service in asked.services if service in best}


def refusal(holding: Holding, asked: Asked) -> Refusal:
    """Why none of what somebody has suffices: the nearest candidate first."""
    judged = [
        findings(case_of(candidate, asked), about)
        for candidate, about in zip(holding.candidates, _numbered(holding.candidates), strict=True)
    ]
    nearest = sorted(judged, key=judging.failures)[:RECORDED]
    found = [finding for each in nearest for finding in each]
    return Refusal(RefusalCode.NO_MANDATE, (*found, *_nothing(holding)))


def _numbered(candidates: Sequence[Candidate[Granted]]) -> list[str]:
    """`mandate 2 of 3`: each among those of its kind."""
    kinds = [type(each.held).__name__.lower() for each in candidates]
    return [
        f"{kind} {kinds[: place + 1].count(kind)} of {kinds.count(kind)}"
        for place, kind in enumerate(kinds)
    ]


def _nothing(holding: Holding) -> tuple[Finding, ...]:
    """What is said of somebody who has no assignment, or nothing at all."""
    assigned = any(isinstance(each.held, Assignment) for each in holding.candidates)
    if holding.acts_for_others and not assigned:
        return (_NOT_ASSIGNED,)
    return () if holding.candidates else (_NOTHING_KNOWN if holding.known else _UNKNOWN,)


_NOT_ASSIGNED: Final = failed(
    "employee_not_assigned",
    "the organisation acts for others, and assigned none of it to this person",
    "an assignment: ask the machtigingenbeheerder of the intermediary",
)
_NOTHING_KNOWN: Final = failed(
    "no_mandate_at_all",
    "a person without any mandate",
    "a mandate: ask the machtigingenbeheerder",
)
_UNKNOWN: Final = failed(
    "no_mandate_at_all",
    "nobody that this registry knows",
    "a mandate: ask the machtigingenbeheerder",
)
