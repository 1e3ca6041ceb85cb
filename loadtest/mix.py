"""Of which kinds the logins are, and how many of each."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from math import isfinite
from types import MappingProxyType
from typing import Final

from pipeline.errors import WrongUse


class LoginKind(StrEnum):
    """What a login of the load comes to.

    direct   an assertion, without an intermediary
    chain    an assertion through one
    refused  a refusal, by what is registered
    cancel   the user cancels, or the dienstverlener does
    timeout  nobody answers, and the deadline passes
    """

    DIRECT = "direct"
    CHAIN = "chain"
    REFUSED = "refused"
    CANCEL = "cancel"
    TIMEOUT = "timeout"


Mix = Mapping[LoginKind, float]
"""How many of each kind, in proportion."""
USUAL: Final[Mix] = MappingProxyType(
    {
        LoginKind.DIRECT: 80.0,
        LoginKind.CHAIN: 10.0,
        LoginKind.REFUSED: 5.0,
        LoginKind.CANCEL: 3.0,
        LoginKind.TIMEOUT: 2.0,
    }
)
"""CHOICE: what is put on a network where nobody says; of it, what its scenario has."""
_FORM: Final = "--mix is written as direct=80,chain=10,refused=5,cancel=3,timeout=2"


def parsed(text: str) -> Mix:
    """`direct=80,chain=10`. Raises WrongUse."""
    mix: dict[LoginKind, float] = {}
    for part in text.split(","):
        name, _, weight = (each.strip() for each in part.partition("="))
        kind = _kind(name)
        if kind in mix:
            raise WrongUse(f"--mix has {kind} twice. {_FORM}")
        mix[kind] = _weight(weight, kind)
    if not any(mix.values()):
        raise WrongUse(f"--mix has nothing in it: a weight has to be above 0. {_FORM}")
    return {kind: weight for kind, weight in mix.items() if weight}


def _kind(name: str) -> LoginKind:
    if name not in list(LoginKind):
        raise WrongUse(f"--mix has no kind {name!r}: it has {', '.join(LoginKind)}. {_FORM}")
    return LoginKind(name)


def _weight(text: str, kind: LoginKind) -> float:
    try:
        weight = float(text)
    except ValueError:
        weight = -1.0
    if not isfinite(weight) or weight < 0:
        raise WrongUse(f"--mix: {text!r} is no weight of {kind}: a number, 0 or more. {_FORM}")
    return weight


def fitting(asked: Mix | None, there: set[LoginKind], why: str) -> Mix:
    """The mix as asked, or the usual one as far as there are logins for it.

    why  what to say of kinds that are not there
    Raises WrongUse.
    """
    lacking = [kind for kind in asked or () if kind not in there]
    if lacking or not there:
        told = ", ".join(sorted(there)) or "none at all"
        lacks = f"no login of the kind {lacking[0]}" if lacking else "no login to repeat"
        raise WrongUse(f"the scenario has {lacks}; it has: {told}. {why}")
    return asked or {kind: weight for kind, weight in USUAL.items() if kind in there}
