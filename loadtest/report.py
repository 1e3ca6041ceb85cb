"""Writes the report of a run: one HTML file that needs nothing else to be read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from hdrh.histogram import HdrHistogram

from loadtest import histograms
from loadtest.record import HLOG_FILE, REPORT_FILE, Run
from loadtest.reporting.page import page
from pipeline.errors import WrongUse


def write(run: Run, folder: Path) -> Path:
    """The page, beside the run's other files; the histograms are used if they are there.

    Raises WrongUse where the folder cannot be written, or its histograms not be read.
    """
    path = folder / REPORT_FILE
    put(path, f"{page(run, _histograms(folder))}\n")
    return path


def put(path: Path, text: str) -> None:
    """A file that is whole, or not there. Raises WrongUse."""
    half = path.with_suffix(".part")
    try:
        half.write_text(text, encoding="utf-8")
        half.replace(path)
    except OSError as error:
        half.unlink(missing_ok=True)
        raise WrongUse(f"{path} cannot be written: {error.strerror}") from None


def _histograms(folder: Path) -> Mapping[str, HdrHistogram]:
    return histograms.by_kind(folder) if (folder / HLOG_FILE).exists() else {}
