"""Who is trusted, and with which key one signs and opens."""

from __future__ import annotations

import json
import os
from contextlib import nullcontext
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipeline import keys as k
from pipeline.errors import HerkenError, WrongUse
from pipeline.keys import Keys, Secrets, Trust, Unreadable, Untrustworthy
from schemas import jose
from schemas.directory import Directory, KeyUse, PublicJwk
from schemas.sealed import ActingSubject, CodeSecret
from schemas.values import Level, Value
from tests.unit.builders import (
    DUIN,
    FROM,
    HAVEN,
    NONCE,
    NOW,
    SUBJECT,
    UNTIL,
    directory,
    directory_key,
    participant,
    sealed_for,
    secrets,
    world,
)

DAY = timedelta(days=1)
SCHEME, IMPOSTOR = jose.new_key(), jose.new_key()
PUBLIC = PublicJwk.model_validate(jose.public_jwk(SCHEME))
DUIN_, HAVEN_ = participant("duin", DUIN), participant("haven", HAVEN)


def of_version(version: int, **changes: Any) -> Directory:
    return directory([DUIN_, HAVEN_], version=version, **changes)


# --- the directory


def test_directory_is_trusted_when_the_scheme_signed_it() -> None:
    text = k.sign_directory(of_version(1), SCHEME)
    assert k.read_directory(text, PUBLIC) == of_version(1)


def signed(content: bytes, typ: str = k.directory_typ(), key: jose.PrivateKey = SCHEME) -> str:
    return jose.sign(content, typ, key)


JSON = of_version(1).model_dump_json().encode()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (signed(JSON, key=IMPOSTOR), "signature_invalid"),
        (signed(JSON)[:-20] + "A" * 20, "signature_invalid"),
        (signed(JSON, "nl.herken.outcome.v1+jwt"), "signed as something else"),
        (signed(b"{}"), "contradicts itself"),
        (signed(JSON.replace(b'"duin"', b'"haven"')), "contradicts itself"),
        ("", "not_jws"),
        ("a.b.c", "not_jws"),
        ("e30.e30.e30", "alg_refused"),
    ],
)
def test_directory_is_not_trusted_when_it_does_not_hold(text: str, why: str) -> None:
    with pytest.raises(Untrustworthy, match=why):
        k.read_directory(text, PUBLIC)


@pytest.mark.parametrize(
    ("now", "holds"), [(UNTIL - timedelta(microseconds=1), True), (UNTIL, False)]
)
def test_directory_has_expired_from_its_last_moment_on(now: datetime, holds: bool) -> None:
    if holds:
        k.require_in_time(of_version(1), now)
        return
    with pytest.raises(Untrustworthy, match="expired"):
        k.require_in_time(of_version(1), now)


# --- the directory's file


@pytest.fixture
def network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with version 3, looked at anew each time that it is asked for."""
    monkeypatch.setattr(k, "_RELOAD_SECONDS", -1.0)
    (tmp_path / k.SCHEME_KEY_FILE).write_text(PUBLIC.model_dump_json())
    publish(tmp_path, k.sign_directory(of_version(3), SCHEME), at=3)
    return tmp_path


def publish(folder: Path, text: str, at: int) -> None:
    file = folder / k.DIRECTORY_FILE
    file.write_text(text)
    os.utime(file, (at, at))


def test_newer_directory_is_taken_over_when_its_file_changes(network: Path) -> None:
    trust = Trust(network)
    assert trust.directory == of_version(3)
    publish(network, k.sign_directory(of_version(4), SCHEME), at=4)
    assert trust.directory == of_version(4)


def test_directory_is_not_read_again_before_its_time(
    network: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trust = Trust(network)
    assert trust.directory == of_version(3)
    monkeypatch.setattr(k, "_RELOAD_SECONDS", 3600.0)
    publish(network, k.sign_directory(of_version(4), SCHEME), at=4)
    assert trust.directory == of_version(3)


@pytest.mark.parametrize(
    "text",
    [
        "",
        k.sign_directory(of_version(4), IMPOSTOR),
        k.sign_directory(of_version(2), SCHEME),
    ],
)
def test_directory_is_not_taken_over_when_it_is_older_or_does_not_hold(
    network: Path, text: str
) -> None:
    trust = Trust(network)
    publish(network, text, at=4)
    assert trust.directory == of_version(3)
    publish(network, k.sign_directory(of_version(5), SCHEME), at=5)
    assert trust.directory == of_version(5)


def test_directory_stays_when_its_file_is_gone_for_a_moment(network: Path) -> None:
    trust = Trust(network)
    (network / k.DIRECTORY_FILE).unlink()
    assert trust.directory == of_version(3)
    publish(network, k.sign_directory(of_version(4), SCHEME), at=4)
    assert trust.directory == of_version(4)


def test_directory_is_not_trusted_any_more_when_it_expires_while_we_run(
    network: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trust = Trust(network)
    monkeypatch.setattr(k, "utc_now", lambda: UNTIL)
    with pytest.raises(Untrustworthy, match="expired"):
        _ = trust.directory


def test_network_is_refused_when_its_directory_has_expired(network: Path) -> None:
    expired = of_version(4, expires_at=FROM + DAY)
    publish(network, k.sign_directory(expired, SCHEME), at=4)
    with pytest.raises(Untrustworthy, match="expired"):
        Trust(network)


@pytest.mark.parametrize("file", [k.DIRECTORY_FILE, k.SCHEME_KEY_FILE])
def test_network_is_refused_when_a_file_lacks(network: Path, file: str) -> None:
    (network / file).unlink()
    with pytest.raises(WrongUse, match=rf"{file} is not there"):
        Trust(network)


# --- secrets


def write_secrets(folder: Path, name: str = "duin") -> Path:
    file = k.secrets_file(folder, name)
    k.write_private(file, world().secrets[name].model_dump(mode="json"))
    return file


def test_secrets_come_back_from_a_folder_that_is_their_owners(tmp_path: Path) -> None:
    file = write_secrets(tmp_path)
    assert k.read_secrets(tmp_path, "duin") == world().secrets["duin"]
    assert file == tmp_path / "duin" / "secrets.json"
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_secrets_are_refused_when_they_lack_or_are_damaged(tmp_path: Path) -> None:
    with pytest.raises(WrongUse, match="is not there"):
        k.read_secrets(tmp_path, "duin")
    secret = write_secrets(tmp_path).read_text()
    k.secrets_file(tmp_path, "duin").write_text(secret[:-10])
    with pytest.raises(WrongUse, match="secrets of duin are damaged") as raised:
        k.read_secrets(tmp_path, "duin")
    assert json.loads(secret)["signing"][0]["d"] not in str(raised.value)


def test_secrets_are_not_shown() -> None:
    found: Secrets = world().secrets["duin"]
    assert repr(found) == "Secrets(name='duin')"
    assert found.signing[0]["d"] not in repr(world().keys("duin"))


def test_keys_are_loaded_from_both_folders(network: Path) -> None:
    write_secrets(network)
    loaded = Keys.load(network, network, "duin")
    assert (loaded.me, loaded.directory) == (DUIN_, of_version(3))


# --- signing


def renewed(*held: jose.PrivateKey, **known: datetime) -> Keys:
    """Keys of duin, who holds these; the directory knows the first, and the second from a time."""
    old, new = held[0], held[-1]
    entries = [directory_key(old), directory_key(new, not_before=known["new_from"])]
    me = participant("duin", DUIN, keys={entry.kid: entry for entry in entries}.values())
    jwks = tuple(jose.private_jwk(key) for key in held)
    mine = secrets("duin", old, old).model_copy(update={"signing": jwks})
    return Keys(mine, lambda: directory([me]))


@pytest.mark.parametrize(("new_from", "used"), [(NOW, 1), (NOW + DAY, 0)])
def test_newest_key_that_is_valid_signs(new_from: datetime, used: int) -> None:
    held = jose.new_key(), jose.new_key()
    signer = renewed(*held, new_from=new_from).signer(NOW)
    assert (signer.entity_id, signer.key.kid) == (DUIN, held[used].kid)


def test_nothing_is_signed_when_no_key_of_ours_is_known() -> None:
    with pytest.raises(LookupError, match="duin has no valid sig key"):
        world().keys("duin").signer(UNTIL)
    stranger = secrets("duin", IMPOSTOR, IMPOSTOR)
    with pytest.raises(HerkenError, match="duin does not hold"):
        Keys(stranger, lambda: world().directory).signer(NOW)


def test_we_are_refused_when_the_directory_does_not_know_us() -> None:
    with pytest.raises(WrongUse, match="duin is not in the directory"):
        _ = Keys(world().secrets["duin"], lambda: directory([HAVEN_])).me


# --- opening


def test_what_is_sealed_for_us_is_opened_by_us_only() -> None:
    sealed = sealed_for("kade", ActingSubject(subject=SUBJECT))
    assert world().keys("kade").open(sealed, ActingSubject).subject == SUBJECT
    with pytest.raises(Unreadable, match="not_for_us"):
        world().keys("pier").open(sealed, ActingSubject)


@pytest.mark.parametrize(
    ("sealed", "code"),
    [
        ("a.b.c.d.e", "not_jwe"),
        (sealed_for("kade", CodeSecret(nonce=NONCE, code="123456")), "sealed_malformed"),
        (sealed_for("kade", ActingSubject(subject=SUBJECT))[:-4] + "AAAA", "seal_broken"),
    ],
)
def test_what_is_sealed_is_unreadable_when_it_does_not_hold(sealed: str, code: str) -> None:
    with pytest.raises(Unreadable) as raised:
        world().keys("kade").open(sealed, ActingSubject)
    assert (raised.value.code, str(raised.value)) == (code, code)


class Number(Value):
    """Something whose JSON could be read in two ways."""

    number: int


def test_what_is_sealed_is_read_strictly() -> None:
    kade = world().secrets["kade"]
    key = jose.private_key(dict(kade.encryption[0]))
    jwk = jose.public_jwk(key)
    for content, holds in ((b'{"number":1}', True), (b'{"number":"1"}', False)):
        sealed = jose.seal(content, jwk["x"], jwk["y"], key.kid)
        with nullcontext() if holds else pytest.raises(Unreadable, match="sealed_malformed"):
            assert world().keys("kade").open(sealed, Number).number == 1


def test_what_was_sealed_for_an_older_key_is_still_opened() -> None:
    old, new = jose.new_key(), jose.new_key()
    jwks = (jose.private_jwk(new), jose.private_jwk(old))
    mine = secrets("duin", old, new).model_copy(update={"encryption": jwks})
    before = participant("duin", DUIN, keys=[directory_key(old, KeyUse.ENCRYPTION)])
    sealed = k.seal(ActingSubject(subject=SUBJECT), before, NOW)
    assert Keys(mine, lambda: directory([before])).open(sealed, ActingSubject).subject == SUBJECT


def test_newest_key_of_the_recipient_is_sealed_for() -> None:
    old, new = jose.new_key(), jose.new_key()
    entries = [
        directory_key(new, KeyUse.ENCRYPTION, not_before=NOW),
        directory_key(old, KeyUse.ENCRYPTION),
    ]
    recipient = participant("duin", DUIN, keys=entries)
    sealed = k.seal(ActingSubject(subject=SUBJECT), recipient, NOW)
    assert jose.unseal(sealed, {new.kid: new})


@pytest.mark.parametrize("use", [KeyUse.FRONT, KeyUse.SIGNING])
def test_nothing_is_sealed_when_the_recipient_has_no_such_key(use: KeyUse) -> None:
    bare = participant("aak", world().named("aak").entity_id, highest_level=Level.EH3)
    with pytest.raises(LookupError):
        k.seal(ActingSubject(subject=SUBJECT), bare, NOW, use)
