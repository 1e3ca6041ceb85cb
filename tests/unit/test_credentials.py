"""How each kind of credential is checked: against published vectors, and never too cheaply."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psutil
import pytest
from argon2 import PasswordHasher, Type, extract_parameters

from providers.credentials import argon2id, code, password, signature
from providers.credentials.code import SharedSecret
from schemas import jose
from schemas.directory import PublicJwk
from tests.unit.builders import AAK, BOTTER, NONCE, OTHER_NONCE, REQUEST, TOTP_SECRET

# --- one-time codes

# RFC 6238, appendix B, SHA-1: seconds since 1970, and the last six of its eight digits
VECTORS = [
    (59, "287082"),
    (1_111_111_109, "081804"),
    (1_111_111_111, "050471"),
    (1_234_567_890, "005924"),
    (2_000_000_000, "279037"),
    (20_000_000_000, "353130"),
]
SHARED = SharedSecret(secret=TOTP_SECRET)
STEP = timedelta(seconds=30)
SECOND = timedelta(seconds=1)


def at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


@pytest.mark.parametrize(("seconds", "digits"), VECTORS)
def test_code_holds_when_it_is_that_of_the_rfc(seconds: int, digits: str) -> None:
    assert code.matching_step(SHARED, digits, at(seconds)) == seconds // 30


@pytest.mark.parametrize(
    ("since_step", "holds"),
    [
        (-STEP - SECOND, False),
        (-STEP, True),
        (-SECOND, True),
        (0 * SECOND, True),
        (STEP - SECOND, True),
        (2 * STEP - SECOND, True),
        (2 * STEP, False),
    ],
)
def test_code_holds_in_its_own_step_and_the_one_before_and_after(
    since_step: timedelta, holds: bool
) -> None:
    """The code of the step that begins at 1,111,111,110."""
    step = 37_037_037
    found = code.matching_step(SHARED, "050471", at(30 * step) + since_step)
    assert found == (step if holds else None)


@pytest.mark.parametrize("digits", ["287083", "000000", "94287082", "28708", ""])
def test_code_fails_when_it_is_another(digits: str) -> None:
    assert code.matching_step(SHARED, digits, at(59)) is None


def test_code_fails_under_another_secret() -> None:
    other = SharedSecret(secret="A" * 32)
    assert code.matching_step(other, "287082", at(59)) is None


# --- passwords

PASSWORD = "twee-molens-aan-de-vaart"


def test_hash_costs_at_least_what_owasp_asks() -> None:
    """Source: OWASP Password Storage Cheat Sheet: argon2id, 19 MiB, two passes, one lane."""
    found = extract_parameters(argon2id.hash_password(PASSWORD))
    assert found.type is Type.ID
    assert found.memory_cost >= 19_456
    assert found.time_cost >= 2
    assert found.parallelism >= 1
    assert found.salt_len >= 16
    assert found.hash_len >= 32


def test_hash_is_another_each_time_and_shows_nothing() -> None:
    once, again = argon2id.hash_password(PASSWORD), argon2id.hash_password(PASSWORD)
    assert once != again
    assert PASSWORD not in once


async def test_password_holds_when_it_is_the_one_that_was_hashed() -> None:
    stored = argon2id.hash_password(PASSWORD)
    assert await password.holds(stored, PASSWORD)
    assert not await password.holds(stored, PASSWORD + " ")
    assert not await password.holds(stored, "")


@pytest.mark.parametrize("stored", ["", "x", "$argon2id$v=19$m=1,t=1,p=1$AA$AA"])
async def test_password_fails_when_what_is_stored_is_no_hash(stored: str) -> None:
    assert not await password.holds(stored, PASSWORD)


async def test_password_of_nobody_fails_whatever_it_is() -> None:
    assert not await password.holds(None, "nobody's")


def test_a_hash_is_checked_as_costly_when_there_is_no_such_user(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    checked: list[str] = []

    def verify(_: PasswordHasher, stored: str, __: str) -> bool:
        checked.append(stored)
        return True

    monkeypatch.setattr(PasswordHasher, "verify", verify)
    somebodys = argon2id.hash_password(PASSWORD)
    assert not argon2id.is_of(None, PASSWORD)
    assert argon2id.is_of(somebodys, PASSWORD)
    nobodys, known = (extract_parameters(stored) for stored in checked)
    assert nobodys == known
    assert checked[1] == somebodys


def checking() -> set[psutil.Process]:
    """The processes that check passwords for this one."""
    children = psutil.Process().children()
    return {child for child in children if argon2id.__name__ in child.cmdline()}


async def test_passwords_are_checked_by_processes_that_come_after_all_others() -> None:
    await asyncio.gather(*(password.holds(None, PASSWORD) for _ in range(8)))
    assert 1 <= len(checking()) <= (os.cpu_count() or 1)
    for process in checking():
        assert process.nice() == 19
        assert os.getsid(process.pid) == process.pid


async def test_line_break_in_a_password_is_a_character_of_it() -> None:
    stored = argon2id.hash_password("een\ntwee")
    assert await password.holds(stored, "een\ntwee")
    assert not await password.holds(stored, "een")


async def test_who_checked_and_ended_is_replaced_and_nobody_is_let_in_for_it() -> None:
    stored = argon2id.hash_password(PASSWORD)
    assert await password.holds(stored, PASSWORD)
    ended = checking()
    for process in ended:
        process.kill()
        process.wait(5)
    for _ in ended:
        with pytest.raises(OSError, match=r"ended|pipe"):
            await password.holds(stored, PASSWORD)
    assert await password.holds(stored, PASSWORD)
    assert not checking() & ended


@pytest.mark.parametrize("ends", ["", "os.kill(os.getpid(), signal.SIGKILL)"])
def test_who_checks_ends_with_whoever_asked_however_that_ends(ends: str) -> None:
    asks = (
        "import asyncio, os, psutil, signal\n"
        "from providers.credentials import password\n"
        "asyncio.run(password.holds(None, 'x'))\n"
        "print(*(child.pid for child in psutil.Process().children()), flush=True)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", asks + ends], stdout=subprocess.PIPE, text=True, check=False
    )
    (pid,) = (int(each) for each in done.stdout.split())
    until = time.monotonic() + 10
    while psutil.pid_exists(pid) and time.monotonic() < until:
        time.sleep(0.02)
    assert not psutil.pid_exists(pid)


# --- signed challenges

KEY, OTHER = jose.new_key(), jose.new_key()
PUBLIC = PublicJwk.model_validate(jose.public_jwk(KEY))
STATEMENT = signature.statement(NONCE, REQUEST, AAK)


def signed(content: bytes = STATEMENT, key: jose.PrivateKey = KEY) -> str:
    return jose.sign(content, signature.TYP, key)


def test_statement_is_about_one_challenge_of_one_provider() -> None:
    assert f'{{"aud":"{AAK}","nonce":"{NONCE}","request_id":"{REQUEST}"}}'.encode() == STATEMENT


def test_signature_holds_when_the_key_signed_exactly_this() -> None:
    assert signature.holds(signed(), STATEMENT, PUBLIC)
    assert signature.key_id(signed()) == KEY.kid


@pytest.mark.parametrize(
    "content",
    [
        b"",
        signature.statement(OTHER_NONCE, REQUEST, AAK),
        signature.statement(NONCE, UUID(int=1), AAK),
        signature.statement(NONCE, REQUEST, BOTTER),
    ],
)
def test_signature_fails_when_it_is_over_something_else(content: bytes) -> None:
    assert not signature.holds(signed(content), STATEMENT, PUBLIC)


def test_signature_fails_when_another_key_made_it() -> None:
    assert not signature.holds(signed(key=OTHER), STATEMENT, PUBLIC)


def test_signature_fails_when_it_is_none() -> None:
    assert not signature.holds("a.b.c", STATEMENT, PUBLIC)


@pytest.mark.parametrize("text", ["", "a.b.c", jose.sign(STATEMENT, "other+jwt", KEY)])
def test_signature_names_no_key_when_it_is_not_of_a_challenge(text: str) -> None:
    assert signature.key_id(text) is None
