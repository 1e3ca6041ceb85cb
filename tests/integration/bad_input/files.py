"""Values and files that are read once: an identifier, the directory, a scenario."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from pipeline.errors import HerkenError
from pipeline.keys import DIRECTORY_FILE, Trust, sign_directory, utc_now
from sandbox.founding import Folders, found
from sandbox.scenario_file import load
from schemas import jose
from schemas.directory import Directory
from schemas.jose import PrivateKey, new_key
from schemas.values import BSN, EntityID
from tests.integration.bad_input import stops
from tests.integration.bad_input.network import SCENARIO
from tests.integration.bad_input.rows import Reading
from tests.support.forge import signed

TAKEN = "taken"
FOREIGN = "the directory does not hold: signature_invalid"


def _value(kind: Any, value: str) -> Callable[[Path], str]:
    def read(_: Path) -> str:
        try:
            TypeAdapter(kind).validate_python(value)
        except ValidationError as error:
            return error.errors()[0]["msg"]
        return TAKEN

    return read


def _founded(folder: Path) -> tuple[Folders, Directory, PrivateKey]:
    """A network's files, its directory, and the key of its scheme."""
    folders = Folders(folder / "all", folder / "own")
    made = found(load(SCENARIO), folders, utc_now())
    scheme = jose.private_key(json.loads(folders.scheme_key.read_text()))
    return folders, made.directory, scheme


def _changed(directory: Directory, **changes: Any) -> Directory:
    return directory.model_copy(update=changes)


Make = Callable[[Directory, PrivateKey], str]


def _at_start(make: Make) -> Callable[[Path], str]:
    """Start with this directory."""

    def read(folder: Path) -> str:
        folders, directory, scheme = _founded(folder)
        (folders.network / DIRECTORY_FILE).write_text(make(directory, scheme))
        try:
            Trust(folders.network)
        except HerkenError as error:
            return str(error)
        return TAKEN

    return read


def _while_running(make: Make) -> Callable[[Path], str]:
    """Start with version 2 of the directory, and put this one in its place."""

    def read(folder: Path) -> str:
        folders, directory, scheme = _founded(folder)
        file = folders.network / DIRECTORY_FILE
        file.write_text(sign_directory(_changed(directory, version=2), scheme))
        trust = Trust(folders.network)
        file.write_text(make(directory, scheme))
        return f"version {trust.directory.version}"

    return read


def _by_somebody_else(directory: Directory, _: PrivateKey) -> str:
    return sign_directory(_changed(directory, version=3), new_key())


def _as_something_else(directory: Directory, scheme: PrivateKey) -> str:
    header = {"alg": "ES256", "typ": "nl.herken.outcome.v1+jwt", "kid": scheme.kid}
    return signed(header, directory.model_dump_json().encode(), scheme)


def _with_somebody_twice(directory: Directory, scheme: PrivateKey) -> str:
    participants = (*directory.participants, directory.participants[0])
    return sign_directory(_changed(directory, participants=participants), scheme)


def _expired(directory: Directory, scheme: PrivateKey) -> str:
    past = utc_now() - timedelta(seconds=1)
    return sign_directory(_changed(directory, expires_at=past), scheme)


def _older(directory: Directory, scheme: PrivateKey) -> str:
    return sign_directory(_changed(directory, version=1), scheme)


def _cut(directory: Directory, scheme: PrivateKey) -> str:
    return sign_directory(_changed(directory, version=3), scheme)[:-10]


def _scenario(old: str, new: str) -> Callable[[Path], str]:
    """The first login's scenario, with something else in it."""

    def read(folder: Path) -> str:
        file, text = folder / "a.yaml", SCENARIO.read_text()
        file.write_text(text.replace(old, new, 1))
        try:
            load(file)
        except HerkenError as error:
            return str(error)
        return TAKEN

    return read


READINGS = (
    Reading(
        "a BSN that fails the 11-proef",
        _value(BSN, "123456789"),
        "Value error, the nine digits fail the 11-proef",
        (stops.ELEVEN,),
        TAKEN,
    ),
    Reading(
        "an EntityID with an RSIN that fails the 11-proef",
        _value(EntityID, "urn:etoegang:DV:00000001123456789000:entities:9001"),
        "Value error, an OIN is 00000001 + RSIN + 000, 00000003 + KvK + 0000, or 00000099 for test",
        (stops.ELEVEN,),
        TAKEN,
    ),
    Reading(
        "a directory that somebody else signed",
        _at_start(_by_somebody_else),
        FOREIGN,
        (stops.SIGNATURE,),
        TAKEN,
    ),
    Reading(
        "a directory signed as something else",
        _at_start(_as_something_else),
        "the directory does not hold: it is signed as something else",
        (stops.DIRECTORY_TYP,),
        TAKEN,
    ),
    Reading(
        "a directory that has somebody twice",
        _at_start(_with_somebody_twice),
        "the directory does not hold: it contradicts itself",
        (stops.NOT_TWICE,),
        TAKEN,
    ),
    Reading(
        "a directory that has expired",
        _at_start(_expired),
        "the directory has expired: get a new one, signed by the scheme",
        (stops.DIRECTORY_IN_TIME,),
        TAKEN,
    ),
    Reading(
        "a directory that somebody else signed, while everything runs",
        _while_running(_by_somebody_else),
        "version 2",
        (stops.SIGNATURE,),
        "version 3",
    ),
    Reading(
        "a directory that is half written, while everything runs",
        _while_running(_cut),
        "version 2",
        (stops.SIGNATURE,),
        "version 3",
    ),
    Reading(
        "an older directory after a newer one",
        _while_running(_older),
        "version 2",
        (stops.DIRECTORY_NEWER,),
        "version 1",
    ),
    Reading(
        "a scenario that refers to what it does not list",
        _scenario("    service: omgevingsvergunning", "    service: omgevingsvergunnig"),
        "a.yaml:90: mandates[0].service: there is no service 'omgevingsvergunnig'; did you mean "
        "'omgevingsvergunning'? Services are: omgevingsvergunning, parkeerontheffing, "
        "lozingsaangifte",
        (stops.REFERENCES,),
        TAKEN,
    ),
)
