"""A participant's private keys, and the directory that he trusts.

`HERKEN_NETWORK` is a folder with what everybody may know: the scheme's public key and the signed
directory. `HERKEN_SECRETS` is a folder with what only one participant may know: a folder each.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import structlog
from pydantic import ValidationError

from pipeline.errors import HerkenError, WrongUse
from schemas import jose
from schemas.catalogue import Catalogue
from schemas.codec import Signer
from schemas.dialogue import CredentialKind
from schemas.directory import Directory, KeyUse, Participant, PublicJwk
from schemas.values import EntityID, Name, Value

DIRECTORY_FILE, SCHEME_KEY_FILE = "directory.jws", "scheme.json"
_RELOAD_SECONDS = 1.0
log = structlog.get_logger()

V = TypeVar("V", bound=Value)


class Untrustworthy(HerkenError):
    """A directory that the scheme did not sign, or that does not hold."""


class Unreadable(HerkenError):
    """Something sealed that cannot be opened, or holds what it should not. `code` is stable."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def directory_typ() -> str:
    return "nl.herken.directory.v1+jwt"


def sign_directory(directory: Directory, scheme: jose.PrivateKey) -> str:
    return jose.sign(directory.model_dump_json().encode(), directory_typ(), scheme)


def read_directory(text: str, scheme: PublicJwk) -> Directory:
    """The directory in a JWS that the scheme signed. Raises Untrustworthy."""
    try:
        header = jose.header_of(text)
        payload = jose.verified_payload(text, scheme.x, scheme.y)
        directory = Directory.model_validate_json(payload)
    except (jose.JoseFault, ValidationError) as error:
        raise Untrustworthy(f"the directory does not hold: {_code(error)}") from None
    if header.typ != directory_typ():
        raise Untrustworthy("the directory does not hold: it is signed as something else")
    return directory


def require_in_time(directory: Directory, now: datetime) -> None:
    """Raises Untrustworthy where the scheme's word has run out."""
    if now >= directory.expires_at:
        raise Untrustworthy("the directory has expired: get a new one, signed by the scheme")


def _code(error: Exception) -> str:
    return error.code if isinstance(error, jose.JoseFault) else "it contradicts itself"


class Trust:
    """The directory as it is now: read again when its file changes, so that keys can be renewed
    while everything runs. A file that does not hold is not taken over."""

    def __init__(self, network: Path) -> None:
        self._file = network / DIRECTORY_FILE
        self._scheme = scheme_key(network)
        self._checked, self._changed = 0.0, -1
        self._directory = read_directory(read_file(self._file), self._scheme)
        require_in_time(self._directory, utc_now())

    @property
    def directory(self) -> Directory:
        """Raises Untrustworthy where it has expired."""
        if time.monotonic() - self._checked > _RELOAD_SECONDS:
            self._checked = time.monotonic()
            self._reload()
        require_in_time(self._directory, utc_now())
        return self._directory

    def _reload(self) -> None:
        """Take over a file that changed, if it holds; else go on with what was trusted before."""
        try:
            changed = self._file.stat().st_mtime_ns
            if changed != self._changed:
                self._changed = changed
                self._directory = self._newer(read_file(self._file))
        except (Untrustworthy, WrongUse, OSError) as error:
            log.error("directory_refused", error=type(error).__name__)  # noqa: TRY400

    def _newer(self, text: str) -> Directory:
        newer = read_directory(text, self._scheme)
        if newer.version < self._directory.version:
            raise Untrustworthy("an older directory after a newer one")
        return newer


def scheme_key(network: Path) -> PublicJwk:
    """The key by which all trust begins. Raises WrongUse."""
    return PublicJwk.model_validate_json(read_file(network / SCHEME_KEY_FILE))


class Secrets(Value):
    """What only one participant may know. Keys are private JWKs on P-256.

    first_challenge    what a provider asks its users for first
    pseudonym_secret   a registry's own, base64url: what pairwise pseudonyms are derived from
    """

    name: Name
    entity_id: EntityID
    signing: tuple[dict[str, str], ...]
    encryption: tuple[dict[str, str], ...]
    front: dict[str, str] | None = None
    first_challenge: CredentialKind | None = None
    database_password: str = ""
    pseudonym_secret: str = ""

    def __repr__(self) -> str:
        return f"Secrets(name={self.name!r})"


def secrets_file(folder: Path, name: str) -> Path:
    """Each participant has a folder of its own, so that it can be given no other."""
    return folder / name / "secrets.json"


def read_secrets(folder: Path, name: str) -> Secrets:
    """Raises WrongUse."""
    try:
        return Secrets.model_validate_json(read_file(secrets_file(folder, name)))
    except ValidationError:
        raise WrongUse(f"the secrets of {name} are damaged: make them anew") from None


@dataclass(frozen=True)
class Keys:
    """One participant's view: who he is, whom he trusts, what is offered, what he can sign and
    open. `current` and `offered` give the directory and the catalogue as they are now."""

    secrets: Secrets
    current: Callable[[], Directory]
    offered: Callable[[], Catalogue] = Catalogue

    def __post_init__(self) -> None:
        signing = [jose.private_key(dict(jwk)) for jwk in self.secrets.signing]
        encryption = [jose.private_key(dict(jwk)) for jwk in self.secrets.encryption]
        object.__setattr__(self, "_signing", {key.kid: key for key in signing})
        object.__setattr__(self, "_encryption", {key.kid: key for key in encryption})
        object.__setattr__(self, "_sealer", jose.Sealer())

    @classmethod
    def load(
        cls,
        network: Path,
        secrets: Path,
        name: str,
        offered: Callable[[], Catalogue] = Catalogue,
    ) -> Keys:
        """Raises WrongUse where a file lacks, Untrustworthy where the directory does not hold."""
        trust = Trust(network)
        return cls(read_secrets(secrets, name), lambda: trust.directory, offered)

    @property
    def directory(self) -> Directory:
        return self.current()

    @property
    def catalogue(self) -> Catalogue:
        return self.offered()

    @property
    def me(self) -> Participant:
        found = self.directory.participant(self.secrets.entity_id)
        if found is None:
            raise WrongUse(f"{self.secrets.name} is not in the directory")
        return found

    def signer(self, now: datetime) -> Signer:
        """Signs with the newest key that the directory has for us and that we hold."""
        key = self.me.key_for(KeyUse.SIGNING, now)
        held: dict[str, jose.PrivateKey] = self._signing  # type: ignore[attr-defined]
        if key.kid not in held:
            raise WrongUse(f"{self.secrets.name} does not hold its own signing key {key.kid}")
        return Signer(self.secrets.entity_id, held[key.kid])

    def open(self, sealed: str, model: type[V]) -> V:
        """What was sealed for us. Raises Unreadable."""
        return open_sealed(sealed, model, self._encryption)  # type: ignore[attr-defined]

    def seal(
        self,
        content: Value,
        recipient: Participant,
        now: datetime,
        use: KeyUse = KeyUse.ENCRYPTION,
    ) -> str:
        """As `seal`, for who seals for the same recipients again and again."""
        sealer: jose.Sealer = self._sealer  # type: ignore[attr-defined]
        key, text = recipient.key_for(use, now), content.model_dump_json().encode()
        return sealer.seal(text, key.jwk.x, key.jwk.y, key.kid, now.timestamp())


def open_sealed(sealed: str, model: type[V], keys: dict[str, jose.PrivateKey]) -> V:
    """Open a JWE with one of these keys. Raises Unreadable."""
    try:
        return model.model_validate_json(jose.unseal(sealed, keys), strict=True)
    except jose.JoseFault as fault:
        raise Unreadable(fault.code) from None
    except ValidationError:
        raise Unreadable("sealed_malformed") from None


def seal(
    content: Value, recipient: Participant, now: datetime, use: KeyUse = KeyUse.ENCRYPTION
) -> str:
    """Seal for one participant, with the newest of his keys. Raises LookupError: he has none."""
    key = recipient.key_for(use, now)
    return jose.seal(content.model_dump_json().encode(), key.jwk.x, key.jwk.y, key.kid)


def read_file(path: Path) -> str:
    """A file of the network's. Raises WrongUse."""
    try:
        return path.read_text()
    except OSError:
        raise WrongUse(
            f"{path} is not there: HERKEN_NETWORK and HERKEN_SECRETS must name the folders that "
            "`herken up` printed"
        ) from None


def write_private(path: Path, content: Any) -> None:
    """Write JSON that only its owner may read."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.touch(mode=0o600)
    path.write_text(json.dumps(content, indent=1))


def utc_now() -> datetime:
    return datetime.now(UTC)
