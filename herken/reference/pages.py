"""All pages of the reference, by their file names."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from functools import cache
from typing import Any, Final

import typer

from dienstverlener.client import Identity
from herken import cli, commands
from herken.reference.messages import messages_page
from herken.reference.text import (
    code,
    definitions,
    documented,
    mentioned,
    page,
    prose,
    section,
    sources,
    table,
)
from herken.reference.types import default_text, field_type
from pipeline import settings
from pipeline.settings import FromEnvironment, Settings
from schemas import asyncapi, codec, jose, published, refusals, topics
from schemas.refusals import EXPLANATIONS, RefusalCode
from schemas.topics import CATALOGUE, DLQ_RETENTION_MS, DLQ_SUFFIX, FOREVER_MS, TOPICS, Topic

_ENVIRONMENT: Final = re.compile(r'environ(?:\.get\(|\[)"(HERKEN_\w+)"')
_CHOICE: Final = re.compile(r"\bCHOICE\b")
_HOUR_MS: Final = 3_600_000


def pages() -> dict[str, str]:
    """The text of each page, by its file name."""
    return {
        "topics.md": topics_page(),
        "messages.md": messages_page(),
        "refusals.md": refusals_page(),
        "settings.md": settings_page(),
        "commands.md": commands_page(),
        "choices.md": choices_page(),
    }


# --- topics


def topics_page() -> str:
    parts = asyncapi.document("", published.definitions())["components"]
    head = ("Topic", "Message", "Writer", "Reader", "Value", "Partitions", "Kept", "Dead letters")
    return page(
        "Topics",
        prose(topics.__doc__),
        "In the order of one login, then what goes on beside it:",
        table(head, [_topic(topic) for topic in TOPICS]),
        section("The catalogue", _catalogue(parts["messages"][asyncapi.ENTRY])),
        section(
            "The record",
            f"The key is the {code(asyncapi.KEY)} of the message. The value has at most "
            f"{codec.MAX_VALUE_BYTES:,} bytes: a compact JWS of the writer "
            f"({' or '.join(map(code, jose.ALGORITHMS))}: its own signature, or "
            "[one of several](../decisions/0021-one-signature-a-batch.md)), or JSON where a user "
            "wrote it. The headers are those of a CloudEvent:",
            _headers(parts["schemas"]["CloudEvent"]),
        ),
        section(
            "Dead-letter topics",
            f"{code('<topic>' + DLQ_SUFFIX)} is beside each topic that a participant reads: "
            f"1 partition, kept {kept(DLQ_RETENTION_MS)}. Key and value are those of the record "
            "that could not be handled. Its headers:",
            _headers(parts["messages"][asyncapi.DEAD_LETTER]["headers"]),
        ),
    )


def _topic(topic: Topic) -> list[str]:
    message = topic.message.__name__
    return [
        code(f"{topic.name}.<{asyncapi.role_name(topic.owner)}>"),
        f"[{message}](messages.md#{message.lower()})",
        asyncapi.role_name(topic.writer),
        asyncapi.role_name(topic.reader),
        "JWS" if topic.signed else "JSON",
        str(topic.partitions),
        kept(topic.retention_ms),
        "yes" if topic.has_dlq else "no",
    ]


def _catalogue(entry: dict[str, Any]) -> str:
    return (
        f"{code(CATALOGUE)} is nobody's own: the scheme writes it, and everybody reads all of it, "
        "from the start. It has one partition and is compacted: the newest record of a key is what "
        f"holds. The key is the EntityID of a {asyncapi.ENTRY_KEY}; the value is a compact JWS "
        f"({entry['x-jws']['alg']}) of the scheme, its type {code(entry['x-jws']['typ'])}, over a "
        "[CatalogueEntry](messages.md#catalogueentry). There are no headers. A record that the "
        "scheme did not sign, that is under another key, or that is not newer than what was read "
        "before, changes nothing."
    )


def kept(milliseconds: int) -> str:
    """`7 days`."""
    if milliseconds == FOREVER_MS:
        return "for ever"
    hours = milliseconds // _HOUR_MS
    count, unit = (hours, "hour") if hours % 24 else (hours // 24, "day")
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"


def _headers(schema: dict[str, Any]) -> str:
    rows = [[code(name), _header(form)] for name, form in schema["properties"].items()]
    return table(("Header", "Value"), rows)


def _header(form: dict[str, Any]) -> str:
    exact = form.get("const") or form.get("pattern")
    return str(form.get("description") or (code(exact) if exact else form.get("format", "text")))


# --- refusals


def refusals_page() -> str:
    head = (
        *("Code", "Decided by", "Top level", "Second level"),
        *("Dutch", "English", "What the dienstverlener can do", "In the code"),
    )
    return page(
        "Refusals",
        prose(refusals.__doc__),
        prose(refusals.RefusalCode.__doc__),
        table(head, map(_refusal, RefusalCode)),
    )


def _refusal(refusal: RefusalCode) -> list[str]:
    told = EXPLANATIONS[refusal]
    named = re.compile(rf"RefusalCode\.{refusal.name}\b")
    files = [file for file, text in sources() if named.search(text) and "schemas/" not in file]
    return [
        code(refusal),
        ", ".join(told.decided_by),
        _last(told.top_level),
        _last(told.second_level),
        told.nl,
        told.en,
        told.to_do,
        ", ".join(map(code, files)),
    ]


def _last(urn: str) -> str:
    return urn.rsplit(":", 1)[1]


# --- settings


def settings_page() -> str:
    apart = {(name, file) for file, text in sources() for name in _ENVIRONMENT.findall(text)}
    return page(
        "Settings",
        prose(settings.__doc__),
        table(
            ("Variable", "Type", "Default", "Meaning"),
            [*_settings(Settings), *_settings(Identity)],
        ),
        section(
            "Read apart from these",
            table(("Variable", "In"), [[code(name), code(file)] for name, file in sorted(apart)]),
        ),
    )


def _settings(model: type[FromEnvironment]) -> Iterator[list[str]]:
    meanings = definitions(model.__doc__)
    for name, field in model.model_fields.items():
        default = "required" if field.is_required() else default_text(field.default)
        meaning = meanings.get(name, "") if meanings else prose(model.__doc__)
        yield [code(f"HERKEN_{name.upper()}"), field_type(model, name), default, meaning]


# --- commands


@cache
def command() -> Any:
    """The command line, as typer parses it. Made once: registering adds to groups that stay."""
    app = typer.Typer(name="herken")
    commands.register(app)
    return typer.main.get_command(app)


def commands_page() -> str:
    return page("Commands", prose(cli.__doc__), *_told(command(), "herken"))


def _told(group: Any, name: str) -> Iterator[str]:
    for short, inner in group.commands.items():
        whole = f"{name} {short}"
        if getattr(inner, "invoke_without_command", True):
            yield _command(inner, whole)
        if hasattr(inner, "commands"):
            yield from _told(inner, whole)


def _command(one: Any, name: str) -> str:
    context = one.context_class(one, info_name=name, terminal_width=200)
    usage = one.get_usage(context).removeprefix("Usage: ")
    rows = [_parameter(*parameter.get_help_record(context)) for parameter in one.params]
    given = table(("Argument or option", "Meaning", "Default"), rows) if rows else ""
    example = f"    {one.epilog.removeprefix('Example: ')}" if one.epilog else ""
    return section(name, code(usage), prose(one.help), given, example)


def _parameter(names: str, meaning: str) -> list[str]:
    """From the line that `--help` shows: `--level EH3`, `The level.  [default: EH2]`."""
    told, _, default = meaning.removesuffix("]").partition("  [")
    without = "none" if " " in names else "off"
    shown = default.removeprefix("default: ").strip("()") or without
    return [code(names.replace("|", " or ")), told, shown]


# --- choices


def choices_page() -> str:
    rows = [[code(file), name, text] for file, name, text in choices()]
    return page(
        "Choices",
        "Where the scheme publishes no rule, the rule is ours. The code marks each with the word "
        "CHOICE; these are all of them.",
        table(("File", "Name", "What we chose"), rows),
    )


def choices() -> Iterator[tuple[str, str, str]]:
    """File, name and text of whatever a docstring, or the source of a rule, calls a CHOICE."""
    for file, source in sources():
        for name, docstring in documented(source):
            for told in filter(_CHOICE.search, _alone(docstring)):
                yield file, with_value(name, source), prose(told)
        for name, text in mentioned(source):
            if _CHOICE.search(text):
                yield file, name, text


def with_value(name: str, source: str) -> str:
    """`name = 30` where the name is that of a constant."""
    for node in ast.parse(source).body:
        match node:
            case (
                ast.Assign(targets=[target], value=value)
                | ast.AnnAssign(target=target, value=ast.expr() as value)
            ) if ast.unparse(target).strip("()") == name:
                return f"{name} = {ast.unparse(value).strip('()')}"
    return name


def _alone(docstring: str) -> Iterator[str]:
    """Each line of a list by itself, and each paragraph of other text."""
    for part in inspect.cleandoc(docstring).split("\n\n"):
        lines = definitions(part)
        yield from [f"{code(name)}: {meaning}" for name, meaning in lines.items()] or [part]
