"""The kinds of logins that are on all the time, each with what it must come to."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sandbox.scenario import Login
from tests.faults.ground import KEYS, PASSWORDS

ANSWER_WITHIN_SECONDS: Final = 3
"""Of those whom nobody answers."""


@dataclass(frozen=True)
class Kind:
    """A kind of login.

    weight   how many of it there are among all
    cancels  the dienstverlener thinks better of it
    codes    it uses up somebody's one-time code
    visits   it is one of three: a session begins, is used, and is ended
    """

    weight: float
    login: Login
    cancels: bool = False
    codes: bool = False
    visits: bool = False

    @property
    def name(self) -> str:
        return self.login.name


def _kind(
    name: str, weight: float, service: str, person: str, expect: dict[str, Any], **more: Any
) -> Kind:
    flags = {flag: more.pop(flag) for flag in ("cancels", "codes", "visits") if flag in more}
    fields = {"name": name, "service": service, "person": person, "expect": expect, **more}
    return Kind(weight, Login.model_validate(fields), **flags)


_WERF4, _WERF3 = {"assertion": "EH4", "for": "werf"}, {"assertion": "EH3", "for": "werf"}
DIRECT: Final = _kind("direct", 3, "ligplaats", "ans", _WERF4)
KINDS: Final[Sequence[Kind]] = (
    DIRECT,
    _kind("at another dienstverlener", 1, "doorvaart", "bas", _WERF3, asks_for=KEYS),
    _kind("choice of a means", 2, "vracht", "bas", _WERF3, provider=KEYS),
    _kind("password and code", 1.5, "vracht", "kees", _WERF3, asks_for=PASSWORDS, codes=True),
    _kind(
        "wrong password",
        1,
        "vracht",
        "wout",
        {"refusal": "authentication_failed"},
        asks_for=PASSWORDS,
        does="wrong-password",
    ),
    _kind(
        "choice of an organisation",
        2,
        "vracht",
        "cor",
        {"assertion": "EH3", "for": "molen"},
        asks_for=KEYS,
        **{"for": "molen"},
    ),
    _kind("no mandate", 1, "vracht", "dirk", {"refusal": "no_mandate"}, asks_for=KEYS),
    _kind("level too low", 1, "ligplaats", "els", {"refusal": "authentication_failed"}),
    _kind(
        "provider does not fit",
        0.5,
        "ligplaats",
        "ans",
        {"refusal": "provider_does_not_fit"},
        asks_for=PASSWORDS,
    ),
    _kind(
        "cancelled by the user",
        1,
        "vracht",
        "bas",
        {"refusal": "cancelled_by_user"},
        does="cancel",
    ),
    _kind(
        "cancelled by the dienstverlener",
        2,
        "ligplaats",
        "ans",
        {"refusal": "cancelled_by_dienstverlener"},
        does="nothing",
        cancels=True,
    ),
    _kind(
        "nobody answers",
        2,
        "ligplaats",
        "ans",
        {"refusal": "deadline_passed"},
        does="nothing",
        answer_within_seconds=ANSWER_WITHIN_SECONDS,
    ),
    _kind(
        "chain",
        2,
        "jaarstuk",
        "fien",
        {"assertion": "EH3", "for": "klant", "through": "kantoor"},
        asks_for=KEYS,
    ),
    _kind(
        "chain the other way",
        1.5,
        "jaarstuk",
        "gijs",
        {"assertion": "EH3", "for": "reder", "through": "bureau"},
        asks_for=KEYS,
    ),
    _kind(
        "consent",
        2,
        "aanmelding",
        "ans",
        {"assertion": "EH4", "for": "werf", "attributes": ["FirstName"]},
        asks_for=KEYS,
    ),
    _kind("visit", 2, "doorvaart", "ans", _WERF4, asks_for=KEYS, uses_session=True, visits=True),
)
SECOND_VISIT: Final = _kind(
    "visit again", 0, "doorvaart", "ans", _WERF3, asks_for=KEYS, uses_session=True
)
"""With the session of the first, which is worth EH3 at most."""
Pick = Callable[[], Kind]


def picking(seed: int) -> Pick:
    """Kinds, as often as they weigh, in an order of the seed's."""
    order, weights = random.Random(seed), [each.weight for each in KINDS]
    return lambda: order.choices(KINDS, weights)[0]
