"""Rules: whether a request can start a login, and with which providers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from brokers import judging
from brokers.judging import Judged, Rule, Seen
from brokers.rules import Network, required_level
from pipeline.findings import Finding
from schemas.catalogue import Service
from schemas.directory import Participant
from schemas.messages import AuthnRequest
from schemas.refusals import RefusalCode
from schemas.values import AttributeName, Level


class Asked(NamedTuple):
    """A request, by whom, and what the makelaar knows. Providers are alphabetical.

    attributes  what the service needs to know of the person, and cannot do without
    reaching    those with a means that reaches the level
    fitting     of those, the ones that deliver what the service needs
    Source: [AS] flow step 3.
    """

    request: AuthnRequest
    dienstverlener: Participant
    network: Network
    service: Service | None
    level: Level
    attributes: Sequence[AttributeName]
    reaching: Sequence[Participant]
    fitting: Sequence[Participant]


def asked(request: AuthnRequest, dienstverlener: Participant, network: Network) -> Asked:
    """What the rules look at."""
    service = network.catalogue.service(request.service)
    level = required_level(request, service) if service else request.level or Level.EH2
    requested = service.attributes if service else ()
    names = [each.name for each in requested if each.required and each.name.is_personal]
    reaching = [each for each in network.providers if each.reaches(level)]
    fitting = (
        [each for each in reaching if set(names) <= set(each.attributes)] if names else reaching
    )
    return Asked(request, dienstverlener, network, service, level, names, reaching, fitting)


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
    case = asked(request, dienstverlener, network)
    judged = judging.judge(ADMISSION, case)
    if judged.code is None and case.service is not None:
        providers = tuple(each for each in case.fitting if _is_wanted(each, request))
        return Admitted(case.service, case.level, providers, judged.findings)
    if judged.code is RefusalCode.PROVIDER_DOES_NOT_FIT:
        return replace(judged, fits=tuple(_names(case.fitting)))
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


def _is_known(case: Asked) -> Seen:
    version = case.network.catalogue.version
    where = "not in" if case.service is None else "in"
    needed = "a service of the catalogue: the dienstverlener names it in its request"
    return Seen(case.service is not None, f"{where} the catalogue, version {version}", needed)


def _is_connected(case: Asked) -> Seen:
    service, me = case.service, case.network.me
    own = service is not None and service.dienstverlener == case.dienstverlener.entity_id
    here = service is not None and service.makelaar == me.entity_id
    whose, where = "its own" if own else "another's", "here" if here else "elsewhere"
    saw = f"{whose} service, connected {where}"
    return Seen(own and here, saw, "a service of the asking dienstverlener, connected here")


def _has_not_ended(case: Asked) -> Seen:
    level = case.request.level
    return Seen(level is not Level.LOA1, _asked_level(level), "EH2, EH2+, EH3, EH4, or none")


def _is_reached(case: Asked) -> Seen:
    providers = case.network.providers
    saw = f"{len(case.reaching)} of {len(providers)} providers reach {case.level}"
    return Seen(bool(case.reaching), saw, "" if case.reaching else _highest(providers))


def _highest(providers: Iterable[Participant]) -> str:
    levels = [each.highest_level for each in providers if each.highest_level]
    return f"at most {max(levels)}, the highest that a provider reaches" if levels else ""


def _is_delivered(case: Asked) -> Seen:
    wanted = ", ".join(sorted(_short(each) for each in case.attributes)) or "nothing of the person"
    saw = f"{len(case.fitting)} of {len(case.reaching)} providers deliver {wanted}"
    needed = f"a provider that reaches {case.level} and delivers {wanted}"
    return Seen(bool(case.fitting), saw, needed)


def _fits(case: Asked) -> Seen:
    if case.request.provider is None:
        return Seen(True, "no provider asked for")
    holds = any(_is_wanted(each, case.request) for each in case.fitting)
    saw = f"the provider asked for {'fits' if holds else 'does not fit'}"
    return Seen(holds, saw, f"none, or one of: {', '.join(_names(case.fitting))}")


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
