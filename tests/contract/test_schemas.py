"""Every message has a JSON Schema and examples; model and schema agree on each of them, or the
example itself says where they do not; and what is generated is what the code generates."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from copy import deepcopy
from datetime import datetime
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker
from pydantic import BaseModel, ValidationError

from schemas import (
    administration,
    catalogue,
    chains,
    commands,
    dialogue,
    messages,
    published,
    sealed,
)
from schemas.published import FOLDER, MESSAGE_BY_NAME, PARTS
from schemas.values import Value

EXAMPLES = FOLDER / "examples"
LANGUAGE = (messages, dialogue, sealed, administration, commands, chains, catalogue)
NOT_PUBLISHED = {
    *("Message", "Answer", "Secret", "Period"),  # what others have in common
    *("Service", "Catalogue"),  # how a reader keeps what was published
}
REFUSED_BY = {
    "both": {"model", "json-schema"},
    "model": {"model"},
    "json-schema": {"json-schema"},
}

FORMATS = FormatChecker(formats=["uuid"])


@FORMATS.checks("date-time", raises=ValueError)
def _is_moment(value: object) -> bool:
    """RFC 3339: a date, a time and an offset."""
    return not isinstance(value, str) or (
        "T" in value and datetime.fromisoformat(value).tzinfo is not None
    )


@cache
def schema_of(name: str) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads((FOLDER / "json" / f"{name}.schema.json").read_text())
    return schema


@cache
def validator(name: str) -> Draft202012Validator:
    Draft202012Validator.check_schema(schema_of(name))
    return Draft202012Validator(schema_of(name), format_checker=FORMATS)


def model_refuses(name: str, data: dict[str, Any]) -> bool:
    """As the codec reads it."""
    try:
        MESSAGE_BY_NAME[name].model_validate_json(json.dumps(data), strict=True)
    except ValidationError:
        return True
    return False


def refused_by(name: str, data: dict[str, Any]) -> set[str]:
    found = {"model"} if model_refuses(name, data) else set()
    return found if validator(name).is_valid(data) else {*found, "json-schema"}


def examples(kind: str) -> list[Any]:
    paths = sorted(EXAMPLES.glob(f"*/{kind}/*.json"))
    return [pytest.param(p, id=f"{p.parent.parent.name}-{p.stem}") for p in paths]


def read(path: Path) -> tuple[str, dict[str, Any]]:
    return path.parent.parent.name, json.loads(path.read_text(encoding="utf-8"))


# --- generated files


def test_generated_files_are_what_the_code_generates() -> None:
    assert published.main(["--check"]) == 0


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(FOLDER / "json", tmp_path / "json")
    shutil.copy(FOLDER / published.ASYNCAPI, tmp_path)
    return tmp_path


def _remove(folder: Path) -> None:
    (folder / "json/outcome.v1.schema.json").unlink()


def _alter(folder: Path) -> None:
    path = folder / "asyncapi.json"
    path.write_text(path.read_text().replace('"outcomes"', '"results"', 1))


def _add(folder: Path) -> None:
    (folder / "json/outcome.v0.schema.json").write_text("{}")


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (_remove, "json/outcome.v1.schema.json: missing"),
        (_alter, "asyncapi.json: differs"),
        (_add, "json/outcome.v0.schema.json: the code does not generate it"),
    ],
)
def test_check_fails_and_names_the_file_when_one_differs(
    copy: Path,
    change: Callable[[Path], None],
    line: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert published.main(["--check"], copy) == 0
    change(copy)
    assert published.main(["--check"], copy) == 1
    assert capsys.readouterr().out == f"not as the code generates it: {line}\n"


def test_writing_mends_whatever_differs(copy: Path) -> None:
    for change in (_remove, _alter, _add):
        change(copy)
    assert published.main([], copy) == 0
    assert published.main(["--check"], copy) == 0


def test_generation_gives_the_same_bytes_each_time() -> None:
    once, again = (published.generated_files(published.current(), "1") for _ in range(2))
    assert once == again


def test_schemas_name_themselves_and_their_dialect() -> None:
    for name in MESSAGE_BY_NAME:
        schema = schema_of(name)
        assert schema["$id"] == f"urn:herken:schema:{name}"
        assert schema["$schema"] == published.DIALECT


# --- nothing missing, nothing left over


def misplaced(folder: Path, names: set[str]) -> list[str]:
    """Files that no test would read: of no message, of no known kind, or not JSON."""
    wanted = {(name, kind) for name in names for kind in ("valid", "invalid")}
    paths = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    return [
        str(path)
        for path in paths
        if len(path.parts) != 3 or path.parts[:2] not in wanted or path.suffix != ".json"
    ]


def test_every_message_has_two_valid_and_four_invalid_examples() -> None:
    for name in MESSAGE_BY_NAME:
        assert len(list((EXAMPLES / name / "valid").glob("*.json"))) >= 2, name
        assert len(list((EXAMPLES / name / "invalid").glob("*.json"))) >= 4, name


def test_no_example_is_without_a_message() -> None:
    assert misplaced(EXAMPLES, set(MESSAGE_BY_NAME)) == []


def test_an_example_without_a_message_is_found() -> None:
    assert misplaced(EXAMPLES, set(MESSAGE_BY_NAME) - {"cancellation.v1"}) != []
    assert misplaced(EXAMPLES.parent, set(MESSAGE_BY_NAME)) != []


def models_within(model: type[BaseModel]) -> set[str]:
    return {model.__name__, *model.model_json_schema().get("$defs", {})}


def unpublished(parts: tuple[type[Value], ...]) -> set[str]:
    """Value types of the language that neither a message nor a part of one publishes."""
    known = set().union(*map(models_within, (*MESSAGE_BY_NAME.values(), *parts)))
    return {name for module in LANGUAGE for name in values_of(module)} - known - NOT_PUBLISHED


def values_of(module: ModuleType) -> set[str]:
    own = (
        one for one in vars(module).values() if getattr(one, "__module__", "") == module.__name__
    )
    types = {one.__name__ for one in own if isinstance(one, type) and issubclass(one, Value)}
    return {name for name in types if not name.startswith("_")}


def test_whatever_crosses_between_participants_is_published() -> None:
    assert unpublished(PARTS) == set()


@pytest.mark.parametrize("part", [sealed.LegalSubject, commands.Command, chains.ChainLinks])
def test_a_sealed_content_that_is_not_published_is_found(part: type[Value]) -> None:
    parts = tuple(one for one in PARTS if one is not part)
    assert part.__name__ in unpublished(parts)


# --- examples


@pytest.mark.parametrize("path", examples("valid"))
def test_valid_example_is_accepted_by_model_and_json_schema(path: Path) -> None:
    name, message = read(path)
    assert refused_by(name, message) == set()


@pytest.mark.parametrize("path", examples("invalid"))
def test_invalid_example_is_refused_by_exactly_those_it_names(path: Path) -> None:
    name, example = read(path)
    assert example.keys() == {"reason", "refused_by", "message"}
    assert example["reason"].endswith(".")
    assert refused_by(name, example["message"]) == REFUSED_BY[example["refused_by"]]


@pytest.mark.parametrize("path", examples("valid"))
def test_what_a_model_writes_is_accepted_by_its_json_schema(path: Path) -> None:
    name, message = read(path)
    written = MESSAGE_BY_NAME[name].model_validate(message).model_dump(mode="json")
    assert refused_by(name, written) == set()


def mutilated(message: dict[str, Any], required: set[str]) -> list[dict[str, Any]]:
    """The message without each of its required fields in turn, and with a field too many."""
    lacking = [{k: v for k, v in message.items() if k != name} for name in required]
    return [*lacking, {**message, "field_too_many": None}]


def required_of(name: str, result: dict[str, Any]) -> set[str]:
    """What the kind of result has that this one is."""
    kinds = schema_of(name)["$defs"].values()
    (kind,) = [k for k in kinds if _status(k) == result["status"]]
    return set(kind["required"])


def _status(kind: dict[str, Any]) -> str | None:
    found: str | None = kind.get("properties", {}).get("status", {}).get("const")
    return found


@pytest.mark.parametrize("path", examples("valid"))
def test_a_valid_example_is_refused_by_both_when_a_field_is_taken_or_added(path: Path) -> None:
    name, message = read(path)
    required = set(schema_of(name)["required"])
    for spoiled in mutilated(message, required):
        assert refused_by(name, spoiled) == REFUSED_BY["both"]
    result = message.get("result", {})
    for spoiled in mutilated(result, required_of(name, result)) if result else []:
        assert refused_by(name, {**message, "result": spoiled}) == REFUSED_BY["both"]


def test_a_schema_that_lost_a_property_refuses_valid_examples() -> None:
    name, message = read(EXAMPLES / "outcome.v1/valid/an-assertion.json")
    schema = deepcopy(schema_of(name))
    del schema["properties"]["request"]
    assert not Draft202012Validator(schema).is_valid(message)
