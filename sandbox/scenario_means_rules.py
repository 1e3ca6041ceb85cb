"""What must hold of people's means of login in a scenario."""

from __future__ import annotations

from collections.abc import Iterator

from sandbox.scenario import Credential, Means
from sandbox.scenario_facts import Facts, Item, Place, Problem, level, text

PASSWORD_CHARACTERS = 8
"""Source: NIST SP 800-63B-4, 3.1.1.2: 15, or 8 where a second factor is used, as here."""


def credentials(facts: Facts) -> Iterator[Problem]:
    """A means has a username and a password where its provider asks for them, and only there."""
    for place, means in facts.items("people", "means"):
        name, kind = text(means, "provider"), credential_of(means, facts)
        if kind == Credential.PASSWORD_AND_CODE:
            yield from _needed(place, means, f"provider '{name}' asks for a password and a code")
        if kind == Credential.KEY:
            yield from _needless(place, means, f"provider '{name}' asks for a key")


def credential_of(means: Item, facts: Facts) -> str | None:
    return text(facts.referred(means, "provider") or {}, "credential")


def _needed(place: Place, means: Item, why: str) -> Iterator[Problem]:
    for field in ("username", "password"):
        if means.get(field) is None and set(means) <= set(Means.model_fields):
            yield Problem((*place, field), f"is missing: {why}")
    if 0 < len(text(means, "password") or "") < PASSWORD_CHARACTERS:
        message = f"is too short: a password has at least {PASSWORD_CHARACTERS} characters"
        yield Problem((*place, "password"), message)


def _needless(place: Place, means: Item, why: str) -> Iterator[Problem]:
    for field in ("username", "password"):
        if means.get(field) is not None:
            yield Problem((*place, field), f"leave this out: {why}")


def means_levels(facts: Facts) -> Iterator[Problem]:
    """A means is not above its provider's highest level."""
    for place, means in facts.items("people", "means"):
        provider = facts.referred(means, "provider") or {}
        reached, highest = level(means, "level"), level(provider, "highest_level")
        if reached and highest and reached > highest:
            message = f"is above {highest}, the highest_level of provider '{means['provider']}'"
            yield Problem((*place, "level"), f"{message}: lower this, or raise that")
