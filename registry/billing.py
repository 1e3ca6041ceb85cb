"""What costs money: each event is charged once, however often it is handled.

Source: [AS] ketenmachtiging: registrations are billable events. CHOICE: the prices, and that a
login through a chain is charged to the represented, by the registry of the link.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final
from uuid import UUID, uuid5

from pipeline.stage import Change, Connection
from schemas.administration import ChargeKind

CENTS: Final[Mapping[ChargeKind, int]] = {
    ChargeKind.REGISTRATION: 500,
    ChargeKind.RENEWAL: 250,
    ChargeKind.CHAIN_REGISTRATION: 1000,
    ChargeKind.CHAIN_LOGIN: 5,
}


def charge(kind: ChargeKind, organisation: UUID, cause: UUID, now: datetime) -> Change:
    """Charge an organisation for what this cause led to, as a change of a step."""

    async def write(connection: Connection) -> None:
        await connection.execute(
            "INSERT INTO charges (id, kind, organisation, month, cents, at)"
            " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO NOTHING",
            uuid5(cause, kind.value),
            kind.value,
            str(organisation),
            f"{now:%Y-%m}",
            CENTS[kind],
            now,
        )

    return write


def chain_login(organisation: UUID, request_id: UUID, now: datetime) -> Change:
    """Charge the represented for a login through a chain that was confirmed."""
    return charge(ChargeKind.CHAIN_LOGIN, organisation, request_id, now)
