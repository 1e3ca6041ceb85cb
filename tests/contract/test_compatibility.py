"""The language that was released is still understood; every kind of breaking change is found."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from schemas import published
from schemas.compatibility import Contract, Language, breaking_changes
from schemas.published import FOLDER, RELEASED

Json = dict[str, Any]
Change = Callable[[Json], None]

LETTER: Json = {
    "$id": "urn:herken:schema:letter.v1",
    "$defs": {
        "Stamp": {
            "title": "Stamp",
            "type": "object",
            "additionalProperties": False,
            "properties": {"cents": {"type": "integer", "minimum": 1, "maximum": 500}},
            "required": ["cents"],
        },
        "Franked": {
            "title": "Franked",
            "type": "object",
            "properties": {"by": {"const": "machine"}},
            "required": ["by"],
        },
        "Mark": {"title": "Mark", "type": "string", "enum": ["fragile", "heavy"]},
        "Speed": {"title": "Speed", "type": "string", "enum": ["slow", "fast"]},
    },
    "title": "Letter",
    "description": "What is sent.",
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "to": {"type": "string", "pattern": "^[a-z]+$", "maxLength": 40},
        "title": {"type": "string"},
        "speed": {"$ref": "#/$defs/Speed"},
        "signed_for": {"type": "boolean", "default": False},
        "postage": {"oneOf": [{"$ref": "#/$defs/Stamp"}, {"$ref": "#/$defs/Franked"}]},
        "copies": {"type": "array", "items": {"$ref": "#/$defs/Stamp"}, "minItems": 1},
        "marks": {"type": "object", "additionalProperties": {"$ref": "#/$defs/Mark"}},
    },
    "required": ["to", "speed"],
}
POST: Contract = {
    "dead_letters": True,
    "key": "request_id",
    "message": "letter.v1",
    "owner": "postman",
    "reader": "postman",
    "signed": True,
    "writer": "writer",
}
RELEASED_ONCE = Language({"letter.v1": LETTER}, {"letters": POST}, {"Envelope": LETTER})


def _field(name: str) -> Callable[[Json], Json]:
    return lambda letter: letter["properties"][name]


def _stamp(letter: Json) -> Json:
    cents: Json = letter["$defs"]["Stamp"]["properties"]["cents"]
    return cents


def _put(where: Callable[[Json], Json], word: str, value: Any) -> Change:
    return lambda letter: where(letter).__setitem__(word, value)


def _take(where: Callable[[Json], Json], word: str) -> Change:
    return lambda letter: where(letter).__delitem__(word)


def _whole(letter: Json) -> Json:
    return letter


def _required(*names: str) -> Change:
    return _put(_whole, "required", list(names))


def _add_required(letter: Json) -> None:
    letter["properties"]["from"] = {"type": "string"}
    letter["required"].append("from")


def _add_optional(letter: Json) -> None:
    letter["properties"]["from"] = {"type": "string"}


def _remove(name: str) -> Change:
    return lambda letter: letter["properties"].__delitem__(name)


def _third_way(letter: Json) -> None:
    letter["properties"]["postage"]["oneOf"].append({"title": "Free", "type": "null"})


def _one_way(letter: Json) -> None:
    letter["properties"]["postage"]["oneOf"].pop()


BREAKING: dict[str, tuple[Change, str]] = {
    "field removed": (_remove("signed_for"), "/signed_for: field removed"),
    "required field added": (_add_required, "/from: required field added"),
    "optional field added": (_add_optional, "/from: optional field added"),
    "field newly required": (_required("to", "speed", "copies"), "/copies: field became required"),
    "field no longer required": (_required("to"), "/speed: field became optional"),
    "type changed": (
        _put(_field("to"), "type", "integer"),
        '/to: type changed from "string" to "integer"',
    ),
    "type of a field called title changed": (
        _put(_field("title"), "type", "null"),
        '/title: type changed from "string" to "null"',
    ),
    "pattern changed": (
        _put(_field("to"), "pattern", "^[a-z]{3}$"),
        '/to: pattern changed from "^[a-z]+$" to "^[a-z]{3}$"',
    ),
    "pattern removed": (_take(_field("to"), "pattern"), '/to: pattern "^[a-z]+$" removed'),
    "format added": (_put(_field("to"), "format", "email"), '/to: format "email" added'),
    "limit narrowed": (
        _put(_field("to"), "maxLength", 30),
        "/to: maxLength changed from 40 to 30",
    ),
    "limit widened": (_put(_field("to"), "maxLength", 50), "/to: maxLength changed from 40 to 50"),
    "enum value removed": (
        _put(lambda letter: letter["$defs"]["Speed"], "enum", ["slow"]),
        '/speed: enum value "fast" removed',
    ),
    "enum value added": (
        _put(lambda letter: letter["$defs"]["Speed"], "enum", ["slow", "fast", "now"]),
        '/speed: enum value "now" added',
    ),
    "default changed": (
        _put(_field("signed_for"), "default", True),
        "/signed_for: default changed from false to true",
    ),
    "opened to unknown fields": (
        _put(_whole, "additionalProperties", True),
        ": additionalProperties changed from false to true",
    ),
    "change inside a list": (
        _put(_stamp, "maximum", 600),
        "/copies[]/cents: maximum changed from 500 to 600",
    ),
    "change inside an alternative": (
        _put(_stamp, "minimum", 0),
        "/postage/cents: minimum changed from 1 to 0",
    ),
    "alternative added": (_third_way, "/postage: alternative Free added"),
    "alternative removed": (_one_way, "/postage: alternative Franked removed"),
    "change behind a keyword that is not taken apart": (
        _put(lambda letter: letter["$defs"]["Mark"], "enum", ["heavy"]),
        "/marks: additionalProperties changed",
    ),
}


def altered(change: Change) -> Json:
    letter = deepcopy(LETTER)
    change(letter)
    return letter


@pytest.mark.parametrize(("change", "sentence"), BREAKING.values(), ids=BREAKING.keys())
def test_breaking_change_of_a_message_is_found(change: Change, sentence: str) -> None:
    current = Language({"letter.v1": altered(change)}, {"letters": POST}, {"Envelope": LETTER})
    found = breaking_changes(RELEASED_ONCE, current)
    assert any(line.startswith(f"letter.v1{sentence}") for line in found), found


def test_breaking_change_of_a_part_is_found() -> None:
    parts = {"Envelope": altered(_remove("to"))}
    current = Language({"letter.v1": LETTER}, {"letters": POST}, parts)
    assert breaking_changes(RELEASED_ONCE, current) == ["Envelope/to: field removed"]


def test_removals_are_found() -> None:
    assert breaking_changes(RELEASED_ONCE, Language()) == [
        "Envelope: part removed",
        "letter.v1: message removed",
        "letters: topic removed",
    ]


@pytest.mark.parametrize(
    ("term", "value"),
    [
        ("dead_letters", False),
        ("key", "to"),
        ("message", "letter.v2"),
        ("owner", "writer"),
        ("reader", "neighbour"),
        ("signed", False),
        ("writer", "neighbour"),
    ],
)
def test_changed_term_of_a_topic_is_found(term: str, value: str | bool) -> None:
    topics: dict[str, Contract] = {"letters": {**POST, term: value}}
    found = breaking_changes(
        RELEASED_ONCE, Language({"letter.v1": LETTER}, topics, {"Envelope": LETTER})
    )
    assert len(found) == 1
    assert found[0].startswith(f"letters: {term} changed from ")


def _reword(letter: Json) -> None:
    letter |= {"title": "Brief", "description": "Anders.", "$id": "urn:x", "examples": [{}]}
    letter["properties"]["to"]["description"] = "To whom."


def _reorder(letter: Json) -> None:
    letter["properties"]["postage"]["oneOf"].reverse()
    letter["$defs"]["Speed"]["enum"].reverse()
    letter["required"].reverse()


def _rename_definition(letter: Json) -> None:
    letter["$defs"]["Pace"] = letter["$defs"].pop("Speed")
    letter["properties"]["speed"] = {"$ref": "#/$defs/Pace"}


@pytest.mark.parametrize("change", [_reword, _reorder, _rename_definition])
def test_wording_order_and_names_of_definitions_are_free(change: Change) -> None:
    current = Language({"letter.v1": altered(change)}, {"letters": POST}, {"Envelope": LETTER})
    assert breaking_changes(RELEASED_ONCE, current) == []


def test_new_message_topic_and_part_are_free() -> None:
    current = Language(
        {"letter.v1": LETTER, "letter.v2": altered(_add_required)},
        {"letters": POST, "letters-v2": {**POST, "message": "letter.v2"}},
        {"Envelope": LETTER, "Seal": LETTER},
    )
    assert breaking_changes(RELEASED_ONCE, current) == []


# --- the released language itself


def test_current_code_speaks_the_released_language() -> None:
    assert breaking_changes(published.released(), published.current()) == []


def test_release_holds_every_message_topic_and_part() -> None:
    released, current = published.released(), published.current()
    assert released.messages.keys() >= {"authn-request.v1", "outcome.v1"}
    assert released.topics.keys() <= current.topics.keys()
    assert released.parts.keys() <= current.parts.keys()
    assert all((released.messages, released.topics, released.parts))


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(FOLDER / "released", tmp_path / "released")
    return tmp_path


def test_released_schema_that_asks_for_more_is_found(copy: Path) -> None:
    path = copy / "released/cancellation.v1.schema.json"
    path.write_text(path.read_text().replace('"format": "uuid"', '"format": "uri"'))
    assert breaking_changes(published.released(copy), published.current()) == [
        'cancellation.v1/request_id: format changed from "uri" to "uuid"'
    ]


def test_release_freezes_what_is_there_and_is_compatible_with_itself(tmp_path: Path) -> None:
    assert published.main(["--release"], tmp_path) == 0
    assert published.released(tmp_path) == published.current()
    assert len(list(tmp_path.glob(RELEASED[0]))) == len(published.MESSAGE_BY_NAME) + 1


def test_release_is_refused_and_writes_nothing_when_it_breaks_the_last(
    copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = copy / "released/letter.v1.schema.json"
    path.write_text("{}")
    assert published.main(["--release"], copy) == 1
    assert path.exists()
    assert "breaks what was released: letter.v1: message removed" in capsys.readouterr().out
