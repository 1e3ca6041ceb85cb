"""What somebody writes on the command line: 250ms, 0.3s, 5%."""

from __future__ import annotations

import re
from typing import Final

from pipeline.errors import WrongUse

_MS: Final = {"ms": 1.0, "s": 1000.0, "m": 60_000.0}
_DURATION: Final = re.compile(r"([0-9]+(?:[.][0-9]+)?)(ms|s|m)")
_PERCENTAGE: Final = re.compile(r"([0-9]+(?:[.][0-9]+)?)%")
_LONGEST_MS: Final = 3_600_000.0


def milliseconds(text: str, option: str) -> float:
    """A duration above 0, at most an hour. Raises WrongUse, which names the option."""
    found = _DURATION.fullmatch(text.strip())
    value = float(found[1]) * _MS[found[2]] if found else 0.0
    if not 0 < value <= _LONGEST_MS:
        raise WrongUse(f"{option} takes a duration, as 250ms, 2s or 0.3s, and not {text!r}")
    return value


def fraction(text: str, option: str) -> float:
    """A percentage from 1 to 50, as a fraction. Raises WrongUse, which names the option."""
    found = _PERCENTAGE.fullmatch(text.strip())
    value = float(found[1]) / 100 if found else 0.0
    if not 0.01 <= value <= 0.5:
        raise WrongUse(f"{option} takes a percentage from 1% to 50%, as 5%, and not {text!r}")
    return value
