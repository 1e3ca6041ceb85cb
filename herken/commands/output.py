"""How commands print: results on stdout, progress on stderr, JSON as one document."""

from __future__ import annotations

import json
import sys
from typing import Any


def say(text: str = "") -> None:
    """A line of the result."""
    print(text, flush=True)  # noqa: T201


def progress(text: str) -> None:
    """A line of progress; never on stdout."""
    print(f"herken: {text}", file=sys.stderr, flush=True)  # noqa: T201


def document(content: Any) -> None:
    """The result as one JSON document."""
    print(json.dumps(content, indent=2, ensure_ascii=False))  # noqa: T201
