"""What a browser is known by at a provider: a secret that it made up, kept as a cookie is."""

from __future__ import annotations

from dataclasses import dataclass
from secrets import token_urlsafe
from uuid import UUID


@dataclass(frozen=True)
class Visit:
    """A secret, and the login that it was first given in."""

    secret: str
    began_in: UUID


class Visits:
    """The secrets of browsers (by name), one for each provider (by name)."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], Visit] = {}

    def secret(self, browser: str, provider: str, request_id: UUID) -> str:
        """The secret to be known by from now on."""
        new = Visit(token_urlsafe(24), request_id)
        return self._kept.setdefault((browser, provider), new).secret

    def earlier(self, browser: str, provider: str, request_id: UUID) -> str | None:
        """The secret that an earlier login was given; None where there is none."""
        visit = self._kept.get((browser, provider))
        return visit.secret if visit and visit.began_in != request_id else None
