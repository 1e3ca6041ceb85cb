"""Whether the language still is the one that was released.

The rule: **within a version, what a message may be does not change, neither narrower nor wider.**
Participants are different companies and renew when they like, so at any moment an old reader gets
what a new writer writes, and the reverse; topics and evidence hold old messages for days. A
narrower message (a field removed or newly required, a type, pattern, limit or enum tightened)
breaks a new reader. A wider one breaks an old reader, for readers refuse what they do not know
(`extra="forbid"`): an added optional field, a new enum value and a looser pattern included. A
changed default changes what silence means. Whatever needs one of these is a new version
(`...v2`), a message of its own on a topic of its own, beside the old one until nobody uses that.

Free to change: titles, descriptions, examples; a new message; a new topic; partitions and
retention, on which no message's meaning rests.

A change is a sentence, `<where>: <what>`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

Schema = Mapping[str, Any]
Contract = dict[str, str | bool]
Changes = Iterator[str]

ANNOTATIONS: Final = frozenset(
    {"$schema", "$id", "$comment", "$defs", "title", "description", "examples", "deprecated"}
)
_FIELDS: Final = frozenset({"properties", "required"})


@dataclass(frozen=True)
class Language:
    """JSON Schemas by message (`authn-request.v1`) and contracts by topic. `parts` are schemas too:
    of what crosses inside a message or beside it (claims, sealed contents, the directory)."""

    messages: Mapping[str, Schema] = field(default_factory=dict)
    topics: Mapping[str, Contract] = field(default_factory=dict)
    parts: Mapping[str, Schema] = field(default_factory=dict)


def breaking_changes(released: Language, current: Language) -> list[str]:
    """What keeps those who speak the released language from understanding the current one."""
    changes = [
        *_removed("message", released.messages, current.messages),
        *_removed("part", released.parts, current.parts),
        *_removed("topic", released.topics, current.topics),
        *_schemas(released.messages, current.messages),
        *_schemas(released.parts, current.parts),
        *_topics(released.topics, current.topics),
    ]
    return sorted(changes)


def _removed(kind: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Changes:
    return (f"{name}: {kind} removed" for name in old if name not in new)


def _schemas(old: Mapping[str, Schema], new: Mapping[str, Schema]) -> Changes:
    for name in old.keys() & new.keys():
        yield from _schema(_whole(old[name]), _whole(new[name]), name)


def _topics(old: Mapping[str, Contract], new: Mapping[str, Contract]) -> Changes:
    for name in old.keys() & new.keys():
        for term in sorted(old[name].keys() | new[name].keys()):
            yield from _keyword(old[name], new[name], term, name)


# --- one schema against another


def _inlined(value: Any, definitions: Schema) -> Any:
    """The same, with what a reference points to in its place. No message contains itself."""
    if isinstance(value, list):
        return [_inlined(one, definitions) for one in value]
    if not isinstance(value, dict):
        return value
    if "$ref" in value:
        beside = {word: one for word, one in value.items() if word != "$ref"}
        target = definitions[value["$ref"].removeprefix("#/$defs/")]
        return _inlined({**target, **beside}, definitions)
    return {word: _inlined(one, definitions) for word, one in value.items() if word != "$defs"}


def _whole(schema: Schema) -> Schema:
    found: Schema = _inlined(schema, schema.get("$defs", {}))
    return found


def _schema(old: Schema, new: Schema, at: str) -> Changes:
    yield from _fields(old, new, at)
    for word in sorted((old.keys() | new.keys()) - ANNOTATIONS - _FIELDS):
        compare = _NESTED.get(word) if word in old and word in new else None
        yield from (compare or _keyword)(old, new, word, at)


def _fields(old: Schema, new: Schema, at: str) -> Changes:
    before, after = old.get("properties", {}), new.get("properties", {})
    for name in sorted(before.keys() | after.keys()):
        where = f"{at}/{name}"
        if name not in after:
            yield f"{where}: field removed"
        elif name not in before:
            yield f"{where}: {_kind(new, name)} field added"
        else:
            yield from _field(old, new, name, where)


def _field(old: Schema, new: Schema, name: str, where: str) -> Changes:
    if _kind(old, name) != _kind(new, name):
        yield f"{where}: field became {_kind(new, name)}"
    yield from _schema(old["properties"][name], new["properties"][name], where)


def _kind(schema: Schema, name: str) -> str:
    return "required" if name in schema.get("required", ()) else "optional"


def _keyword(old: Schema, new: Schema, word: str, at: str) -> Changes:
    if word not in new:
        yield f"{at}: {word} {_text(old[word])} removed"
    elif word not in old:
        yield f"{at}: {word} {_text(new[word])} added"
    elif _text(old[word]) != _text(new[word]):
        yield f"{at}: {word} changed from {_text(old[word])} to {_text(new[word])}"


def _enum(old: Schema, new: Schema, word: str, at: str) -> Changes:
    before, after = set(map(_text, old[word])), set(map(_text, new[word]))
    yield from (f"{at}: enum value {value} removed" for value in before - after)
    yield from (f"{at}: enum value {value} added" for value in after - before)


def _items(old: Schema, new: Schema, word: str, at: str) -> Changes:
    return _schema(old[word], new[word], f"{at}[]")


def _union(old: Schema, new: Schema, word: str, at: str) -> Changes:
    """What both sides have falls away; where one is left on each side, these two are compared."""
    gone = [one for one in old[word] if not _among(one, new[word])]
    come = [one for one in new[word] if not _among(one, old[word])]
    if len(gone) == len(come) == 1:
        yield from _schema(gone[0], come[0], at)
    else:
        yield from (f"{at}: alternative {_name(one)} removed" for one in gone)
        yield from (f"{at}: alternative {_name(one)} added" for one in come)


def _among(wanted: Schema, alternatives: Iterable[Schema]) -> bool:
    return any(not list(_schema(wanted, one, "")) for one in alternatives)


def _name(schema: Schema) -> str:
    return str(schema.get("title") or _text(schema))


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


_NESTED: Final = {"enum": _enum, "items": _items, **dict.fromkeys(("anyOf", "oneOf"), _union)}
