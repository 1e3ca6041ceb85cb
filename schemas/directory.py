"""The directory: who takes part, in which role, with which public keys.

The scheme signs it as a whole; nobody is trusted for anything that it does not say. A
participant may have an old and a new key at the same time, each with its own validity.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Literal

from pydantic import AwareDatetime, ConfigDict, Field, StringConstraints, model_validator

from schemas.values import (
    AttributeName,
    DisplayName,
    EntityID,
    Level,
    Name,
    Role,
    Value,
    role_of,
)

_COORDINATE = r"^[A-Za-z0-9_-]{43}$"


class PublicJwk(Value):
    """A public key on P-256, the only curve of the network. Source: RFC 7517, RFC 7518 6.2."""

    kty: Literal["EC"]
    crv: Literal["P-256"]
    x: Annotated[str, StringConstraints(pattern=_COORDINATE)]
    y: Annotated[str, StringConstraints(pattern=_COORDINATE)]


class KeyUse(StrEnum):
    """`front`: encryption towards the participant's own front, which shows prompts to users."""

    SIGNING = "sig"
    ENCRYPTION = "enc"
    FRONT = "front"


class DirectoryKey(Value):
    """A participant's public key; `kid` is its thumbprint (RFC 7638)."""

    kid: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{43}$")]
    use: KeyUse
    jwk: PublicJwk
    not_before: AwareDatetime
    not_after: AwareDatetime

    def is_valid(self, now: datetime) -> bool:
        return self.not_before <= now < self.not_after


class Participant(Value):
    """One company in one role.

    highest_level  what a provider's means may reach, and no more
    attributes     of persons, that a provider can deliver
    portal         EntityID of the dienstverlener that is a registry's own portal
    chains         whether a registry offers ketenmachtigingen
    plain_signatures  whether all that he may read is signed one by one (ES256), because his
                   software knows no other signature
    """

    name: Name
    display_name: DisplayName
    entity_id: EntityID
    role: Role
    keys: tuple[DirectoryKey, ...]
    highest_level: Level | None = None
    attributes: tuple[AttributeName, ...] = ()
    portal: EntityID | None = None
    chains: bool = False
    plain_signatures: bool = False

    @model_validator(mode="after")
    def _entity_id_says_the_role(self) -> Participant:
        if role_of(self.entity_id) is not self.role:
            raise ValueError("the role differs from the one in the EntityID")
        return self

    def reaches(self, level: Level) -> bool:
        """Whether a means of this provider can reach the level."""
        return self.highest_level is not None and self.highest_level >= level

    def may_declare(self, level: Level) -> bool:
        """Whether the scheme admitted this provider for a level as high as this."""
        return self.reaches(level)

    def key_for(self, use: KeyUse, now: datetime) -> DirectoryKey:
        """The key to use now: of the valid ones, the newest. Raises LookupError."""
        valid = [key for key in self.keys if key.use is use and key.is_valid(now)]
        if not valid:
            raise LookupError(f"{self.name} has no valid {use} key in the directory")
        return max(valid, key=lambda key: key.not_before)


class Directory(Value):
    """The whole, as the scheme signed it. A ValueError where it contradicts itself."""

    model_config = ConfigDict(ignored_types=(cached_property,))

    TYPE: Literal["nl.herken.directory.v1"] = "nl.herken.directory.v1"
    version: int = Field(ge=1)
    issued_at: AwareDatetime
    expires_at: AwareDatetime
    participants: tuple[Participant, ...]

    @model_validator(mode="after")
    def _is_consistent(self) -> Directory:
        _refuse_twice("name", [p.name for p in self.participants])
        _refuse_twice("EntityID", [p.entity_id for p in self.participants])
        _refuse_twice("kid", [key.kid for p in self.participants for key in p.keys])
        for portal in (p.portal for p in self.participants if p.portal is not None):
            known = self._by_entity_id.get(portal)
            if known is None or known.role is not Role.DIENSTVERLENER:
                raise ValueError(f"a portal is a dienstverlener that takes part: {portal}")
        return self

    @cached_property
    def _by_entity_id(self) -> dict[str, Participant]:
        return {p.entity_id: p for p in self.participants}

    @cached_property
    def _by_name(self) -> dict[str, Participant]:
        return {p.name: p for p in self.participants}

    @cached_property
    def _by_kid(self) -> dict[str, tuple[Participant, DirectoryKey]]:
        return {key.kid: (p, key) for p in self.participants for key in p.keys}

    @cached_property
    def _by_role(self) -> dict[Role, list[Participant]]:
        """Each alphabetical by the name that users see."""
        found: dict[Role, list[Participant]] = {}
        for participant in sorted(self.participants, key=lambda p: p.display_name.casefold()):
            found.setdefault(participant.role, []).append(participant)
        return found

    def participant(self, entity_id: str) -> Participant | None:
        return self._by_entity_id.get(entity_id)

    def named(self, name: str) -> Participant | None:
        return self._by_name.get(name)

    def key(self, kid: str) -> tuple[Participant, DirectoryKey] | None:
        return self._by_kid.get(kid)

    def in_role(self, role: Role) -> list[Participant]:
        """All participants of a role, alphabetical by the name that users see."""
        return list(self._by_role.get(role, ()))


def _refuse_twice(what: str, values: list[str]) -> None:
    seen: set[str] = set()
    for value in values:
        if value in seen:
            raise ValueError(f"the {what} {value} occurs twice")
        seen.add(value)
