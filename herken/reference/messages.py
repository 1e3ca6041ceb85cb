"""The page of messages: every field, the parts inside, and the types of both."""

from __future__ import annotations

import ast
import inspect
from enum import Enum
from types import ModuleType
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter

from herken.reference.text import code, documented, page, prose, section, table
from herken.reference.types import default_text, field_type
from schemas import (
    administration,
    catalogue,
    chains,
    codec,
    commands,
    dialogue,
    directory,
    messages,
    published,
    refusals,
    sealed,
    values,
)
from schemas.asyncapi import role_name
from schemas.message import Message
from schemas.topics import TOPICS, Topic

T = TypeVar("T")
_LIMITS = {"pattern": "pattern", "minLength": "min length", "maxLength": "max length"}
_MODULES = (
    values,
    directory,
    catalogue,
    messages,
    dialogue,
    sealed,
    chains,
    administration,
    commands,
    refusals,
)
_NOT_SENT = (catalogue.Service, catalogue.Catalogue, dialogue.Answer, sealed.Secret)
"""How a reader keeps what it read, and what others have in common."""
_ON_A_PAGE_OF_ITS_OWN = (refusals.RefusalCode,)


def messages_page() -> str:
    return page(
        "Messages",
        "Every message and every field of it. A field that is not listed is refused. [AS] is the "
        "scheme's own specification, the afsprakenstelsel. The same as JSON Schema is in "
        "`schemas/json/`, as AsyncAPI in `schemas/asyncapi.json`, with examples in "
        "`schemas/examples/`.",
        section("In the order of one login, and beside it", *(_message(topic) for topic in TOPICS)),
        section(
            "Parts of messages",
            "What crosses inside a message: a result, the claims of a signature.",
            *_parts(messages, dialogue, chains),
            _model(codec.Claims),
        ),
        section("Sealed contents", prose(sealed.__doc__), *_parts(sealed)),
        section("Administration", prose(administration.__doc__), *_parts(administration, commands)),
        section("The catalogue", prose(catalogue.__doc__), *_parts(catalogue)),
        section("The network's directory", prose(directory.__doc__), *_parts(directory)),
        section(
            "Types",
            *(_enumeration(kind) for kind in _enumerations()),
            *(_alias(name, module, text) for name, (module, text) in aliases().items()),
        ),
    )


def _parts(*modules: ModuleType) -> list[str]:
    """The models of modules that are sent, but are no messages."""
    models = [model for module in modules for model in _own(module, BaseModel)]
    return [
        _model(model)
        for model in models
        if not issubclass(model, Message) and model not in _NOT_SENT
    ]


def _own(module: ModuleType, kind: type[T]) -> list[type[T]]:
    """The public classes of a kind that a module defines."""
    own = [one for one in vars(module).values() if inspect.isclass(one)]
    return [
        one
        for one in own
        if issubclass(one, kind)
        and one.__module__ == module.__name__
        and not one.__name__.startswith("_")
    ]


def _enumerations() -> list[type[Enum]]:
    found = [one for module in _MODULES for one in _own(module, Enum)]
    return [one for one in found if one not in _ON_A_PAGE_OF_ITS_OWN]


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
    return [tag for tag in published.TAGS if "const" in schema["properties"].get(tag, {})]


def _field(model: type[BaseModel], name: str, required: bool) -> list[str]:
    default = "required" if required else default_text(model.model_fields[name].default)
    return [code(name), field_type(model, name), default]


# --- types


def _enumeration(kind: type[Enum]) -> str:
    rows = [[code(one.value), code(one.name)] for one in kind]
    values_ = table(("Value", "Name in the code"), rows)
    return section(kind.__name__, prose(kind.__doc__), values_, depth=3)


def aliases() -> dict[str, tuple[ModuleType, str]]:
    """The named types, each with its module and the text after it."""
    found: dict[str, tuple[ModuleType, str]] = {}
    for module in _MODULES:
        source = inspect.getsource(module)
        told = dict(documented(source))
        named = filter(None, map(_annotated, ast.parse(source).body))
        found |= {name: (module, told.get(name, "")) for name in named}
    return found


def _annotated(node: ast.stmt) -> str:
    match node:
        case ast.Assign(targets=[ast.Name(id=name)], value=ast.Subscript(value=ast.Name(id=outer))):
            return name if outer == "Annotated" else ""
    return ""


def _alias(name: str, module: ModuleType, text: str) -> str:
    alias = getattr(module, name)
    schema = TypeAdapter(alias).json_schema()
    if "oneOf" in schema:
        kinds = [reference.rpartition("/")[2] for reference in _references(schema["oneOf"])]
        one_of = ", ".join(f"[{kind}](messages.md#{kind.lower()})" for kind in kinds)
        return section(name, prose(text), f"One of {one_of}.", depth=3)
    limits = [f"{said} {code(schema[limit])}" for limit, said in _LIMITS.items() if limit in schema]
    checks = [_refusal(one.func) for one in alias.__metadata__ if hasattr(one, "func")]
    refused = [f"Where it does not hold: {refusal}." for refusal in checks]
    return section(name, prose(text), f"Text; {', '.join(limits)}.", *refused, depth=3)


def _references(kinds: list[dict[str, str]]) -> list[str]:
    return [kind["$ref"] for kind in kinds]


def _refusal(check: Any) -> str:
    """What a check says of what it refuses."""
    calls = [n for n in ast.walk(ast.parse(inspect.getsource(check))) if isinstance(n, ast.Call)]
    raised = [call.args[0] for call in calls if ast.unparse(call.func) == "ValueError"]
    return code(ast.literal_eval(raised[0]))
