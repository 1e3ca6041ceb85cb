"""What the scheme leaves open about administration, and the keys of the registry's own portal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from pipeline.keys import Keys, read_secrets
from pipeline.settings import Settings
from registry.billing import PRICES
from schemas.administration import ChargeKind

AUTHENTICATED_WITHIN = timedelta(minutes=15)
"""CHOICE: how long ago who commands may have proved who he is."""


@dataclass(frozen=True)
class Choices:
    """How one registry administers.

    portal                its own portal's keys, by which it reads that portal's outcomes; None: it
                          takes no commands
    authenticated_within  how long ago who commands may have proved who he is
    prices                cents for each kind of charge
    """

    portal: Keys | None = None
    authenticated_within: timedelta = AUTHENTICATED_WITHIN
    prices: Mapping[ChargeKind, int] = field(default_factory=lambda: PRICES)


def choices(keys: Keys, settings: Settings) -> Choices:
    """The choices of a registry that runs: its portal is its own company, so that its process holds
    the portal's secrets too. Raises WrongUse where they are not there."""
    return Choices(
        _portal(keys, settings),
        timedelta(seconds=settings.authenticated_within_seconds),
        {**PRICES, **settings.prices},
    )


def _portal(keys: Keys, settings: Settings) -> Keys | None:
    portal = keys.directory.participant(keys.me.portal) if keys.me.portal else None
    if portal is None:
        return None
    return Keys(read_secrets(settings.secrets, portal.name), keys.current, keys.offered)
