"""What `herken doctor` checks, a file a subject. A check says what it found, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How bad it is; only `wrong` fails the doctor."""

    OK = "ok"
    WARNING = "warning"
    WRONG = "wrong"


@dataclass(frozen=True)
class Finding:
    """What one check found, in a sentence. `advice` is what to do; there is none where all is well.

    is_unreachable  a server that is set does not answer
    """

    name: str
    state: State
    text: str
    advice: str = ""
    is_unreachable: bool = False


def ok(name: str, text: str) -> Finding:
    return Finding(name, State.OK, text)


def warning(name: str, text: str, advice: str) -> Finding:
    return Finding(name, State.WARNING, text, advice)


def wrong(name: str, text: str, advice: str) -> Finding:
    return Finding(name, State.WRONG, text, advice)


def unreachable(name: str, text: str, advice: str) -> Finding:
    return Finding(name, State.WRONG, text, advice, is_unreachable=True)


def listed(names: list[str], at_most: int = 3) -> str:
    """`a, b, c and 4 more`."""
    more = len(names) - at_most
    return ", ".join(names[:at_most]) + (f" and {more} more" if more > 0 else "")
