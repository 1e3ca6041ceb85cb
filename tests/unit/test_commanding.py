"""What acts of a scenario command at a registry."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from sandbox import scenario as s
from sandbox.commanding import Names, content, log_in_as
from sandbox.scenario import Act
from sandbox.scenario_file import load
from schemas.administration import (
    Approve,
    Assign,
    Change,
    Register,
    RegisterLink,
    ScopeKind,
    Withdraw,
)
from schemas.values import EntityType, Level

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
POLDER = load(Path(__file__).parents[2] / "scenarios" / "polder.yaml", NOW)
COMMAND, OBJECT = UUID(int=7), UUID(int=8)


def act(kind: str, **fields: Any) -> Act:
    return Act.model_validate({"name": "an act", "act": kind, "by": "xandra", **fields})


@pytest.fixture
def names() -> Names:
    return Names(POLDER)


def test_a_mandate_is_registered_as_the_file_says(names: Names) -> None:
    asked = act("register", person="zita", service="vergunning", level="EH3", valid_until="+30d")
    found = content(asked, names, NOW)
    assert isinstance(found, Register)
    assert found.person == s.person_id("zita")
    assert found.scope.services == (POLDER.service_uuid("vergunning"),)
    assert (found.level, found.valid_from) == (Level.EH3, None)
    assert found.valid_until == NOW + timedelta(days=30)
    assert (found.organisation, found.document) == (None, None)


def test_what_is_registered_in_writing_says_whose_it_is(names: Names) -> None:
    asked = act(
        "register",
        by="floor",
        person="dirk",
        everything=True,
        level="EH3",
        organisation="duinfonds",
        document="brief 1",
    )
    found = content(asked, names, NOW)
    assert isinstance(found, Register)
    assert found.scope.kind is ScopeKind.EVERYTHING
    assert found.organisation is not None
    assert found.organisation.type is EntityType.RSIN


def test_both_halves_of_a_chain_are_registered_as_the_file_says(names: Names) -> None:
    services = {"services": ["jaarrekening"], "level": "EH3"}
    link = content(act("link", intermediary="inktpot", **services), names, NOW)
    assign = content(act("assign", person="joris", principal="tulpenkas", **services), names, NOW)
    assert isinstance(link, RegisterLink)
    assert link.intermediary == "90000238"
    assert isinstance(assign, Assign)
    assert assign.principal.value == "90000201"
    assert assign.principal_name == "Tulpenkwekerij De Kas"
    assert link.services == assign.services == (POLDER.service_uuid("jaarrekening"),)


def test_what_is_named_in_the_file_is_found_from_the_start(names: Names) -> None:
    found = content(act("withdraw", what="yvo-parkeren"), names, NOW)
    (mandate,) = [m for m in POLDER.mandates if m.name == "yvo-parkeren"]
    assert found == Withdraw(what=s.registered_id(mandate))


def test_what_an_act_registers_is_found_by_its_name_afterwards(names: Names) -> None:
    names.learn("new", OBJECT, act("register", person="zita", level="EH3", **{"as": "new"}))
    found = content(act("change", what="new", level="EH4"), names, NOW)
    assert found == Change(mandate=OBJECT, level=Level.EH4)


def test_what_awaits_approval_is_approved_by_its_command(names: Names) -> None:
    names.learn("new", COMMAND, act("appoint", person="zita", level="EH3", **{"as": "new"}))
    assert content(act("approve", what="new"), names, NOW) == Approve(command=COMMAND)


@pytest.mark.parametrize(
    ("fields", "as_"),
    [
        ({"act": "list"}, "management"),
        ({"act": "register"}, "management"),
        ({"act": "register", "document": "brief 1"}, "operation"),
        ({"act": "link", "document": "brief 1"}, "operation"),
        ({"act": "appoint"}, "representation"),
        ({"act": "approve", "what": "appointed"}, "representation"),
        ({"act": "approve", "what": "written"}, "operation"),
    ],
)
def test_who_acts_logs_in_as_what_the_act_needs(
    fields: dict[str, Any], as_: str, names: Names
) -> None:
    names.learn("appointed", COMMAND, act("appoint", **{"as": "appointed"}))
    names.learn("written", OBJECT, act("register", document="brief 1", **{"as": "written"}))
    asked = Act.model_validate({"name": "an act", "by": "xandra", **fields})
    assert log_in_as(asked, names) == as_


@pytest.mark.parametrize(
    ("fields", "registry"),
    [
        ({}, "wierde"),
        ({"by": "iris"}, "stelp"),
        ({"by": "iris", "registry": "wierde"}, "wierde"),
        ({"by": "joke", "what": "kok-ganzenveer"}, "stelp"),
        ({"by": "joke", "what": "koen-kuiper"}, "wierde"),
        ({"by": "iris", "what": "kas-inktpot"}, "wierde"),
    ],
)
def test_an_act_is_done_where_its_thing_is_registered(
    fields: dict[str, Any], registry: str, names: Names
) -> None:
    names.learn("kas-inktpot", OBJECT, act("link", **{"as": "kas-inktpot"}))
    assert names.registry(act("withdraw", **fields)) == registry
