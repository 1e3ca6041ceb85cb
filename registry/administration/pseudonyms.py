"""By which pseudonym a person is known at the registry's own portal: to tell two people apart."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from registry import rules
from registry.kept import Mandate
from registry.rules import Registry


@dataclass(frozen=True)
class _Pair:
    person: UUID
    kvk: UUID


def of_mandate(registry: Registry, mandate: Mandate) -> str:
    """The pseudonym at the portal of who has this mandate, for its organisation."""
    pair = _Pair(mandate.person, mandate.organisation)
    return rules.pseudonym(registry.pseudonym_secret, pair, registry.me.portal or "")  # type: ignore[arg-type]
