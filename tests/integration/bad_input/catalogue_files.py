"""Records of the catalogue, and a file to import: read once, and refused."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from herken import catalogue_checks
from herken.catalogue_file import as_csv, read
from herken.catalogue_rows import rows_of
from pipeline.catalogue import TYP, read_entry, sign_entry
from pipeline.keys import directory_typ
from sandbox import generated
from sandbox.generated import Size
from schemas import jose
from schemas.catalogue import Catalogue, CatalogueEntry, OlderVersion
from schemas.codec import Record, Untrusted
from schemas.directory import PublicJwk
from schemas.jose import new_key
from tests.integration.bad_input import stops
from tests.integration.bad_input.rows import Reading

TAKEN = "taken"
NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
SCHEME = new_key()
SMALL, WHOLE = Size(services=4, dienstverleners=2, seed=5), Size()
Forge = Callable[[CatalogueEntry, CatalogueEntry], Record]


def _resigned(entry: CatalogueEntry, typ: str = TYP, key: jose.PrivateKey = SCHEME) -> Record:
    return replace(
        sign_entry(entry, SCHEME),
        value=jose.sign(entry.model_dump_json().encode(), typ, key).encode(),
    )


def _followed(forge: Forge) -> Callable[[Path], str]:
    """Read a bad record after the good ones, as whoever follows the catalogue does. It is made of
    the next version of one entry, and of another dienstverlener's."""

    def follow(_: Path) -> str:
        known = Catalogue().with_entries(generated.entries(SMALL, NOW))
        first, second = sorted(known.entries.values(), key=lambda each: each.version)
        record = forge(first.model_copy(update={"version": known.version + 1}), second)
        public = PublicJwk.model_validate(jose.public_jwk(SCHEME))
        try:
            known.with_entries([read_entry(record, public)])
        except Untrusted as untrusted:
            return untrusted.reason
        except OlderVersion:
            return "older_version"
        return TAKEN

    return follow


def _twice(entry: CatalogueEntry, _: CatalogueEntry) -> Record:
    doubled = (*entry.instances, entry.instances[0])
    return _resigned(entry.model_copy(update={"instances": doubled}))


def _import(change: Callable[[list[dict[str, Any]]], object]) -> Callable[[Path], str]:
    """What `herken catalogue import` says of a file in which something is changed."""

    def import_(folder: Path) -> str:
        known = Catalogue().with_entries(generated.entries(WHOLE, NOW))
        some = [dict(row) for row in rows_of(known)]
        change(some)
        file = folder / "services.csv"
        file.write_text(as_csv(some), newline="")
        directory = generated.directory(known.entries.values(), NOW)
        found = catalogue_checks.checked(read(file), directory)
        return _lines(found.problems) or TAKEN

    return import_


def _lines(problems: Iterable[catalogue_checks.Problem]) -> str:
    """The lines with something wrong, and the columns that are."""
    found = (f"{problem.line}: {problem.text.partition(':')[0]}" for problem in problems)
    return ", ".join(dict.fromkeys(found))


def _three_wrong(some: list[dict[str, Any]]) -> None:
    some[99]["level"] = "EH9"
    some[749]["makelaar"] = some[749]["dienstverlener"]
    some[1499]["service_id"] = some[0]["service_id"]


READINGS = (
    Reading(
        "an update of the catalogue that a dienstverlener signed",
        _followed(lambda entry, _: _resigned(entry, key=new_key())),
        "signature_invalid",
        (stops.SIGNATURE,),
        TAKEN,
    ),
    Reading(
        "an update of the catalogue signed as a directory",
        _followed(lambda entry, _: _resigned(entry, typ=directory_typ())),
        "typ_refused",
        (stops.CATALOGUE_TYP,),
        TAKEN,
    ),
    Reading(
        "an update of the catalogue under another dienstverlener's key",
        _followed(
            lambda entry, other: replace(_resigned(entry), key=other.dienstverlener.encode())
        ),
        "key_refused",
        (stops.CATALOGUE_KEY,),
        TAKEN,
    ),
    Reading(
        "an older version of the catalogue after a newer one",
        _followed(lambda entry, _: _resigned(entry.model_copy(update={"version": 1}))),
        "older_version",
        (stops.CATALOGUE_NEWER,),
        TAKEN,
    ),
    Reading(
        "an update of the catalogue that has a service twice",
        _followed(_twice),
        "entry_malformed",
        (stops.CATALOGUE_NOT_TWICE,),
        TAKEN,
    ),
    Reading(
        "an import of 1,500 rows of which 3 are wrong",
        _import(_three_wrong),
        "101: level, 751: makelaar, 1501: service_id",
        (stops.ROWS_RIGHT,),
        TAKEN,
    ),
)
