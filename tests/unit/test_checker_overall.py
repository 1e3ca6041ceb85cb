"""What the checker knows beside one login: what is offered, what was withdrawn, whose pseudonyms
these are, what participants kept, what logs say; and how it tells it all."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from checker import holdings, keeping
from checker.facts import INVARIANTS, Fact, Violation
from checker.judging import overall
from checker.judging.login import Login
from checker.judging.overall import Refusal, judge_pairs, judge_record
from checker.keeping import SHARDS, Keeping, Row
from checker.logs import judge_logs
from checker.offering import offered
from checker.report import Report
from checker.running import phases
from checker.sealed import Opener
from tests.support.judged import (
    DUIN,
    HAVEN,
    KADE,
    REQUEST_ID,
    START,
    WORLD,
    asked,
    authenticated,
    chain,
    direct,
    refused,
    timed_out,
)
from tests.support.judged import Story as Told

# --- the catalogue


def entry(version: int, level: str, *services: str) -> dict[str, Any]:
    return {
        "version": version,
        "dienstverlener": HAVEN.entity_id,
        "definitions": [{"service_uuid": "u", "level": level, "portal_for": []}],
        "instances": [
            {"service_id": each, "service_uuid": "u", "makelaar": DUIN.entity_id}
            for each in services
        ],
    }


def test_service_is_offered_as_each_version_has_it_when_it_changes() -> None:
    found = offered([entry(1, "low", "a", "b"), entry(4, "high", "a"), entry(2, "old", "a")])
    assert [(o.level, o.version, o.until) for o in found["a"]] == [
        ("low", 1, 4),
        ("high", 4, None),
    ]
    assert [(o.version, o.until) for o in found["b"]] == [(1, 4)]


# --- what was withdrawn


def told(table: str, at: int, **thing: Any) -> Fact:
    opened = {"table": table, "withdrawn": False, **thing}
    data = {"request_id": REQUEST_ID}
    place = ("mandate-events", "kade", 0, at, START + at, REQUEST_ID, "")
    return Fact(*place, sender=KADE.entity_id, data=data, opened=opened)


EVENTS = [
    told("organisations", 1, id="o", numbers=["molen"]),
    told("people", 2, id="wim", holders=["aak wim"]),
    told("people", 3, id="ans", holders=["aak ans"]),
    told("mandates", 4, id="m", person="wim", organisation="o"),
    told("mandates", 5, id="n", person="wim", organisation="o"),
    told("mandates", 6, id="x", person="ans", organisation="o"),
    told("links", 7, id="l", organisation="o", person=None),
    told("mandates", 8, id="m", person="wim", organisation="o", withdrawn=True),
    told("links", 9, id="l", organisation="o", person=None, withdrawn=True),
]


def test_withdrawn_is_known_with_all_that_its_holder_has_when_events_are_open() -> None:
    found = holdings.withdrawable(lambda: EVENTS)
    assert found.keys() == {"aak wim", "l"}
    of_wim = {each.id: each for each in found["aak wim"]}
    assert (of_wim["m"].answered, of_wim["n"].answered) == (START + 8, None)
    assert of_wim["m"].organisation == {"molen"}
    assert [each.answered for each in found["l"]] == [START + 9]


def test_nothing_is_known_of_withdrawals_when_events_are_closed() -> None:
    closed = [replace(event, opened={}) for event in EVENTS]
    assert holdings.withdrawable(lambda: closed) == {}


# --- pseudonyms


def test_pair_is_of_person_and_organisation_when_a_permit_is_open() -> None:
    (pair,) = overall.pairs(Login(direct().facts))
    assert pair.pseudonym == "p"
    assert pair.whom == f"{KADE.entity_id} wim molen"
    closed = direct().change("authentication-results", opened={})
    assert [each.whom for each in overall.pairs(Login(closed.facts))] == [""]


def test_pseudonyms_are_faulted_when_shared_or_torn() -> None:
    found = list(judge_pairs([("p", "a", "b")], [("w", "c", "d")]))
    assert [(each.invariant, each.places) for each in found] == [(8, ("a", "b")), (8, ("c", "d"))]
    assert list(judge_pairs([], [])) == []


# --- the participants' own records


def refusal_by_registry() -> Told:
    story = Told()
    request = asked(story)
    declared = authenticated(story, request)
    query = story.add("mandate-queries", KADE, DUIN, {"declaration": declared.digest}, declared)
    deny = {"result": {"status": "deny", "code": "no_mandate"}}
    denied = story.add("mandate-decisions", DUIN, KADE, deny, query)
    refused(story, request, denied, "no_mandate")
    return story


def test_refusal_is_by_whoever_said_so_when_a_participant_refused() -> None:
    (found,) = overall.refusals(Login(refusal_by_registry().facts), WORLD)
    assert (found.makelaar, found.decider, found.code) == ("duin", "kade", "no_mandate")
    (own,) = overall.refusals(Login(timed_out().facts), WORLD)
    assert (own.makelaar, own.decider) == ("duin", "duin")
    assert overall.refusals(Login(direct().facts), WORLD) == []


FAILED = {"findings": [{"rule": "a", "passed": True}, {"rule": "b", "passed": False}]}
PASSED = {"findings": [{"rule": "a", "passed": True}]}


@pytest.mark.parametrize(
    ("rows", "wrong"),
    [
        ({"duin": FAILED, "kade": FAILED}, False),
        ({"duin": FAILED}, False),
        ({}, False),
        ({"duin": FAILED, "kade": PASSED}, True),
        ({"duin": FAILED, "kade": None}, True),
        ({"duin": None, "kade": FAILED}, True),
        ({"duin": {}, "kade": FAILED}, True),
    ],
)
def test_record_is_faulted_when_it_has_no_rule_that_failed(
    rows: dict[str, Any], wrong: bool
) -> None:
    refusal = Refusal(REQUEST_ID, "duin", "kade", "no_mandate", "outcomes.haven:0:0")
    assert bool(judge_record(refusal, rows)) is wrong


def test_everything_is_counted_when_a_login_is_judged() -> None:
    found = overall.counts(Login(chain().facts), replace(WORLD, committed={}))
    assert found["inputs"] == found["waiting"] == 8
    assert (found["logins"], found["assertions"], found["permits"]) == (1, 1, 1)


# --- the facts' file


@pytest.fixture
def file(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    kept = Keeping(tmp_path)
    kept.create()
    with closing(kept.writer()) as opened:
        yield opened


def test_every_group_is_in_one_shard_when_facts_were_kept(tmp_path: Path) -> None:
    kept = Keeping(tmp_path)
    kept.create()
    names = [f"{first:x}{second:x}-x" for first in range(16) for second in range(16)]
    names += ["_a", "Zb", "-c", "zz"]
    fact = keeping.dumped(direct().facts[0])
    with closing(kept.writer()) as writer:
        keeping.write(writer, [Row(each, "outcomes", each, True, fact) for each in names * 2])
        writer.commit()
    kept.index()
    with closing(kept.reader()) as reader:
        found = [len(group) for shard in SHARDS for group in keeping.groups(reader, *shard)]
    assert found == [2] * len(names)


def test_signed_text_is_found_again_when_it_holds_on_its_own_topic(tmp_path: Path) -> None:
    kept = Keeping(tmp_path)
    kept.create()
    rows = [
        Row("g", "authn-requests", "good", True, ""),
        Row("g", "authn-requests", "faulty", False, ""),
        Row("g", "challenges", "never carried", True, ""),
    ]
    with closing(kept.writer()) as writer:
        keeping.write(writer, rows)
        writer.commit()
    kept.note_signed()
    with closing(kept.signed_reader()) as reader:
        assert reader.execute("SELECT digest, grp FROM signed").fetchall() == [("good", "g")]


def test_what_carries_others_is_read_after_them() -> None:
    topics = ["outcomes.a", "authn-requests.b", "mandate-commands.c", "outcomes.a.dlq", "catalogue"]
    assert phases(topics) == [
        ["authn-requests.b", "outcomes.a.dlq"],
        ["outcomes.a"],
        ["mandate-commands.c"],
    ]


# --- logs


class Known(Opener):
    """With keys of somebody."""

    def __init__(self) -> None:
        super().__init__(None, frozenset(), b"salt")
        self.names = frozenset({"haven"})


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ('{"event": "handled", "request_id": "0b6f7a52-54cf-4f0e-8a31-2d2a7c1f9e10"}', 0),
        ('{"event": "handled", "offset": 90000013}', 0),
        ('{"event": "handled", "kvk": "90000012"}', 1),
        ('{"event": "handled", "username": "wim de vries"}', 1),
        ('{"event": "wim de vries"}', 0),
        ('{"event": "handled", "who": ["u-1", "u-2"]}', 1),
        ("for " + "p" * 43, 1),
        ("for " + "q" * 43, 0),
        ("refused eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJ4In0.abc", 1),
    ],
)
def test_log_line_is_faulted_when_it_identifies_somebody(
    tmp_path: Path, file: sqlite3.Connection, line: str, found: int
) -> None:
    opener, report = Known(), Report()
    hidden = [opener.hidden("KvKnr", "90000012")]
    hidden += map(opener.hidden, ("p" * 43, "wim de vries", "u-2"))
    file.executemany("INSERT INTO hidden VALUES (?)", [(each,) for each in hidden])
    (tmp_path / "polder.log").write_text(f"a line before\n{line}\n")
    judge_logs(tmp_path, file, opener, report)
    assert (report.found[12], report.counts["lines"]) == (found, 2)
    assert [each.places for each in report.violations.get(12, [])] == [("polder.log:2",)] * found


def test_logs_are_not_judged_when_there_are_none(file: sqlite3.Connection) -> None:
    report = Report()
    judge_logs(None, file, Known(), report)
    assert 12 in report.not_judged


# --- the report


def test_report_holds_when_nothing_was_found_and_not_otherwise() -> None:
    report = Report(Counter(logins=3))
    report.without(5, "no keys")
    assert report.holds
    assert [each["number"] for each in report.document()["invariants"]] == list(INVARIANTS)
    report.add([Violation(3, REQUEST_ID, ("outcomes.haven:0:7",), "it rests on nothing")])
    assert not report.holds
    text = "\n".join(report.lines())
    assert " 5  not judged: no keys" in text
    assert f" 3  request {REQUEST_ID}: it rests on nothing\n      outcomes.haven:0:7" in text


def test_report_tells_some_and_counts_all_when_there_are_many() -> None:
    report = Report()
    report.add([Violation(9, REQUEST_ID, (), "lost")] * 60, {9: 1_000})
    assert (report.found[9], len(report.document()["violations"])) == (1_000, 50)
    assert "and 950 more of 9" in report.lines()
