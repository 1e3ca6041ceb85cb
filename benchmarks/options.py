"""What the benchmarks' commands have in common."""

from __future__ import annotations

import argparse


def positive(text: str) -> int:
    """A number of things. Raises ArgumentTypeError."""
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text} is no whole number above 0")
    return int(text)
