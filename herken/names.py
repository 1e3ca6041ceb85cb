"""The scenario's short names, as people type them."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

from pipeline.errors import WrongUse
from schemas.values import Level


def known(name: str, names: Sequence[str], what: str) -> str:
    """The name, if the network has it. Raises WrongUse, with what is near."""
    if name in names:
        return name
    near = get_close_matches(name, names, n=1)
    meant = f"did you mean {near[0]}? " if near else ""
    raise WrongUse(f"the network has no {what} {name!r}: {meant}It has {', '.join(names)}")


def optional(name: str | None, names: Sequence[str], what: str) -> str | None:
    """The same, where a name is given. Raises WrongUse."""
    return None if name is None else known(name, names, what)


def level_of(text: str | None) -> Level | None:
    """Raises WrongUse."""
    try:
        return None if text is None else Level.parse(text)
    except ValueError as error:
        raise WrongUse(f"--level {text}: {error}") from None
