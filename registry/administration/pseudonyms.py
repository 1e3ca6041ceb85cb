"""By which pseudonym a person is known at the registry's own portal: to tell two people apart."""

from __future__ import annotations

from registry import rules
from registry.kept import Mandate
from registry.rules import Registry


def of_mandate(registry: Registry, mandate: Mandate) -> str:
    """The pseudonym at the portal of who has this mandate, for its organisation."""
    secret, portal = registry.pseudonym_secret, registry.me.portal or ""
    return rules.pseudonym(secret, mandate.person, mandate.organisation, portal)
