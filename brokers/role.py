"""The makelaar's whole topology, on one screen."""

from __future__ import annotations

from brokers import (
    authentication_results,
    authn_requests,
    cancellations,
    confirmations,
    deadlines,
    faults,
    mandate_decisions,
    means_choices,
)
from brokers.login import Login
from brokers.rules import Network
from pipeline.keys import Keys
from pipeline.stage import RoleStages, Stage
from schemas.topics import (
    AUTHENTICATION_RESULTS,
    AUTHN_REQUESTS,
    CANCELLATIONS,
    CONFIRMATIONS,
    MANDATE_DECISIONS,
    MEANS_CHOICES,
)


def makelaar(keys: Keys, deadline_seconds: int) -> RoleStages[Login]:
    """A makelaar's stages, in the order of one login."""
    return RoleStages(
        Login,
        lambda: Network(keys.me, keys.directory, keys.catalogue, deadline_seconds),
        stages=[
            Stage(
                AUTHN_REQUESTS,
                authn_requests.handle,
                facts=authn_requests.facts,
                faulty=authn_requests.faulty,
                busy=authn_requests.busy,
                begins=True,
            ),
            Stage(MEANS_CHOICES, means_choices.handle),
            Stage(
                AUTHENTICATION_RESULTS, authentication_results.handle, faulty=faults.provider_fault
            ),
            Stage(MANDATE_DECISIONS, mandate_decisions.handle, faulty=faults.registry_fault),
            Stage(CONFIRMATIONS, confirmations.handle, faulty=faults.confirmer_fault),
            Stage(CANCELLATIONS, cancellations.handle),
        ],
        due=deadlines.handle,
    )
