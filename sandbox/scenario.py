"""A scenario: a whole network in one file, with logins and what each must come to.

`load` reads a file; what is wrong in it is said with file, line, and what would be right
(`scenario_file`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import NAMESPACE_URL, UUID, uuid5

from pydantic import AwareDatetime, BeforeValidator, Field

from schemas.refusals import RefusalCode
from schemas.values import OIN, DisplayName, KvK, Level, Name, Value, Vestigingsnummer

_NAME_RULE = "small letters, digits and '-', a letter first, at most 40 characters"
_LEVELS = "EH2, EH2+, EH3 or EH4"


def _doc(description: str, example: object = None) -> Any:
    """What editors show with a field, and what is said where it lacks or is wrong."""
    examples = None if example is None else [example]
    return Field(description=description, examples=examples)


def _level(value: object) -> object:
    level = Level.parse(value) if isinstance(value, str) else value
    if level is Level.LOA1:
        raise ValueError("EH1 ended in 2021: a level is one of EH2, EH2+, EH3, EH4")
    return level


ShortLevel = Annotated[
    Level,
    BeforeValidator(_level, json_schema_input_type=Literal["EH2", "EH2+", "EH3", "EH4"]),
]
"""A level as people write it: EH2+, EH3, EH4."""
ShortName = Annotated[Name, _doc(f"Short name, for use in this file: {_NAME_RULE}.", "korenmolen")]
ShownName = Annotated[DisplayName, _doc("Name that users see: 1 to 64 characters.", "De Molen")]
QuotedVestiging = Annotated[Vestigingsnummer, _doc("12 digits in quotes.", "900001010001")]


class Credential(StrEnum):
    """What a provider's users log in with."""

    PASSWORD_AND_CODE = "password-and-code"  # noqa: S105 -- the name of a kind, no secret
    KEY = "key"


class Party(Value):
    """A company that takes part. `index` makes its EntityID: 9000 and up are for test."""

    name: Annotated[Name, _doc(f"Names its topics and database user: {_NAME_RULE}.", "polder")]
    display_name: ShownName
    oin: Annotated[OIN, _doc("OIN, 20 digits in quotes; test: 00000099...", "00000099000000001000")]
    entity_index: Annotated[int, _doc("Ends the EntityID: a whole number, 0 to 9999.", 9001)] = (
        Field(default=9001, ge=0, le=9999)
    )


class Makelaar(Party):
    """A broker."""


class Provider(Party):
    """An authentication provider."""

    credential: Annotated[Credential, _doc("What its users log in with.", "password-and-code")]
    highest_level: Annotated[ShortLevel, _doc(f"Highest level of its means: {_LEVELS}.", "EH3")]


class Registry(Party):
    """A mandate registry."""


class Service(Value):
    """A service of a dienstverlener. Its ServiceUUID follows from its ServiceID."""

    name: ShortName
    display_name: ShownName
    index: Annotated[int, _doc("Ends the ServiceID: a whole number, 0 to 9999.", 1)] = Field(
        ge=0, le=9999
    )
    makelaar: Annotated[Name, _doc("Name of the makelaar that it is connected to.", "polder")]
    level: Annotated[ShortLevel, _doc(f"Lowest level that it accepts: {_LEVELS}.", "EH3")]


class Dienstverlener(Party):
    """A relying party, with its services."""

    services: Annotated[tuple[Service, ...], _doc("List of its services.")] = ()


class Organisation(Value):
    """An organisation for which people act."""

    name: ShortName
    display_name: ShownName
    kvk: Annotated[KvK, _doc("KvK number: 8 digits in quotes.", "90000101")]
    vestigingen: Annotated[
        tuple[QuotedVestiging, ...],
        _doc("List of vestigingsnummers, each 12 digits in quotes."),
    ] = ()


class Means(Value):
    """A person's means of login at one provider. A password needs a username; a one-time code's
    secret and a key are made when the network is set up."""

    provider: Annotated[Name, _doc("Name of the provider that issued it.", "dijk")]
    registry: Annotated[Name, _doc("Name of the registry with the person's mandates.", "terp")]
    level: Annotated[ShortLevel, _doc(f"Level of the means: {_LEVELS}.", "EH3")]
    username: Annotated[
        Annotated[str, Field(min_length=1, max_length=64)] | None,
        _doc("To log in with where there are passwords: 1 to 64 characters.", "ans@molen.example"),
    ] = None
    password: Annotated[
        Annotated[str, Field(min_length=1, max_length=256)] | None,
        _doc("Where there are passwords: 8 to 256 characters.", "twee-molens-aan-de-vaart"),
    ] = None


class Person(Value):
    """Somebody who logs in."""

    name: ShortName
    means: Annotated[tuple[Means, ...], _doc("List of the person's means.")] = Field(min_length=1)


class Mandate(Value):
    """A person may act for an organisation, for one service. No dates: from now, for five years."""

    person: Annotated[Name, _doc("Name of the person who may act.", "ans")]
    organisation: Annotated[Name, _doc("Name of the organisation to act for.", "korenmolen")]
    service: Annotated[Name, _doc("Name of the service to use.", "omgevingsvergunning")]
    level: Annotated[ShortLevel, _doc(f"Level of the mandate: {_LEVELS}.", "EH3")]
    vestiging: Annotated[
        Vestigingsnummer | None,
        _doc("Only for this vestiging: 12 digits in quotes.", "900001010001"),
    ] = None
    valid_from: Annotated[
        AwareDatetime | None,
        _doc("Date, time and time zone; without it: now.", "2026-01-01T00:00:00+01:00"),
    ] = None
    valid_until: Annotated[
        AwareDatetime | None,
        _doc("Date, time and time zone; without it: five years.", "2030-01-01T00:00:00+01:00"),
    ] = None


class Does(StrEnum):
    """What the person at the browser does."""

    ANSWER = "answer"
    WRONG_PASSWORD = "wrong-password"  # noqa: S105 -- a behaviour, no secret
    CANCEL = "cancel"
    NOTHING = "nothing"


class Expected(Value):
    """What a login must come to: an assertion at a level, for an organisation; or a refusal."""

    assertion: Annotated[ShortLevel | None, _doc(f"Its level: {_LEVELS}.", "EH3")] = None
    for_: Annotated[Name | None, _doc("Name of the organisation in it.", "korenmolen")] = Field(
        default=None, alias="for"
    )
    refusal: Annotated[RefusalCode | None, _doc("Its code.", "no_mandate")] = None


class Login(Value):
    """One login: who asks, who is at the browser, what he does, and what comes of it."""

    name: Annotated[str, _doc("What it shows: 1 to 80 characters.", "a wrong password")] = Field(
        min_length=1, max_length=80
    )
    service: Annotated[Name, _doc("Name of the service that asks.", "omgevingsvergunning")]
    person: Annotated[Name, _doc("Name of the person at the browser.", "ans")]
    provider: Annotated[
        Name | None, _doc("Name of the provider chosen; without it: the first that fits.", "dijk")
    ] = None
    for_: Annotated[
        Name | None, _doc("Name of the organisation chosen; without it: the first.", "korenmolen")
    ] = Field(default=None, alias="for")
    level: Annotated[
        ShortLevel | None,
        _doc(f"Level asked for: {_LEVELS}; without it: the service's.", "EH3"),
    ] = None
    does: Annotated[Does, _doc("What the person does.", "answer")] = Does.ANSWER
    answer_within_seconds: Annotated[
        int | None, _doc("How long it may take: a whole number of seconds, 1 to 3600.", 60)
    ] = Field(default=None, ge=1, le=3600)
    expect: Annotated[Expected, _doc("An assertion or a refusal.", {"assertion": "EH3"})]


class Scenario(Value):
    """The whole file."""

    herken: Annotated[Literal[1], _doc("Version of this format: always 1.", 1)]
    makelaars: Annotated[tuple[Makelaar, ...], _doc("List of brokers.")] = Field(min_length=1)
    providers: Annotated[tuple[Provider, ...], _doc("List of authentication providers.")] = Field(
        min_length=1
    )
    registries: Annotated[tuple[Registry, ...], _doc("List of mandate registries.")] = Field(
        min_length=1
    )
    dienstverleners: Annotated[tuple[Dienstverlener, ...], _doc("List of relying parties.")] = (
        Field(min_length=1)
    )
    organisations: Annotated[tuple[Organisation, ...], _doc("List of organisations.")] = ()
    people: Annotated[tuple[Person, ...], _doc("List of those who log in.")] = ()
    mandates: Annotated[tuple[Mandate, ...], _doc("List of who may act for whom.")] = ()
    logins: Annotated[tuple[Login, ...], _doc("List of the logins to play.")] = ()

    @property
    def parties(self) -> Sequence[Party]:
        return (*self.makelaars, *self.providers, *self.registries, *self.dienstverleners)

    @property
    def services(self) -> Iterable[tuple[Dienstverlener, Service]]:
        return [(dv, service) for dv in self.dienstverleners for service in dv.services]

    def person(self, name: str) -> Person:
        """Raises KeyError."""
        return {person.name: person for person in self.people}[name]

    def organisation(self, name: str) -> Organisation:
        """Raises KeyError."""
        return {organisation.name: organisation for organisation in self.organisations}[name]

    def service(self, name: str) -> tuple[Dienstverlener, Service]:
        """Raises KeyError."""
        return {service.name: (dv, service) for dv, service in self.services}[name]

    def provider(self, name: str) -> Provider:
        """Raises KeyError."""
        return {provider.name: provider for provider in self.providers}[name]


_ROLE_CODES = {Makelaar: "HM", Provider: "AD", Registry: "MR", Dienstverlener: "DV"}


def entity_id(party: Party) -> str:
    """The party's EntityID."""
    return f"urn:etoegang:{_ROLE_CODES[type(party)]}:{party.oin}:entities:{party.entity_index:04}"


def service_id(dienstverlener: Dienstverlener, service: Service) -> str:
    return f"urn:etoegang:DV:{dienstverlener.oin}:services:{service.index}"


def service_uuid(dienstverlener: Dienstverlener, service: Service) -> UUID:
    return derived("service", service_id(dienstverlener, service))


def derived(*parts: str) -> UUID:
    """An ID that is the same at every set-up of the same scenario."""
    return uuid5(NAMESPACE_URL, "\n".join(("herken", *parts)))


def subject(person: Person, provider: str) -> UUID:
    """A person, as one provider knows him."""
    return derived("subject", person.name, provider)
