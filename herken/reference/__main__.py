"""The command.

python -m herken.reference           writes docs/reference/
python -m herken.reference --check   writes nothing, lists what differs from the code: exit code 1
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from herken.reference.pages import pages
from herken.reference.text import NOTICE, ROOT

FOLDER = ROOT / "docs" / "reference"


def main(arguments: Sequence[str], folder: Path = FOLDER) -> int:
    """The exit code: 1 where a page differs from the code."""
    parser = argparse.ArgumentParser(prog="python -m herken.reference", description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare, and write nothing")
    if not parser.parse_args(arguments).check:
        write(folder)
        return 0
    found = differences(folder)
    sys.stdout.write("".join(f"not as the code generates it: {line}\n" for line in found))
    return 1 if found else 0


def write(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (folder / name).write_text(text, encoding="utf-8")


def differences(folder: Path) -> list[str]:
    """What is not in the folder as the code generates it, a line each."""
    wanted = pages()
    there = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.md")}
    orphans = [name for name, text in there.items() if NOTICE in text and name not in wanted]
    return [
        *(f"{name}: missing" for name in wanted if name not in there),
        *(f"{name}: differs" for name in wanted if there.get(name, wanted[name]) != wanted[name]),
        *(f"{name}: the code does not generate it" for name in orphans),
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
