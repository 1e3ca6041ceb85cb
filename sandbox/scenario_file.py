"""Reads a scenario file, and says everything that is wrong in it, each with its line and cure.

    file -> YAML, line by line (`scenario_yaml`)
         -> its form (the model in `scenario`, by its JSON Schema's descriptions)
         -> what must hold between its parts (`scenario_rules`)

`python -m sandbox.scenario_file --schema` prints the JSON Schema for editors.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from pipeline.errors import WrongUse
from pipeline.keys import utc_now
from sandbox import scenario_rules
from sandbox.scenario import Scenario
from sandbox.scenario_facts import Place, Problem, did_you_mean, nearest
from sandbox.scenario_form import as_yaml, example_of, fields_of, form_at, schema
from sandbox.scenario_references import is_reference
from sandbox.scenario_steps import ACT, LOGIN
from sandbox.scenario_yaml import NotReadable, Reading, compose, line_of

MAX_BYTES = 5_000_000
_BEGIN = "a scenario begins with `herken: 1` (scenarios/first-login.yaml is an example)"
_FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,39}")
_LEVEL_LETTERS = 4
_SECRETS = ("password",)


class ScenarioError(WrongUse):
    """A scenario file is wrong: one line for each problem."""


def load(path: Path, now: datetime | None = None) -> Scenario:
    """The scenario in a file. A mandate without `valid_from` is judged by `now`.

    Raises ScenarioError.
    """
    content = _content(path)
    try:
        reading = _read(content)
    except NotReadable as error:
        raise ScenarioError(f"{path.name}:{error.line}: {error.message}") from None
    scenario, formal = _validated(reading)
    crossed = scenario_rules.problems(reading.tree, now or utc_now())
    better = {problem.place for problem in crossed if is_reference(problem.place)}
    formal = [problem for problem in formal if problem.place not in better]
    found = [*reading.problems, *_located([*formal, *crossed], reading)]
    if found or scenario is None:
        raise ScenarioError("\n".join(_lines(path.name, found)))
    return scenario


def _content(path: Path) -> str:
    """Raises ScenarioError."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise ScenarioError(f"{path}: is larger than {MAX_BYTES // 1_000_000} MB")
        return content.decode("utf-8-sig")
    except FileNotFoundError:
        raise ScenarioError(f"{path}: there is no such file") from None
    except IsADirectoryError:
        raise ScenarioError(f"{path}: is a directory: name a file in it") from None
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ScenarioError(f"{path}:{line}: is not UTF-8: save the file as UTF-8") from None
    except OSError as error:
        raise ScenarioError(f"{path}: cannot be read: {error.strerror}") from None


def _read(content: str) -> Reading:
    """Raises NotReadable."""
    root = compose(content)
    if root is None:
        raise NotReadable(1, f"the file is empty: {_BEGIN}")
    if not isinstance(root, yaml.MappingNode):
        raise NotReadable(line_of(root), f"the file must have fields: {_BEGIN}")
    return Reading(root, type_at=_type_at, may_show=_may_show)


def _lines(name: str, found: Sequence[tuple[int, Place, str]]) -> list[str]:
    by_line = sorted(found, key=lambda each: each[0])
    return [f"{name}:{line}: {_written(place)}{said}" for line, place, said in by_line]


def _written(place: Place) -> str:
    """`mandates[2].service: `. What is no word may be a password that lacks a space."""
    parts = [_part(part) for part in place]
    return "".join(parts).removeprefix(".") + ": " if parts else ""


def _part(part: str | int) -> str:
    if isinstance(part, int):
        return f"[{part}]"
    return f".{part}" if _FIELD.fullmatch(part) else ".?"


def _located(problems: Sequence[Problem], reading: Reading) -> Iterator[tuple[int, Place, str]]:
    """Each problem with its line; none where the same place was not even readable."""
    unreadable = {place for _, place, _ in reading.problems}
    for problem in problems:
        if problem.place not in unreadable:
            first = problem.first and f" (the first is on line {reading.line(problem.first)})"
            message = f"{problem.message}{first or ''}"
            yield reading.line(problem.place), problem.place, message


# --- the form


def _type_at(place: Place) -> str:
    return str(form_at(place).get("type", ""))


def _may_show(place: Place) -> bool:
    return bool(place and form_at(place)) and place[-1] not in _SECRETS


def _validated(reading: Reading) -> tuple[Scenario | None, list[Problem]]:
    """The scenario, or what is wrong in its form."""
    try:
        return Scenario.model_validate_json(json.dumps(reading.tree), strict=True), []
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
    misspelt = {(*e["loc"][:-1], _meant(e["loc"])) for e in details if _is_extra(e)}
    wrong = [e for e in details if not _is_said_elsewhere(e, misspelt, reading)]
    return None, [Problem(_place(e["loc"]), _said(e, reading)) for e in wrong]


def _place(location: Place) -> Place:
    """Where in the file an error of pydantic is: without the name of a variant."""
    return tuple(part for part in location if part not in (LOGIN, ACT))


def _is_extra(error: ErrorDetails) -> bool:
    return error["type"] == "extra_forbidden"


def _is_said_elsewhere(error: ErrorDetails, misspelt: set[Place], reading: Reading) -> bool:
    """A field that is missing because it is misspelt; a list that has only wrong items."""
    place, kind = error["loc"], error["type"]
    if kind == "missing":
        return place in misspelt
    return kind == "too_short" and bool(_at(reading.tree, _place(place)))


def _at(tree: Any, place: Place) -> Any:
    for part in place:
        tree = tree[part]
    return tree


def _said(error: ErrorDetails, reading: Reading) -> str:
    """One error of pydantic in plain words, with the cure."""
    place, kind = error["loc"], error["type"]
    if _is_extra(error):
        return _unknown_field(place)
    in_file = _place(place)
    value = None if kind == "missing" else _at(reading.tree, in_file)
    form = form_at(place)
    choices = form.get("enum")
    if kind == "string_type" and in_file in reading.numbers:
        return f"is a number: quote it: {reading.quoted(in_file, reading.numbers[in_file])}"
    if value is not None and choices:
        is_word = isinstance(value, str) and len(value) > _LEVEL_LETTERS
        meant = did_you_mean(value, choices) if is_word else ""
        return f"must be one of: {', '.join(choices)}{meant}"
    if kind == "value_error":
        return str(error["ctx"]["error"])
    return f"{_wrong(kind, value)}. {_cure(place, form)}"


def _meant(place: Place) -> str:
    return nearest(str(place[-1]), list(fields_of(form_at(place[:-1])))) or ""


def _unknown_field(place: Place) -> str:
    fields, name = list(fields_of(form_at(place[:-1]))), str(place[-1])
    space = " (a space belongs after ':')" if ":" in name else ""
    meant = did_you_mean(name, fields) or "."
    return f"there is no such field{space}{meant} Fields here are: {', '.join(fields)}"


_WRONG = {
    "missing": "is missing",
    "model_type": "must have fields",
    "tuple_type": "must be a list, each item after a '-'",
    "too_short": "must have at least one item",
    "string_type": "must be one text",
    "string_too_short": "is too short",
    "string_too_long": "is too long",
    "string_pattern_mismatch": "is not of this form",
    "int_type": "must be a whole number, without quotes",
    "bool_type": "must be true or false, without quotes",
    "greater_than_equal": "is too low",
    "less_than_equal": "is too high",
    "time_zone_missing": "has no time zone",
    "time_malformed": "is not a date with a time",
    "date_parsing": "is not a date, like 1980-02-29",
    "date_from_datetime_parsing": "is not a date, like 1980-02-29",
    "url_parsing": "is not an address",
}


def _wrong(kind: str, value: object) -> str:
    if value is None and kind != "missing":
        return "has no value"
    return _WRONG.get(kind, "is not right")


def _cure(place: Place, form: dict[str, Any]) -> str:
    name = "" if isinstance(place[-1], int) else f"{place[-1]}: "
    description = form.get("description", "")
    return f"{description} Example: {name}{as_yaml(example_of(form))}".lstrip()


def main(argv: Sequence[str] | None = None) -> None:
    """Print the JSON Schema."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.scenario_file")
    parser.add_argument("--schema", action="store_true", required=True, help=main.__doc__)
    parser.parse_args(argv)
    sys.stdout.write(json.dumps(schema(), indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
