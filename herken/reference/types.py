"""How the type of a field is told: from the annotation as the code has it, with links."""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from herken.reference.text import code

_WORDS: Final = {
    "str": "text",
    "int": "whole number",
    "float": "number",
    "bool": "true or false",
    "datetime": "time",
    "AwareDatetime": "time with its offset",
    "UUID": "UUID",
    "Path": "folder",
    "date": "date",
    "AnyHttpUrl": "URL",
    "dict": "object",
}
_PAGES: Final = {"RefusalCode": "refusals.md"}


def field_type(model: type[BaseModel], name: str) -> str:
    """The type and limits of a field."""
    owner = next(c for c in model.__mro__ if name in inspect.get_annotations(c))
    annotation = str(inspect.get_annotations(owner)[name])
    said = type_text(annotation, vars(sys.modules[owner.__module__]))
    return said + _limits(model.model_fields[name])


class _Texts(ast.NodeTransformer):
    """Puts a text in the place of the constant that has it."""

    def __init__(self, names: Mapping[str, object]) -> None:
        self._names = names

    def visit_Name(self, node: ast.Name) -> ast.expr:
        text = self._names.get(node.id)
        return ast.Constant(text) if isinstance(text, str) else node


def type_text(annotation: str, names: Mapping[str, object]) -> str:
    """`ServiceID | None` as `[ServiceID](messages.md#serviceid) or none`."""
    return _told(_Texts(names).visit(ast.parse(annotation, mode="eval").body))


def _told(node: ast.expr) -> str:
    match node:
        case ast.Constant(value=None):
            return "none"
        case ast.Name(id=name):
            page = _PAGES.get(name, f"messages.md#{name.lower()}")
            return _WORDS.get(name) or f"[{name}]({page})"
        case ast.BinOp(left=left, right=right):
            return f"{_told(left)} or {_told(right)}"
        case ast.Subscript(value=ast.Name(id=outer), slice=inner):
            return _subscripted(outer, inner)
    return code(ast.unparse(node))


def _subscripted(outer: str, inner: ast.expr) -> str:
    parts = inner.elts if isinstance(inner, ast.Tuple) else [inner]
    match outer:
        case "tuple":
            return f"list of {_told(parts[0])}"
        case "Annotated":
            return ", ".join([_told(parts[0]), *_constraints(parts[1:])])
        case "Literal":
            return code(ast.literal_eval(parts[0]))
    return _WORDS[outer]


def _constraints(calls: list[ast.expr]) -> list[str]:
    keywords = [k for call in calls if isinstance(call, ast.Call) for k in call.keywords]
    return [_constraint(str(k.arg), _value(k.value)) for k in keywords]


def _value(node: ast.expr) -> object:
    return node.value if isinstance(node, ast.Constant) else ast.unparse(node)


def _constraint(name: str, value: object) -> str:
    return f"{name.replace('_', ' ')} {code(value)}"


def _limits(field: FieldInfo) -> str:
    """What a `Field(...)` allows of a number or a list."""
    said = {"ge": "at least", "gt": "more than", "le": "at most", "min_length": "length at least"}
    given = [(edge, getattr(m, edge)) for m in field.metadata for edge in said if _has(m, edge)]
    return "".join(f", {said[edge]} {limit}" for edge, limit in given)


def _has(constraint: Any, edge: str) -> bool:
    return type(constraint).__module__ == "annotated_types" and hasattr(constraint, edge)


def default_text(default: object) -> str:
    if default is None or default == "":
        return "none"
    return code(str(default).lower() if isinstance(default, bool) else default)
