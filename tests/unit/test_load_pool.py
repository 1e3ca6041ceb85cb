"""Which logins of a scenario are repeated, by whom, and in which order they come."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from loadtest.mix import LoginKind
from loadtest.people import alike, multiplied
from loadtest.pool import Pool, behaviour, kind_of, pool, provider_of
from loadtest.schedule import Load, schedule
from pipeline.errors import WrongUse
from sandbox.founding import Wallet
from sandbox.registrations import kept
from sandbox.scenario import Login, Scenario
from sandbox.scenario_file import load
from schemas.refusals import RefusalCode

SCENARIOS = Path(__file__).parents[2] / "scenarios"
NOW = datetime(2026, 3, 2, tzinfo=UTC)
FIRST, ACCEPTANCE, POLDER = (
    load(SCENARIOS / f"{name}.yaml", NOW) for name in ("first-login", "acceptance", "polder")
)


def names(found: Pool, kind: LoginKind) -> list[str]:
    return [entry.login.name for entry in found.entries.get(kind, ())]


def login(**fields: Any) -> Login:
    said = {"name": "x", "service": "lozingsaangifte", "person": "ans", "expect": {}}
    return Login.model_validate({**said, **fields})


# --- which


def test_pool_has_what_can_be_repeated_by_its_kind() -> None:
    found = pool(FIRST)
    assert names(found, LoginKind.DIRECT) == [
        "granted at EH4 with the signing key",
        "a choice between two companies",
    ]
    assert names(found, LoginKind.REFUSED) == ["a mandate whose level is too low"]
    assert found.kinds == set(LoginKind) - {LoginKind.CHAIN}
    assert len(names(pool(ACCEPTANCE), LoginKind.CHAIN)) == 3


def test_what_uses_something_up_is_left_out_and_why() -> None:
    assert pool(FIRST).left_out == {
        "granted at EH3 with password and code": "it uses up a one-time code",
        "a wrong password": "wrong passwords lock a means",
        "a person without a mandate": "it uses up a one-time code",
    }


def test_what_depends_on_what_went_before_is_left_out_and_why() -> None:
    left_out = pool(POLDER).left_out
    assert left_out["it is never enough at EH4"] == "it depends on a session"
    assert left_out["is remembered, in this browser"].startswith("it depends on what a browser")
    assert left_out["everything"].startswith("it may depend on what was remembered")
    assert left_out["which holds at once"].startswith("it comes after an act")
    assert "a mandate that ended yesterday" not in left_out


@pytest.mark.parametrize(
    ("expect", "more", "kind"),
    [
        ({"assertion": "EH3"}, {}, LoginKind.DIRECT),
        ({"assertion": "EH3", "through": "a"}, {}, LoginKind.CHAIN),
        ({"assertion": "EH3"}, {"through": "a"}, LoginKind.CHAIN),
        ({"refusal": "no_mandate"}, {}, LoginKind.REFUSED),
        ({"refusal": "cancelled_by_user"}, {"does": "cancel"}, None),
        ({"refusal": "deadline_passed"}, {"does": "nothing"}, None),
    ],
)
def test_kind_is_what_a_login_comes_to(
    expect: dict[str, str], more: dict[str, str], kind: LoginKind | None
) -> None:
    assert kind_of(login(expect=expect, **more)) is kind


@pytest.mark.parametrize(
    ("fields", "provider"),
    [
        ({}, "sluis"),
        ({"person": "cor"}, None),
        ({"service": "parkeerontheffing"}, "dijk"),
        ({"service": "parkeerontheffing", "provider": "sluis"}, "sluis"),
        ({"service": "parkeerontheffing", "asks_for": "sluis"}, "sluis"),
        ({"service": "parkeerontheffing", "declared": ["sluis"]}, "sluis"),
        ({"service": "parkeerontheffing", "level": "EH4"}, "sluis"),
        ({"service": "parkeerontheffing", "person": "bas", "provider": "dijk"}, None),
    ],
)
def test_means_are_those_that_the_user_comes_to_log_in_with(
    fields: dict[str, Any], provider: str | None
) -> None:
    assert provider_of(login(**fields), FIRST) == provider


def test_cancelled_and_unanswered_logins_come_from_direct_ones() -> None:
    found = pool(FIRST).entries
    codes = Counter(entry.expect.refusal for entry in found[LoginKind.CANCEL])
    assert codes == {
        RefusalCode.CANCELLED_BY_USER: 2,
        RefusalCode.CANCELLED_BY_DIENSTVERLENER: 2,
    }
    assert [e.cancels for e in found[LoginKind.CANCEL]] == [False, True, False, True]
    for entry in found[LoginKind.TIMEOUT]:
        assert entry.expect.refusal is RefusalCode.DEADLINE_PASSED
        assert (entry.login.does, entry.login.answer_within_seconds) == ("nothing", 3)


def test_expectation_has_only_what_every_repetition_can_be_compared_with() -> None:
    entry = pool(FIRST).entries[LoginKind.REFUSED][0]
    assert (entry.login.expect.reason, entry.expect.reason) == ("mandate_level_too_low", None)
    assert entry.expect.refusal is RefusalCode.NO_MANDATE


def test_person_answers_as_the_scenario_has_him_answer() -> None:
    entry = pool(FIRST).entries[LoginKind.DIRECT][1]
    who = behaviour(entry, FIRST, Wallet(person="ans", means=()))
    assert (who.provider, who.kvk, who.through) == ("sluis", "90000102", None)


# --- by whom


def test_people_are_multiplied_evenly_and_models_are_among_them() -> None:
    found = alike(["ans", "bas", "cor"], 8)
    assert [len(each) for each in found.values()] == [3, 3, 2]
    assert found["cor"] == ("cor", "cor-u1")
    assert len({name for each in found.values() for name in each}) == 8
    assert alike(["ans", "bas"], 1) == {"ans": ("ans",), "bas": ("bas",)}
    assert alike([], 5) == {}


def test_everybody_made_has_a_means_and_mandates_of_his_own_like_his_models() -> None:
    whole, by_model = multiplied(FIRST, pool(FIRST), 200)
    made = by_model["ans"][7]
    assert len(whole.people) == len(FIRST.people) + 200 - 2
    assert [m.provider for m in whole.person(made).means] == ["sluis"]

    def mandates(person: str) -> set[tuple[str, str | None, str]]:
        of_him = (m for m in whole.mandates if m.person == person)
        return {(m.organisation, m.service, str(m.level)) for m in of_him}

    assert mandates(made) == mandates("ans") != set()
    things = kept(whole, "terp", NOW)
    assert len({thing.id for thing in things}) == len(things)


def test_everybody_made_for_a_chain_is_assigned_it() -> None:
    whole, by_model = multiplied(ACCEPTANCE, pool(ACCEPTANCE), 9)
    assert len(by_model["karel"]) == 3
    for name in by_model["karel"]:
        assert sum(a.person == name for a in whole.assignments) == 3


def test_scenario_of_more_people_still_holds() -> None:
    whole, _ = multiplied(POLDER, pool(POLDER), 200)
    assert Scenario.model_validate(whole.model_dump(by_alias=True)).people == whole.people
    usernames = [m.username for p in whole.people for m in p.means if m.username]
    assert len(set(usernames)) == len(usernames)


# --- in which order


def test_schedule_has_the_mix_and_gives_everybody_his_turn() -> None:
    whole, by_model = multiplied(FIRST, pool(FIRST), 20)
    entries = pool(whole, by_model).entries
    asked = Load(rate=100, seconds=20, seed=3)
    found = list(schedule(asked, {LoginKind.DIRECT: 3, LoginKind.REFUSED: 1}, entries))
    kinds = Counter(arrival.kind for arrival in found)
    assert kinds[LoginKind.DIRECT] / len(found) == pytest.approx(0.75, abs=0.05)
    refused = [a.person for a in found if a.kind is LoginKind.REFUSED]
    assert set(refused) == set(by_model["bas"])
    counted = Counter(refused)
    assert max(counted.values()) - min(counted.values()) <= 1


def test_schedule_is_the_same_for_the_same_seed() -> None:
    entries, mix = pool(FIRST).entries, {LoginKind.DIRECT: 1.0, LoginKind.CANCEL: 1.0}
    one, same, other = (
        list(islice(schedule(Load(rate=50, seconds=9, seed=seed), mix, entries), 100))
        for seed in (1, 1, 2)
    )
    assert one == same
    assert [a.at for a in one] != [a.at for a in other]
    assert [a.kind for a in one] != [a.kind for a in other]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"rate": 0}, "--rate"),
        ({"rate": -3}, "--rate"),
        ({"rate": 1e9}, "--rate"),
        ({"rate": float("nan")}, "--rate"),
        ({"seconds": 0}, "--duration"),
        ({"seconds": float("inf")}, "--duration"),
        ({"users": 0}, "--users"),
        ({"think": -1}, "--think"),
        ({"think": float("nan")}, "--think"),
        ({"think": 30}, "--deadline has to leave time"),
        ({"deadline": 0}, "--deadline"),
        ({"deadline": 601}, "--deadline"),
        ({"max_failed": -1}, "--max-failed"),
    ],
)
def test_load_that_makes_no_sense_is_refused(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(WrongUse, match=told):
        Load(**{"rate": 1, "seconds": 1, **changes}).require_sound()


@pytest.mark.parametrize(
    ("max_failed", "scheduled", "allowed"),
    [(None, 10, 100), (None, 10_000, 500), (0, 10_000, 0), (7, 10, 7)],
)
def test_so_many_may_fail(max_failed: int | None, scheduled: int, allowed: int) -> None:
    assert Load(rate=1, seconds=1, max_failed=max_failed).allowed(scheduled) == allowed
