"""What costs money: one priced event at a time, however often it is told.

A charge's ID follows from its cause, so that a redelivery writes the same row again, which is none.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from pipeline.stage import Change, Connection, Outgoing
from registry.kept import Organisation
from registry.rules import Registry
from registry.tables import AnyConnection
from schemas import codec
from schemas.administration import Charge, ChargeKind
from schemas.directory import KeyUse
from schemas.jose import base64url
from schemas.sealed import Identifier
from schemas.topics import CHARGES
from schemas.values import EntityType

PRICES: Final[Mapping[ChargeKind, int]] = {
    ChargeKind.REGISTRATION: 500,
    ChargeKind.RENEWAL: 250,
    ChargeKind.CHAIN_REGISTRATION: 1500,
    ChargeKind.CHAIN_LOGIN: 25,
}
"""Cents. CHOICE: the scheme says that registrations cost money, and not how much. A mandate pays
`registration`, a link `chain-registration`; an assignment and the appointment of a manager cost
nothing."""


@dataclass(frozen=True)
class Charged:
    """A charge, as it is stored and told."""

    change: Change
    outgoing: Outgoing


@dataclass(frozen=True)
class Total:
    """What one organisation (by its number) has to pay for one kind in a month."""

    organisation: str
    kind: ChargeKind
    times: int
    cents: int


def charge(
    registry: Registry,
    kind: ChargeKind,
    organisation: Organisation,
    cause: str,
    at: datetime,
) -> Charged:
    """One priced event. `cause` names what it is for (an object and its revision, a request ID):
    the same cause is charged once. CHOICE: a month is one of UTC."""
    account = account_of(registry, organisation)
    charged = Charge(
        request_id=codec.message_id("charge", f"{kind}\n{cause}"),
        kind=kind,
        organisation=registry.seal(account, registry.me, KeyUse.ENCRYPTION),
        month=at.astimezone(UTC).strftime("%Y-%m"),
        cents={**PRICES, **registry.prices}[kind],
        at=at,
    )

    async def change(connection: Connection) -> None:
        await write(connection, charged, account)

    return Charged(change, Outgoing(CHARGES, registry.me, charged))


def chain_login(
    registry: Registry, organisation: Organisation, request_id: UUID, at: datetime
) -> Charged:
    """A login through a chain that was confirmed: once for a request. CHOICE: the represented pays,
    at the registry of its link."""
    return charge(registry, ChargeKind.CHAIN_LOGIN, organisation, str(request_id), at)


def account_of(registry: Registry, organisation: Organisation) -> Identifier:
    """The number that an organisation is charged under: its KvK number, else its RSIN, else one of
    the registry's own."""
    for type_ in (EntityType.KVKNR, EntityType.RSIN):
        number = organisation.number(type_)
        if number is not None:
            return Identifier(type=type_, value=number)
    text = f"account\n{organisation.id}"
    own = base64url(hmac.digest(registry.pseudonym_secret, text.encode(), "sha256"))
    return Identifier(type=EntityType.PSEUDO, value=own)


async def write(connection: AnyConnection, charged: Charge, account: Identifier) -> None:
    """Store a charge; the same one twice is one."""
    await connection.execute(
        "INSERT INTO charges (id, kind, organisation, month, cents, at)"
        " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO NOTHING",
        charged.request_id,
        charged.kind.value,
        account.value,
        charged.month,
        charged.cents,
        charged.at,
    )


async def totals(connection: AnyConnection, month: str) -> list[Total]:
    """A month's charges (`2026-03`), by organisation and kind."""
    found = await connection.fetch(
        "SELECT organisation, kind, count(*)::int AS times, sum(cents)::int AS cents FROM charges"
        " WHERE month = $1 GROUP BY organisation, kind ORDER BY organisation, kind",
        month,
    )
    return [
        Total(row["organisation"], ChargeKind(row["kind"]), row["times"], row["cents"])
        for row in found
    ]
