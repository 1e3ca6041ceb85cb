"""What is published of the code: a JSON Schema a message, one AsyncAPI document, and the release.

python -m schemas.published            writes json/ and asyncapi.json
python -m schemas.published --check    writes nothing, lists what differs from the code: exit code 1
python -m schemas.published --release  freezes the present state in released/; exit code 1, and
                                       nothing is written, where it breaks what is there

The same code gives the same bytes.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from pydantic.json_schema import GenerateJsonSchema, models_json_schema
from pydantic_core import core_schema

from schemas import administration, asyncapi, chains, commands, sealed
from schemas.catalogue import CatalogueEntry
from schemas.codec import Claims
from schemas.compatibility import Contract, Language, breaking_changes
from schemas.directory import Directory
from schemas.topics import CATALOGUE, MESSAGES, TOPICS, Topic
from schemas.values import Value

FOLDER: Final = Path(__file__).parent
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
ASYNCAPI: Final = "asyncapi.json"
GENERATED: Final = ("json/*", ASYNCAPI)
RELEASED: Final = ("released/*",)
_BESIDE: Final = "topics-and-parts.json"
_SUFFIX: Final = ".schema.json"
TAGS: Final = ("status", "kind")
"""Fields that say which of several a part is: they have to be there."""

Schema = dict[str, Any]
Files = dict[str, str]

MESSAGE_BY_NAME: Final[Mapping[str, type[Value]]] = {
    **{asyncapi.short_name(message): message for message in MESSAGES},
    asyncapi.ENTRY: CatalogueEntry,
}
"""What is the value of a record by itself: the messages, and the entries of the catalogue."""
PARTS: Final[tuple[type[Value], ...]] = (
    Claims,
    sealed.PasswordSecret,
    sealed.CodeSecret,
    sealed.SignatureSecret,
    sealed.SessionSecret,
    sealed.ActingSubject,
    sealed.PersonAttributes,
    sealed.RepresentationOptions,
    sealed.PairwiseSubject,
    sealed.LegalSubject,
    sealed.ChainClaim,
    commands.Command,
    administration.Shown,
    chains.ChainQuestion,
    chains.ChainLinks,
    Directory,
)
"""What crosses between participants without being a message: the claims of a signature, what is
sealed, and the directory."""


# --- JSON Schema


class _Generator(GenerateJsonSchema):
    """Pydantic's, without titles for fields and without OpenAPI's `discriminator`, a word that
    means something else in AsyncAPI; and with the tag of a union required, as the models do."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def tagged_union_schema(self, schema: core_schema.TaggedUnionSchema) -> Schema:
        union = super().tagged_union_schema(schema)
        union.pop("discriminator", None)
        return union

    def model_schema(self, schema: core_schema.ModelSchema) -> Schema:
        return _with_required_tag(super().model_schema(schema))


def _with_required_tag(model: Schema) -> Schema:
    tags = [tag for tag in TAGS if "const" in model.get("properties", {}).get(tag, {})]
    for tag in tags:
        model["properties"][tag].pop("default")
    return {**model, "required": [*tags, *model.get("required", ())]} if tags else model


def json_schema(model: type[Value], name: str) -> Schema:
    """The JSON Schema of a model, its definitions inside it."""
    schema = model.model_json_schema(schema_generator=_Generator)
    return {"$schema": DIALECT, "$id": f"urn:herken:schema:{name}", **schema}


def definitions() -> Schema:
    """The schemas of all models, by name, for the components of the AsyncAPI document."""
    models = (*MESSAGE_BY_NAME.values(), *PARTS)
    _, schema = models_json_schema(
        [(model, "validation") for model in models],
        ref_template="#/components/schemas/{model}",
        schema_generator=_Generator,
    )
    found: Schema = schema["$defs"]
    return found


# --- the published language as a whole


def contract(topic: Topic) -> Contract:
    """What those who write and read a topic rely on."""
    return {
        "dead_letters": topic.has_dlq,
        "key": asyncapi.KEY,
        "message": asyncapi.short_name(topic.message),
        "owner": asyncapi.role_name(topic.owner),
        "reader": asyncapi.role_name(topic.reader),
        "signed": topic.signed,
        "writer": asyncapi.role_name(topic.writer),
    }


def catalogue_contract() -> Contract:
    """What those who read the catalogue rely on: the scheme alone writes it."""
    return {
        "dead_letters": False,
        "key": asyncapi.ENTRY_KEY,
        "message": asyncapi.ENTRY,
        "owner": asyncapi.SCHEME,
        "reader": asyncapi.EVERYBODY,
        "signed": True,
        "writer": asyncapi.SCHEME,
    }


def current() -> Language:
    """The language that the code speaks."""
    return Language(
        {name: json_schema(message, name) for name, message in MESSAGE_BY_NAME.items()},
        {**{topic.name: contract(topic) for topic in TOPICS}, CATALOGUE: catalogue_contract()},
        {part.__name__: json_schema(part, part.__name__) for part in PARTS},
    )


def released(folder: Path = FOLDER) -> Language:
    """The language that was released last; an empty one where none was."""
    files = {path.name: json.loads(text) for path, text in _present(folder, RELEASED)}
    beside = files.pop(_BESIDE, {"topics": {}, "parts": {}})
    schemas = {name.removesuffix(_SUFFIX): schema for name, schema in files.items()}
    return Language(schemas, beside["topics"], beside["parts"])


# --- files


def generated_files(language: Language, version: str) -> Files:
    """Path to text of all that is generated."""
    document = asyncapi.document(version, definitions())
    return {**_schema_files("json", language), ASYNCAPI: _text(document)}


def released_files(language: Language, version: str) -> Files:
    """Path to text of what a release freezes."""
    beside = {"released": version, "topics": language.topics, "parts": language.parts}
    return {**_schema_files("released", language), f"released/{_BESIDE}": _text(beside)}


def _schema_files(folder: str, language: Language) -> Files:
    named = language.messages.items()
    return {f"{folder}/{name}{_SUFFIX}": _text(schema) for name, schema in named}


def _text(value: Mapping[str, Any]) -> str:
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _present(folder: Path, patterns: Iterable[str]) -> list[tuple[Path, str]]:
    paths = [path for pattern in patterns for path in folder.glob(pattern)]
    return [(path, path.read_text(encoding="utf-8")) for path in sorted(paths)]


def differences(folder: Path, wanted: Files) -> list[str]:
    """What is not in the folder as the code generates it, a line each."""
    there = {
        path.relative_to(folder).as_posix(): text for path, text in _present(folder, GENERATED)
    }
    missing = [f"{name}: missing" for name in wanted if name not in there]
    orphans = [f"{name}: the code does not generate it" for name in there if name not in wanted]
    changed = [
        f"{name}: differs" for name in wanted if there.get(name, wanted[name]) != wanted[name]
    ]
    return sorted(missing + orphans + changed)


def write(folder: Path, files: Files, patterns: Iterable[str]) -> None:
    """Write the files; what else matches the patterns goes."""
    for path, _ in _present(folder, patterns):
        path.unlink()
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


# --- the command


def main(arguments: Sequence[str], folder: Path = FOLDER) -> int:
    """The exit code: 1 where something differs, or breaks the release."""
    options = _options(arguments)
    version = metadata.version("herken")
    if options.check:
        return _report("not as the code generates it", differences(folder, _generated(version)))
    if options.release:
        return _release(folder, version)
    write(folder, _generated(version), GENERATED)
    return 0


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m schemas.published", description=__doc__)
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--check", action="store_true", help="compare, and write nothing")
    choice.add_argument("--release", action="store_true", help="freeze the present state")
    return parser.parse_args(arguments)


def _generated(version: str) -> Files:
    return generated_files(current(), version)


def _release(folder: Path, version: str) -> int:
    broken = breaking_changes(released(folder), current())
    if not broken:
        write(folder, released_files(current(), version), RELEASED)
    return _report("breaks what was released", broken)


def _report(what: str, lines: list[str]) -> int:
    sys.stdout.write("".join(f"{what}: {line}\n" for line in lines))
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
