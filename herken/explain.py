"""Why a login ended as it did: the findings of every participant, as a tree.

makelaar -> provider -> registry -> second registry: each under who asked it. A row that nobody
here asked for (its makelaar's cannot be read) stands by itself. Nothing but findings, names of
participants and the outcome's code and texts are looked at: never whose login it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from pipeline.findings import Finding
from schemas.directory import Directory, Participant
from schemas.messages import Asserted, Outcome
from schemas.values import EntityID, Role

PASSED, FAILED = "holds", "fails"
_ASKED = (Role.MAKELAAR, Role.PROVIDER, Role.REGISTRY)


class Row(BaseModel):
    """What is looked at of a participant's row; whatever else is in it stays there.

    provider, registry, confirmer  whom a makelaar asked, in this order
    answered_by                    the input that led to the outcome
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    findings: tuple[Finding, ...] = ()
    provider: EntityID | None = None
    registry: EntityID | None = None
    confirmer: EntityID | None = None
    answered_by: UUID | None = None


@dataclass(frozen=True)
class Node:
    """One participant's part. `row`: None where it has none, or none that can be read here."""

    participant: Participant
    row: Row | None
    readable: bool = True
    asked: tuple[Node, ...] = ()


@dataclass(frozen=True)
class Known:
    """What could be read: rows by EntityID, who cannot be read, and the outcomes that were sent."""

    rows: Mapping[str, Row] = field(default_factory=dict)
    unreadable: frozenset[str] = frozenset()
    outcomes: tuple[Outcome, ...] = ()


def roles_with_rows(directory: Directory) -> list[Participant]:
    """Who keeps a row a login, in the order in which a login comes by."""
    return [participant for role in _ASKED for participant in directory.in_role(role)]


def tree(directory: Directory, known: Known) -> list[Node]:
    """The makelaars' nodes, and of whoever else has a row that none of these asked for."""
    makelaars = [p for p in directory.in_role(Role.MAKELAAR) if p.entity_id in known.rows]
    roots = [_chain(directory, known, p, _asked_by(known.rows[p.entity_id])) for p in makelaars]
    seen = {node.participant.entity_id for root in roots for node in _all(root)}
    others = [p for p in roles_with_rows(directory) if p.entity_id in known.rows.keys() - seen]
    return [*roots, *(_chain(directory, known, p, []) for p in others)]


def _asked_by(row: Row) -> list[str]:
    """Whom the login came by after the makelaar, in its order."""
    return [each for each in (row.provider, row.registry, row.confirmer) if each is not None]


def _chain(directory: Directory, known: Known, first: Participant, then: Sequence[str]) -> Node:
    next_ = next(filter(None, map(directory.participant, then[:1])), None)
    asked = (_chain(directory, known, next_, then[1:]),) if next_ else ()
    me = first.entity_id
    return Node(first, known.rows.get(me), me not in known.unreadable, asked)


def _all(node: Node) -> Iterator[Node]:
    yield node
    for each in node.asked:
        yield from _all(each)


# --- as text


def told(request_id: UUID, roots: Sequence[Node], known: Known, directory: Directory) -> str:
    """The tree, then the outcome as others see it, then whose rows could not be read."""
    lines = [f"request {request_id}"]
    for number, root in enumerate(roots, start=1):
        lines += _branch(_lines(root), is_last=number == len(roots))
    for outcome in known.outcomes:
        lines += ["", "The dienstverlener and the user see:", *_outcome_lines(outcome)]
    missing = names(directory, known.unreadable)
    if missing:
        lines += ["", f"Not readable here, their secrets are elsewhere: {', '.join(missing)}"]
    return "\n".join(lines)


def _lines(node: Node) -> list[str]:
    lines = [f"{node.participant.role.name.lower()} {node.participant.name}{_state(node)}"]
    parts = [*_finding_parts(node.row), *(_lines(each) for each in node.asked)]
    for number, part in enumerate(parts, start=1):
        lines += _branch(part, is_last=number == len(parts))
    return lines


def _state(node: Node) -> str:
    if not node.readable:
        return ": its rows cannot be read here"
    return "" if node.row else ": was not reached"


def _branch(lines: Sequence[str], *, is_last: bool) -> list[str]:
    corner, below = ("└─ ", "   ") if is_last else ("├─ ", "│  ")
    return [corner + lines[0], *(below + line for line in lines[1:])]


def _finding_parts(row: Row | None) -> list[list[str]]:
    """A part a rule; where there were several candidates, a part a candidate."""
    parts: list[list[str]] = []
    for about, findings in _by_candidate(row.findings if row else ()):
        rules = [_finding_lines(finding) for finding in nearest(findings)]
        parts += [[about, *_indented(line for rule in rules for line in rule)]] if about else rules
    return parts


def _indented(lines: Iterable[str]) -> list[str]:
    return [f"   {line}" for line in lines]


def _finding_lines(finding: Finding) -> list[str]:
    line = f"{PASSED if finding.passed else FAILED}  {finding.rule}: {finding.saw}"
    return [line, f"       needs: {finding.needed}"] if finding.needed else [line]


def _by_candidate(findings: Iterable[Finding]) -> list[tuple[str, list[Finding]]]:
    found: dict[str, list[Finding]] = {}
    for finding in findings:
        found.setdefault(finding.about, []).append(finding)
    return list(found.items())


def nearest(findings: Sequence[Finding]) -> list[Finding]:
    """The same, with what would have passed told of the first failure only: what fails after it may
    well rest on it."""
    told_once = False
    result = []
    for finding in findings:
        result.append(finding.model_copy(update={"needed": ""}) if told_once else finding)
        told_once = told_once or not finding.passed
    return result


def _outcome_lines(outcome: Outcome) -> list[str]:
    seen = outcome_seen(outcome)
    if "code" not in seen:
        return [f"   an assertion at {seen['level']}"]
    return [f"   {seen['code']}", f"   {seen['nl']}", f"   {seen['en']}"]


# --- as JSON


def report(
    request_id: UUID, roots: Sequence[Node], known: Known, directory: Directory
) -> dict[str, Any]:
    return {
        "request_id": str(request_id),
        "tree": [_node(root) for root in roots],
        "outcomes": [outcome_seen(outcome) for outcome in known.outcomes],
        "not_readable": names(directory, known.unreadable),
    }


def _node(node: Node) -> dict[str, Any]:
    findings = node.row.findings if node.row else ()
    return {
        "role": node.participant.role.name.lower(),
        "participant": node.participant.name,
        "readable": node.readable,
        "reached": node.row is not None,
        "findings": [finding.model_dump() for finding in findings],
        "reason": reason(findings),
        "asked": [_node(each) for each in node.asked],
    }


def reason(findings: Iterable[Finding]) -> str | None:
    """The stable short reason: the name of the first rule that did not hold. None where all do, of
    the login as a whole and of one of its candidates at least."""
    groups = dict(_by_candidate(findings))
    whole = groups.pop("", [])
    candidates = [_failures(each) for each in groups.values()]
    failed = _failures(whole)
    if not failed and not all(candidates):
        return None
    return next((each.rule for group in (failed, *candidates) for each in group), None)


def _failures(findings: Iterable[Finding]) -> list[Finding]:
    return [finding for finding in findings if not finding.passed]


def outcome_seen(outcome: Outcome) -> dict[str, str]:
    """What others may know: the level of an assertion, or a refusal's code and texts."""
    result = outcome.result
    if isinstance(result, Asserted):
        return {"level": str(result.level)}
    return {"code": result.code.value, "nl": result.nl, "en": result.en}


def names(directory: Directory, entity_ids: Iterable[str]) -> list[str]:
    wanted = set(entity_ids)
    return [p.name for p in roles_with_rows(directory) if p.entity_id in wanted]
