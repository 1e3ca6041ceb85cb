"""Value types: the identifiers and levels of the scheme, each with its check.

Error texts name the rule that was broken and never repeat the value, because a value may
identify somebody.
"""

from __future__ import annotations

import re
from enum import Enum, StrEnum
from functools import lru_cache
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints


class Value(BaseModel):
    """Frozen, closed to unknown fields, and silent about its content in errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Role(StrEnum):
    """What a participant is in the network; the code is the one inside its EntityID.

    Source: [AS] EntityID `urn:etoegang:<DV|HM|AD|MR|EB>:...`.
    """

    DIENSTVERLENER = "DV"
    MAKELAAR = "HM"
    PROVIDER = "AD"
    REGISTRY = "MR"


class Level(Enum):
    """Level of assurance, ordered from low to high.

    Source: [AS] assurance classes `loa1 < loa2 < loa2plus < loa3 < loa4`; loa1 ended in 2021.
    """

    LOA1 = "urn:etoegang:core:assurance-class:loa1"
    EH2 = "urn:etoegang:core:assurance-class:loa2"
    EH2PLUS = "urn:etoegang:core:assurance-class:loa2plus"
    EH3 = "urn:etoegang:core:assurance-class:loa3"
    EH4 = "urn:etoegang:core:assurance-class:loa4"

    rank: int
    label: str

    def __init__(self, _: str) -> None:
        self.rank = len(type(self).__members__)
        self.label = {"LOA1": "EH1", "EH2PLUS": "EH2+"}.get(self.name, self.name)

    # Levels are compared at every turn: each comparison by itself, and members hash by identity.
    def __lt__(self, other: Level) -> bool:
        return self.rank < other.rank if other.__class__ is Level else NotImplemented

    def __le__(self, other: Level) -> bool:
        return self.rank <= other.rank if other.__class__ is Level else NotImplemented

    def __gt__(self, other: Level) -> bool:
        return self.rank > other.rank if other.__class__ is Level else NotImplemented

    def __ge__(self, other: Level) -> bool:
        return self.rank >= other.rank if other.__class__ is Level else NotImplemented

    __hash__ = object.__hash__

    def __str__(self) -> str:
        return self.label

    def __format__(self, _: str) -> str:
        return self.label

    @classmethod
    def parse(cls, text: str) -> Level:
        """Read `EH2+`, `EH3`, `loa3` or the whole URN. Raises ValueError."""
        wanted = text.strip().lower()
        for level in cls:
            if wanted in (str(level).lower(), level.name.lower(), *_tails(level)):
                return level
        raise ValueError("a level is one of EH2, EH2+, EH3, EH4")

    @property
    def eidas(self) -> EidasLevel:
        """The same in eIDAS terms. Raises ValueError for loa1, which has none.

        Source: [AS] EH2 and EH2+ = low, EH3 = substantial, EH4 = high.
        """
        if self is Level.LOA1:
            raise ValueError("EH1 ended in 2021, and has no level of eIDAS")
        return _EIDAS[self]


class EidasLevel(StrEnum):
    """Level of assurance of eIDAS. Source: Regulation (EU) 910/2014, article 8."""

    LOW = "http://eidas.europa.eu/LoA/low"
    SUBSTANTIAL = "http://eidas.europa.eu/LoA/substantial"
    HIGH = "http://eidas.europa.eu/LoA/high"


_EIDAS = {
    Level.EH2: EidasLevel.LOW,
    Level.EH2PLUS: EidasLevel.LOW,
    Level.EH3: EidasLevel.SUBSTANTIAL,
    Level.EH4: EidasLevel.HIGH,
}


def _tails(level: Level) -> tuple[str, str]:
    return level.value, level.value.rsplit(":", 1)[1]


class EntityType(StrEnum):
    """The kind of number by which a service knows whom is acted for.

    Source: [AS] `urn:etoegang:1.9:EntityConcernedID:{KvKnr,RSIN,BSN,Pseudo}`.
    """

    KVKNR = "urn:etoegang:1.9:EntityConcernedID:KvKnr"
    RSIN = "urn:etoegang:1.9:EntityConcernedID:RSIN"
    BSN = "urn:etoegang:1.9:EntityConcernedID:BSN"
    PSEUDO = "urn:etoegang:1.9:EntityConcernedID:Pseudo"


class AttributeName(StrEnum):
    """What a service may ask beside who acts for whom: of the acting person, from the provider
    only; of the represented organisation, from the registry only. Source: [AS] attribute names."""

    FIRST_NAME = "urn:etoegang:1.9:attribute:FirstName"
    FAMILY_NAME = "urn:etoegang:1.9:attribute:FamilyName"
    DATE_OF_BIRTH = "urn:etoegang:1.9:attribute:DateOfBirth"
    COMPANY_NAME = "urn:etoegang:1.11:attribute-represented:CompanyName"
    KVK_NUMBER = "urn:etoegang:1.11:attribute-represented:KvKnr"

    @property
    def is_personal(self) -> bool:
        """Whether it is of the acting person, and so needs his consent."""
        return ":attribute:" in self.value


class Intermediation(StrEnum):
    """Whether a service can be used through an intermediary. Source: [AS] service catalogue.

    CHOICE: `own` is arranged by the dienstverlener itself, outside the scheme, so that no chain of
    the scheme holds; `needs-approval` holds for intermediaries that its catalogue entry names.
    """

    NONE = "none"
    GENERAL = "general"
    OWN = "own"
    NEEDS_APPROVAL = "needs-approval"


_ELEVEN_WEIGHTS = (9, 8, 7, 6, 5, 4, 3, 2, -1)


def passes_eleven_test(digits: str) -> bool:
    """The 11-proef over nine digits. Source: [AS] RSIN and BSN; 000000000 is refused."""
    if len(digits) != 9 or not _is_digits(digits) or digits == "0" * 9:
        return False
    pairs = zip(_ELEVEN_WEIGHTS, digits, strict=True)
    return sum(weight * int(digit) for weight, digit in pairs) % 11 == 0


def _is_digits(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _eleven(digits: str) -> str:
    if not passes_eleven_test(digits):
        raise ValueError("the nine digits fail the 11-proef")
    return digits


# An OIN is prefix (8), number and trailing zeros; the prefix says which register the number is of.
_OIN_RSIN, _OIN_KVK, _OIN_TEST = "00000001", "00000003", "00000099"


def _oin(text: str) -> str:
    prefix, number = text[:8], text[8:]
    if prefix == _OIN_RSIN and passes_eleven_test(number[:9]) and number[9:] == "000":
        return text
    if prefix == _OIN_KVK and number[8:] == "0000":
        return text
    if prefix == _OIN_TEST:
        return text
    raise ValueError("an OIN is 00000001 + RSIN + 000, 00000003 + KvK + 0000, or 00000099 for test")


ENTITY_ID = re.compile(r"^urn:etoegang:(DV|HM|AD|MR):([0-9]{20}):entities:([0-9]{4})$")
SERVICE_ID = re.compile(r"^urn:etoegang:DV:([0-9]{20}):services:([0-9]{1,4})$")

# The same few come in every message: what held is remembered.


@lru_cache(maxsize=4096)
def _entity_id(text: str) -> str:
    found = ENTITY_ID.match(text)
    if found is None:
        raise ValueError("an EntityID is urn:etoegang:<DV|HM|AD|MR>:<OIN>:entities:<0000-9999>")
    _oin(found[2])
    return text


@lru_cache(maxsize=4096)
def _service_id(text: str) -> str:
    found = SERVICE_ID.match(text)
    if found is None:
        raise ValueError("a ServiceID is urn:etoegang:DV:<OIN>:services:<index>")
    _oin(found[1])
    return text


def role_of(entity_id: str) -> Role:
    """The role that an EntityID claims. Raises ValueError."""
    return Role(_entity_id(entity_id).split(":")[2])


KvK = Annotated[str, StringConstraints(pattern=r"^[0-9]{8}$")]
Vestigingsnummer = Annotated[str, StringConstraints(pattern=r"^[0-9]{12}$")]
RSIN = Annotated[str, StringConstraints(pattern=r"^[0-9]{9}$"), AfterValidator(_eleven)]
BSN = Annotated[str, StringConstraints(pattern=r"^[0-9]{9}$"), AfterValidator(_eleven)]
OIN = Annotated[str, StringConstraints(pattern=r"^[0-9]{20}$"), AfterValidator(_oin)]
EntityID = Annotated[str, StringConstraints(pattern=ENTITY_ID.pattern), AfterValidator(_entity_id)]
ServiceID = Annotated[
    str, StringConstraints(pattern=SERVICE_ID.pattern), AfterValidator(_service_id)
]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
"""A participant's short name, the last part of its topics' names."""
DisplayName = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Jws = Annotated[
    str,
    StringConstraints(
        pattern=r"^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$", max_length=49_152
    ),
]
"""A compact JWS (RFC 7515)."""
Sealed = Annotated[
    str,
    StringConstraints(
        pattern=r"^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$",
        max_length=8_192,
    ),
]
"""A compact JWE (RFC 7516): readable by its one recipient only."""
Nonce = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{22,64}$")]
"""Unguessable: at least 128 bits, base64url."""
Digest = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{43}$")]
"""SHA-256, base64url without padding."""
Pseudonym = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{43}$")]
"""Pairwise: of one subject, for one dienstverlener."""
SignatureValue = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{86,438}$")]
"""The signature of a JWS, base64url: what a declaration is bound by. 86 characters of ES256; of a
tree's, more, by its path."""
