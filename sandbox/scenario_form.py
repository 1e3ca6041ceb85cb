"""The form of a scenario file, as its JSON Schema has it: what stands where, with examples."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

from sandbox.scenario import Scenario
from sandbox.scenario_facts import Place

_BARE = re.compile(r"[A-Za-z][A-Za-z0-9 @.+_-]*")


@cache
def schema() -> dict[str, Any]:
    """The JSON Schema of a scenario file."""
    form = Scenario.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **form}


def form_at(place: Place) -> dict[str, Any]:
    """The JSON Schema of what stands at a place; empty where nothing should. A place with the name
    of a variant in it (a Login, an Act) is of that one, and else of any."""
    form = resolved(schema())
    for part in place:
        form = resolved(_inside(form, part) or {})
    return form


def _inside(form: dict[str, Any], part: str | int) -> dict[str, Any] | None:
    if isinstance(part, int):
        return form.get("items")
    if part in _variants(form):
        return _variants(form)[part]
    return fields_of(form).get(part)


def _variants(form: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {each["$ref"].rsplit("/", 1)[-1]: resolved(each) for each in form.get("oneOf", ())}


def resolved(form: dict[str, Any]) -> dict[str, Any]:
    """A schema with what it refers to, and without the null of an optional field."""
    if "$ref" in form:
        form = schema()["$defs"][form["$ref"].rsplit("/", 1)[-1]] | form
    if "anyOf" in form:
        form = resolved(form["anyOf"][0]) | form
    return form


def fields_of(form: dict[str, Any]) -> dict[str, Any]:
    variants = reversed(_variants(form).values())
    each = (name for variant in variants for name in variant.get("properties", {}).items())
    return dict(each) | dict(form.get("properties", {}))


# --- examples


def as_yaml(value: Any) -> str:
    """On one line, and with quotes where they are needed."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {as_yaml(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(as_yaml(each) for each in value) + "]"
    return value if isinstance(value, str) and _BARE.fullmatch(value) else json.dumps(value)


def example_of(form: dict[str, Any]) -> Any:
    """The example of a field, or one made of the examples of its required fields."""
    form = resolved(form)
    if form.get("examples"):
        return form["examples"][0]
    if form.get("type") == "array":
        return [example_of(form["items"])]
    if form.get("oneOf"):
        return example_of(form["oneOf"][0])
    fields = fields_of(form)
    return {name: example_of(fields[name]) for name in form.get("required", fields)}
