"""From when until when: five years at most, and never already over. Source: [AS] mandates."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from schemas.administration import CommandRefusal
from schemas.commands import Period

LONGEST_YEARS: Final = 5


def latest_end(valid_from: datetime) -> datetime:
    """Five years on, on the same day of the year; what begins on 29 February ends on the 28th."""
    year = valid_from.year + LONGEST_YEARS
    try:
        return valid_from.replace(year=year)
    except ValueError:
        return valid_from.replace(year=year, day=28)


def period(asked: Period, now: datetime) -> tuple[datetime, datetime] | CommandRefusal:
    """From and until as asked; from now, and for five years, where nothing is asked."""
    valid_from = asked.valid_from or now
    return checked(valid_from, asked.valid_until or latest_end(valid_from), now)


def checked(
    valid_from: datetime, valid_until: datetime, now: datetime
) -> tuple[datetime, datetime] | CommandRefusal:
    """The same, where it holds: it ends after it began, is not over, takes five years at most."""
    if max(valid_from, now) < valid_until <= latest_end(valid_from):
        return valid_from, valid_until
    return CommandRefusal.VALIDITY_REFUSED


def renewed(
    valid_from: datetime, valid_until: datetime, now: datetime
) -> tuple[datetime, datetime] | CommandRefusal:
    """A new end. CHOICE: where it is more than five years from the start, the mandate starts anew
    now."""
    return checked(valid_from if valid_until <= latest_end(valid_from) else now, valid_until, now)
