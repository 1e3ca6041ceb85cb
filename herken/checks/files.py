"""A network's files: the signed directory, the keys in it, and the secrets that fit them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path

from pydantic import ValidationError

from herken.checks import Finding, listed, ok, warning, wrong
from pipeline.errors import HerkenError
from pipeline.keys import (
    DIRECTORY_FILE,
    SCHEME_KEY_FILE,
    Secrets,
    read_directory,
    read_file,
    read_secrets,
    secrets_file,
)
from schemas import jose
from schemas.directory import Directory, KeyUse, Participant, PublicJwk

SOON = timedelta(days=30)
_EVERYBODY_ELSE = 0o077
_NEW_FILES = "get the folder's files anew from who runs the scheme"


def directory(network: Path) -> tuple[Finding, Directory | None]:
    """The directory, where the scheme signed it."""
    try:
        scheme = PublicJwk.model_validate_json(read_file(network / SCHEME_KEY_FILE))
        found = read_directory(read_file(network / DIRECTORY_FILE), scheme)
    except HerkenError as error:
        return wrong("directory", str(error), _NEW_FILES), None
    except ValidationError:
        return wrong("directory", "the scheme's public key is damaged", _NEW_FILES), None
    text = f"signed by the scheme: version {found.version}, {_count(found)}"
    return ok("directory", text), found


def _count(found: Directory) -> str:
    return f"{len(found.participants)} participants"


def expiry(found: Directory, now: datetime) -> Finding:
    """Whether the scheme's word still holds, and for how long."""
    day = found.expires_at.date().isoformat()
    if now >= found.expires_at:
        return wrong("directory's end", f"it expired on {day}", "get a new one from the scheme")
    if now >= found.expires_at - SOON:
        return warning("directory's end", f"it expires on {day}", "get a new one before that")
    return ok("directory's end", f"it holds until {day}")


def keys(found: Directory, now: datetime) -> list[Finding]:
    """Everybody has a valid key for everything, and keeps having one."""
    failing = [
        finding
        for participant in found.participants
        for use in dict.fromkeys(key.use for key in participant.keys)
        if (finding := _key(participant, use, now)) is not None
    ]
    count = sum(len(participant.keys) for participant in found.participants)
    return failing or [ok("keys", f"{count} public keys, for more than {SOON.days} days")]


def _key(participant: Participant, use: KeyUse, now: datetime) -> Finding | None:
    name, what = f"keys of {participant.name}", f"{use.name.lower()} key"
    mine = [key for key in participant.keys if key.use is use]
    valid = [key for key in mine if key.is_valid(now)]
    last = max(key.not_after for key in mine)
    advice = "make a new one, and let the scheme put it into the directory beside the old one"
    if not valid:
        reason = "has expired" if last <= now else "is not valid yet"
        return wrong(name, f"its {what} {reason}", advice)
    if last <= now + SOON:
        return warning(name, f"its {what} expires on {last.date().isoformat()}", advice)
    return None


# --- what only one may know


def held(folder: Path, found: Directory) -> tuple[list[Finding], dict[str, Secrets]]:
    """The secrets that are here, and whether they can be read. A machine has those of its roles."""
    failing, here = [], {}
    for participant in found.participants:
        if secrets_file(folder, participant.name).exists():
            try:
                here[participant.name] = read_secrets(folder, participant.name)
            except HerkenError as error:
                failing.append(wrong(f"secrets of {participant.name}", str(error), _RESTORE))
    if not here and not failing:
        return [warning("secrets", "there are none here, of nobody in the directory", _HERE)], {}
    return failing, here


_RESTORE = "put them back from where you keep them"
_HERE = "HERKEN_SECRETS must name the folder that `herken up` printed"


def matching(here: Mapping[str, Secrets], found: Directory, now: datetime) -> list[Finding]:
    """Whether who holds secrets holds the key that the directory has for him."""
    failing = [
        wrong(f"secrets of {name}", f"they lack {lacking}", _RESTORE)
        for name, secrets in here.items()
        if (lacking := _lacking(secrets, found, now))
    ]
    match = [ok("secrets", f"those of {listed(list(here))} match the directory")] if here else []
    return failing or match


def _lacking(secrets: Secrets, found: Directory, now: datetime) -> str:
    """The first thing that the directory has, and the secrets have not; empty: nothing."""
    me = found.named(secrets.name)
    if me is None or me.entity_id != secrets.entity_id:
        return "the name or the EntityID that the directory has"
    try:
        mine = _kids(secrets)
    except (KeyError, ValueError):
        return "keys that can be read"
    for use in dict.fromkeys(key.use for key in me.keys if key.is_valid(now)):
        if me.key_for(use, now).kid not in mine[use]:
            return f"the {use.name.lower()} key of the directory"
    return ""


def _kids(secrets: Secrets) -> dict[KeyUse, set[str]]:
    front = (secrets.front,) if secrets.front else ()
    jwks = {
        KeyUse.SIGNING: secrets.signing,
        KeyUse.ENCRYPTION: secrets.encryption,
        KeyUse.FRONT: front,
    }
    return {use: {jose.private_key(dict(one)).kid for one in some} for use, some in jwks.items()}


def private(folder: Path) -> Iterator[Finding]:
    """Whether nobody else on this machine can read the secrets."""
    readable = [
        str(file.relative_to(folder))
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.stat().st_mode & _EVERYBODY_ELSE
    ]
    if readable:
        text = f"others on this machine can read {listed(readable)}"
        yield warning("secret files", text, "chmod -R go= the folder in HERKEN_SECRETS")
    else:
        yield ok("secret files", "only their owner can read them")
