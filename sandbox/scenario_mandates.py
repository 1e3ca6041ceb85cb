"""Who acts for whom, in a scenario file: organisations, people with their means, mandates, and the
two halves of chains."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import Field

from registry.kept import OrganisationKind
from sandbox.scenario_terms import (
    LEVELS,
    TIME_RULE,
    QuotedVestiging,
    ShortLevel,
    ShortName,
    ShownName,
    When,
    doc,
)
from schemas.values import BSN, RSIN, DisplayName, KvK, Name, Value, Vestigingsnummer

Named = Annotated[
    Name | None, doc("Short name, where something in this file refers to it.", "molen-ans")
]
Services = Annotated[
    tuple[Name, ...], doc("Names of the services.", ["omgevingsvergunning", "parkeerontheffing"])
]
LevelOf = Annotated[ShortLevel, doc(f"Level of the mandate: {LEVELS}.", "EH3")]


class Organisation(Value):
    """An organisation for which people act."""

    name: ShortName
    display_name: ShownName
    kind: Annotated[
        OrganisationKind,
        doc("What it is, which says what numbers it has; without it: company.", "company"),
    ] = OrganisationKind.COMPANY
    kvk: Annotated[KvK | None, doc("KvK number: 8 digits in quotes.", "90000101")] = None
    rsin: Annotated[
        RSIN | None, doc("RSIN: 9 digits in quotes that pass the 11-proef.", "123456782")
    ] = None
    bsn: Annotated[
        BSN | None,
        doc("Of an eenmanszaak's owner: 9 digits in quotes that pass the 11-proef.", "999990019"),
    ] = None
    vestigingen: Annotated[
        tuple[QuotedVestiging, ...],
        doc("List of vestigingsnummers, each 12 digits in quotes."),
    ] = ()
    joint: Annotated[
        bool, doc("Whether its representatives act together only; else: false.", True)
    ] = False
    representatives: Annotated[
        tuple[Name, ...],
        doc("Names of the people who represent it: they appoint managers, at EH4.", ["ans"]),
    ] = ()
    registry: Annotated[
        Name | None,
        doc("Name of the registry with its mandates; needed where there are several.", "terp"),
    ] = None


class Means(Value):
    """A person's means of login at one provider. A password needs a username; a one-time code's
    secret and a key are made when the network is set up."""

    provider: Annotated[Name, doc("Name of the provider that issued it.", "dijk")]
    registry: Annotated[Name, doc("Name of the registry with the person's mandates.", "terp")]
    level: Annotated[ShortLevel, doc(f"Level of the means: {LEVELS}.", "EH3")]
    username: Annotated[
        Annotated[str, Field(min_length=1, max_length=64)] | None,
        doc("To log in with where there are passwords: 1 to 64 characters.", "ans@molen.example"),
    ] = None
    password: Annotated[
        Annotated[str, Field(min_length=1, max_length=256)] | None,
        doc("Where there are passwords: 8 to 256 characters.", "twee-molens-aan-de-vaart"),
    ] = None
    only_for: Annotated[
        Name | None, doc("Name of the only dienstverlener that it works for.", "waterdam")
    ] = None


class Person(Value):
    """Somebody who logs in."""

    name: ShortName
    organisation: Annotated[
        Name | None, doc("Name of the organisation where the person works.", "korenmolen")
    ] = None
    display_name: Annotated[
        DisplayName | None,
        doc("Name that managers see; without it: the person's own names.", "A. Molenaar"),
    ] = None
    first_name: Annotated[DisplayName | None, doc("First name.", "Ans")] = None
    family_name: Annotated[DisplayName | None, doc("Family name.", "Molenaar")] = None
    date_of_birth: Annotated[date | None, doc("Date of birth.", "1980-02-29")] = None
    means: Annotated[tuple[Means, ...], doc("List of the person's means.")] = Field(min_length=1)

    @property
    def shown_name(self) -> str:
        """As a manager sees it."""
        own = " ".join(each for each in (self.first_name, self.family_name) if each)
        return self.display_name or own[:64] or self.name


class Period(Value):
    """From when until when something holds; both may be left out."""

    valid_from: Annotated[
        When | None,
        doc(f"{TIME_RULE}; without it: now.", "2026-01-01T00:00:00+01:00"),
    ] = None
    valid_until: Annotated[
        When | None,
        doc(f"{TIME_RULE}; without it: five years.", "2030-01-01T00:00:00+01:00"),
    ] = None


class Registered(Period):
    """Something that is registered when the network is founded."""

    level: LevelOf
    vestiging: Annotated[
        Vestigingsnummer | None,
        doc("Only for this vestiging: 12 digits in quotes.", "900001010001"),
    ] = None
    withdrawn: Annotated[
        When | None, doc(f"When it was withdrawn. {TIME_RULE}; without it: never.", "-1d")
    ] = None
    name: Named = None


class Scoped(Value):
    """What a mandate is for: one of these."""

    service: Annotated[Name | None, doc("Name of the service.", "omgevingsvergunning")] = None
    services: Services = ()
    dienstverlener: Annotated[
        Name | None, doc("All services of the dienstverlener of this name.", "waterdam")
    ] = None
    everything: Annotated[
        bool, doc("All services of all, also those to come; else: false.", True)
    ] = False
    manager: Annotated[
        bool, doc("To administer mandates (machtigingenbeheerder); else: false.", True)
    ] = False
    representative: Annotated[
        bool, doc("To appoint managers (representative); else: false.", True)
    ] = False
    operator: Annotated[Name | None, doc("To operate the registry of this name.", "terp")] = None


class Mandate(Registered, Scoped):
    """A person may act for an organisation. No dates: from now, for five years."""

    person: Annotated[Name, doc("Name of the person who may act.", "ans")]
    organisation: Annotated[Name, doc("Name of the organisation to act for.", "korenmolen")]
    document: Annotated[
        str | None, doc("Reference of the paper, where registered in writing.", "brief 2026-17")
    ] = Field(default=None, min_length=1, max_length=64)


class Link(Registered):
    """The far half of a chain: an organisation lets an intermediary act for it. It stands in the
    registry of that organisation."""

    organisation: Annotated[Name, doc("Name of the organisation acted for.", "korenmolen")]
    intermediary: Annotated[Name, doc("Name of the organisation that acts.", "scheepswerf")]
    services: Services = Field(min_length=1)
    accepted: Annotated[
        bool, doc("Whether the intermediary accepted it; without it: true.", True)
    ] = True
    document: Annotated[
        str | None, doc("Reference of the paper, where registered in writing.", "brief 2026-17")
    ] = Field(default=None, min_length=1, max_length=64)


class Assignment(Registered):
    """The near half of a chain: an employee of the intermediary acts for an organisation. It stands
    in the registry of the intermediary, where the person works."""

    person: Annotated[Name, doc("Name of the intermediary's employee.", "ans")]
    principal: Annotated[Name, doc("Name of the organisation acted for.", "scheepswerf")]
    services: Services = Field(min_length=1)
    located: Annotated[bool, doc("Whether its link was found already; without it: true.", True)] = (
        True
    )
