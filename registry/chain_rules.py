"""The rules about the two halves of a chain, each verified where it is registered: the assignment
at the first registry, the link at the second one.

Source: [AS] ketenmachtiging.
"""

from __future__ import annotations

from typing import Final

from registry.cases import Case
from registry.judging import Rule
from registry.kept import Assignment, Link, Organisation
from registry.mandate_rules import (
    REPRESENTED_RULES,
    RESTRICTION_RULE,
    SCOPE,
    HeldCase,
    in_scope,
    level_rules,
    needs_scope,
    period_rules,
    saw_scope,
)
from schemas.catalogue import Service, intermediary_digest
from schemas.directory import Participant
from schemas.values import EntityType, Intermediation, Role

INTERMEDIATION: Final = "[AS] service catalogue: intermediation none, general, own, needs approval"
ONE_INTERMEDIARY: Final = "[AS] ketenmachtiging: exactly one intermediary"
CHAINS: Final = "[AS] only some registries offer ketenmachtigingen"
LOCATED: Final = "[AS] ketenmachtiging: found by a chain-information query"
ACCEPTED: Final = "[AS] ketenmachtiging: the intermediary accepts the mandate"
INTERSECTION: Final = "[AS] ketenmachtiging: both ends must hold; CHOICE: their intersection counts"
CLAIM: Final = (
    "[AS] ketenmachtiging: chain data is a claim, and verified in the register of each link"
)


def offers_chains(registry: Participant | None) -> bool:
    return registry is not None and registry.role is Role.REGISTRY and registry.chains


def may_intermediate(service: Service, kvk: str | None) -> bool:
    """Whether a service can be used through an intermediary. Source: [AS] intermediation."""
    if service.intermediation is Intermediation.NEEDS_APPROVAL:
        digest = intermediary_digest(service.service_uuid, kvk or "")
        return digest in service.approved_intermediaries
    return service.intermediation is Intermediation.GENERAL


def _saw_intermediation(case: HeldCase) -> str:
    return f"intermediation: {case.asked.service.intermediation}"


def _needs_intermediation(case: HeldCase) -> str:
    if case.asked.service.intermediation is Intermediation.NEEDS_APPROVAL:
        return "an approval by the dienstverlener, or a direct mandate of the represented"
    return "a direct mandate of the represented"


def _saw_chains(_: HeldCase) -> str:
    return "whether this registry offers chains"


def _saw_other_chains(_: HeldCase) -> str:
    return "whether the other registry offers chains"


def _needs_chains(_: HeldCase) -> str:
    return "a registry that offers ketenmachtigingen"


def _saw_principal(_: HeldCase) -> str:
    return "who acts for whom"


def _needs_principal(_: HeldCase) -> str:
    return "a direct mandate: nobody is his own intermediary"


# --- the near half


def _assigned_intermediary_may(case: Case[Assignment]) -> bool:
    return may_intermediate(case.asked.service, case.organisation.kvk)


def _has_kvk(case: Case[Assignment]) -> bool:
    return case.organisation.kvk is not None


def _principal_is_another(case: Case[Assignment]) -> bool:
    principal = case.held.principal
    return case.organisation.number(principal.type) != principal.value


def _is_located(case: Case[Assignment]) -> bool:
    return case.held.registry is not None and case.held.link is not None


def _saw_located(case: Case[Assignment]) -> str:
    return "found" if _is_located(case) else "not found at any registry"


def _needs_located(_: HeldCase) -> str:
    return "a link, registered by the represented and accepted by the intermediary"


def _other_offers_chains(case: Case[Assignment]) -> bool:
    """A link that was not found has no registry yet: another rule is about that."""
    registry = case.held.registry
    return registry is None or offers_chains(case.asked.registry.directory.participant(registry))


ASSIGNMENT_RULES: Final[tuple[Rule[Case[Assignment]], ...]] = (
    Rule("service_outside_assignment", SCOPE, in_scope, saw_scope, needs_scope),
    *period_rules("assignment"),
    *level_rules("assignment"),
    RESTRICTION_RULE,
    Rule(
        "intermediation_refused",
        INTERMEDIATION,
        _assigned_intermediary_may,
        _saw_intermediation,
        _needs_intermediation,
    ),
    Rule(
        "intermediary_without_kvk",
        "[AS] IntermediateEntityID:KvKnr: the intermediary is known by its KvK number only",
        _has_kvk,
        lambda _: "whether the intermediary has a KvK number",
        lambda _: "an intermediary that has one",
    ),
    Rule(
        "principal_is_intermediary",
        ONE_INTERMEDIARY,
        _principal_is_another,
        _saw_principal,
        _needs_principal,
    ),
    Rule(
        "registry_without_chains",
        CHAINS,
        lambda case: offers_chains(case.asked.registry.me),
        _saw_chains,
        _needs_chains,
    ),
    Rule("chain_not_located", LOCATED, _is_located, _saw_located, _needs_located),
    Rule(
        "other_registry_without_chains",
        CHAINS,
        _other_offers_chains,
        _saw_other_chains,
        _needs_chains,
    ),
)


# --- the far half


def _is_accepted(case: Case[Link]) -> bool:
    return case.held.accepted_at is not None


def _saw_accepted(case: Case[Link]) -> str:
    return "accepted" if _is_accepted(case) else "not accepted"


def _needs_accepted(_: HeldCase) -> str:
    return "the intermediary's acceptance: ask its machtigingenbeheerder"


def _is_of_claimed(case: Case[Link]) -> bool:
    return case.claim is not None and case.claim.intermediary == case.held.intermediary


def _is_claimed_principals(case: Case[Link]) -> bool:
    claimed = case.claim.principal if case.claim else None
    return claimed is not None and case.organisation.number(claimed.type) == claimed.value


def _linked_principal_is_another(case: Case[Link]) -> bool:
    return not _is_known_as(case.organisation, case.held.intermediary)


def _is_known_as(organisation: Organisation, kvk: str) -> bool:
    return organisation.number(EntityType.KVKNR) == kvk


def _linked_intermediary_may(case: Case[Link]) -> bool:
    return may_intermediate(case.asked.service, case.held.intermediary)


def _vestigingen_meet(case: Case[Link]) -> bool:
    claimed = case.claim.vestiging if case.claim else None
    return None in (claimed, case.held.vestiging) or claimed == case.held.vestiging


LINK_RULES: Final[tuple[Rule[Case[Link]], ...]] = (
    Rule(
        "intermediary_mismatch",
        ONE_INTERMEDIARY,
        _is_of_claimed,
        lambda _: "for which intermediary the link is",
        lambda _: "a link to this very intermediary: there is no other one in between",
    ),
    Rule(
        "principal_mismatch",
        CLAIM,
        _is_claimed_principals,
        lambda _: "whose link it is",
        lambda _: "a link of the represented that the employee was assigned to act for",
    ),
    Rule(
        "principal_is_intermediary",
        ONE_INTERMEDIARY,
        _linked_principal_is_another,
        _saw_principal,
        _needs_principal,
    ),
    Rule("link_not_accepted", ACCEPTED, _is_accepted, _saw_accepted, _needs_accepted),
    Rule("service_outside_link", SCOPE, in_scope, saw_scope, needs_scope),
    *period_rules("link"),
    *level_rules("link"),
    Rule(
        "vestiging_mismatch",
        INTERSECTION,
        _vestigingen_meet,
        lambda _: "which vestiging each half is for",
        lambda _: "both halves for the same vestiging",
    ),
    RESTRICTION_RULE,
    Rule(
        "intermediation_refused",
        INTERMEDIATION,
        _linked_intermediary_may,
        _saw_intermediation,
        _needs_intermediation,
    ),
    *REPRESENTED_RULES,
    Rule(
        "registry_without_chains",
        CHAINS,
        lambda case: offers_chains(case.asked.registry.me),
        _saw_chains,
        _needs_chains,
    ),
    Rule(
        "other_registry_without_chains",
        CHAINS,
        lambda case: offers_chains(case.claimed_by),
        _saw_other_chains,
        _needs_chains,
    ),
)
