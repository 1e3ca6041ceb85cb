"""Rules: whether a request can start a login, and with which providers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

from brokers import judging
from brokers.judging import Judged, Rule, Seen
from brokers.rules import Network, required_level
from pipeline.findings import Finding
from schemas.catalogue import Service
from schemas.directory import Participant
from schemas.messages import AuthnRequest
from schemas.refusals import RefusalCode
from schemas.values import AttributeName, Level, Role


@dataclass(frozen=True)
class Asked:
    """A request, by whom, and what the makelaar knows. Providers are alphabetical."""

    request: AuthnRequest
    dienstverlener: Participant
    network: Network

    @cached_property
    def service(self) -> Service | None:
        return self.network.catalogue.service(self.request.service)

    @cached_property
    def level(self) -> Level:
        if self.service is None:
            return self.request.level or Level.EH2
        return required_level(self.request, self.service)

    @cached_property
    def providers(self) -> list[Participant]:
        return self.network.directory.in_role(Role.PROVIDER)

    @cached_property
    def attributes(self) -> frozenset[AttributeName]:
        """What the service needs to know of the person, and cannot do without."""
        requested = self.service.attributes if self.service else ()
        return frozenset(each.name for each in requested if each.required and each.name.is_personal)

    @cached_property
    def reaching(self) -> tuple[Participant, ...]:
        """Those with a means that reaches the level. Source: [AS] flow step 3."""
        return tuple(each for each in self.providers if each.reaches(self.level))

    @cached_property
    def fitting(self) -> tuple[Participant, ...]:
        """Of those, the ones that deliver what the service needs. Source: [AS] flow step 3."""
        return tuple(each for each in self.reaching if self.attributes <= set(each.attributes))


@dataclass(frozen=True)
class Admitted:
    """A request that can go on: at this level, with one of these providers."""

    service: Service
    level: Level
    providers: tuple[Participant, ...]
    findings: tuple[Finding, ...] = ()


def admit(
    request: AuthnRequest, dienstverlener: Participant, network: Network
) -> Admitted | Judged:
    """Whether a login can start; what was judged, where it cannot. Source: [AS] flow steps 2, 3."""
    asked = Asked(request, dienstverlener, network)
    judged = judging.judge(ADMISSION, asked)
    if judged.code is None and asked.service is not None:
        providers = tuple(each for each in asked.fitting if _is_wanted(each, request))
        return Admitted(asked.service, asked.level, providers, judged.findings)
    if judged.code is RefusalCode.PROVIDER_DOES_NOT_FIT:
        return replace(judged, fits=tuple(_names(asked.fitting)))
    return judged


def without_asking(
    admitted: Admitted, request: AuthnRequest, remembered: str | None
) -> Participant | None:
    """The provider that goes without asking the user: the only one that fits; else the only one
    that fits of those that he declared or had remembered (an EntityID). None: he is asked, and with
    all that fit, because what he declared is no wish to be offered less (CHOICE).

    Source: [AS] flow step 3: with declared means, one of which fits, he need not be asked.
    """
    if len(admitted.providers) == 1:
        return admitted.providers[0]
    known = {*request.declared, remembered}
    fitting = [each for each in admitted.providers if each.entity_id in known]
    return fitting[0] if len(fitting) == 1 else None


# --- the rules


def _is_known(asked: Asked) -> Seen:
    version = asked.network.catalogue.version
    where = "not in" if asked.service is None else "in"
    needed = "a service of the catalogue: the dienstverlener names it in its request"
    return Seen(asked.service is not None, f"{where} the catalogue, version {version}", needed)


def _is_connected(asked: Asked) -> Seen:
    service, me = asked.service, asked.network.me
    own = service is not None and service.dienstverlener == asked.dienstverlener.entity_id
    here = service is not None and service.makelaar == me.entity_id
    whose, where = "its own" if own else "another's", "here" if here else "elsewhere"
    saw = f"{whose} service, connected {where}"
    return Seen(own and here, saw, "a service of the asking dienstverlener, connected here")


def _has_not_ended(asked: Asked) -> Seen:
    level = asked.request.level
    return Seen(level is not Level.LOA1, _asked_level(level), "EH2, EH2+, EH3, EH4, or none")


def _is_reached(asked: Asked) -> Seen:
    saw = f"{len(asked.reaching)} of {len(asked.providers)} providers reach {asked.level}"
    levels = [each.highest_level for each in asked.providers if each.highest_level]
    needed = f"at most {max(levels)}, the highest that a provider reaches" if levels else ""
    return Seen(bool(asked.reaching), saw, needed)


def _is_delivered(asked: Asked) -> Seen:
    wanted = ", ".join(sorted(_short(each) for each in asked.attributes)) or "nothing of the person"
    saw = f"{len(asked.fitting)} of {len(asked.reaching)} providers deliver {wanted}"
    needed = f"a provider that reaches {asked.level} and delivers {wanted}"
    return Seen(bool(asked.fitting), saw, needed)


def _fits(asked: Asked) -> Seen:
    if asked.request.provider is None:
        return Seen(True, "no provider asked for")
    holds = any(_is_wanted(each, asked.request) for each in asked.fitting)
    saw = f"the provider asked for {'fits' if holds else 'does not fit'}"
    return Seen(holds, saw, f"none, or one of: {', '.join(_names(asked.fitting))}")


ADMISSION: tuple[Rule[Asked], ...] = (
    Rule("service_unknown", "[AS] service catalogue", _is_known, RefusalCode.SERVICE_UNKNOWN),
    Rule(
        "service_not_connected",
        "[AS] service catalogue: a service is connected to one makelaar",
        _is_connected,
        RefusalCode.SERVICE_UNKNOWN,
    ),
    Rule("level_ended", "[AS] loa1 ended in 2021", _has_not_ended, RefusalCode.LEVEL_ENDED),
    Rule(
        "level_not_reached",
        "[AS] flow step 3: means that can reach the level",
        _is_reached,
        RefusalCode.LEVEL_NOT_SUPPORTED,
    ),
    Rule(
        "attributes_not_delivered",
        "[AS] flow step 3: only participants able to deliver what the service asks for",
        _is_delivered,
        RefusalCode.ATTRIBUTES_NOT_SUPPORTED,
    ),
    Rule(
        "provider_does_not_fit",
        "[AS] flow step 2: optionally a preselected provider",
        _fits,
        RefusalCode.PROVIDER_DOES_NOT_FIT,
    ),
)


def _asked_level(level: Level | None) -> str:
    return "no level asked for" if level is None else f"{level} asked for"


def _is_wanted(provider: Participant, request: AuthnRequest) -> bool:
    return request.provider in (None, provider.entity_id)


def _names(providers: Iterable[Participant]) -> list[str]:
    return [each.display_name for each in providers]


def _short(attribute: AttributeName) -> str:
    return attribute.rsplit(":", 1)[1]
