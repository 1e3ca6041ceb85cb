"""The table, and what does not fit in it: a text that is not there, a test that is not there."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(__file__).parent / "rules"
_SNAKE_CASE = r"^[a-z][a-z0-9_]+$"


class Rule(BaseModel):
    """One rule, and what shows that it is held.

    name    its own, for `--only`
    rule    what has to be so, a sentence
    source  where the scheme says so, or CHOICE
    file    the file that holds it, and `where` in it: a function, a class or a constant
    test    the pytest node that goes red when it is not held
    old     the text of the mutation that occurs once in the file, and `new` in its place
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=_SNAKE_CASE)
    rule: str = Field(pattern=r"\.$")
    source: str
    file: str
    where: str
    test: str
    old: str
    new: str


class Subject(BaseModel):
    """A file of the table."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    rules: tuple[Rule, ...]


def subjects(folder: Path = FOLDER) -> list[Subject]:
    """The whole table, in the order of its files."""
    return [
        Subject.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
        for path in sorted(folder.glob("*.yaml"))
    ]


def rules(folder: Path = FOLDER) -> list[Rule]:
    return [rule for subject in subjects(folder) for rule in subject.rules]


# --- what does not fit


def faults(found: Sequence[Rule], root: Path = ROOT) -> list[str]:
    """What is wrong in the table, a line each."""
    names = Counter(rule.name for rule in found)
    twice = [f"{name}: occurs twice" for name, count in names.items() if count > 1]
    return [*twice, *(f"{rule.name}: {what}" for rule in found for what in _faults(rule, root))]


def _faults(rule: Rule, root: Path) -> Iterator[str]:
    path = root / rule.file
    if not path.is_file():
        yield f"{rule.file} is not there"
        return
    text = path.read_text(encoding="utf-8")
    if text.count(rule.old) != 1:
        yield f"the old text occurs {text.count(rule.old)} times in {rule.file}"
    elif not _is_within(rule, text):
        yield f"the old text is not in {rule.where}"
    if not _parses(text.replace(rule.old, rule.new)):
        yield "the new text does not parse"
    if not is_there(rule.test, root):
        yield f"{rule.test} is not there"


def _is_within(rule: Rule, text: str) -> bool:
    """Whether what is mutated is a part of what holds the rule."""
    start = text.index(rule.old)
    first = text.count("\n", 0, start) + 1
    last = first + rule.old.rstrip("\n").count("\n")
    return any(begin <= first and last <= end for begin, end in _lines_of(rule.where, text))


def _lines_of(name: str, text: str) -> Iterator[tuple[int, int]]:
    """The lines of whatever has this name: `handle`, `Scope`, `Level.eidas`, `_ORDER`."""
    for outer, node in _named(ast.parse(text).body, ""):
        if outer == name and isinstance(node, ast.stmt):
            decorators = getattr(node, "decorator_list", [])
            yield min([node.lineno, *(d.lineno for d in decorators)]), node.end_lineno or 0


def _named(body: Sequence[ast.stmt], within: str) -> Iterator[tuple[str, ast.stmt]]:
    for node in body:
        match node:
            case ast.ClassDef(name=name):
                yield within + name, node
                yield from _named(node.body, f"{within}{name}.")
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield within + name, node
            case ast.Assign(targets=[target]) | ast.AnnAssign(target=target):
                yield within + ast.unparse(target), node


def _parses(text: str) -> bool:
    try:
        ast.parse(text)
    except SyntaxError:
        return False
    return True


def is_there(test: str, root: Path = ROOT) -> bool:
    """Whether there is such a test, its parameters not looked at."""
    file, _, name = test.partition("::")
    return name.partition("[")[0] in _tests(root / file)


@cache
def _tests(path: Path) -> frozenset[str]:
    if not path.is_file():
        return frozenset()
    body = ast.parse(path.read_text(encoding="utf-8")).body
    return frozenset(name for name, _ in _named(body, "") if name.startswith("test_"))
