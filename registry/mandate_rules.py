"""The rules about a mandate; most are about every thing that is held, and the chains' tables have
them too, under names of their own."""

from __future__ import annotations

from typing import Final

from registry.cases import Case, Held, covers, level_used, services_held, vestiging_of
from registry.judging import Rule, Words
from registry.kept import Link, Mandate
from registry.legal_subjects import SHORT, in_order, lacking, types_used

HeldCase = Case[Held]
SCOPE: Final = "[AS] mandates: everything, all services of one dienstverlener, or services"
WITHDRAWAL: Final = "[AS] mandates: withdrawn at any time"
VALIDITY: Final = "[AS] mandates: valid from and until, at most five years"
LEVEL: Final = "[AS] registry rule: mandate level >= requested"
PORTAL: Final = "[AS] a portal service stands for several services; CHOICE: each has its own level"
RESTRICTION: Final = "[AS] mandates: restricted to a vestiging only where the service allows it"
ENTITY_TYPES: Final = "[AS] EntityConcernedTypesAllowed: numbered sets; BSN from substantial upward"
ATTRIBUTES: Final = "[AS] a required attribute that cannot be delivered: the error flow"


def in_scope(case: HeldCase) -> bool:
    """At least one of the services, where it is a portal that stands for several."""
    return any(covers(case, service) for service in case.asked.services)


def not_withdrawn(case: HeldCase) -> bool:
    return case.held.withdrawn_at is None


def has_begun(case: HeldCase) -> bool:
    return case.held.valid_from <= case.asked.now


def has_not_ended(case: HeldCase) -> bool:
    return case.asked.now < case.held.valid_until


def level_suffices(case: HeldCase) -> bool:
    return case.held.level >= case.asked.level


def portal_level_suffices(case: HeldCase) -> bool:
    """Whether one of the services behind a portal is reached, of those in scope."""
    return not case.asked.service.portal_for or bool(services_held(case)) or not in_scope(case)


def restriction_is_allowed(case: HeldCase) -> bool:
    return vestiging_of(case) is None or case.asked.service.restrictable


def entity_type_is_available(case: HeldCase) -> bool:
    asked = case.asked
    return types_used(case.organisation, asked.service, asked.level) is not None


def attributes_are_available(case: HeldCase) -> bool:
    return not lacking(case.organisation, case.asked.service)


# --- what they saw


def _noun(case: HeldCase) -> str:
    return type(case.held).__name__.lower()


def _ask(case: HeldCase) -> str:
    whose = " of the represented" if isinstance(case.held, Link) else ""
    return f"ask the machtigingenbeheerder{whose}"


def says_scope(case: HeldCase) -> Words:
    covered = sum(covers(case, service) for service in case.asked.services)
    saw = f"{covered} of {len(case.asked.services)} services in its scope"
    return saw, f"a {_noun(case)} for this service: {_ask(case)}"


def says_withdrawal(case: HeldCase) -> Words:
    at = case.held.withdrawn_at
    saw = f"withdrawn on {at:%Y-%m-%d}" if at else "not withdrawn"
    return saw, f"a new {_noun(case)}: {_ask(case)}"


def says_start(case: HeldCase) -> Words:
    day = f"{case.held.valid_from:%Y-%m-%d}"
    return f"valid from {day}", f"a login from {day} on, or an earlier start: {_ask(case)}"


def says_end(case: HeldCase) -> Words:
    return f"valid until {case.held.valid_until:%Y-%m-%d}", f"a renewal: {_ask(case)}"


def says_level(case: HeldCase) -> Words:
    is_, needs = case.held.level, case.asked.level
    return f"{is_}", f"a {_noun(case)} of {needs}; this one is {is_}: {_ask(case)}"


def says_portal_level(case: HeldCase) -> Words:
    held = len(services_held(case))
    saw = f"{level_used(case)} reaches {held} of {len(case.asked.services)} services"
    return saw, f"a means and a {_noun(case)} of the level of a service behind the portal"


def says_restriction(case: HeldCase) -> Words:
    restricted = vestiging_of(case) is not None
    saw = "for one vestiging only" if restricted else "for the whole organisation"
    return saw, f"a {_noun(case)} for the whole organisation: {_ask(case)}"


def says_entity_types(case: HeldCase) -> Words:
    asked = case.asked
    used = types_used(case.organisation, asked.service, asked.level)
    sets = in_order(asked.service.entity_types)
    needed = " or ".join("+".join(SHORT[type_] for type_ in each.types) for each in sets)
    saw = "+".join(SHORT[each] for each in used) if used else "no set that it can meet"
    return saw, f"an organisation known by {needed}"


def says_attributes(case: HeldCase) -> Words:
    names = [
        each.value.rsplit(":", 1)[1] for each in lacking(case.organisation, case.asked.service)
    ]
    saw = f"lacks {', '.join(names)}" if names else "has what is required"
    return saw, "an organisation that has what the service requires"


# --- the table


def period_rules(noun: str) -> tuple[Rule[HeldCase], ...]:
    """What holds of everything that is valid for a time, and can be withdrawn."""
    return (
        Rule(f"{noun}_withdrawn", WITHDRAWAL, not_withdrawn, says_withdrawal),
        Rule(f"{noun}_not_yet_valid", VALIDITY, has_begun, says_start),
        Rule(f"{noun}_expired", VALIDITY, has_not_ended, says_end),
    )


def level_rules(noun: str) -> tuple[Rule[HeldCase], ...]:
    return (
        Rule(f"{noun}_level_too_low", LEVEL, level_suffices, says_level),
        Rule("portal_level_too_low", PORTAL, portal_level_suffices, says_portal_level),
    )


RESTRICTION_RULE: Final[Rule[HeldCase]] = Rule(
    "restriction_not_allowed", RESTRICTION, restriction_is_allowed, says_restriction
)
REPRESENTED_RULES: Final[tuple[Rule[HeldCase], ...]] = (
    Rule("entity_type_not_available", ENTITY_TYPES, entity_type_is_available, says_entity_types),
    Rule("attribute_not_available", ATTRIBUTES, attributes_are_available, says_attributes),
)
"""About the represented organisation: at the registry that knows it."""

MANDATE_RULES: Final[tuple[Rule[Case[Mandate]], ...]] = (
    Rule("service_outside_scope", SCOPE, in_scope, says_scope),
    *period_rules("mandate"),
    *level_rules("mandate"),
    RESTRICTION_RULE,
    *REPRESENTED_RULES,
)
