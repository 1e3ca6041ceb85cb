"""What all of the makelaar's rules build on. No I/O: what is known and the time are arguments.

admission  whether a request can start a login, and with which providers
evidence   whether what providers and registries declare holds
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from uuid import UUID

from brokers.login import Login, Phase
from schemas.catalogue import Catalogue, Service
from schemas.codec import CLOCK_SKEW_SECONDS
from schemas.directory import Directory, Participant
from schemas.messages import AuthnRequest
from schemas.values import Level, Role

RETRY_SECONDS, LONGEST_SECONDS = 5, 120
"""CHOICE: nobody is told to come back sooner, nor by a wait that is longer."""


@dataclass(frozen=True)
class Network:
    """What the makelaar knows: himself, directory and catalogue as they are now, his deadline."""

    me: Participant
    directory: Directory
    catalogue: Catalogue
    deadline_seconds: int

    @cached_property
    def providers(self) -> list[Participant]:
        """Alphabetical by the name that users see."""
        return self.directory.in_role(Role.PROVIDER)


def required_level(request: AuthnRequest, service: Service) -> Level:
    """The level asked for, never below the service's own. Source: [AS] no requested level: the
    catalogue's applies; relying parties often do not check, so the makelaar must."""
    return max(request.level or service.level, service.level)


def deadline(request: AuthnRequest, network: Network, now: datetime) -> datetime:
    """When the login ends by itself."""
    return now + timedelta(seconds=seconds_allowed(request, network))


def seconds_allowed(request: AuthnRequest, network: Network) -> int:
    """How long a login may take. CHOICE: the makelaar's setting, or less where asked for."""
    asked = request.answer_within_seconds or network.deadline_seconds
    return min(asked, network.deadline_seconds)


def is_given_up(request: AuthnRequest, network: Network, waited: float) -> bool:
    """Whether nobody awaits its answer any more: it lay in its topic (seconds) for as long as the
    whole login may take, and as clocks may differ."""
    return waited >= seconds_allowed(request, network) + CLOCK_SKEW_SECONDS


def retry_after(input_id: UUID, behind: float) -> int:
    """When to come back, in seconds. CHOICE: later, the further behind we are (seconds); anywhere
    in a range, so that not all come back at once, and at the same time for the same input."""
    first = RETRY_SECONDS + 2 * round(min(behind, LONGEST_SECONDS))
    return first + input_id.int % (first + 1)


def start_claim(dienstverlener: str, request_id: UUID) -> str:
    """What a request and a cancellation that overtakes it both claim. It stands for longer than the
    login's row. Source: [AS] message IDs unique for at least 12 months."""
    return f"start:{dienstverlener}:{request_id}"


def overtaken_claim(dienstverlener: str, request_id: UUID) -> str:
    """What tells a start that a cancellation claimed from one that another request did."""
    return f"overtaken:{start_claim(dienstverlener, request_id)}"


def is_awaited(login: Login | None, phase: Phase) -> str | None:
    """Why an answer is not awaited (a dead letter's reason), or None where it is."""
    if login is None:
        return "login_unknown"
    if login.phase is Phase.DONE:
        return "login_finished"
    return None if login.phase is phase else "not_asked"


def offered(login: Login, network: Network) -> Service | None:
    """The login's service, as the catalogue has it now; None: it was withdrawn meanwhile."""
    service = network.catalogue.service(login.service)
    return service if service and service.dienstverlener == login.dienstverlener else None
