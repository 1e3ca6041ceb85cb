"""What is wrong in a scenario file is said with its line and its cure.

The faults are a table, `scenario_faults.yaml`; each edits the good file.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from pipeline.errors import WrongUse
from sandbox.scenario_file import MAX_BYTES, ScenarioError, load, main
from sandbox.scenario_form import as_yaml, example_of, schema
from sandbox.scenario_references import REFERENCES
from sandbox.scenario_rules import RULES
from schemas.values import Level

SCENARIOS = Path(__file__).parents[2] / "scenarios"
GOOD_FILE = SCENARIOS / "first-login.yaml"
GOOD = GOOD_FILE.read_text()
FAULTS = yaml.safe_load(Path(__file__).with_name("scenario_faults.yaml").read_text())
BY_RULE = [fault for fault in FAULTS if "rule" in fault]
NOW = datetime(2026, 1, 1, tzinfo=UTC)
VALID = "    level: EH3\n  - person"


def edited(old: str, new: str, text: str = GOOD) -> str:
    assert old in text
    return text.replace(old, new, 1)


def faulty(fault: dict[str, Any]) -> str:
    text = edited(fault["old"], fault["new"])
    for also in fault.get("also", ()):
        text = edited(also["old"], also["new"], text)
    return text


def with_mandate(*fields: str) -> str:
    return edited(VALID, "\n    ".join(("    level: EH3", *fields)) + "\n  - person")


def said_of(content: str | bytes, folder: Path) -> list[str]:
    """What `load` says of a file; nothing where it is good."""
    path = folder / "first-login.yaml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    try:
        load(path, NOW)
    except ScenarioError as error:
        return str(error).split("\n")
    return []


def line_of(words: str, text: str) -> int:
    """The line where the words, first found, end."""
    return text.count("\n", 0, text.index(words) + len(words)) + 1


def expected(fault: dict[str, Any], text: str) -> str:
    first = line_of(fault["first"], text) if "first" in fault else 0
    line = line_of(fault.get("line_of", "# here"), text)
    return f"first-login.yaml:{line}: {fault['said'].replace('{first}', str(first))}"


def shows(fault: dict[str, Any]) -> str:
    return str(fault["shows"])


# --- the table


@pytest.mark.parametrize("fault", FAULTS, ids=shows)
def test_a_fault_is_said_with_its_line_and_cure(fault: dict[str, Any], tmp_path: Path) -> None:
    text = faulty(fault)
    said = said_of(text, tmp_path)
    assert said[0] == expected(fault, text)
    assert len(said) == 1 + fault.get("more", 0)


@pytest.mark.parametrize("fault", BY_RULE, ids=shows)
def test_without_its_rule_a_fault_is_not_found(
    fault: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = tuple(rule for rule in RULES if rule.__name__ != fault["rule"])
    monkeypatch.setattr("sandbox.scenario_rules.RULES", others)
    text = faulty(fault)
    assert expected(fault, text) not in said_of(text, tmp_path)


def test_every_rule_has_a_fault_in_the_table() -> None:
    assert {fault["rule"] for fault in BY_RULE} == {rule.__name__ for rule in RULES}


def test_every_reference_has_a_fault_in_the_table() -> None:
    faults = [fault["said"] for fault in BY_RULE if fault["rule"] == "references"]
    assert len(faults) == len(REFERENCES)


# --- good files


def test_the_first_login_loads() -> None:
    scenario = load(GOOD_FILE, NOW)
    assert scenario.logins[0].name == "granted at EH3 with password and code"
    assert scenario.logins[2].for_ == "scheepswerf"
    assert scenario.service("lozingsaangifte")[1].level is Level.EH4


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("\ufeff" + GOOD.replace("\n", "\r\n"), id="as Windows saves it"),
        pytest.param(with_mandate("valid_until: 2031-01-01T00:00:00Z"), id="five years from now"),
        pytest.param(with_mandate("valid_from: -400d", "valid_until: -1d"), id="ended yesterday"),
        pytest.param(with_mandate("valid_from: +30d"), id="from next month on"),
        pytest.param(edited("index: 2", "index: 2\n        sso: false"), id="a flag"),
        pytest.param(
            with_mandate(
                "valid_from: 2028-03-01T00:00:00+01:00", "valid_until: 2033-03-01T00:00:00+01:00"
            ),
            id="five years with one leap day",
        ),
        pytest.param(
            edited('"00000099000000003000"', '"00000099000000002000"\n    entity_index: 9002'),
            id="one OIN, two EntityIDs",
        ),
        pytest.param(edited("wind-mee-en-stroom-tegen", "windmee8"), id="a short password"),
        pytest.param(
            edited(
                'kvk: "90000101"',
                'kvk: "90000101"\n    vestigingen: ["900001010001"]',
                with_mandate('vestiging: "900001010001"'),
            ),
            id="a vestiging of the organisation",
        ),
        pytest.param(
            edited("level: EH3", "level: &eh EH3").replace("    level: EH3\n", "    level: *eh\n"),
            id="an anchor",
        ),
        pytest.param(
            edited("does: cancel", "does: wrong-password"),
            id="a wrong password of one means out of two",
        ),
    ],
)
def test_a_scenario_loads_when(text: str, tmp_path: Path) -> None:
    assert said_of(text, tmp_path) == []


# --- all at once, by line, and nothing secret


def test_all_problems_are_said_at_once_by_line(tmp_path: Path) -> None:
    text = edited("does: cancel", "does: cancle")  # the form
    text = edited("makelaar: polder", "makelaar: poldr", text)  # a rule
    text = edited('kvk: "90000101"', "kvk: 09000101", text)  # YAML
    text = edited("    display_name: Makelaar De Polder\n", "", text)
    said = said_of(text, tmp_path)
    assert [each.split(": ")[1] for each in said] == [
        "makelaars[0].display_name",
        "dienstverleners[0].services[0].makelaar",
        "organisations[0].kvk",
        "logins[6].does",
    ]
    lines = [int(each.split(":")[1]) for each in said]
    assert lines == sorted(lines)


@pytest.mark.parametrize(
    "broken", ["zeven: zee", "*zeven", "!zeven x", "&zeven", "'zeven", "{zeven", "[zeven]"]
)
@pytest.mark.parametrize("field", ["password: ", "pasword: ", "password:", "password "])
def test_a_password_is_never_repeated(field: str, broken: str, tmp_path: Path) -> None:
    said = said_of(edited("password: zeven-zeilen-op-zondag", field + broken), tmp_path)
    assert said
    assert not any("zeven" in line for line in said)


@pytest.mark.parametrize("number", ["0123456789", "1234567890", "1_000_000_000", "0x1234567890"])
def test_a_password_of_digits_is_to_be_quoted_and_not_repeated(number: str, tmp_path: Path) -> None:
    (said,) = said_of(edited("zeven-zeilen-op-zondag", number), tmp_path)
    assert said.endswith('quote it: "..."')
    assert number not in said


def test_a_field_that_lacks_a_space_is_not_repeated(tmp_path: Path) -> None:
    flow = "{provider: dijk, registry: terp, level: EH3, username: cor, password:zeven-zeilen}"
    text = edited("  - name: cor", f"      - {flow} # here\n  - name: cor")
    said = said_of(text, tmp_path)
    line = line_of("# here", text)
    assert f":{line}: people[1].means[1].?: there is no such field (a space" in said[0]
    assert "zeven" not in said[0]


def test_of_many_names_the_first_twelve_are_said(tmp_path: Path) -> None:
    more = "".join(f"  - {{name: o{n}, display_name: O, kvk: '900002{n:02}'}}\n" for n in range(20))
    text = edited("people:", f"{more}\npeople:")
    (said,) = said_of(edited("for: scheepswerf", "for: pakhuis", text), tmp_path)
    assert said.endswith(
        "Organisations are: korenmolen, scheepswerf, o0, o1, o2, o3, o4, o5, o6, "
        "o7, o8, o9, and 10 more"
    )


# --- files that are none


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", ":1: the file is empty: a scenario begins with `herken: 1`"),
        (b"# nothing yet\n\n", ":1: the file is empty: a scenario begins with `herken: 1`"),
        (b"\n- herken: 1\n", ":2: the file must have fields: a scenario begins with `herken: 1`"),
        (b"0123", ":1: the file must have fields: a scenario begins with `herken: 1`"),
        (b"herken: 1\nname: caf\xe9\n", ":2: is not UTF-8: save the file as UTF-8"),
        (GOOD.encode("utf-16"), ":1: is not UTF-8: save the file as UTF-8"),
        (b"herken: 1\nname: \x07\n", ":2: a control character: remove it"),
        (b'herken: "\\UFFFFFFFF"', ":1: an escape that is no character"),
        (b"#" * (MAX_BYTES + 1), ": is larger than 5 MB"),
        (b"[" * 1_000, ":1: more levels of [ and { than any scenario has"),
    ],
    ids=[
        "empty",
        "comments",
        "a list",
        "a number",
        "latin-1",
        "utf-16",
        "a control character",
        "no character",
        "too large",
        "too deep",
    ],
)
def test_what_is_no_scenario_is_said_in_one_line(content: bytes, said: str, tmp_path: Path) -> None:
    (line,) = said_of(content, tmp_path)
    assert said in line
    assert "first-login.yaml:" in line


@pytest.mark.parametrize(
    ("name", "said"),
    [("none.yaml", "there is no such file"), ("", "is a directory: name a file in it")],
)
def test_a_path_that_is_no_file_is_wrong_use(name: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(WrongUse) as caught:
        load(tmp_path / name)
    assert str(caught.value) == f"{tmp_path / name}: {said}"


def test_anchors_that_multiply_are_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.scenario_yaml.MAX_VALUES", 1_000)
    laughs = "a: &a [1, 1, 1, 1]\n" + "".join(
        f"{after}: &{after} [*{before}, *{before}, *{before}, *{before}]\n"
        for before, after in pairwise("abcdefgh")
    )
    (line,) = said_of(laughs, tmp_path)
    assert line.endswith("too many values, or an anchor inside itself")


def test_a_file_that_ends_too_early_is_said_to_be_wrong(tmp_path: Path) -> None:
    lines = GOOD.split("\n")
    for count in range(0, lines.index("dienstverleners:"), 3):
        said = said_of("\n".join(lines[:count]), tmp_path)
        assert said
        assert all(re.match(r"first-login\.yaml:[0-9]+: ", each) for each in said)


# --- the JSON Schema


def test_the_committed_json_schema_is_the_models(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--schema"])
    committed = (SCENARIOS / "scenario.schema.json").read_text()
    assert capsys.readouterr().out == committed, "renew: python -m sandbox.scenario_file --schema"


def test_the_first_login_meets_the_json_schema() -> None:
    Draft202012Validator.check_schema(schema())
    Draft202012Validator(schema()).validate(yaml.safe_load(GOOD))


@pytest.mark.parametrize("file", sorted(SCENARIOS.glob("*.yaml")), ids=lambda file: file.name)
def test_every_scenario_is_right_and_meets_the_json_schema(file: Path) -> None:
    assert load(file, NOW).steps
    Draft202012Validator(schema()).validate(yaml.safe_load(file.read_text()))


@pytest.mark.parametrize(("old", "new"), [("oin:", "ion:"), ("EH3", "EH5"), ("for:", "for_:")])
def test_the_json_schema_refuses_what_load_refuses(old: str, new: str, tmp_path: Path) -> None:
    text = edited(old, new)
    assert said_of(text, tmp_path)
    assert list(Draft202012Validator(schema()).iter_errors(yaml.safe_load(text)))


def test_every_field_has_a_description_and_a_right_example() -> None:
    definitions = [schema(), *schema()["$defs"].values()]
    for definition in definitions:
        for name, field in definition.get("properties", {}).items():
            assert field.get("description"), name
            example = example_of(field)
            whole = {**field, "$defs": schema()["$defs"]}
            Draft202012Validator(whole).validate(example)
            assert yaml.safe_load(as_yaml(example)) == example
