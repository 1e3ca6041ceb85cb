"""Writes a run to its folder: each file whole, or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from loadtest.record import HLOG_FILE, RUN_FILE
from loadtest.running import Measured
from pipeline.errors import WrongUse


def require_writable(folder: Path) -> None:
    """Before a run that would take long: whether its report can be written. Raises WrongUse."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _written(folder / ".writable", lambda file: None)
        (folder / ".writable").unlink()
    except OSError as error:
        raise _not_written(folder, error) from None


def write(measured: Measured, folder: Path) -> None:
    """`run.json` and `latency.hlog`. Raises WrongUse: there is no room, or no right to."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _written(folder / HLOG_FILE, measured.latencies.write)
        text = measured.run.model_dump_json(indent=1)
        _written(folder / RUN_FILE, lambda file: file.write(text))
    except OSError as error:
        raise _not_written(folder, error) from None


def _written(path: Path, put: Callable[[TextIO], object]) -> None:
    """A file that has its name only once all of it is on disk."""
    new = path.with_name(f"{path.name}.new")
    try:
        with new.open("w") as file:
            put(file)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


def _not_written(folder: Path, error: OSError) -> WrongUse:
    why = error.strerror or type(error).__name__
    return WrongUse(
        f"the report cannot be written to {folder} ({why}): make room there, or name another "
        "folder with --report"
    )
