"""A catalogue as a file: as CSV for people, and as JSON with the same rows (`catalogue_rows`).

In CSV a list is one cell with ` | ` between its parts. Inside a part, `\\|`, `\\\\` and `\\s` stand
for |, \\ and a space at its beginning or end. Spreadsheets that write ; between cells may.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from herken.catalogue_rows import FLAGS, HEADINGS, LISTS, Cell, Cells
from pipeline.errors import WrongUse

_WORDS: Final = {"yes": True, "no": False}


# --- to a file


def as_csv(rows: Iterable[Cells]) -> str:
    """The rows as CSV, with headings. Source: RFC 4180, lines ended by a single newline."""
    text = io.StringIO()
    writer = csv.DictWriter(text, HEADINGS, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _as_text(cell) for name, cell in row.items()} for row in rows)
    return text.getvalue()


def as_json(rows: Iterable[Cells], version: int) -> str:
    """The rows as one JSON document, a line each."""
    lines = ",\n".join(f"  {json.dumps(row, ensure_ascii=False)}" for row in rows)
    return f'{{"version": {version}, "services": [\n{lines}\n]}}\n'


def _as_text(cell: Cell) -> str:
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    return cell if isinstance(cell, str) else " | ".join(map(_escaped, cell))


def _escaped(part: str) -> str:
    text = re.sub(r"([\\|])", r"\\\1", part)
    return re.sub(r"^ | $", r"\\s", text)


def _parts(text: str) -> list[str]:
    found = re.findall(r"(?:\\.|[^\\|])+", text, re.DOTALL)
    return [_unescaped(each.strip(" ")) for each in found if each.strip(" ")]


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", lambda m: " " if m[1] == "s" else m[1], text, flags=re.DOTALL)


# --- from a file


@dataclass(frozen=True)
class Line:
    """A row of a file, as it stands there."""

    number: int
    cells: Mapping[str, Cell]


def read(file: Path) -> list[Line]:
    """The rows of a file. Raises WrongUse where it is no such file at all."""
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise WrongUse(f"{file} cannot be read as text: {type(error).__name__}") from None
    is_json = text.lstrip()[:1] in ("{", "[")
    return list(_json_lines(file, text) if is_json else _csv_lines(file, text))


def _csv_lines(file: Path, text: str) -> Iterator[Line]:
    heading = text.partition("\n")[0]
    delimiter = ";" if heading.count(";") > heading.count(",") else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        headings = [name.strip() for name in next(reader, [])]
        _require_headings(file, headings)
        begins = reader.line_num + 1
        for values in reader:
            if any(values):
                yield Line(begins, _csv_cells(headings, values))
            begins = reader.line_num + 1
    except csv.Error as error:
        raise WrongUse(f"{file}:{reader.line_num}: it is no CSV: {error}") from None


def _require_headings(file: Path, headings: Sequence[str]) -> None:
    missing = [name for name in ("dienstverlener", "service_uuid") if name not in headings]
    unknown = [name for name in headings if name not in HEADINGS]
    if missing or unknown:
        what = f"has no column {missing[0]}" if missing else f"has an unknown column {unknown[0]!r}"
        raise WrongUse(f"{file}:1: it {what}; the columns are {', '.join(HEADINGS)}")


def _csv_cells(headings: Sequence[str], values: Sequence[str]) -> Cells:
    named = dict(zip(headings, values, strict=False))
    if len(values) > len(headings):
        named["too many cells"] = values[-1]
    return {name: _from_text(name, text) for name, text in named.items() if text}


def _from_text(name: str, text: str) -> Cell:
    if name in FLAGS:
        return _WORDS.get(text.strip().lower(), text)
    return _parts(text) if name in LISTS else text


def _json_lines(file: Path, text: str) -> Iterator[Line]:
    """Each row with the line that it begins on. Raises WrongUse."""
    try:
        json.loads(text)
        found = re.search(r'"services"\s*:\s*\[', text)
        at = found.end() if found else text.index("[") + 1
        while (at := _skipped(text, at)) < len(text) and text[at] != "]":
            row, end = json.JSONDecoder().raw_decode(text, at)
            yield Line(text.count("\n", 0, at) + 1, _json_cells(row))
            at = end
    except json.JSONDecodeError as error:
        raise WrongUse(f"{file}:{error.lineno}: it is no JSON: {error.msg}") from None
    except ValueError:
        raise WrongUse(f'{file}: it has no list of "services"') from None


def _skipped(text: str, at: int) -> int:
    """Behind white space and commas."""
    found = re.compile(r"[\s,]*").match(text, at)
    return found.end() if found else at


def _json_cells(row: Any) -> Cells:
    named = row if isinstance(row, dict) else {"no object": str(row)}
    return {name: cell for name, cell in named.items() if cell not in (None, "", [])}
