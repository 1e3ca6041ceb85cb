"""One-time codes: TOTP with SHA-1, six digits, 30 seconds. Source: RFC 6238.

A code holds in its own time step and in the one before and after it (5.2), and once only: the
step that it matched is claimed.
"""

from __future__ import annotations

from datetime import datetime
from hmac import compare_digest

import pyotp

from schemas.values import Value

_STEP_SECONDS = 30


class SharedSecret(Value):
    """What codes are made from (base32). It is kept sealed for the provider itself."""

    secret: str


def matching_step(shared: SharedSecret, code: str, now: datetime) -> int | None:
    """The time step that the code belongs to, or None where it is no code of these moments."""
    totp = pyotp.TOTP(shared.secret)
    current = int(now.timestamp()) // _STEP_SECONDS
    for step in (current, current - 1, current + 1):
        if compare_digest(totp.generate_otp(step), code):
            return step
    return None
