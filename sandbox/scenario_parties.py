"""Who takes part, in a scenario file: companies in their roles, and the services offered."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import AnyHttpUrl, Field, StringConstraints

from sandbox.scenario_terms import (
    LEVELS,
    NAME_RULE,
    ShortAttribute,
    ShortLevel,
    ShortName,
    ShortType,
    ShownName,
    doc,
)
from schemas.values import OIN, Intermediation, Name, Value

_Text = Annotated[str, Field(min_length=1, max_length=1024)]


class Credential(StrEnum):
    """What a provider's users log in with."""

    PASSWORD_AND_CODE = "password-and-code"  # noqa: S105 -- the name of a kind, no secret
    KEY = "key"


class Party(Value):
    """A company that takes part. `index` makes its EntityID: 9000 and up are for test."""

    name: Annotated[Name, doc(f"Names its topics and database user: {NAME_RULE}.", "polder")]
    display_name: ShownName
    oin: Annotated[OIN, doc("OIN, 20 digits in quotes; test: 00000099...", "00000099000000001000")]
    entity_index: Annotated[int, doc("Ends the EntityID: a whole number, 0 to 9999.", 9001)] = (
        Field(default=9001, ge=0, le=9999)
    )


class Makelaar(Party):
    """A broker."""


class Provider(Party):
    """An authentication provider."""

    credential: Annotated[Credential, doc("What its users log in with.", "password-and-code")]
    highest_level: Annotated[ShortLevel, doc(f"Highest level of its means: {LEVELS}.", "EH3")]
    attributes: Annotated[
        tuple[ShortAttribute, ...],
        doc("What it can tell of a person: FirstName, FamilyName, DateOfBirth.", ["FirstName"]),
    ] = ()


class Registry(Party):
    """A mandate registry."""

    chains: Annotated[
        bool, doc("Whether it offers ketenmachtigingen: true or false; without it: false.", True)
    ] = False
    portal: Annotated[
        Name | None,
        doc(
            "Name of the dienstverlener that is its own portal, where mandates are administered. "
            "Three services at EH3 are added to that one, with index 1, 2 and 3.",
            "terp-portaal",
        ),
    ] = None


class TypeSet(Value):
    """Numbers that a service wants of an organisation: all of a set, the lowest that there is."""

    number: Annotated[int, doc("The set's number: a whole number, 1 to 99.", 1)] = Field(
        ge=1, le=99
    )
    types: Annotated[
        tuple[ShortType, ...], doc("Of KvKnr, RSIN, BSN, Pseudo: all are needed.", ["KvKnr"])
    ] = Field(min_length=1)


class Wanted(Value):
    """Something that a service wants to know."""

    name: Annotated[
        ShortAttribute,
        doc("FirstName, FamilyName, DateOfBirth, CompanyName or KvKnr.", "FirstName"),
    ]
    required: Annotated[bool, doc("Whether it is refused without; else: false.", True)] = False
    purpose: Annotated[_Text, doc("What for: 1 to 1024 characters.", "to address you by name")]


class Service(Value):
    """A service of a dienstverlener. Its ServiceUUID follows from its ServiceID."""

    name: ShortName
    display_name: ShownName
    index: Annotated[int, doc("Ends the ServiceID: a whole number, 0 to 9999.", 1)] = Field(
        ge=0, le=9999
    )
    makelaar: Annotated[Name, doc("Name of the makelaar that it is connected to.", "polder")]
    level: Annotated[ShortLevel, doc(f"Lowest level that it accepts: {LEVELS}.", "EH3")]
    description: Annotated[
        _Text | None,
        doc("What it is: 1 to 1024 characters; else: its display_name.", "Ask for a permit"),
    ] = None
    entity_types: Annotated[
        tuple[TypeSet, ...],
        doc("Numbered sets of numbers of an organisation; without it: its KvK number."),
    ] = ()
    restrictable: Annotated[
        bool, doc("Whether a mandate for one vestiging is enough; else: false.", True)
    ] = False
    attributes: Annotated[tuple[Wanted, ...], doc("List of what it wants to know.")] = ()
    portal_for: Annotated[
        tuple[Name, ...], doc("Names of the services that it stands for.", ["parkeerontheffing"])
    ] = ()
    sso: Annotated[
        bool, doc("Whether a session at the provider is enough; without it: true.", True)
    ] = True
    intermediation: Annotated[
        Intermediation, doc("Through an intermediary; without it: general.", "general")
    ] = Intermediation.GENERAL
    approved_intermediaries: Annotated[
        tuple[Name, ...],
        doc("Names of the intermediaries allowed, where each needs approval.", ["korenmolen"]),
    ] = ()
    urls: Annotated[
        tuple[AnyHttpUrl, ...], doc("List of addresses.", ["https://waterdam.example/"])
    ] = ()
    classifiers: Annotated[
        tuple[Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,64}$")], ...],
        doc("List of words for it: letters, digits and '-'.", ["eIDAS-inbound"]),
    ] = ()
    uuid_of: Annotated[
        Name | None,
        doc("Name of a service that this is the same as, at another.", "omgevingsvergunning"),
    ] = None


class Dienstverlener(Party):
    """A relying party, with its services."""

    services: Annotated[tuple[Service, ...], doc("List of its services.")] = ()
    plain_signatures: Annotated[
        bool,
        doc(
            "Whether all that it may read has a signature of its own, and none is one of several: "
            "true or false; without it: false.",
            True,
        ),
    ] = False
