"""Who takes part in every history: a makelaar, two providers, two registries, two dienstverleners,
and six people who each hold something else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from brokers.role import makelaar
from pipeline.keys import Keys
from pipeline.stage import Key, RoleStages
from providers.role import provider
from registry.kept import Assignment, Holder, Kept, Link, Mandate, Person
from registry.role import registry
from schemas import jose
from schemas.commands import Scope, ScopeKind
from schemas.dialogue import CredentialKind
from schemas.directory import PublicJwk
from schemas.jose import PrivateKey
from schemas.values import Level
from tests.simulation.substitutes import key_maker
from tests.unit import builders as b

DEADLINE_SECONDS = 120
ROLES = ("duin", "aak", "botter", "kade", "pier")
DIENSTVERLENERS = ("haven", "loods")
SERVICES = {
    "eh3": (b.SERVICE, "haven", Level.EH3),
    "eh4": (b.HIGH_SERVICE, "haven", Level.EH4),
    "loods": (b.LOODS_SERVICE, "loods", Level.EH3),
}
"""By a short name: the service, whose it is, and its level."""
MEANS_LEVEL = {"aak": Level.EH3, "botter": Level.EH4}
_ALL = tuple(service.service_uuid for service in b.SERVICES)
_SECOND_KVK = "90000102"


@dataclass(frozen=True)
class Player:
    """Somebody who logs in: by which registry, and by what he may act, for whom (KvK)."""

    name: str
    number: int
    registry: str
    held: tuple[Key, ...]
    whom: tuple[str, ...]

    @property
    def subject(self) -> UUID:
        return UUID(int=1000 + self.number)

    @property
    def id(self) -> UUID:
        return UUID(int=2000 + self.number)


def _mandate(number: int) -> Key:
    return Mandate.TABLE, UUID(int=3000 + number)


CHAIN: Key = (Assignment.TABLE, UUID(int=3100))
LINK: Key = (Link.TABLE, UUID(int=21))
PLAYERS = (
    Player("ans", 1, "kade", (_mandate(1),), (b.KVK,)),
    Player("bea", 2, "kade", (_mandate(2), _mandate(3)), (b.KVK, _SECOND_KVK)),
    Player("cor", 3, "kade", (CHAIN,), (b.KVK,)),
    Player("dik", 4, "kade", (), ()),
    Player("eef", 5, "pier", (_mandate(4),), (b.KVK,)),
    Player("fop", 6, "kade", (_mandate(5),), (b.KVK,)),
)
"""One mandate; two; an assignment of a chain; nothing; one at the other registry; one at EH3."""
BY_NAME = {player.name: player for player in PLAYERS}


@dataclass(frozen=True)
class Cast:
    """Everybody's keys, roles and tables. Nothing in it changes: histories copy their tables."""

    keys: dict[str, Keys]
    roles: dict[str, RoleStages[Any]]
    tables: dict[str, dict[Any, Any]]
    user_keys: dict[str, PrivateKey]

    def entity(self, name: str) -> str:
        return self.keys[name].secrets.entity_id


def cast() -> Cast:
    """Made once in a process, while cryptography and SQL are substituted."""
    key_maker.restart()
    world = b.world.__wrapped__()
    keys = {name: _keys(world, name) for name in (*ROLES, *DIENSTVERLENERS)}
    roles: dict[str, RoleStages[Any]] = {"duin": makelaar(keys["duin"], DEADLINE_SECONDS)}
    roles |= {name: provider(keys[name], b.ATTEMPTS) for name in ("aak", "botter")}
    roles |= {name: registry(keys[name]) for name in ("kade", "pier")}
    users = {player.name: jose.new_key() for player in PLAYERS}
    tables = {name: dict(_means(name, users)) for name in ("aak", "botter")}
    tables |= {"duin": {}, "kade": _kept("kade"), "pier": _kept("pier")}
    return Cast(keys, roles, tables, users)


def _keys(world: b.World, name: str) -> Keys:
    by_key = {"first_challenge": CredentialKind.SIGNATURE} if name in ("aak", "botter") else {}
    secrets = world.secrets[name].model_copy(update=by_key)
    return Keys(secrets, lambda: world.directory, lambda: world.catalogue)


def _means(provider_: str, users: dict[str, PrivateKey]) -> Iterator[tuple[Any, Any]]:
    for player in PLAYERS:
        key = users[player.name]
        yield (
            ("means", key.kid),
            b.means(
                id=player.id,
                subject=player.subject,
                registry=b._ENTITIES[player.registry],
                level=MEANS_LEVEL[provider_],
                key_id=key.kid,
                public_key=PublicJwk.model_validate(jose.public_jwk(key)),
            ),
        )


def _kept(registry_: str) -> dict[Any, Any]:
    """A registry's tables, with the indexes that its reads go by."""
    things: list[Kept] = [
        b.organisation(),
        b.organisation(id=UUID(int=602), kvk=_SECOND_KVK, name="Zaagmolen De Gans"),
        b.kantoor(id=_KANTOOR),
    ]
    if registry_ == "pier":
        things.append(b.link(services=_ALL, level=Level.EH4))
    found: dict[Any, Any] = {}
    for player in (each for each in PLAYERS if each.registry == registry_):
        things += [_person(player), *_held(player)]
        found[("held", player.id)] = player.held
        for each in ("aak", "botter"):
            found[("holders", (b._ENTITIES[each], player.subject))] = _person(player)
    return {**found, **{(thing.TABLE, thing.id): thing for thing in things}}


_KANTOOR = UUID(int=603)


def _person(player: Player) -> Person:
    holders = tuple(
        Holder(provider=b._ENTITIES[each], subject=player.subject) for each in ("aak", "botter")
    )
    return b.person(id=player.id, name=player.name, holders=holders)


def _held(player: Player) -> Iterator[Kept]:
    scope = Scope(kind=ScopeKind.SERVICES, services=_ALL)
    level = Level.EH3 if player.name == "fop" else Level.EH4
    of = {b.KVK: b.MOLEN, _SECOND_KVK: UUID(int=602)}
    for (table, id_), kvk in zip(player.held, player.whom, strict=True):
        if table == Mandate.TABLE:
            organisation = of[kvk]
            yield b.mandate(
                id=id_, person=player.id, organisation=organisation, scope=scope, level=level
            )
        else:
            yield b.assignment(
                id=id_, person=player.id, organisation=_KANTOOR, services=_ALL, level=level
            )
