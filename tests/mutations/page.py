"""The table as a page of the documentation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tests.mutations.table import ROOT, Rule, Subject, subjects

PAGE = ROOT / "docs" / "reference" / "rules.md"
_INTRODUCTION = """\
# Rules

<!-- Made from tests/mutations by `python -m tests.mutations --page`. -->

Every rule of the scheme that the network holds: {count} of them. Each has the place in the code
that holds it, the test that shows so, and a mutation of that place that turns the test red.
`make mutants` makes every mutation in a copy of the project and runs its test there; one that
survives fails it.

[AS] is the scheme's own specification, the afsprakenstelsel; CHOICE is ours, where it publishes
none. What the scheme says of SAML and OpenID Connect (RelayState, ID tokens), of issuing means
and of keeping data for seven years is about what is not built here, and has no rule.
"""
_HEAD = ("Rule", "Source", "Held by", "Test", "Mutation that turns it red")


def page(found: Sequence[Subject] | None = None) -> str:
    """The whole page, in Markdown."""
    table = subjects() if found is None else found
    count = sum(len(subject.rules) for subject in table)
    parts = [_INTRODUCTION.format(count=count), *(_section(subject) for subject in table)]
    return "\n".join(parts)


def _section(subject: Subject) -> str:
    lines = [_line(_HEAD), _line("---" for _ in _HEAD), *(_line(_cells(r)) for r in subject.rules)]
    return f"## {subject.title}\n\n" + "\n".join(lines) + "\n"


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _cells(rule: Rule) -> tuple[str, ...]:
    file, _, test = rule.test.partition("::")
    held, shown = f"`{rule.file}`: `{rule.where}`", f"`{file}`: `{test.replace('|', ' ')}`"
    return (
        _flat(rule.rule),
        _flat(rule.source),
        held,
        shown,
        f"{_code(rule.old)} → {_code(rule.new)}",
    )


def _flat(text: str) -> str:
    return " ".join(text.split()).replace("|", r"\|")


def _code(text: str) -> str:
    return f"`{_flat(text)}`" if text.strip() else "nothing"
