"""Founds a network from a scenario: keys, the signed directory, databases, topics.

What everybody may know goes to `network/`, what one participant may know to
`secrets/<name>/secrets.json`, what the scenario's people hold to `secrets/_people.json`.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyotp

from pipeline.keys import (
    DIRECTORY_FILE,
    SCHEME_KEY_FILE,
    Secrets,
    Trust,
    read_file,
    read_secrets,
    secrets_file,
    sign_directory,
    write_private,
)
from sandbox import scenario as s
from sandbox.scenario import Credential, Party, Scenario
from schemas import jose
from schemas.dialogue import CredentialKind
from schemas.directory import Directory, DirectoryKey, KeyUse, Participant, PublicJwk
from schemas.values import Level, Role, Value, role_of

KEY_VALIDITY = timedelta(days=365)
_EARLIER = timedelta(hours=1)
_FIRST = {
    Credential.PASSWORD_AND_CODE: CredentialKind.PASSWORD,
    Credential.KEY: CredentialKind.SIGNATURE,
}


class Held(Value):
    """What a person holds of one means."""

    provider: str
    registry: str
    level: Level
    username: str | None = None
    password: str | None = None
    totp_secret: str | None = None
    private_key: dict[str, str] | None = None


class Wallet(Value):
    """Everything that a person holds."""

    person: str
    means: tuple[Held, ...]


class Wallets(Value):
    """The scenario's people; only the sandbox plays them."""

    people: tuple[Wallet, ...]

    def of(self, person: str) -> Wallet:
        """Raises KeyError."""
        return {wallet.person: wallet for wallet in self.people}[person]


@dataclass(frozen=True)
class Folders:
    """Where a founded network keeps its files: what all may know, and what only some may.

    Names of participants begin with a letter; what begins with `_` is nobody's in particular.
    """

    network: Path
    secrets: Path

    @property
    def people(self) -> Path:
        return self.secrets / "_people.json"

    @property
    def scheme_key(self) -> Path:
        return self.secrets / "_scheme.json"

    def scheme(self) -> jose.PrivateKey:
        """The key that the directory and the catalogue are signed with. Raises WrongUse."""
        return jose.private_key(json.loads(read_file(self.scheme_key)))

    @property
    def scenario(self) -> Path:
        return self.secrets / "_scenario.json"


@dataclass(frozen=True)
class Founded:
    """A network's files, as they were made."""

    directory: Directory
    secrets: dict[str, Secrets]
    wallets: Wallets


def found(scenario: Scenario, folders: Folders, now: datetime) -> Founded:
    """Make all keys and files anew."""
    scheme = jose.new_key()
    write_private(folders.scheme_key, jose.private_jwk(scheme))
    nobody = Directory(version=1, issued_at=now, expires_at=now + KEY_VALIDITY, participants=())
    return _write(scenario, Founded(nobody, {}, Wallets(people=())), folders, scheme, now)


def extend(scenario: Scenario, folders: Folders, now: datetime) -> list[str]:
    """Add to a network that exists whoever and whatever is new in the scenario; what is there is
    kept. Returns the names of the participants that are new. Raises WrongUse, Untrustworthy.

    Who is in the network and not in the scenario any more stays in it: leaving is not a change of
    a file.
    """
    before = founded(folders)
    next_version = {"version": before.directory.version + 1, "issued_at": now}
    started = replace(before, directory=before.directory.model_copy(update=next_version))
    after = _write(scenario, started, folders, folders.scheme(), now)
    return [name for name in after.secrets if name not in before.secrets]


def _write(
    scenario: Scenario, before: Founded, folders: Folders, scheme: jose.PrivateKey, now: datetime
) -> Founded:
    """Make and write what lacks."""
    new = {p.name: _secrets(p) for p in scenario.parties if p.name not in before.secrets}
    made = {**before.secrets, **new}
    directory = _directory(scenario, before.directory, made, now)
    wallets = Wallets(people=tuple(_wallets(scenario, before.wallets)))
    for name, secret in new.items():
        write_private(secrets_file(folders.secrets, name), secret.model_dump(mode="json"))
    write_private(folders.people, wallets.model_dump(mode="json"))
    write_private(folders.scenario, scenario.model_dump(mode="json", by_alias=True))
    publish(directory, scheme, folders)  # last: where there is a directory, there is everything
    return Founded(directory, made, wallets)


def publish(directory: Directory, scheme: jose.PrivateKey, folders: Folders) -> None:
    """Write what everybody may know: the directory, signed, and the scheme's public key."""
    folders.network.mkdir(parents=True, exist_ok=True)
    public = PublicJwk.model_validate(jose.public_jwk(scheme))
    (folders.network / SCHEME_KEY_FILE).write_text(public.model_dump_json())
    new = folders.network / "directory.new"
    new.write_text(sign_directory(directory, scheme))
    new.rename(folders.network / DIRECTORY_FILE)  # whoever reads has the old one or the new one


def founded(folders: Folders) -> Founded:
    """A network as it was founded before. Raises WrongUse, Untrustworthy."""
    directory = Trust(folders.network).directory
    made = {p.name: read_secrets(folders.secrets, p.name) for p in directory.participants}
    return Founded(directory, made, wallets_of(folders))


def wallets_of(folders: Folders) -> Wallets:
    """What the scenario's people hold. Raises WrongUse."""
    return Wallets.model_validate_json(read_file(folders.people))


def scenario_of(folders: Folders) -> Scenario:
    """The scenario that the network was founded from. Raises WrongUse."""
    return Scenario.model_validate_json(read_file(folders.scenario))


def _secrets(party: Party) -> Secrets:
    role = role_of(s.entity_id(party))
    has_front = role is Role.REGISTRY
    return Secrets(
        name=party.name,
        entity_id=s.entity_id(party),
        signing=(jose.private_jwk(jose.new_key()),),
        encryption=(jose.private_jwk(jose.new_key()),),
        front=jose.private_jwk(jose.new_key()) if has_front else None,
        first_challenge=_FIRST[party.credential] if isinstance(party, s.Provider) else None,
        database_password=secrets.token_urlsafe(24),
        pseudonym_secret=jose.base64url(secrets.token_bytes(32)) if has_front else "",
    )


def _directory(
    scenario: Scenario, before: Directory, made: dict[str, Secrets], now: datetime
) -> Directory:
    """Those who were there, as the scenario has them now and with the keys that they had; then
    those who are new."""
    keys = {p.name: p.keys for p in before.participants}
    listed = {
        party.name: _participant(
            party, scenario, keys.get(party.name) or _keys(made[party.name], now)
        )
        for party in scenario.parties
    }
    stay = {p.name: p for p in before.participants}
    participants = tuple({**stay, **listed}.values())
    fields = {name: getattr(before, name) for name in ("version", "issued_at", "expires_at")}
    return Directory(**fields, participants=participants)


def _keys(secret: Secrets, now: datetime) -> tuple[DirectoryKey, ...]:
    return (
        *(_key(jwk, KeyUse.SIGNING, now) for jwk in secret.signing),
        *(_key(jwk, KeyUse.ENCRYPTION, now) for jwk in secret.encryption),
        *(_key(jwk, KeyUse.FRONT, now) for jwk in (secret.front,) if jwk),
    )


def _participant(party: Party, scenario: Scenario, keys: tuple[DirectoryKey, ...]) -> Participant:
    return Participant(
        name=party.name,
        display_name=party.display_name,
        entity_id=s.entity_id(party),
        role=role_of(s.entity_id(party)),
        keys=keys,
        **_in_its_role(party, scenario),
    )


def _in_its_role(party: Party, scenario: Scenario) -> dict[str, Any]:
    match party:
        case s.Provider():
            return {"highest_level": party.highest_level, "attributes": party.attributes}
        case s.Registry(portal=None):
            return {"chains": party.chains}
        case s.Registry():
            portal = scenario.dienstverlener(party.portal or "")
            return {"chains": party.chains, "portal": s.entity_id(portal)}
        case s.Dienstverlener():
            return {"plain_signatures": party.plain_signatures}
    return {}


def _key(jwk: dict[str, Any], use: KeyUse, now: datetime) -> DirectoryKey:
    key = jose.private_key(jwk)
    return DirectoryKey(
        kid=key.kid,
        use=use,
        jwk=PublicJwk.model_validate(jose.public_jwk(key)),
        not_before=now - _EARLIER,
        not_after=now + KEY_VALIDITY,
    )


def _wallets(scenario: Scenario, before: Wallets) -> Iterable[Wallet]:
    """What everybody holds: what was held before is kept, also of those who are listed no more."""
    held = {(w.person, means.provider): means for w in before.people for means in w.means}
    people = {person.name: person for person in scenario.people}
    yield from (wallet for wallet in before.people if wallet.person not in people)
    for person in scenario.people:
        means = (held.get((person.name, m.provider)) or _held(m, scenario) for m in person.means)
        yield Wallet(person=person.name, means=tuple(means))


def _held(means: s.Means, scenario: Scenario) -> Held:
    by_key = scenario.provider(means.provider).credential is Credential.KEY
    return Held(
        provider=means.provider,
        registry=means.registry,
        level=means.level,
        username=means.username,
        password=means.password,
        totp_secret=None if by_key else pyotp.random_base32(),
        private_key=jose.private_jwk(jose.new_key()) if by_key else None,
    )
