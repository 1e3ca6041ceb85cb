"""What is typed to `herken mandate`: names, levels, dates and IDs, and what is said where they are
wrong. And how what came of a command is shown."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from herken import mandate
from herken.billing import euros
from herken.mandate import Names, Who
from herken.mandate_told import told
from pipeline.errors import WrongUse
from sandbox import scenario as s
from sandbox.scenario_file import load
from schemas.administration import CommandRefusal, EventKind, MandateEvent, Shown
from schemas.commands import Scope, ScopeKind, Withdraw, WithdrawPerson
from schemas.sealed import Identifier
from schemas.values import EntityType, Level
from tests.unit.administering import mandate as kept
from tests.unit.administering import situation
from tests.unit.builders import NOW

SCENARIO = load(Path(__file__).parents[2] / "scenarios" / "first-login.yaml")
NAMES = Names(SCENARIO)
SERVICE = SCENARIO.service_uuid("omgevingsvergunning")
KNOWN = Who("terp", "bas")
ID = UUID("0b6f7a52-54cf-4f0e-8a31-2d2a7c1f9e10")


@pytest.mark.parametrize(
    ("read", "said"),
    [
        (lambda: NAMES.registry("tepr"), "did you mean terp"),
        (lambda: NAMES.require(Who("terp", "Q")), "no person 'Q'"),
        (lambda: NAMES.require(Who("terp", "bas", "Q")), "no organisation 'Q'"),
        (lambda: NAMES.require(Who("terp", "bas", provider="dijkk")), "did you mean dijk"),
        (lambda: NAMES.require(Who("terp", "bas", level="EH9")), "a level is one of"),
        (lambda: NAMES.person("Q"), "no person 'Q'"),
        (lambda: NAMES.services(["Q"]), "no service 'Q'"),
        (lambda: NAMES.number("Q"), "no organisation 'Q'"),
        (lambda: NAMES.scope((), None, everything=False), "say one of --service"),
        (lambda: NAMES.scope(("Q",), None, everything=True), "say one of --service"),
        (lambda: NAMES.scope((), "Q", everything=False), "no dienstverlener 'Q'"),
        (lambda: mandate.some(None), "say which services"),
        (lambda: mandate.level("EH9"), "a level is one of"),
        (lambda: mandate.moment("soon"), "is no date"),
        (lambda: mandate.thing("7"), "is no ID"),
        (lambda: mandate.vestiging("12"), "has 12 digits"),
        (lambda: mandate.reference(""), "the reference of a paper"),
        (lambda: mandate.reference("x" * 65), "the reference of a paper"),
        (lambda: mandate.withdrawal(NAMES, None, None), "say what to withdraw"),
        (lambda: mandate.withdrawal(NAMES, str(ID), "bas"), "say what to withdraw"),
        (lambda: mandate.withdrawal(NAMES, None, "Q"), "no person 'Q'"),
    ],
)
def test_what_is_typed_wrong_is_said(read: Callable[[], object], said: str) -> None:
    with pytest.raises(WrongUse, match=said):
        read()


@pytest.mark.parametrize(
    ("read", "meant"),
    [
        (lambda: NAMES.require(KNOWN), None),
        (lambda: NAMES.person("bas"), s.derived("person", "bas")),
        (lambda: NAMES.services(["omgevingsvergunning"]), (SERVICE,)),
        (
            lambda: NAMES.number("korenmolen"),
            Identifier(type=EntityType.KVKNR, value=SCENARIO.organisation("korenmolen").kvk),
        ),
        (lambda: NAMES.optional_number(None), None),
        (lambda: NAMES.kvk("korenmolen"), SCENARIO.organisation("korenmolen").kvk),
        (lambda: NAMES.scope((), None, everything=True), Scope(kind=ScopeKind.EVERYTHING)),
        (
            lambda: NAMES.scope(("omgevingsvergunning",), None, everything=False),
            Scope(kind=ScopeKind.SERVICES, services=(SERVICE,)),
        ),
        (
            lambda: NAMES.scope((), SCENARIO.dienstverleners[0].name, everything=False),
            Scope(
                kind=ScopeKind.DIENSTVERLENER,
                dienstverlener=s.entity_id(SCENARIO.dienstverleners[0]),
            ),
        ),
        (lambda: mandate.level("EH2+"), Level.EH2PLUS),
        (lambda: mandate.moment(None), None),
        (lambda: mandate.moment("2027-01-31"), datetime(2027, 1, 31, tzinfo=UTC)),
        (
            lambda: mandate.moment("2027-01-31T12:00+01:00"),
            datetime(2027, 1, 31, 11, tzinfo=UTC),
        ),
        (lambda: mandate.withdrawal(NAMES, str(ID), None), Withdraw(what=ID)),
        (
            lambda: mandate.withdrawal(NAMES, None, "bas"),
            WithdrawPerson(person=s.derived("person", "bas")),
        ),
        (lambda: euros(1205), "EUR 12.05"),
    ],
)
def test_what_is_typed_means_what_the_network_knows(
    read: Callable[[], object], meant: object
) -> None:
    assert read() == meant


# --- what came of it


def event(**changes: Any) -> MandateEvent:
    fields = {"request_id": uuid4(), "kind": EventKind.SHOWN, "at": NOW}
    return MandateEvent(**{**fields, **changes})


def lines(count: int = 1, *, more: bool = False) -> Shown:
    from registry.administration.lines import line

    return Shown(lines=(line(kept(), situation()),) * count, more=more)


def test_what_was_done_is_shown_with_its_id(capsys: pytest.CaptureFixture[str]) -> None:
    made = event(kind=EventKind.MANDATE_REGISTERED, object=kept().id, revision=1)
    assert told([made], [lines()], as_json=False)
    said = capsys.readouterr().out
    assert said.startswith(f"mandate-registered  {kept().id}")
    assert "EH3" in said


def test_refusal_is_shown_with_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    refused = event(kind=EventKind.REFUSED, reason=CommandRefusal.LEVEL_ABOVE_OWN)
    assert not told([refused], [None], as_json=False)
    said = capsys.readouterr().out
    assert said.startswith("refused: level_above_own\n")
    assert "Log in at a higher level" in said


@pytest.mark.parametrize(
    ("shown", "said"),
    [(Shown(lines=()), "nothing"), (lines(more=True), "--offset shows what comes after")],
)
def test_list_is_shown_to_its_end(
    capsys: pytest.CaptureFixture[str], shown: Shown, said: str
) -> None:
    assert told([event()], [shown], as_json=False)
    assert said in capsys.readouterr().out


def test_everything_is_in_the_json(capsys: pytest.CaptureFixture[str]) -> None:
    refused = event(kind=EventKind.REFUSED, reason=CommandRefusal.NOT_FOUND)
    assert not told([refused], [lines(2)], as_json=True)
    found = json.loads(capsys.readouterr().out)
    assert (found["command"], found["done"]) == (str(refused.request_id), False)
    (only,) = found["events"]
    assert (only["kind"], only["reason"], len(only["lines"])) == ("refused", "not_found", 2)
    assert only["nl"] != only["en"]
