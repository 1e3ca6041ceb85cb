"""`herken catalogue`: the catalogue of a running network, and a file of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from herken import catalogue_checks as checks
from herken.catalogue_file import as_csv, as_json, read
from herken.catalogue_rows import HEADINGS, Cells, rows, rows_of
from herken.commands.output import document, progress, say
from herken.topics import Where, required, trusted
from pipeline.catalogue import Follower
from pipeline.catalogue_updates import Overtaken, numbered, updating
from pipeline.errors import WrongUse
from pipeline.keys import scheme_key, utc_now
from pipeline.settings import FromEnvironment
from sandbox import generated
from sandbox.founding import Folders
from sandbox.generated import Size
from schemas import jose
from schemas.catalogue import Catalogue, CatalogueEntry
from schemas.directory import PublicJwk
from schemas.values import Role, role_of

Ask = Callable[[str], bool]


class Unfit(Exception):
    """A file of which something is wrong; `problems` has a line for each."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__(f"{len(problems)} problems")
        self.problems = problems


class _Secrets(FromEnvironment):
    """Where the scheme's key may be."""

    secrets: Path | None = None


# --- what differs


@dataclass(frozen=True)
class Difference:
    """What a file would change: services by their ServiceID (where a dienstverlener only defines
    one for others: by its ServiceUUID), with the columns that differ, and the entries to publish.
    """

    added: Mapping[str, Cells]
    changed: Mapping[str, Sequence[str]]
    withdrawn: Mapping[str, Cells]
    entries: Sequence[CatalogueEntry]

    def __bool__(self) -> bool:
        return bool(self.entries)


def difference(wanted: Sequence[CatalogueEntry], known: Catalogue, now: datetime) -> Difference:
    """Between a whole catalogue as it is wanted and as it is known. The order of rows is none."""
    after, before = _named(rows(wanted)), _named(rows_of(known))
    added = {name: row for name, row in after.items() if name not in before}
    withdrawn = {name: row for name, row in before.items() if name not in after}
    changed = {
        name: [h for h in HEADINGS if row.get(h) != before[name].get(h)]
        for name, row in after.items()
        if name in before and row != before[name]
    }
    touched = {row["dienstverlener"] for row in (*added.values(), *withdrawn.values())}
    touched |= {row[name]["dienstverlener"] for row in (after, before) for name in changed}
    entries = [each for each in wanted if each.dienstverlener in touched]
    named = {each.dienstverlener for each in wanted}
    entries += [
        _emptied(entry, now)
        for entry in known.entries.values()
        if entry.dienstverlener in touched - named
    ]
    return Difference(added, changed, withdrawn, _in_order(entries, known))


def _named(some: Iterable[Cells]) -> dict[str, Cells]:
    return {str(row.get("service_id") or row["service_uuid"]): row for row in some}


def _emptied(entry: CatalogueEntry, now: datetime) -> CatalogueEntry:
    return entry.model_copy(update={"issued_at": now, "definitions": (), "instances": ()})


def _in_order(entries: Iterable[CatalogueEntry], known: Catalogue) -> list[CatalogueEntry]:
    """First those that define something new, so that nobody uses it before."""

    def defines_nothing_new(entry: CatalogueEntry) -> bool:
        return all(each.service_uuid in known.definitions for each in entry.definitions)

    return sorted(entries, key=defines_nothing_new)


# --- export


async def export(file: Path | None, form: str | None, *, as_document: bool) -> None:
    """Write the catalogue to a file, or to stdout. Raises WrongUse, ServerUnreachable."""
    known = await _known("herken catalogue export")
    _write(file, form, rows_of(known), known.version, as_document=as_document)


def generate(file: Path | None, size: Size, form: str | None, *, as_document: bool) -> None:
    """Write an invented catalogue. Raises WrongUse."""
    for makelaar in size.makelaars:
        _require_makelaar(makelaar)
    some = rows(generated.entries(size, utc_now()))
    _write(file, form, some, size.dienstverleners, as_document=as_document)


def _require_makelaar(entity_id: str) -> None:
    """Raises WrongUse."""
    try:
        is_one = role_of(entity_id) is Role.MAKELAAR
    except ValueError:
        is_one = False
    if not is_one:
        raise WrongUse("--makelaar takes an EntityID: urn:etoegang:HM:<OIN>:entities:<index>")


def _write(
    file: Path | None, form: str | None, some: list[Cells], version: int, *, as_document: bool
) -> None:
    """The rows where they were asked for, and what was written."""
    wants_json = as_document if file is None and form is None else _is_json(file, form)
    text = as_json(some, version) if wants_json else as_csv(some)
    if file is None:
        say(text.removesuffix("\n"))
        return
    file.write_text(text, newline="")
    if as_document:
        document({"ok": True, "file": str(file), "version": version, "services": len(some)})
    else:
        progress(f"{len(some)} rows of version {version} in {file}")


def _is_json(file: Path | None, form: str | None) -> bool:
    return form == "json" or (form is None and file is not None and file.suffix == ".json")


async def _known(command: str) -> Catalogue:
    where = Where.read()
    kafka = required(where.kafka, "HERKEN_KAFKA", command)
    network = required(where.network, "HERKEN_NETWORK", command)
    async with Follower.following(kafka, scheme_key(network)) as follower:
        return follower.catalogue


# --- diff and import


async def compare(file: Path, *, as_document: bool) -> bool:
    """Print what a file would change; whether that is nothing. Raises Unfit, WrongUse,
    ServerUnreachable."""
    now = utc_now()
    wanted = _wanted(file, "herken catalogue diff", now)
    known = await _known("herken catalogue diff")
    found = difference(wanted, known, now)
    if as_document:
        document({"ok": not found, "version": known.version, **_as_document(found)})
    else:
        say(_told(found, known.version))
    return not found


async def bring_in(file: Path, ask: Ask | None, *, dry_run: bool, as_document: bool) -> bool:
    """Publish what a file changes, if it is right and somebody agrees (`ask`); whether it was.

    Raises Unfit, Overtaken, WrongUse, ServerUnreachable.
    """
    command, now = "herken catalogue import", utc_now()
    wanted = _wanted(file, command, now)
    scheme = None if dry_run else _scheme()
    known = await _known(command)
    found = difference(wanted, known, now)
    if not as_document:
        say(_told(found, known.version))
    if not found or scheme is None:
        _published(found, known.version, (), as_document=as_document)
        return True
    if ask is not None and not ask(f"Publish {_count(found)}?"):
        progress("nothing was published")
        return False
    entries = await _publish(wanted, known, scheme, now)
    _published(found, entries[-1].version, entries, as_document=as_document)
    return True


def _wanted(file: Path, command: str, now: datetime) -> list[CatalogueEntry]:
    """What the file says, where everything in it is right. Raises Unfit, WrongUse."""
    network = required(Where.read().network, "HERKEN_NETWORK", command)
    found = checks.checked(read(file), trusted(network))
    if found.problems:
        raise Unfit([f"{file}:{line}: {text}" for line, text in found.problems])
    return checks.entries(found, now)


async def _publish(
    wanted: Sequence[CatalogueEntry], seen: Catalogue, scheme: jose.PrivateKey, now: datetime
) -> list[CatalogueEntry]:
    """Publish what differs, unless that is no longer what was agreed to. Raises Overtaken."""
    kafka = required(Where.read().kafka, "HERKEN_KAFKA", "herken catalogue import")
    async with updating(kafka, scheme) as update:
        if update.known.version != seen.version:
            raise Overtaken(
                f"the catalogue became version {update.known.version} meanwhile: nothing was "
                "published. Look at the difference anew"
            )
        entries = numbered(difference(wanted, update.known, now).entries, update.known)
        await update.publish(entries)
    return entries


def _scheme() -> jose.PrivateKey:
    """The scheme's key, which fits the network's public one. Raises WrongUse."""
    network = required(Where.read().network, "HERKEN_NETWORK", "herken catalogue import")
    secrets = _Secrets.read().secrets
    folders = Folders(network, secrets) if secrets else None
    if folders is None or not folders.scheme_key.exists():
        raise WrongUse(
            "only the scheme changes the catalogue: HERKEN_SECRETS must name a folder with its "
            "key, _scheme.json"
        )
    try:
        scheme = folders.scheme()
    except (ValueError, KeyError, TypeError):
        raise WrongUse(f"{folders.scheme_key} is damaged: put it back") from None
    if PublicJwk.model_validate(jose.public_jwk(scheme)) != scheme_key(network):
        raise WrongUse(f"{folders.scheme_key} is not the key of the scheme in {network}")
    return scheme


# --- how it is told


def _told(found: Difference, version: int) -> str:
    lines = [f"+ {name}  {_title(row)}" for name, row in found.added.items()]
    lines += [f"~ {name}  {', '.join(columns)}" for name, columns in found.changed.items()]
    lines += [f"- {name}  {_title(row)}" for name, row in found.withdrawn.items()]
    if not found:
        return f"no difference from version {version}"
    return "\n".join([*lines, f"compared with version {version}: {_count(found)}"])


def _title(row: Cells) -> str:
    return " of ".join(str(row[c]) for c in ("name", "dienstverlener_name") if c in row)


def _count(found: Difference) -> str:
    return (
        f"{len(found.added)} added, {len(found.changed)} changed, {len(found.withdrawn)} withdrawn;"
        f" entries: {len(found.entries)}"
    )


def _published(
    found: Difference, version: int, entries: Sequence[CatalogueEntry], *, as_document: bool
) -> None:
    if as_document:
        published = [each.dienstverlener for each in entries]
        document({"ok": True, "version": version, "published": published, **_as_document(found)})
    elif entries:
        say(f"published: {len(entries)} entries; the catalogue is at version {version}")
    else:
        say("nothing was published")


def _as_document(found: Difference) -> dict[str, object]:
    return {
        "added": list(found.added),
        "changed": [{"service": name, "columns": c} for name, c in found.changed.items()],
        "withdrawn": list(found.withdrawn),
    }
