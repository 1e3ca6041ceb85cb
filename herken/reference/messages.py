"""The page of messages: every field, the parts inside, and the types of both."""

from __future__ import annotations

import ast
import inspect
from enum import Enum
from types import ModuleType
from typing import Any

from pydantic import BaseModel, TypeAdapter

from herken.reference.text import code, documented, page, prose, section, table
from herken.reference.types import default_text, field_type
from schemas import codec, directory, messages, refusals, values
from schemas.asyncapi import role_name
from schemas.message import Message
from schemas.messages import MESSAGES, Answer
from schemas.topics import TOPICS, Topic

_LIMITS = {"pattern": "pattern", "minLength": "min length", "maxLength": "max length"}
_ENUMERATIONS = (
    values.Role,
    values.Level,
    messages.CredentialKind,
    directory.KeyUse,
    refusals.TopLevel,
    refusals.SecondLevel,
)


def messages_page() -> str:
    whole = {*MESSAGES, Message, Answer}
    return page(
        "Messages",
        "Every message and every field of it. A field that is not listed is refused. [AS] is the "
        "scheme's own specification, the afsprakenstelsel. The same as JSON Schema is in "
        "`schemas/json/`, as AsyncAPI in `schemas/asyncapi.json`, with examples in "
        "`schemas/examples/`.",
        section("In the order of one login", *(_message(topic) for topic in TOPICS)),
        section(
            "Parts of messages",
            "What crosses inside a message: a result, a sealed content, the claims of a signature.",
            *(_model(part) for part in _models(messages) if part not in whole),
            _model(codec.Claims),
        ),
        section(
            "The network's directory",
            prose(directory.__doc__),
            *(_model(part) for part in _models(directory)),
        ),
        section(
            "Types",
            *(_enumeration(kind) for kind in _ENUMERATIONS),
            *(_alias(name, text) for name, text in aliases().items()),
        ),
    )


def _models(module: ModuleType) -> list[type[BaseModel]]:
    own = [one for one in vars(module).values() if inspect.isclass(one)]
    return [c for c in own if issubclass(c, BaseModel) and c.__module__ == module.__name__]


def _message(topic: Topic) -> str:
    message = topic.message
    valid = f"a JWS, valid for {message.VALID_SECONDS:,} s" if topic.signed else "JSON"
    path = f"{role_name(topic.writer)} to {role_name(topic.reader)}"
    return _model(message, f"{code(message.TYPE)} on [{topic.name}](topics.md), {path}; {valid}.")


def _model(model: type[BaseModel], *said: str) -> str:
    schema = model.model_json_schema()
    required = {*schema.get("required", ()), *_tag(schema)}
    rows = [_field(model, name, name in required) for name in model.model_fields]
    fields = table(("Field", "Type", "Default"), rows)
    return section(model.__name__, *said, prose(model.__doc__), fields, depth=3)


def _tag(schema: dict[str, Any]) -> list[str]:
    """What says which part of a union this is has to be there."""
    return ["status"] if "const" in schema["properties"].get("status", {}) else []


def _field(model: type[BaseModel], name: str, required: bool) -> list[str]:
    default = "required" if required else default_text(model.model_fields[name].default)
    return [code(name), field_type(model, name), default]


# --- types


def _enumeration(kind: type[Enum]) -> str:
    rows = [[code(one.value), code(one.name)] for one in kind]
    values_ = table(("Value", "Name in the code"), rows)
    return section(kind.__name__, prose(kind.__doc__), values_, depth=3)


def aliases() -> dict[str, str]:
    """The named types of `schemas.values`, each with the text after it."""
    source = inspect.getsource(values)
    told = dict(documented(source))
    return {name: told.get(name, "") for name in map(_annotated, ast.parse(source).body) if name}


def _annotated(node: ast.stmt) -> str:
    match node:
        case ast.Assign(targets=[ast.Name(id=name)], value=ast.Subscript(value=ast.Name(id=outer))):
            return name if outer == "Annotated" else ""
    return ""


def _alias(name: str, text: str) -> str:
    alias = getattr(values, name)
    schema = TypeAdapter(alias).json_schema()
    limits = [f"{said} {code(schema[limit])}" for limit, said in _LIMITS.items() if limit in schema]
    checks = [_refusal(one.func) for one in alias.__metadata__ if hasattr(one, "func")]
    refused = [f"Where it does not hold: {refusal}." for refusal in checks]
    return section(name, prose(text), f"Text; {', '.join(limits)}.", *refused, depth=3)


def _refusal(check: Any) -> str:
    """What a check says of what it refuses."""
    calls = [n for n in ast.walk(ast.parse(inspect.getsource(check))) if isinstance(n, ast.Call)]
    raised = [call.args[0] for call in calls if ast.unparse(call.func) == "ValueError"]
    return code(ast.literal_eval(raised[0]))
