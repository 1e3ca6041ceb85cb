"""What must hold between the parts of a scenario. No I/O: the file's data and the time are
arguments.

The rules read the plain data of the file, not a `Scenario`: so they can be told together with
what is wrong in its form. A rule says nothing about what it cannot read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from sandbox import scenario_differ as differ
from sandbox import scenario_mandate_rules as mandates
from sandbox import scenario_means_rules as means
from sandbox import scenario_service_rules as services
from sandbox import scenario_step_rules as steps
from sandbox.scenario_facts import Facts, Item, Problem
from sandbox.scenario_references import references

RULES: tuple[Callable[[Facts], Iterator[Problem]], ...] = (
    references,
    differ.party_names,
    differ.names_kept_by_postgres,
    differ.names,
    differ.names_of_registered,
    differ.organisation_numbers,
    differ.entity_ids,
    differ.service_ids,
    differ.means_differ,
    differ.usernames,
    services.service_once,
    services.bsn_levels,
    services.provider_attributes,
    services.same_services,
    services.approved_intermediaries,
    services.portals,
    services.operated_registries,
    means.credentials,
    means.means_levels,
    mandates.organisation_kinds,
    mandates.vestigingen_of_kvk,
    mandates.registries_named,
    mandates.mandate_registries,
    mandates.validity,
    mandates.vestigingen,
    mandates.scopes,
    mandates.intermediaries,
    mandates.principals,
    mandates.assigned_where_they_work,
    steps.login_providers,
    steps.expectations,
    steps.wrong_passwords,
    steps.sessions,
    steps.earlier_logins,
    steps.earlier_things,
    steps.act_fields,
)


def problems(tree: Item, now: datetime) -> list[Problem]:
    """Everything in a scenario file's data that does not fit together."""
    facts = Facts(tree, now)
    return [problem for rule in RULES for problem in rule(facts)]
