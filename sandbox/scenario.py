"""A scenario: a whole network in one file, with logins and acts and what each must come to.

`load` reads a file; what is wrong in it is said with file, line, and what would be right
(`scenario_file`). The parts of a file: `scenario_parties`, `scenario_mandates`, `scenario_steps`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Literal, Protocol, TypeVar
from uuid import NAMESPACE_URL, UUID, uuid5

from pydantic import Field

from sandbox.scenario_mandates import (
    Assignment,
    Link,
    Mandate,
    Means,
    Organisation,
    Person,
    Registered,
)
from sandbox.scenario_parties import (
    Credential,
    Dienstverlener,
    Makelaar,
    Party,
    Provider,
    Registry,
    Service,
    Wanted,
)
from sandbox.scenario_steps import Act, ActKind, Does, Expected, Login, Step
from sandbox.scenario_terms import doc
from schemas.values import Value

__all__ = [
    "Act",
    "ActKind",
    "Assignment",
    "Credential",
    "Dienstverlener",
    "Does",
    "Expected",
    "Link",
    "Login",
    "Makelaar",
    "Mandate",
    "Means",
    "Organisation",
    "Party",
    "Person",
    "Provider",
    "Registered",
    "Registry",
    "Scenario",
    "Service",
    "Wanted",
    "derived",
    "entity_id",
    "organisation_id",
    "person_id",
    "portal_registry",
    "registered_id",
    "service_id",
    "subject",
]


class _Named(Protocol):
    @property
    def name(self) -> str: ...


N = TypeVar("N", bound=_Named)


class Scenario(Value):
    """The whole file."""

    herken: Annotated[Literal[1], doc("Version of this format: always 1.", 1)]
    makelaars: Annotated[tuple[Makelaar, ...], doc("List of brokers.")] = Field(min_length=1)
    providers: Annotated[tuple[Provider, ...], doc("List of authentication providers.")] = Field(
        min_length=1
    )
    registries: Annotated[tuple[Registry, ...], doc("List of mandate registries.")] = Field(
        min_length=1
    )
    dienstverleners: Annotated[tuple[Dienstverlener, ...], doc("List of relying parties.")] = Field(
        min_length=1
    )
    organisations: Annotated[tuple[Organisation, ...], doc("List of organisations.")] = ()
    people: Annotated[tuple[Person, ...], doc("List of those who log in.")] = ()
    mandates: Annotated[tuple[Mandate, ...], doc("List of who may act for whom.")] = ()
    links: Annotated[tuple[Link, ...], doc("List of which intermediary may act for whom.")] = ()
    assignments: Annotated[
        tuple[Assignment, ...], doc("List of which employee acts through his organisation.")
    ] = ()
    steps: Annotated[tuple[Step, ...], doc("List of the logins to play, and of acts.")] = Field(
        default=(), alias="logins"
    )

    @property
    def logins(self) -> tuple[Login, ...]:
        """The steps that are logins."""
        return tuple(step for step in self.steps if isinstance(step, Login))

    @property
    def parties(self) -> Sequence[Party]:
        return (*self.makelaars, *self.providers, *self.registries, *self.dienstverleners)

    @property
    def services(self) -> Iterable[tuple[Dienstverlener, Service]]:
        return [(dv, service) for dv in self.dienstverleners for service in dv.services]

    def person(self, name: str) -> Person:
        """Raises KeyError."""
        return _found(self.people, name)

    def organisation(self, name: str) -> Organisation:
        """Raises KeyError."""
        return _found(self.organisations, name)

    def service(self, name: str) -> tuple[Dienstverlener, Service]:
        """Raises KeyError."""
        return {service.name: (dv, service) for dv, service in self.services}[name]

    def service_uuid(self, name: str) -> UUID:
        """A service's ServiceUUID: its own, or that of the service that it is the same as. Raises
        KeyError."""
        dienstverlener, service = self.service(name)
        if service.uuid_of is not None:
            return self.service_uuid(service.uuid_of)
        return derived("service", service_id(dienstverlener, service))

    def makelaar(self, name: str) -> Makelaar:
        """Raises KeyError."""
        return _found(self.makelaars, name)

    def provider(self, name: str) -> Provider:
        """Raises KeyError."""
        return _found(self.providers, name)

    def registry(self, name: str) -> Registry:
        """Raises KeyError."""
        return _found(self.registries, name)

    def dienstverlener(self, name: str) -> Dienstverlener:
        """Raises KeyError."""
        return _found(self.dienstverleners, name)

    def registry_of(self, organisation: str) -> str:
        """Name of the registry with an organisation's mandates. Raises KeyError."""
        return self.organisation(organisation).registry or self.registries[0].name


def _found(things: Iterable[N], name: str) -> N:
    for each in things:
        if each.name == name:
            return each
    raise KeyError(name)


_ROLE_CODES = {Makelaar: "HM", Provider: "AD", Registry: "MR", Dienstverlener: "DV"}


def entity_id(party: Party) -> str:
    """The party's EntityID."""
    return f"urn:etoegang:{_ROLE_CODES[type(party)]}:{party.oin}:entities:{party.entity_index:04}"


def service_id(dienstverlener: Dienstverlener, service: Service) -> str:
    return f"urn:etoegang:DV:{dienstverlener.oin}:services:{service.index}"


def derived(*parts: str) -> UUID:
    """An ID that is the same at every set-up of the same scenario."""
    return uuid5(NAMESPACE_URL, "\n".join(("herken", *parts)))


def subject(person: Person, provider: str) -> UUID:
    """A person, as one provider knows him."""
    return derived("subject", person.name, provider)


def person_id(name: str) -> UUID:
    """A person, as every registry knows him."""
    return derived("person", name)


def organisation_id(name: str) -> UUID:
    """An organisation, as its registry knows it."""
    return derived("organisation", name)


def portal_registry(scenario: Scenario, dienstverlener: str) -> Registry | None:
    """The registry whose portal a dienstverlener is."""
    return next((r for r in scenario.registries if r.portal == dienstverlener), None)


def registered_id(thing: Registered) -> UUID:
    """A mandate, link or assignment: by its name, or else by all that it says, so that others can
    be put before it in the file."""
    said = thing.name or thing.model_dump_json(exclude_defaults=True)
    return derived(type(thing).__name__.lower(), said)
