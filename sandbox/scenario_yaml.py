"""Reads YAML so that every value knows its line, and nothing can be read in two ways.

Refused are: a field that stands twice, numbers and words that YAML readers do not agree about,
tags, control characters. Of the file's text only digits to be quoted are repeated, because
anything may be a password.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import yaml

from sandbox.scenario_facts import Place

MAX_DEPTH = 20
MAX_VALUES = 500_000
_MAX_DIGITS = 25  # more do not make a number righter, and Python refuses to read thousands
_FLAGS = ("true", "false")
_FRACTION = 0.5  # no field holds one: which one it is does not matter
_KINDS = {"null", "bool", "int", "float", "str", "timestamp", "value", "merge", "map", "seq"}
_PLAIN_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?")
_WHOLE_NUMBER = re.compile(r"-?[0-9]+")
_LEADING_ZERO = re.compile(r"[-+]?0[0-9]+")
_CONTROL = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff]"
)
_TWICE = "leave one of them out, or begin the second item with a '-'"
_QUOTE_IT = "put it in quotes"
_ESCAPE = r"""in "..." a \ begins an escape: write \\, or use '...'"""
_SAID = {
    r"'\t'": "a tab: indent with spaces",
    "mapping values": "a ':' too many, or a line that is indented too far: put a text with ': ' "
    "in quotes, and begin the fields of one thing in the same column",
    "could not find expected ':'": "a ':' is missing: write a field as `name: value`",
    "expected <block end>": "begin the fields (or the '-') of one thing in the same column",
    "sequence entries": "a '-' cannot stand here: begin the list on a line of its own",
    "expected ',' or": "a ',' is missing, or this { or [ is not closed",
    "end of stream": "this quote is never closed",
    "document separator": "this quote is never closed",
    "another document": "a second document: a file holds one scenario, so remove the '---'",
    "alias": f"a text that begins with '*': {_QUOTE_IT} (or the anchor of that name is missing)",
    "anchor": f"a text that begins with '&': {_QUOTE_IT} (or an anchor that stands twice)",
    "tag": f"a text that begins with '!': {_QUOTE_IT}",
    "unknown escape": _ESCAPE,
    "escape sequence": _ESCAPE,
    "cannot start": f"a text cannot begin with this character: {_QUOTE_IT}",
}
"""What PyYAML says, and what is said here."""
_SAID_OF_ITS_BEGIN = ("could not find", "expected ',' or", "end of stream", "document separator")
_OTHERWISE = "not YAML: a field is `name: value`, a list item is `- value`"


class NotReadable(Exception):
    """Nothing can be said about the rest of the file."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line, self.message = line, message


def compose(content: str) -> yaml.Node | None:
    """The nodes of a YAML text; None where it holds nothing. Raises NotReadable."""
    try:
        return yaml.compose(content, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        raise _not_readable(error) from None
    except yaml.reader.ReaderError as error:
        line = content.count("\n", 0, error.position) + 1
        raise NotReadable(line, "a control character: remove it") from None
    except RecursionError:
        raise NotReadable(1, "more levels of [ and { than any scenario has") from None
    except (ValueError, OverflowError):  # "\UFFFFFFFF" is no character
        raise NotReadable(1, f"an escape that is no character: {_ESCAPE}") from None


def _not_readable(error: yaml.MarkedYAMLError) -> NotReadable:
    said = f"{error.context} {error.problem}"
    at_begin = any(key in said for key in _SAID_OF_ITS_BEGIN)
    mark = (at_begin and error.context_mark) or error.problem_mark or error.context_mark
    message = next((ours for theirs, ours in _SAID.items() if theirs in said), _OTHERWISE)
    return NotReadable(mark.line + 1 if mark else 1, message)


def line_of(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


class Reading:
    """One file's plain data (`tree`), the line of each value, and what is wrong so far.

    `type_at` says of a place what belongs there, in words of JSON Schema (`integer`, `boolean`);
    `may_show` whether its text may be repeated.
    """

    def __init__(
        self,
        root: yaml.Node,
        type_at: Callable[[Place], str],
        may_show: Callable[[Place], bool],
    ) -> None:
        self.lines: dict[Place, int] = {}
        self.numbers: dict[Place, str] = {}
        self.problems: list[tuple[int, Place, str]] = []
        self._type_at, self._may_show = type_at, may_show
        self.tree = self._value(root, (), line_of(root))

    def line(self, place: Place) -> int:
        """The line of a value; of one that is not there, that of what it belongs to."""
        while place not in self.lines:
            place = place[:-1]
        return self.lines[place]

    def quoted(self, place: Place, text: str) -> str:
        """How a text is written in quotes: itself only where that may be shown."""
        return f'"{text}"' if self._may_show(place) else '"..."'

    def _found(self, place: Place, message: str, line: int | None = None) -> None:
        self.problems.append((line or self.lines[place], place, message))

    def _value(self, node: yaml.Node, place: Place, line: int) -> Any:
        if len(place) > MAX_DEPTH or len(self.lines) >= MAX_VALUES:
            raise NotReadable(line, "too many values, or an anchor inside itself")
        self.lines[place] = line
        if node.tag.removeprefix("tag:yaml.org,2002:") not in _KINDS:
            self._found(place, f"a '!' tag has no use here: remove it; a text: {_QUOTE_IT}")
        if isinstance(node, yaml.MappingNode):
            return self._fields(node, place)
        if isinstance(node, yaml.SequenceNode):
            items = enumerate(node.value)
            return [self._value(item, (*place, n), line_of(item)) for n, item in items]
        return self._scalar(node, place) if isinstance(node, yaml.ScalarNode) else None

    def _fields(self, node: yaml.MappingNode, place: Place) -> dict[str, Any]:
        fields: dict[str, Any] = {}
        for key, value in node.value:
            wrong = _wrong_key(key)
            if wrong:
                self._found(place, wrong, line_of(key))
            elif key.value in fields:
                first = self.lines[(*place, key.value)]
                message = f"stands twice in one item (the first is on line {first}): {_TWICE}"
                self._found((*place, key.value), message, line_of(key))
            else:
                fields[key.value] = self._value(value, (*place, key.value), line_of(key))
        return fields

    def _scalar(self, node: yaml.ScalarNode, place: Place) -> Any:
        text, kind = str(node.value), node.tag.rsplit(":", 1)[-1]
        if _CONTROL.search(text):
            self._found(place, "holds a line break or a control character: remove it")
            return ""
        if node.style is None and text in _FLAGS and self._type_at(place) == "boolean":
            return text == "true"
        if node.style is None and _is_ambiguous(text, kind):
            self._found(place, self._cure(place, text, kind))
            return text
        if kind in ("int", "float"):
            self.numbers[place] = text
            return int(text[:_MAX_DIGITS]) if _WHOLE_NUMBER.fullmatch(text) else _FRACTION
        return None if kind == "null" else text

    def _cure(self, place: Place, text: str, kind: str) -> str:
        if kind == "bool":
            is_flag = self._type_at(place) == "boolean"
            cure = "write true or false" if is_flag else "quote it"
            return f"YAML takes this word for true or false: {cure}"
        what = "YAML readers take this for different numbers"
        if self._type_at(place) == "integer":
            return f"{what}: write it in plain digits, without a zero before it"
        return f"{what}: quote it: {self.quoted(place, text)}"


def _wrong_key(key: yaml.Node) -> str | None:
    if not isinstance(key, yaml.ScalarNode) or _CONTROL.search(key.value):
        return "the name of a field must be a word"
    is_merge = key.tag.endswith(":merge")
    return "'<<' is not understood here: write the fields out" if is_merge else None


def _is_ambiguous(text: str, kind: str) -> bool:
    """Whether YAML 1.1 and 1.2 readers take an unquoted text for different things."""
    is_odd = kind in ("int", "float") and not _PLAIN_NUMBER.fullmatch(text)
    return kind == "bool" or is_odd or bool(_LEADING_ZERO.fullmatch(text))
