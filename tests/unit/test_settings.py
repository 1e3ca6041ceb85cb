"""Settings come from the environment, and say which of them is wrong."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from pipeline.errors import WrongUse
from pipeline.settings import Files, Settings, database_user, role_dsn

GIVEN = {"KAFKA": "127.0.0.1:9092", "NETWORK": "network", "SECRETS": "secrets"}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The least that is needed, and nothing of this machine's."""
    for name in Settings.model_fields:
        monkeypatch.delenv(f"HERKEN_{name.upper()}", raising=False)
    for name, value in GIVEN.items():
        monkeypatch.setenv(f"HERKEN_{name}", value)


def test_settings_have_the_defaults_that_are_documented() -> None:
    found = Settings.read()
    assert (found.kafka, found.network, found.secrets) == (
        "127.0.0.1:9092",
        Path("network"),
        Path("secrets"),
    )
    assert (found.deadline_seconds, found.attempts, found.batch_wait_ms) == (300, 3, 10)
    assert (found.health_host, found.health_port, found.log_level) == ("127.0.0.1", 0, "INFO")
    assert (found.postgres, found.sweep_seconds, found.dead_letter_share) == ("", 0.25, 0.5)


@pytest.mark.parametrize("name", GIVEN)
def test_settings_are_refused_with_the_name_of_what_lacks(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.delenv(f"HERKEN_{name}")
    with pytest.raises(WrongUse, match=f"set HERKEN_{name}") as raised:
        Settings.read()
    assert "herken up" in str(raised.value)


@pytest.mark.parametrize(
    ("name", "value", "holds"),
    [
        ("DEADLINE_SECONDS", "0", False),
        ("DEADLINE_SECONDS", "1", True),
        ("DEADLINE_SECONDS", "600", True),
        ("DEADLINE_SECONDS", "601", False),
        ("DEADLINE_SECONDS", "soon", False),
        ("ATTEMPTS", "0", False),
        ("ATTEMPTS", "10", True),
        ("ATTEMPTS", "11", False),
        ("DEAD_LETTER_SHARE", "0", False),
        ("DEAD_LETTER_SHARE", "1", True),
        ("DEAD_LETTER_SHARE", "1.01", False),
        ("BATCH_WAIT_MS", "0", False),
        ("BATCH_WAIT_MS", "1000", True),
        ("HEALTH_PORT", "-1", False),
        ("HEALTH_PORT", "65535", True),
        ("HEALTH_PORT", "65536", False),
        ("SWEEP_SECONDS", "0", False),
        ("SWEEP_SECONDS", "0.01", True),
    ],
)
def test_setting_is_kept_within_its_bounds(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, holds: bool
) -> None:
    monkeypatch.setenv(f"HERKEN_{name}", value)
    if holds:
        assert getattr(Settings.read(), name.lower()) == float(value)
        return
    with pytest.raises(WrongUse, match=f"HERKEN_{name}"):
        Settings.read()


@pytest.mark.parametrize("name", ["polder 1", "polder/1", "p" * 65])
def test_instance_is_refused_when_kafka_would_not_take_it(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("HERKEN_INSTANCE", name)
    with pytest.raises(WrongUse, match="HERKEN_INSTANCE"):
        Settings.read()


def test_instance_is_taken_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HERKEN_INSTANCE", "polder-1.b_2")
    assert Settings.read().instance == "polder-1.b_2"


def test_everything_that_is_wrong_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HERKEN_KAFKA")
    monkeypatch.setenv("HERKEN_ATTEMPTS", "many")
    with pytest.raises(WrongUse, match=r"HERKEN_KAFKA.*HERKEN_ATTEMPTS"):
        Settings.read()


def test_files_need_no_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HERKEN_KAFKA")
    assert Files.read() == Files(network=Path("network"), secrets=Path("secrets"))


def test_settings_do_not_change() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings.read().attempts = 9  # type: ignore[misc]


@pytest.mark.parametrize(("name", "user"), [("duin", "duin"), ("de-duin-2", "de_duin_2")])
def test_database_user_is_a_name_that_postgres_takes_unquoted(name: str, user: str) -> None:
    assert database_user(name) == user


@pytest.mark.parametrize(
    "admin",
    [
        "postgresql://postgres:admin@127.0.0.1:5432/herken?sslmode=require",
        "postgresql://127.0.0.1:5432/herken?sslmode=require",
        "postgresql://a:p%40ss@127.0.0.1:5432/herken?sslmode=require",
    ],
)
def test_role_has_its_own_user_on_the_same_server(admin: str) -> None:
    expected = "postgresql://duin:secret@127.0.0.1:5432/herken?sslmode=require"
    assert role_dsn(admin, "duin", "secret") == expected


@pytest.mark.parametrize("password", ["p@ss", "a:b", "50%", "a b", "é", "a?b#c"])
def test_password_is_whatever_it_is(password: str) -> None:
    found = urlsplit(role_dsn("postgresql://127.0.0.1:5432/herken", "duin", password))
    assert (found.hostname, found.port, found.path) == ("127.0.0.1", 5432, "/herken")
    assert unquote(found.password or "") == password
