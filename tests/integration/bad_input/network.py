"""The network that the table is played on: the first login's, a few who are never asked, and what
chains, sessions, consent and administration need (`network.yaml`)."""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path

from pipeline.keys import utc_now
from sandbox import scenario as s
from sandbox.founding import Folders, Founded, found, publish
from sandbox.scenario import Scenario
from sandbox.scenario_file import load
from schemas import jose
from schemas.directory import DirectoryKey, KeyUse, Participant, PublicJwk
from schemas.jose import PrivateKey
from schemas.values import Level
from tests.support.opening import Files, opened
from tests.support.relay import Relay

SCENARIO = Path("scenarios/first-login.yaml")
BESIDE = Path(__file__).parent / "network.yaml"
SIGNS_WITH_SPARE_KEYS = "zuiveringsschap"
_VALID = {"expired": (-48, -1), "not yet valid": (24, 48)}
"""From and until, in hours from now."""


@asynccontextmanager
async def network(postgres: str, folder: Path) -> AsyncIterator[Relay]:
    """The relay of a network in which nobody is called as in another one."""
    prefix = new_prefix()
    scenario, folders = extended(load(SCENARIO), prefix), Folders(folder / "all", folder / "own")
    yesterday = utc_now() - timedelta(days=1)
    founded, spare = with_spare_keys(found(scenario, folders, yesterday), folders, prefix)
    async with opened(Files(founded, folders, prefix, spare), scenario, postgres) as relay:
        yield relay


def extended(scenario: Scenario, prefix: str) -> Scenario:
    """The scenario, with what is beside it, a makelaar, a provider and a registry more, and a
    prefix before the name of each who takes part."""
    beside = load(BESIDE)
    joined = {name: (*getattr(scenario, name), *getattr(beside, name)) for name in _JOINED}
    more = {
        **joined,
        "makelaars": (*joined["makelaars"], _makelaar()),
        "providers": (*joined["providers"], _provider()),
        "registries": (*joined["registries"], _registry()),
    }
    return renamed(scenario.model_copy(update=more), prefix)


_JOINED = (
    "makelaars",
    "providers",
    "registries",
    "dienstverleners",
    "organisations",
    "people",
    "mandates",
    "links",
    "assignments",
)


def renamed(scenario: Scenario, prefix: str) -> Scenario:
    """The scenario, with a prefix before the name of each who takes part."""
    text = scenario.model_dump_json(by_alias=True)
    for party in scenario.parties:
        text = text.replace(f'"{party.name}"', f'"{prefix}{party.name}"')
    return Scenario.model_validate_json(text)


def new_prefix() -> str:
    """One that no other network on the same servers has."""
    return f"r{secrets.token_hex(2)}-"


def _makelaar() -> s.Makelaar:
    return s.Makelaar(name="duin", display_name="Makelaar Het Duin", oin="00000099000000007000")


def _provider() -> s.Provider:
    """Below every service's level but one's."""
    return s.Provider(
        name="geul",
        display_name="Sleuteldienst De Geul",
        oin="00000099000000008000",
        credential=s.Credential.KEY,
        highest_level=Level.EH2PLUS,
    )


def _registry() -> s.Registry:
    return s.Registry(
        name="wad", display_name="Machtigingenregister Het Wad", oin="00000099000000009000"
    )


def with_spare_keys(
    founded: Founded, folders: Folders, prefix: str
) -> tuple[Founded, dict[str, PrivateKey]]:
    """Put signing keys that are not valid now into the directory, and sign that anew."""
    spare, name = {why: jose.new_key() for why in _VALID}, prefix + SIGNS_WITH_SPARE_KEYS
    participants = tuple(
        _with(p, [_key(key, why, utc_now()) for why, key in spare.items()]) if p.name == name else p
        for p in founded.directory.participants
    )
    newer = founded.directory.model_copy(update={"version": 2, "participants": participants})
    directory = type(newer).model_validate_json(newer.model_dump_json())
    scheme = jose.private_key(json.loads(folders.scheme_key.read_text()))
    publish(directory, scheme, folders)
    return Founded(directory, founded.secrets, founded.wallets), spare


def _with(participant: Participant, keys: list[DirectoryKey]) -> Participant:
    return participant.model_copy(update={"keys": (*participant.keys, *keys)})


def _key(key: PrivateKey, why: str, now: datetime) -> DirectoryKey:
    not_before, not_after = (now + timedelta(hours=hours) for hours in _VALID[why])
    return DirectoryKey(
        kid=key.kid,
        use=KeyUse.SIGNING,
        jwk=PublicJwk.model_validate(jose.public_jwk(key)),
        not_before=not_before,
        not_after=not_after,
    )
