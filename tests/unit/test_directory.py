"""The directory: it does not contradict itself, and says which key to use when."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from pydantic import ValidationError

from schemas import jose
from schemas.directory import Directory, DirectoryKey, KeyUse, Participant
from schemas.values import AttributeName, Level, Role
from tests.unit.builders import (
    AAK,
    BOTTER,
    DUIN,
    FROM,
    HAVEN,
    KADE,
    LOODS,
    NOW,
    directory,
    directory_key,
    participant,
)

DUIN_, HAVEN_ = participant("duin", DUIN), participant("haven", HAVEN)
MOMENT = timedelta(microseconds=1)
Build = Callable[[], object]
KEY = directory_key(jose.new_key())


def people(*found: Participant) -> Build:
    return lambda: directory(found)


def with_portal(portal: str) -> Build:
    return people(participant("kade", KADE, portal=portal), DUIN_, HAVEN_)


CONTRADICTIONS: list[tuple[str, Build]] = [
    (r"name duin occurs twice", people(DUIN_, participant("duin", BOTTER))),
    (r"EntityID .*:HM:.* occurs twice", people(DUIN_, participant("duin-2", DUIN))),
    (
        r"kid .* occurs twice",
        people(participant("duin", DUIN, keys=[KEY]), participant("haven", HAVEN, keys=[KEY])),
    ),
    (r"a portal is a dienstverlener that takes part", with_portal(LOODS)),
    (r"a portal is a dienstverlener that takes part", with_portal(DUIN)),
    (r"the role differs", lambda: participant("duin", DUIN, role=Role.PROVIDER)),
    (r"greater than or equal to 1", lambda: directory([], version=0)),
]


@pytest.mark.parametrize(("text", "build"), CONTRADICTIONS)
def test_directory_is_refused_when_it_contradicts_itself(text: str, build: Build) -> None:
    with pytest.raises(ValidationError, match=text):
        build()


def test_directory_finds_what_it_holds_and_nothing_else() -> None:
    keyed = participant("duin", DUIN, keys=[KEY])
    found = directory([keyed, HAVEN_])
    assert found.participant(DUIN) is keyed
    assert found.named("haven") == HAVEN_
    assert found.key(KEY.kid) == (keyed, KEY)
    assert found.participant(AAK) is None
    assert found.named("aak") is None
    assert found.key("k" * 43) is None


def test_role_is_alphabetical_by_the_name_that_users_see() -> None:
    shown = {"botter": (BOTTER, "aardvark"), "aak": (AAK, "Zeil"), "kade": (KADE, "Aak")}
    found = directory([participant(n, e, display_name=d) for n, (e, d) in shown.items()])
    assert [p.display_name for p in found.in_role(Role.PROVIDER)] == ["aardvark", "Zeil"]
    assert [p.name for p in found.in_role(Role.REGISTRY)] == ["kade"]
    assert found.in_role(Role.MAKELAAR) == []


def test_directory_survives_its_own_json() -> None:
    reaching = participant(
        "aak", AAK, highest_level=Level.EH3, attributes=(AttributeName.FIRST_NAME,)
    )
    found = directory([DUIN_, HAVEN_, reaching, participant("kade", KADE, portal=HAVEN)])
    assert Directory.model_validate_json(found.model_dump_json()) == found


@pytest.mark.parametrize(
    ("highest", "level", "may"),
    [
        (Level.EH3, Level.EH2PLUS, True),
        (Level.EH3, Level.EH3, True),
        (Level.EH3, Level.EH4, False),
        (None, Level.EH2, False),
    ],
)
def test_provider_may_declare_a_level_up_to_its_highest(
    highest: Level | None, level: Level, may: bool
) -> None:
    assert participant("aak", AAK, highest_level=highest).may_declare(level) is may


# --- keys


def key_from(not_before: datetime, use: KeyUse = KeyUse.SIGNING) -> DirectoryKey:
    until = not_before + timedelta(days=30)
    return directory_key(jose.new_key(), use, not_before=not_before, not_after=until)


@pytest.mark.parametrize(
    ("now", "valid"),
    [
        (FROM - MOMENT, False),
        (FROM, True),
        (FROM + timedelta(days=30) - MOMENT, True),
        (FROM + timedelta(days=30), False),
    ],
)
def test_key_is_valid_from_its_first_moment_until_just_before_its_last(
    now: datetime, valid: bool
) -> None:
    assert key_from(FROM).is_valid(now) is valid


def holder(*keys: DirectoryKey) -> Participant:
    return participant("duin", DUIN, keys=keys)


def test_newest_valid_key_of_the_use_is_used() -> None:
    old, new = key_from(NOW - timedelta(days=9)), key_from(NOW - timedelta(days=1))
    ended, later = key_from(NOW - timedelta(days=40)), key_from(NOW + timedelta(days=1))
    other = key_from(NOW, KeyUse.ENCRYPTION)
    keys = holder(ended, new, old, later, other)
    assert keys.key_for(KeyUse.SIGNING, NOW) is new
    assert keys.key_for(KeyUse.ENCRYPTION, NOW) is other


@pytest.mark.parametrize("use", list(KeyUse))
def test_key_is_not_found_when_none_is_valid(use: KeyUse) -> None:
    with pytest.raises(LookupError, match="duin has no valid"):
        holder(key_from(NOW + timedelta(days=1), use)).key_for(use, NOW)


def test_key_is_refused_when_it_is_on_another_curve() -> None:
    jwk = {"kty": "EC", "crv": "P-384", "x": KEY.jwk.x, "y": KEY.jwk.y}
    with pytest.raises(ValidationError):
        DirectoryKey(kid=KEY.kid, use=KeyUse.SIGNING, jwk=jwk, not_before=FROM, not_after=NOW)  # type: ignore[arg-type]
