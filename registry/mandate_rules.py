"""The rules about a mandate; most are about every thing that is held, and the chains' tables have
them too, under names of their own."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from registry.cases import Case, Held, covers, level_used, services_held, vestiging_of
from registry.judging import Rule
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


def _day(at: datetime) -> str:
    return at.date().isoformat()


def _noun(case: HeldCase) -> str:
    return type(case.held).__name__.lower()


def _ask(case: HeldCase) -> str:
    whose = " of the represented" if isinstance(case.held, Link) else ""
    return f"ask the machtigingenbeheerder{whose}"


def saw_scope(case: HeldCase) -> str:
    covered = sum(covers(case, service) for service in case.asked.services)
    return f"{covered} of {len(case.asked.services)} services in its scope"


def needs_scope(case: HeldCase) -> str:
    return f"a {_noun(case)} for this service: {_ask(case)}"


def _saw_withdrawal(case: HeldCase) -> str:
    at = case.held.withdrawn_at
    return f"withdrawn on {_day(at)}" if at else "not withdrawn"


def _needs_new(case: HeldCase) -> str:
    return f"a new {_noun(case)}: {_ask(case)}"


def _saw_start(case: HeldCase) -> str:
    return f"valid from {_day(case.held.valid_from)}"


def _needs_start(case: HeldCase) -> str:
    return f"a login from {_day(case.held.valid_from)} on, or an earlier start: {_ask(case)}"


def _saw_end(case: HeldCase) -> str:
    return f"valid until {_day(case.held.valid_until)}"


def _needs_renewal(case: HeldCase) -> str:
    return f"a renewal: {_ask(case)}"


def _saw_level(case: HeldCase) -> str:
    return str(case.held.level)


def _needs_level(case: HeldCase) -> str:
    is_, needs = case.held.level, case.asked.level
    return f"a {_noun(case)} of {needs}; this one is {is_}: {_ask(case)}"


def _saw_portal_level(case: HeldCase) -> str:
    if not case.asked.service.portal_for:
        return "no portal"
    held = len(services_held(case))
    return f"{level_used(case)} reaches {held} of {len(case.asked.services)} services"


def _needs_portal_level(case: HeldCase) -> str:
    return f"a means and a {_noun(case)} of the level of a service behind the portal"


def _saw_restriction(case: HeldCase) -> str:
    return "for the whole organisation" if vestiging_of(case) is None else "for one vestiging only"


def _needs_no_restriction(case: HeldCase) -> str:
    return f"a {_noun(case)} for the whole organisation: {_ask(case)}"


def _saw_entity_types(case: HeldCase) -> str:
    asked = case.asked
    used = types_used(case.organisation, asked.service, asked.level)
    return "+".join(SHORT[each] for each in used) if used else "no set that it can meet"


def _needs_entity_types(case: HeldCase) -> str:
    sets = in_order(case.asked.service.entity_types)
    needed = " or ".join("+".join(SHORT[type_] for type_ in each.types) for each in sets)
    return f"an organisation known by {needed}"


def _saw_attributes(case: HeldCase) -> str:
    missing = lacking(case.organisation, case.asked.service)
    names = ", ".join(each.value.rsplit(":", 1)[1] for each in missing)
    return f"lacks {names}" if names else "has what is required"


def _needs_attributes(_: HeldCase) -> str:
    return "an organisation that has what the service requires"


# --- the table


def period_rules(noun: str) -> tuple[Rule[HeldCase], ...]:
    """What holds of everything that is valid for a time, and can be withdrawn."""
    return (
        Rule(f"{noun}_withdrawn", WITHDRAWAL, not_withdrawn, _saw_withdrawal, _needs_new),
        Rule(f"{noun}_not_yet_valid", VALIDITY, has_begun, _saw_start, _needs_start),
        Rule(f"{noun}_expired", VALIDITY, has_not_ended, _saw_end, _needs_renewal),
    )


def level_rules(noun: str) -> tuple[Rule[HeldCase], ...]:
    return (
        Rule(f"{noun}_level_too_low", LEVEL, level_suffices, _saw_level, _needs_level),
        Rule(
            "portal_level_too_low",
            PORTAL,
            portal_level_suffices,
            _saw_portal_level,
            _needs_portal_level,
        ),
    )


RESTRICTION_RULE: Final[Rule[HeldCase]] = Rule(
    "restriction_not_allowed",
    RESTRICTION,
    restriction_is_allowed,
    _saw_restriction,
    _needs_no_restriction,
)
REPRESENTED_RULES: Final[tuple[Rule[HeldCase], ...]] = (
    Rule(
        "entity_type_not_available",
        ENTITY_TYPES,
        entity_type_is_available,
        _saw_entity_types,
        _needs_entity_types,
    ),
    Rule(
        "attribute_not_available",
        ATTRIBUTES,
        attributes_are_available,
        _saw_attributes,
        _needs_attributes,
    ),
)
"""About the represented organisation: at the registry that knows it."""

MANDATE_RULES: Final[tuple[Rule[Case[Mandate]], ...]] = (
    Rule("service_outside_scope", SCOPE, in_scope, saw_scope, needs_scope),
    *period_rules("mandate"),
    *level_rules("mandate"),
    RESTRICTION_RULE,
    *REPRESENTED_RULES,
)
