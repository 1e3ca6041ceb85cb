"""Invariant 11: a refusal says one reason, and it is that of what led to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from checker.facts import Fact, Violation, World
from checker.judging.login import NO_LOGIN, Login

_PROVIDER: Final = frozenset(
    {
        *("cancelled_by_user", "authentication_failed", "attributes_not_shared"),
        *("deadline_passed", "level_not_supported", "participant_fault", "service_withdrawn"),
        "busy",
    }
)
_REGISTRY: Final = frozenset(
    {
        *("cancelled_by_user", "no_mandate", "deadline_passed", "participant_fault"),
        *("service_withdrawn", "busy"),
    }
)
_OWN: Final = frozenset(
    {"participant_fault", "service_withdrawn", "level_not_supported", "deadline_passed"}
)
"""What a makelaar refuses himself where a declaration came."""
_ADMISSION: Final = NO_LOGIN | {
    *("service_unknown", "level_ended", "level_not_supported", "attributes_not_supported"),
    *("provider_does_not_fit", "cancelled_by_dienstverlener", "busy"),
}
_THEIRS: Final = {
    "authentication-results": _PROVIDER,
    "mandate-decisions": _REGISTRY,
    "confirmations": _REGISTRY,
}
"""What a provider or registry can refuse with (docs/reference/refusals.md)."""


def judge_reasons(login: Login, world: World) -> Iterator[Violation]:
    """The code of a refusal follows from the message that led to it."""
    for outcome in login.said("outcomes"):
        code = outcome.result.get("code")
        if code is None:
            continue
        cause = login.causes.get(outcome.jti)
        allowed = _allowed(login, world, outcome, cause)
        if allowed is not None and code not in allowed:
            places = (outcome.place, cause.place) if cause else (outcome.place,)
            what = f"a message of {cause.kind}" if cause else "a deadline"
            sentence = f"{what} led to it, which is no reason for `{code}`"
            yield Violation(11, login.request_id, places, sentence)


def _allowed(
    login: Login, world: World, outcome: Fact, cause: Fact | None
) -> frozenset[str] | None:
    """The codes that there can be; None where what led to it is not known."""
    if cause is None:
        makelaar = world.participants[outcome.sender].name
        return frozenset({"deadline_passed"}) if login.is_due(outcome, makelaar) else None
    match cause.kind:
        case "authn-requests":
            return _ADMISSION
        case "means-choices":
            return frozenset({"cancelled_by_user", "service_withdrawn"})
        case "cancellations":
            return frozenset({"cancelled_by_dienstverlener"})
    return _declared(cause)


def _declared(cause: Fact) -> frozenset[str] | None:
    theirs = _THEIRS.get(cause.kind)
    if theirs is None:
        return None
    code = cause.result.get("code")
    if code is None:
        return _OWN
    return frozenset({code, "participant_fault"} if code in theirs else {"participant_fault"})
